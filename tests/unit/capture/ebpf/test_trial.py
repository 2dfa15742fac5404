"""What the kernel lets a user do with eBPF, tried out by users who may and may not."""

import errno
import os
import sys
from collections.abc import Iterator

import pytest

from contrace.capture.ebpf import trial
from contrace.capture.ebpf.syscall import call
from tests.users import User, user

needs_root = pytest.mark.skipif("os.geteuid() != 0", reason="needs root: it is about what root may do")
ALL = """
from contrace.capture.ebpf import trial
print(trial.ring_buffer(), trial.kernel_memory(), trial.raw_tracepoint("sched_process_exec"))
"""


@pytest.fixture
def somebody() -> Iterator[User]:
    with user() as normal:
        yield normal


@needs_root
def test_root_may_and_leaves_nothing_open() -> None:
    before = os.listdir("/proc/self/fd")
    assert trial.ring_buffer() == 0
    assert trial.kernel_memory() == 0
    assert trial.raw_tracepoint("sched_process_exec") == 0
    assert trial.raw_tracepoint("no_such_tracepoint") == errno.ENOENT
    assert os.listdir("/proc/self/fd") == before


def test_a_normal_user_may_not(somebody: User) -> None:
    done = somebody.run(sys.executable, "-c", ALL)
    assert (done.stdout, done.stderr) == (f"{errno.EPERM} {errno.EPERM} {errno.EPERM}\n", "")


@needs_root
def test_two_capabilities_are_enough(somebody: User) -> None:
    # The prefix ends with setpriv's options.
    granted = ("--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon")
    done = somebody.run(*granted, sys.executable, "-c", ALL)
    assert (done.stdout, done.stderr) == ("0 0 0\n", "")


def test_a_call_that_the_machine_does_not_have() -> None:
    with pytest.raises(OSError, match="Function not implemented"):
        call("no_such_call")

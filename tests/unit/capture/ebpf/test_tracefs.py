"""The numbers of tracepoints, where tracefs is mounted and where it is not, and nothing left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.capture.ebpf import tracefs
from tests.users import User, user

needs_root = pytest.mark.skipif("os.geteuid() != 0", reason="needs root: the kernel shows tracepoints to root only")

IN_A_MOUNT_NAMESPACE = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")
SAY_WHERE = """
import os
from contrace.capture.ebpf import tracefs
fd = tracefs.open_tracefs()
print(os.readlink(f"/proc/self/fd/{fd}"), tracefs.tracepoint_id(fd, "sched", "sched_process_exec") > 0)
"""
REFUSED = """
from contrace.capture.ebpf import tracefs
from contrace.errors import BackendUnavailable
try:
    tracefs.open_tracefs()
except BackendUnavailable as error:
    print(error)
"""


@pytest.fixture
def opened() -> Iterator[int]:
    fd = tracefs.open_tracefs()
    yield fd
    os.close(fd)


@pytest.fixture
def somebody() -> Iterator[User]:
    with user() as normal:
        yield normal


@needs_root
def test_ids_are_read_and_nothing_is_mounted() -> None:
    before = Path("/proc/self/mountinfo").read_text()
    descriptors = os.listdir("/proc/self/fd")
    fd = tracefs.open_tracefs()
    try:
        numbers = [tracefs.tracepoint_id(fd, "sched", f"sched_process_{what}") for what in ("fork", "exec", "exit")]
        assert len(set(numbers)) == 3
        assert all(isinstance(number, int) and number > 0 for number in numbers)
        assert Path("/proc/self/mountinfo").read_text() == before
    finally:
        os.close(fd)
    assert os.listdir("/proc/self/fd") == descriptors


@needs_root
def test_a_tracepoint_that_the_kernel_does_not_have(opened: int) -> None:
    assert tracefs.tracepoint_id(opened, "syscalls", "sys_enter_no_such_call") is None
    assert tracefs.tracepoint_id(opened, "no_such_category", "name") is None


@needs_root
def test_the_mount_is_for_reading_only() -> None:
    fd = tracefs._detached()
    try:
        with pytest.raises(OSError, match="Read-only file system"):
            os.open("tracing_on", os.O_WRONLY, dir_fd=fd)
    finally:
        os.close(fd)


@needs_root
def test_a_mounted_one_is_used() -> None:
    script = f'mountpoint -q {tracefs.MOUNTED} || mount -t tracefs tracefs {tracefs.MOUNTED}; exec "$0" -c "$1"'
    done = subprocess.run(
        [*IN_A_MOUNT_NAMESPACE, script, sys.executable, SAY_WHERE], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{tracefs.MOUNTED} True\n", "")


def test_a_normal_user_is_told_what_to_do(somebody: User) -> None:
    done = somebody.run(sys.executable, "-c", REFUSED)
    assert done.stderr == ""
    assert "fsopen of tracefs answered: Operation not permitted. Use sudo" in done.stdout
    assert f"mount -t tracefs tracefs {tracefs.MOUNTED}" in done.stdout

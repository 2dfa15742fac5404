"""What every backend tells of the life of tasks, and in which order."""

import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from contrace.records import Exec, Identity, Record, Signal, Syscall, TaskExit, TaskStart, Vector
from contrace.syscalls.abi import name_of
from tests.backends.conftest import Capture

SH = "/bin/sh"


T = TypeVar("T", bound=Record)


def of_kind(records: list[Record], kind: type[T]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]


def named(records: list[Record], *names: str) -> list[Syscall]:
    return [record for record in of_kind(records, Syscall) if name_of(record.abi, record.nr) in names]


def test_times_never_repeat(capture: Capture) -> None:
    times = [record.time_ns for record in capture(SH, "-c", "/bin/true; /bin/true")]
    assert len(set(times)) == len(times)


def test_an_execve_comes_before_what_it_brought_about(capture: Capture) -> None:
    records = capture(SH, "-c", "/bin/true; /bin/true")
    for before, after in pairwise(records):
        if isinstance(after, Exec):
            assert isinstance(before, Syscall)
            assert (before.tid, before.result) == (after.tid, 0)
            assert before.time_ns < before.end_ns < after.time_ns
    assert len(of_kind(records, Exec)) == 3


def test_the_command_starts_executes_and_ends(capture: Capture) -> None:
    records = capture(SH, "-c", "exit 3")
    [start], [execve], [executed], [end] = (
        of_kind(records, TaskStart),
        named(records, "execve"),
        of_kind(records, Exec),
        of_kind(records, TaskExit),
    )
    assert start.call == "run"
    assert execve.result == 0
    assert executed.argv == (b"/bin/sh", b"-c", b"exit 3")
    assert executed.comm == b"sh"
    assert (end.status, end.signal) == (3, 0)
    assert {record.tid for record in (start, execve, executed, end)} == {start.tid}


def test_a_death_by_signal_is_told_with_the_signal(capture: Capture) -> None:
    records = capture(SH, "-c", "kill -TERM $$")
    assert [(end.status, end.signal) for end in of_kind(records, TaskExit)] == [(0, signal.SIGTERM)]
    assert signal.SIGTERM in [record.signo for record in of_kind(records, Signal)]


def test_a_childs_start_follows_the_call_that_made_it(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("fork"))
    births = named(records, "fork", "vfork", "clone", "clone3")
    children = {start.tid: start for start in of_kind(records, TaskStart) if start.call != "run"}
    assert {birth.result for birth in births if birth.result and birth.result > 0} == set(children)
    for birth in births:
        if birth.result in children:
            child = children[birth.result]
            assert child.parent_tid == birth.tid
            assert child.time_ns > birth.time_ns


def test_every_task_has_an_identity_at_its_start_and_after_each_exec(capture: Capture) -> None:
    records = capture(SH, "-c", "/bin/true; /bin/true")
    for before, after in pairwise(records):
        if isinstance(before, TaskStart | Exec):
            assert isinstance(after, Identity)
            assert after.tid == before.tid
            started = "run" if isinstance(before, TaskStart) and before.call == "run" else "start"
            assert after.why == ("exec" if isinstance(before, Exec) else started)
            assert after.uids is not None
            assert {"mnt", "pid", "user"} <= set(after.namespaces)
            assert after.cgroup
            assert after.cwd


def test_threads_are_of_their_process(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("threads"))
    [command] = [start for start in of_kind(records, TaskStart) if start.call == "run"]
    threads = [start for start in of_kind(records, TaskStart) if start.tid != start.pid]
    assert threads
    assert command.pid in {thread.pid for thread in threads}
    assert {end.tid for end in of_kind(records, TaskExit)} == {start.tid for start in of_kind(records, TaskStart)}


def test_threads_that_end_side_by_side_all_end(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("group_exit"))
    starts, ends = ([record.tid for record in of_kind(records, kind)] for kind in (TaskStart, TaskExit))
    assert len(starts) == 501
    assert sorted(ends) == sorted(starts)


def test_an_execve_in_a_thread_takes_over_the_leaders_id(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("thread_exec"))
    [takeover] = [executed for executed in of_kind(records, Exec) if executed.former_tid != executed.tid]
    [superseded] = [end for end in of_kind(records, TaskExit) if end.superseded_by]
    assert superseded.tid == takeover.tid
    assert superseded.superseded_by == takeover.former_tid
    [execve] = [call for call in named(records, "execve") if call.tid == takeover.former_tid and call.result == 0]
    assert execve.time_ns < superseded.time_ns < takeover.time_ns


def test_long_arguments_are_whole(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("exec_big"))
    vectors = [m for call in named(records, "execve") for m in call.memory if isinstance(m, Vector) and m.arg == 1]
    assert max(len(vector.items) for vector in vectors) == 2001
    assert 131071 in {len(item) for vector in vectors for item in vector.items}
    assert not any(vector.broken or vector.total for vector in vectors[1:2])


def test_unreadable_memory_is_marked(capture: Capture, built: Callable[[str], Path]) -> None:
    records = capture(built("execve"))
    broken = [m for call in named(records, "execve") for m in call.memory if getattr(m, "broken", False)]
    assert broken
    failed = {call.result for call in named(records, "execve")}
    assert -14 in failed  # EFAULT


@pytest.mark.usefixtures("root")
def test_namespaces_are_known_before_and_after_an_unshare(capture: Capture) -> None:
    records = capture("/usr/bin/unshare", "--mount", "--uts", "--ipc", "/bin/true")
    [unshare] = named(records, "unshare")
    identities = [r for r in of_kind(records, Identity) if r.tid == unshare.tid]
    before = [r for r in identities if r.time_ns < unshare.time_ns][-1].namespaces
    after = next(r for r in identities if r.why == "unshare").namespaces
    assert {name for name, inode in after.items() if inode != before[name]} == {"mnt", "uts", "ipc"}


@pytest.mark.usefixtures("root")
def test_a_child_in_a_new_pid_namespace_has_both_its_pids(capture: Capture) -> None:
    records = capture("/usr/bin/unshare", "--pid", "--fork", "/bin/true")
    [child] = [start for start in of_kind(records, TaskStart) if start.call != "run"]
    assert child.nspids == (child.tid, 1)
    [birth] = named(records, "fork", "vfork", "clone", "clone3")
    assert birth.result == child.tid


@pytest.mark.usefixtures("root")
def test_ids_are_known_after_the_call_that_changed_them_even_if_nobody_asked_for_it(capture: Capture) -> None:
    records = capture("/usr/bin/setpriv", "--reuid", "1234", "--clear-groups", "/bin/true")
    [changed] = [r for r in of_kind(records, Identity) if r.why == "setresuid"]
    assert changed.uids == (1234, 1234, 1234, 1234)
    assert named(records, "setresuid") == []


def test_only_wanted_calls_are_recorded(capture: Capture) -> None:
    records = capture(SH, "-c", "/bin/true; exit 0", calls=frozenset({"chdir"}))
    assert named(records, "execve") == []
    assert of_kind(records, Exec)


def test_every_call_can_be_recorded(capture: Capture) -> None:
    records = capture("/bin/true", calls=None)
    names = {name_of(call.abi, call.nr) for call in of_kind(records, Syscall)}
    assert {"execve", "mmap", "close", "exit_group"} <= names
    [end] = named(records, "exit_group")
    assert end.result is None

"""Events -> records: order, what is open, what was lost, and events that cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrace.capture.cgroups import CgroupPaths
from contrace.capture.ebpf import wire
from contrace.capture.ebpf.assemble import Assembler
from contrace.records import Block, Entered, Exec, Identity, Record, Syscall, TaskExit, TaskStart, Text, Vector
from contrace.syscalls.abi import name_of
from tests.unit.capture.ebpf.events import (
    Area,
    arbitrary,
    block,
    ended,
    entered,
    executed,
    left,
    rights,
    started,
    text,
    vector,
)

SECOND = 1_000_000_000
VFORK = 0x4000 | 0x100 | 17
"""Flags as of posix_spawn(3): CLONE_VFORK | CLONE_VM | SIGCHLD."""
CGROUPS = CgroupPaths()


@pytest.fixture
def assembler() -> Assembler:
    return Assembler(CGROUPS, sees_narrow=False)


def lines(records: list[Record]) -> list[str]:
    """Each in short."""
    return [_line(record) for record in records]


def _line(record: Record) -> str:
    match record:
        case Syscall() | Entered():
            result = record.result if isinstance(record, Syscall) else "open"
            return f"{record.tid} {name_of(record.abi, record.nr)} {result}"
        case TaskStart():
            return f"{record.tid} {record.call}"
        case TaskExit():
            return f"{record.tid} end {record.status}" + (f" by {record.superseded_by}" if record.superseded_by else "")
        case _:
            return f"{record.tid} {type(record).__name__}"


def found(assembler: Assembler, tid: int, at: int) -> None:
    start = TaskStart(
        time_ns=at,
        tid=tid,
        pid=tid,
        parent_tid=1,
        parent_pid=1,
        comm=b"",
        nspids=(tid,),
        call="attach",
        watched="calls",
    )
    identity = Identity(
        time_ns=at + 1,
        tid=tid,
        pid=tid,
        why="attach",
        namespaces={},
        uids=None,
        gids=None,
        groups=None,
        uid_map=None,
        gid_map=None,
        cgroup=None,
        exe=None,
        cwd=None,
        root=None,
        nspids=None,
    )
    assert assembler.found(start, identity) == [start, identity]


# --- order ----------------------------------------------------------------------------------------------------


def test_a_clone_comes_before_the_start_of_its_child(assembler: Assembler) -> None:
    out = assembler.feed([entered(1, 5, "clone"), started(2, 5, 6), ended(3, 6), left(4, 5, "clone", 6)])
    assert lines(out) == ["5 clone 6", "6 fork", "6 end 0"]


def test_unless_the_child_was_quicker(assembler: Assembler) -> None:
    out = assembler.feed([entered(1, 5, "clone"), started(2, 5, 6)])
    assert lines(out) == ["6 fork"]
    assert lines(assembler.announce_open()) == ["5 clone open"]
    assert assembler.announce_open() == []
    [call] = assembler.feed([left(4, 5, "clone", 6)])
    assert lines([call]) == ["5 clone 6"]
    assert call.time_ns == 1  # as the Entered that it completes


@pytest.mark.parametrize(("call", "args"), [("vfork", ()), ("clone", (VFORK,)), ("clone3", ())])
def test_a_vfork_comes_last(assembler: Assembler, call: str, args: tuple[int, ...]) -> None:
    memory = block(0, VFORK.to_bytes(8, "little").ljust(88, b"\0")) if call == "clone3" else b""
    events = [entered(1, 5, call, *args, memory=memory), started(2, 5, 6), executed(3, 6), left(4, 5, call, 6)]
    assert lines(assembler.feed(events)) == ["6 vfork", "6 Exec", "6 Identity", f"5 {call} 6"]


def test_a_thread_is_a_clone_and_of_its_process(assembler: Assembler) -> None:
    [start] = assembler.feed([started(1, 5, 6, pid=5, signal=0)])
    assert isinstance(start, TaskStart)
    assert (start.call, start.pid, start.parent_tid) == ("clone", 5, 5)


def test_an_execve_comes_before_what_it_brings_about(assembler: Assembler) -> None:
    area = Area((b"a", b"b"), (b"E=1",))
    events = [
        entered(1, 5, "execve", memory=text(0, b"/file")),
        vector(2, 5, 1, (b"a", b"b")),
        vector(3, 5, 2, (b"E=1",)),
        *area.events(4, 5),
        executed(9, 5, area=area),
    ]
    call, new, identity = assembler.feed(events)
    assert isinstance(call, Syscall)
    assert isinstance(new, Exec)
    assert isinstance(identity, Identity)
    assert call.result == 0
    assert [m.items for m in call.memory if isinstance(m, Vector)] == [(b"a", b"b"), (b"E=1",)]
    assert new.argv == (b"a", b"b")
    assert call.time_ns < new.time_ns < identity.time_ns


def test_rights_are_told_where_a_call_changed_them(assembler: Assembler) -> None:
    unknown = 0xFFFFFFFF  # a kernel without seccomp
    events = [
        left(1, 5, "capset", 0, memory=rights(1, 2, 3, 4, 5)),
        left(2, 5, "prctl", 0, memory=rights(1, 2, 3, 4, 5)),
        left(3, 5, "prctl", 0, memory=rights(1, 2, 3, 4, 5, no_new_privs=1)),
        left(4, 6, "seccomp", 0, memory=rights(seccomp=unknown)),
        left(5, 5, "setuid", 0, memory=rights(1, 2, 3, 4, 5, no_new_privs=1)),
        ended(6, 5),
        left(7, 5, "prctl", 0, memory=rights(1, 2, 3, 4, 5, no_new_privs=1)),
    ]
    found = [record for record in assembler.feed(events) if isinstance(record, Identity)]
    assert [(who.tid, who.why, who.capabilities, who.no_new_privs, who.seccomp) for who in found] == [
        (5, "capset", (1, 2, 3, 4, 5), False, 0),
        (5, "prctl", (1, 2, 3, 4, 5), True, 0),
        (6, "seccomp", (0,) * 5, False, None),
        (5, "setuid", (1, 2, 3, 4, 5), True, 0),
        (5, "prctl", (1, 2, 3, 4, 5), True, 0),
    ]


# --- the ends of processes ------------------------------------------------------------------------------------


def test_a_leader_that_ends_first_ends_with_its_last_thread(assembler: Assembler) -> None:
    events = [
        started(1, 4, 5),
        started(2, 5, 6, pid=5, signal=0),
        ended(3, 5, code=7 << 8, last=False),
        entered(4, 6, "mount", pid=5),
        left(5, 6, "mount", -1, pid=5),
        ended(6, 6, code=7 << 8, pid=5),
    ]
    assert lines(assembler.feed(events)) == ["5 fork", "6 clone", "6 mount -1", "6 end 7", "5 end 7"]
    assert assembler.alive == {}


def test_a_threads_execve_takes_over_the_leaders_id(assembler: Assembler) -> None:
    events = [
        started(1, 4, 5),
        started(2, 5, 6, pid=5, signal=0),
        entered(3, 6, "execve", pid=5),
        ended(4, 5, last=False),
        executed(5, 5, former=6),
    ]
    out = lines(assembler.feed(events))
    assert out == ["5 fork", "6 clone", "5 end 0 by 6", "6 execve 0", "5 Exec", "5 Identity"]
    assert assembler.alive == {5: 5}
    assert lines(assembler.feed([ended(9, 5, code=9)])) == ["5 end 0"]


def test_a_call_that_its_tasks_end_interrupts_never_returns(assembler: Assembler) -> None:
    assert lines(assembler.feed([entered(1, 5, "mount"), ended(2, 5)])) == ["5 mount None", "5 end 0"]


# --- what was lost --------------------------------------------------------------------------------------------


def test_a_lost_return_leaves_an_entered(assembler: Assembler) -> None:
    out = assembler.feed([entered(1, 5, "mount"), entered(3, 5, "chroot"), left(4, 5, "chroot", 0)])
    assert lines(out) == ["5 mount open", "5 chroot 0"]
    assert assembler.announce_open() == []


@pytest.mark.parametrize(
    "end",
    [left(5, 5, "unshare", 0, within=False), executed(5, 5, within=False), ended(5, 5, within=False)],
    ids=["return", "exec", "end"],
)
def test_a_call_whose_return_was_lost_does_not_get_that_of_the_next_whose_entry_was_lost(
    assembler: Assembler, end: bytes
) -> None:
    out = lines([*assembler.feed([entered(1, 5, "unshare"), end]), *assembler.announce_open()])
    assert "5 unshare open" in out
    assert not [line for line in out if line in ("5 unshare 0", "5 unshare None")]


def test_a_return_without_its_entry_says_nothing_of_another_call(assembler: Assembler) -> None:
    assert lines(assembler.feed([entered(1, 5, "mount"), left(2, 5, "chroot", 0)])) == []
    assert lines(assembler.feed([left(3, 5, "mount", -1)])) == ["5 mount -1"]
    assert lines(assembler.feed([left(4, 5, "mount", -1)])) == []


def test_what_was_read_again_at_the_exit_replaces_what_could_not_be_read(assembler: Assembler) -> None:
    first = text(0, b"", address=0x10, broken=True) + text(1, b"kept", address=0x20) + block(2, b"in", address=0x30)
    again = text(0, b"whole", address=0x10) + block(2, b"out", address=0x30, at_exit=True)
    [call] = assembler.feed([entered(1, 5, "mount", memory=first), left(2, 5, "mount", 0, memory=again)])
    assert isinstance(call, Syscall)
    assert call.memory == (
        Text(arg=0, address=0x10, data=b"whole"),
        Text(arg=1, address=0x20, data=b"kept"),
        Block(arg=2, address=0x30, data=b"in", wanted=2),
        Block(arg=2, address=0x30, data=b"out", wanted=3, at_exit=True),
    )


def test_a_task_whose_predecessors_end_was_lost_starts(assembler: Assembler) -> None:
    first = [started(1, 5, 6), entered(2, 6, "mount")]
    assert lines(assembler.feed(first)) == ["6 fork"]
    later = [started(3, 5, 6), left(4, 6, "mount", 0), ended(5, 6)]
    assert lines(assembler.feed(later)) == ["6 mount open", "6 fork", "6 end 0"]


def test_a_task_that_was_found_starts_only_once(assembler: Assembler) -> None:
    found(assembler, 6, SECOND)
    assert assembler.feed([started(SECOND + 1000, 5, 6)]) == []
    assert assembler.alive == {6: 6}


def test_but_another_of_its_number_starts_later(assembler: Assembler) -> None:
    found(assembler, 6, SECOND)
    assert lines(assembler.feed([started(60 * SECOND, 5, 6)])) == ["6 fork"]
    found(assembler, 7, 61 * SECOND)
    out = assembler.feed([ended(61 * SECOND + 10, 7), started(61 * SECOND + 20, 5, 7)])
    assert lines(out) == ["7 end 0", "7 fork"]


def test_a_leader_whose_last_thread_was_lost_is_not_told_of_its_successor(assembler: Assembler) -> None:
    assembler.feed([started(1, 4, 5), ended(2, 5, code=7 << 8, last=False)])
    assert lines(assembler.feed([started(3, 4, 5), ended(4, 5)])) == ["5 fork", "5 end 0"]


def test_times_never_repeat(assembler: Assembler) -> None:
    out = assembler.feed([started(1, 5, 6), executed(1, 6), ended(1, 6)])
    times = [record.time_ns for record in out]
    assert times == sorted(set(times))


def test_the_cpu_time_of_a_task_does_not_go_back(assembler: Assembler) -> None:
    assembler.cpu_offset_ns = 100
    first = assembler.feed([entered(1, 5, "mount", cpu=150), left(2, 5, "mount", 0, cpu=190)])
    stolen = assembler.feed([entered(3, 5, "mount", cpu=170), left(4, 5, "mount", 0, cpu=195)])
    assert [cpu_times(record) for record in (*first, *stolen)] == [(50, 90), (90, 95)]
    successor = assembler.feed([started(5, 4, 5), entered(6, 5, "mount", cpu=110), left(7, 5, "mount", 0, cpu=120)])
    assert cpu_times(successor[-1]) == (10, 20)


def cpu_times(record: Record) -> tuple[int, int | None]:
    assert isinstance(record, Syscall)
    return record.cpu_enter_ns, record.cpu_exit_ns


# --- what cannot be read --------------------------------------------------------------------------------------


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.builds(arbitrary, st.integers(0, 12), st.integers(0, 4), st.binary(max_size=300)),
        )
    )
)
def test_any_bytes_are_records_or_counted(events: list[bytes]) -> None:
    assembler = Assembler(CGROUPS, sees_narrow=False)
    assembler.feed(events)
    assembler.announce_open()
    assert 0 <= assembler.torn <= len(events)


@given(st.data())
def test_an_event_that_was_cut_is_counted_and_the_others_are_told(data: st.DataObject) -> None:
    whole = [
        entered(1, 5, "mount", memory=text(0, b"source") + block(1, b"data")),
        vector(1, 5, 1, (b"a", b"bc")),
        started(1, 5, 6),
        ended(1, 5),
        left(1, 5, "mount", 0, memory=text(0, b"source")),
    ]
    event = data.draw(st.sampled_from(whole))
    cut = event[: data.draw(st.integers(0, wire.BODY + 7))]
    assembler = Assembler(CGROUPS, sees_narrow=False)
    out = assembler.feed([cut, started(2, 7, 8)])
    assert lines(out) == ["8 fork"]
    assert assembler.torn == 1


@given(st.data())
def test_sections_and_chunks_that_end_too_early_are_refused(data: st.DataObject) -> None:
    event = entered(1, 5, "mount", memory=text(0, b"source", broken=True))
    end = data.draw(st.integers(wire.BODY + wire.ENTER.size + 1, len(event) - 1))
    with pytest.raises(wire.TORN):
        wire.sections(event[:end], wire.BODY + wire.ENTER.size)
    event = vector(1, 5, 1, (b"a", b"bc"))
    with pytest.raises(wire.TORN):
        wire.chunk(event[: data.draw(st.integers(0, len(event) - 1))])


@given(st.binary(max_size=300), st.integers(0, 40))
def test_any_sections_are_read_or_refused(data: bytes, at: int) -> None:
    for read in (lambda: wire.sections(data, at), lambda: wire.chunk(data)):
        try:
            read()
        except wire.TORN:
            continue

"""`contrace show --normalise`: two traces of the same are the same text, and nothing that matters is left out."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from contrace.decode.notation import Notation
from contrace.records import Block, Record, Text
from tests.unit import strategies
from tests.unit.scene import (
    CLONE_NEWNS,
    CLONE_NEWUTS,
    call,
    ended,
    entered,
    executed,
    execve,
    identity,
    loss,
    note,
    shown,
    signalled,
    start,
)

SIGCHLD, SIGTERM = 17, 15


def normalised(*records: Record, **more) -> list[str]:
    return shown("normalised", list(records), **more).splitlines()


def birth(*, shell: int, child: int, inode: int, address: int, at: float, slow: float) -> list[Record]:
    """A shell that forks a child, which goes into a mount namespace of its own and executes something."""
    first = {"mnt": 4026531841, "uts": 4026531838}
    new = first | {"mnt": inode}
    temporary = b"/tmp/contrace-%08x/x" % (address & 0xFFFFFFFF)
    return [
        start(at, shell, 1, how="attach"),
        identity(at + 0.1, shell, why="attach", namespaces=first),
        call(at + 1, "clone", 17, 0, 0, address, 0, tid=shell, took=slow, returns=child),
        start(at + 2, child, shell),
        identity(at + 1.9, child, why="start", namespaces=first),
        call(at + 4, "unshare", CLONE_NEWNS, tid=child, took=slow),
        identity(at + 4 + slow, child, namespaces=new, cgroup=b"0::/somewhere/%d/demo-%d\n" % (address, shell)),
        call(at + 6, "chroot", 1, tid=child, memory=(Text(arg=0, address=1, data=temporary),)),
        call(at + 6.6, "chroot", 1, tid=child, memory=(Text(arg=0, address=1, data=b"/proc/%d/root" % shell),)),
        execve(at + 8, b"/bin/true", b"true", tid=child),
        executed(at + 8.6, b"/bin/true", tid=child),
        ended(at + 9, child),
        signalled(at + 10, SIGCHLD, shell),
        signalled(at + 11, SIGTERM, shell),
        ended(at + 12, shell, signal=SIGTERM),
    ]


def test_two_runs_of_the_same_are_the_same_text():
    one = birth(shell=100, child=101, inode=4026532177, address=0x7F0012345000, at=0, slow=0.3)
    two = birth(shell=31999, child=4, inode=4026533999, address=0x7FFC00000, at=77, slow=0.9)
    assert normalised(*one) == normalised(*two)


def test_what_it_looks_like():
    assert normalised(*birth(shell=100, child=101, inode=4026532177, address=0x7F001234, at=0, slow=0.3)) == [
        "",
        "1 sh: process found running",
        "    clone(child_stack=NULL, flags=SIGCHLD) = <1.1>",
        "    --- SIGTERM ---",
        "    +++ killed by SIGTERM +++",
        "",
        "1.1 sh: process started by <1> (fork)",
        "    unshare(CLONE_NEWNS) = 0",
        "    namespaces: mnt <first mnt> → <mnt of 1.1>",
        "    cgroup: demo-<1>",
        '    chroot("/tmp/contrace-<name>/x") = 0',
        '    chroot("/proc/<1>/root") = 0',
        '    execve("/bin/true", ["true"], 0x3 /* 0 vars */) = 0',
        "    +++ exited with 0 +++",
    ]


def test_what_differs_is_shown():
    one = birth(shell=100, child=101, inode=4026532177, address=0x7F0012345000, at=0, slow=0.3)
    two = [*one[:-1], ended(12, 100, status=3)]
    assert normalised(*one) != normalised(*two)


def test_the_order_of_processes_side_by_side_is_that_of_the_tree():
    starts = [start(0, 10, 1, how="attach"), start(1, 11, 10), start(2, 12, 10)]
    one = [*starts, call(3, "fork", tid=11, returns=-1), call(4, "unshare", 0, tid=12)]
    two = [*starts, call(3, "unshare", 0, tid=12), call(4, "fork", tid=11, returns=-1)]
    assert normalised(*one) == normalised(*two)
    assert [line for line in normalised(*one) if line and line[0] != " "] == [
        "1 sh: process found running",
        "1.1 sh: process started by <1> (fork)",
        "1.2 sh: process started by <1> (fork)",
    ]


def test_the_child_of_a_vfork_is_told_of_before_the_call_returns():
    assert normalised(
        start(0, 10, 1, how="attach"),
        start(2, 2001, 10, how="vfork"),
        execve(2.5, b"/bin/x", b"x", tid=2001),
        executed(2.9, b"/bin/x", tid=2001),
        call(1, "vfork", took=3, returns=2001),
    )[2:3] == ["    vfork() = <1.1>"]


def test_a_pid_that_is_used_again_is_another_process():
    text = normalised(
        start(0, 10, 1, how="attach"),
        call(1, "fork", returns=20, took=0.2),
        start(1.5, 20, 10),
        ended(2, 20),
        call(3, "fork", returns=20, took=0.2),
        start(3.5, 20, 10),
        call(4, "unshare", CLONE_NEWUTS, tid=20),
    )
    assert text[2:4] == ["    fork() = <1.1>", "    fork() = <1.2>"]
    assert text[-2:] == ["1.2 sh: process started by <1> (fork)", "    unshare(CLONE_NEWUTS) = 0"]


def test_clone3_stores_the_number_of_the_child_and_that_is_its_place_too():
    parent_settid, address, size = 0x100000, 0x500, 88
    structure = struct.pack("<11Q", parent_settid, 0, 0, address, SIGCHLD, 0, 0, 0, 0, 0, 0)
    memory = (
        Block(arg=0, address=1, data=structure, wanted=size),
        Block(arg=0, address=1, data=structure, wanted=size, at_exit=True),
        Block(arg=0, address=address, data=struct.pack("<i", 2001), wanted=4, at_exit=True),
    )
    text = normalised(
        start(0, 10, 1, how="attach"),
        call(1, "clone3", 1, size, took=0.2, returns=2001, memory=memory),
        start(1.5, 2001, 10),
    )
    assert text[2].endswith(" => {parent_tid=[<1.1>]}, 88) = <1.1>")


def test_the_number_that_a_container_has_for_its_child_stays():
    [line] = [
        line
        for line in normalised(start(0, 10, 1), call(1, "fork", returns=2), start(2, 4711, 10, nspids=(4711, 2)))
        if "fork() " in line
    ]
    assert line == "    fork() = 2"


def test_a_namespace_that_is_entered_is_called_by_who_made_it():
    mine = {"uts": 4026531838}
    assert normalised(
        start(0, 10, 1, how="attach"),
        identity(0.1, 10, why="attach", namespaces=mine),
        start(1, 11, 10),
        identity(0.9, 11, why="start", namespaces=mine),
        call(2, "unshare", CLONE_NEWUTS, tid=11),
        identity(2.5, 11, namespaces={"uts": 4026532999}),
        call(4, "setns", 3, CLONE_NEWUTS, tid=10),
        identity(4.5, 10, why="setns", namespaces={"uts": 4026532999}),
        call(6, "setns", 4, CLONE_NEWUTS, tid=10),
        identity(6.5, 10, why="setns", namespaces=mine),
    ) == [
        "",
        "1 sh: process found running",
        "    setns(3, CLONE_NEWUTS) = 0",
        "    namespaces: uts <first uts> → <uts of 1.1>",
        "    setns(4, CLONE_NEWUTS) = 0",
        "    namespaces: uts <uts of 1.1> → <first uts>",
        "",
        "1.1 sh: process started by <1> (fork)",
        "    unshare(CLONE_NEWUTS) = 0",
        "    namespaces: uts <first uts> → <uts of 1.1>",
    ]


def test_an_inode_that_is_used_again_is_another_namespace():
    mine, new = {"uts": 4026531838}, {"uts": 4026532999}
    records: list[Record] = [start(0, 10, 1, how="attach")]
    for number, tid in enumerate((11, 12), 1):
        at = number * 10
        records += [
            start(at, tid, 10),
            identity(at - 0.1, tid, why="start", namespaces=mine),
            call(at + 1, "unshare", CLONE_NEWUTS, tid=tid),
            identity(at + 1.5, tid, namespaces=new),
            ended(at + 2, tid),
        ]
    assert [line for line in normalised(*records) if "namespaces" in line] == [
        "    namespaces: uts <first uts> → <uts of 1.1>",
        "    namespaces: uts <first uts> → <uts of 1.2>",
    ]


def test_losses_and_warnings_stand_at_the_beginning():
    text = normalised(call(1, "fork"), loss(2, 3), note(3, "warning", "the disk is full"))
    assert [line.partition(" ")[0] for line in text[:2]] == ["LOST", "warning:"]
    assert "3" in text[0]


def test_a_call_that_is_not_over_is_unfinished():
    assert normalised(start(0, 10, 1), call(1, "unshare", 0), entered(2, "fork"))[-1] == "    fork( <unfinished ...>"


def test_an_execve_by_a_thread_is_over():
    """Its thread gets the leader's tid, and the call returns there (ptrace(2))."""
    text = normalised(
        start(0, 10, 1, how="attach"),
        start(1, 11, 10, pid=10, how="clone"),
        ended(3, 10, superseded_by=11),
        execve(2, b"/bin/x", b"x", tid=11, pid=10, took=2),
        executed(4.5, b"/bin/x", tid=10, former=11),
    )
    assert not [line for line in text if "unfinished" in line]
    assert len([line for line in text if "execve(" in line]) == 1


def test_a_tree_as_deep_as_there_are_pids():
    depth = 1500
    text = normalised(*(start(at, 100 + at, 99 + at) for at in range(depth)))
    assert len(text) == 2 * depth


def test_a_text_with_a_very_long_number_is_only_a_text():
    path = b"/proc/" + b"1" * 6000
    records = [start(0, 10, 1), execve(1, b"/x", path)]
    line = normalised(*records, notation=Notation(string_limit=10_000))[-1]
    assert f'"{path.decode()}"' in line


@given(st.lists(strategies.ANY_RECORD, max_size=12))
def test_any_records_at_all_are_harmless(records):
    text = shown("normalised", records)
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@given(strategies.CAPTURES)
def test_the_text_does_not_depend_on_how_the_records_were_split(capture):
    assert shown("normalised", *capture.batches(cut=True)) == shown("normalised", *capture.batches(cut=False))

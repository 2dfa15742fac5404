"""``--format strace``: what strace itself would write. The texts about threads are lines of strace 6.1."""

import signal

import msgspec
from hypothesis import given

from contrace.records import Text
from tests.unit import strategies
from tests.unit.scene import (
    CLONE_NEWNS,
    META,
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
    stopped,
)

ALONE = msgspec.structs.replace(META, follow=False)


def strace(*batches, **more) -> list[str]:
    return shown("strace", *batches, **more).splitlines()


def test_a_call_stands_on_a_line_with_its_result_in_column_40():
    assert strace([call(1, "unshare", CLONE_NEWNS, tid=1234)]) == ["1234  unshare(CLONE_NEWNS)              = 0"]


def test_without_following_there_is_no_pid_column():
    assert strace([call(1, "unshare", CLONE_NEWNS, returns=-1)], meta=ALONE) == [
        "unshare(CLONE_NEWNS)                    = -1 EPERM (Operation not permitted)"
    ]


def test_a_call_that_another_interrupts_is_unfinished_and_resumed():
    long, short = call(1, "fork", tid=10, took=9, returns=12), call(2, "chroot", 7, tid=11)
    assert strace([short, long]) == [
        "10    fork( <unfinished ...>",
        "11    chroot(0x7)                       = 0",
        "10    <... fork resumed>)               = 12",
    ]


def test_a_call_that_is_interrupted_and_goes_on_alone():
    assert strace([call(1, "fork", took=9, returns=12), signalled(2, signal.SIGCHLD, tid=11)]) == [
        "10    fork( <unfinished ...>",
        "11    --- SIGCHLD ---",
        "10    <... fork resumed>)               = 12",
    ]


def test_a_call_that_is_open_at_the_end():
    assert strace([entered(1, "fork")]) == ["10    fork( <unfinished ...>"]


def test_a_call_that_was_let_go():
    assert strace([entered(1, "fork"), note(2, "detach", "all tasks")]) == ["10    fork( <detached ...>"]


def test_a_call_that_never_returned():
    assert strace([call(1, "fork", returns=None, took=2), ended(4, status=3)]) == [
        "10    fork()                            = ?",
        "10    +++ exited with 3 +++",
    ]


def test_signals_stops_and_ends():
    assert strace([signalled(1, signal.SIGTERM), stopped(2, signal.SIGSTOP), ended(3, signal=signal.SIGKILL)]) == [
        "10    --- SIGTERM ---",
        "10    --- stopped by SIGSTOP ---",
        "10    +++ killed by SIGKILL +++",
    ]


def test_a_thread_that_executes_takes_over_its_leaders_id():
    """As ``strace -f`` writes tests/fixtures/thread_exec.c: the call ends under the leader's id."""
    records = [
        ended(2, 10, superseded_by=11),
        execve(1, b"/bin/true", b"true", tid=11, pid=10, took=2),
        executed(3.5, b"/bin/true", tid=10, former=11),
        ended(5, 10),
    ]
    assert strace(records) == [
        '11    execve("/bin/true", ["true"], 0x3 /* 0 vars */ <pid changed to 10 ...>',
        "10    +++ superseded by execve in pid 11 +++",
        "10    <... execve resumed>)             = 0",
        "10    +++ exited with 0 +++",
    ]


def test_what_strace_does_not_write_is_not_written():
    assert strace([start(1, 20, 10), executed(2, b"/bin/sh"), identity(3), note(4, "attach", "x")]) == []


def test_losses_and_warnings_are_comments():
    assert strace([loss(5, 3, since=2), note(6, "warning", "newuidmap loses its\nprivilege")]) == [
        "# LOST 3 records between 0.002000 s and 0.005000 s: the ring was full",
        r"# warning: newuidmap loses its\nprivilege",
    ]


def test_a_loss_is_shown_whatever_the_filter_says():
    assert strace([call(1, "fork"), loss(2, 0)], words=["call:unshare"]) == [
        "# LOST an unknown number of records between 0.000000 s and 0.002000 s: the ring was full"
    ]


def test_only_what_matches_is_shown():
    records = [call(1, "unshare", CLONE_NEWNS, returns=-1), call(2, "fork"), ended(3)]
    assert strace(records, words=["failed"], meta=ALONE) == [
        "unshare(CLONE_NEWNS)                    = -1 EPERM (Operation not permitted)"
    ]


def test_what_is_only_known_later_does_not_break_the_line_of_another():
    """`failed` can be asked when a call is over: such a call is written whole, then."""
    long, short = call(1, "unshare", CLONE_NEWNS, tid=10, took=9, returns=-1), call(2, "chroot", 7, tid=11, returns=-2)
    assert strace([short, long], words=["failed"]) == [
        "11    chroot(0x7)                       = -1 ENOENT (No such file or directory)",
        "10    unshare(CLONE_NEWNS)              = -1 EPERM (Operation not permitted)",
    ]


def test_an_open_call_that_matches_is_shown_at_the_end():
    assert strace([entered(1, "fork")], words=["-failed"]) == ["10    fork( <unfinished ...>"]
    assert strace([entered(1, "fork")], words=["failed"]) == []


def test_hostile_bytes_are_quoted():
    path = Text(arg=0, address=1, data=b'\x1b]0;x\x07\xe2\x80\xae\xff\n"[red]')
    assert strace([call(1, "chroot", 1, memory=(path,))], meta=ALONE) == [
        r'chroot("\33]0;x\7\342\200\256\377\n\"[red]") = 0',
    ]


@given(strategies.CAPTURES)
def test_the_text_does_not_depend_on_how_the_records_were_split(capture):
    whole = shown("strace", *capture.batches(cut=False))
    batches = capture.batches(cut=True)
    assert shown("strace", *batches) == whole
    assert shown("strace", [record for batch in batches for record in batch]) == whole


@given(strategies.CAPTURES)
def test_every_line_has_an_end_and_every_resumed_call_was_unfinished(capture):
    unfinished = []
    for written in shown("strace", *capture.batches(cut=True)).splitlines():
        who, what = written.split(maxsplit=1)
        if what.endswith("<unfinished ...>"):
            unfinished.append(who)
        elif what.startswith("<..."):
            unfinished.remove(who)
        else:
            assert who == "#" or " = " in what or what.startswith(("---", "+++"))

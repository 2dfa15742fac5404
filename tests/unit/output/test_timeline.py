"""``--format timeline``: what a person reads, on a terminal and in a file."""

import re
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from contrace.decode.notation import Notation
from contrace.records import Text
from tests.unit import strategies
from tests.unit.scene import (
    CLONE_NEWNS,
    CLONE_NEWUTS,
    Terminal,
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

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def timeline(*records, **more) -> list[str]:
    return shown("timeline", list(records), **more).splitlines()


def calls(*records, **more) -> list[str]:
    """The lines without their times."""
    return [line[24:] for line in timeline(*records, **more)]


@pytest.fixture
def terminal(monkeypatch):
    """Sets the terminal up that a Terminal stream stands for."""

    def setup(columns: int, term: str = "xterm-256color", **environment: str) -> None:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"COLUMNS": str(columns), "TERM": term, **environment}.items():
            monkeypatch.setenv(name, value)

    return setup


def on_terminal(*batches, **more) -> str:
    return shown("timeline", *batches, stream=Terminal(), **more)


# --- columns ----------------------------------------------------------------------------------------------


def test_a_line_says_when_how_long_after_the_last_in_which_process_and_what():
    assert timeline(call(1, "unshare", CLONE_NEWNS), call(3.5, "chroot", 0, tid=11, comm=b"runc:[2:INIT]")) == [
        "   0.001000             sh[10]                            unshare(CLONE_NEWNS) = 0",
        "   0.003500   +0.002500 runc:[2:INIT][11]                 chroot(NULL) = 0",
    ]


def test_processes_are_indented_by_their_place_in_the_tree():
    assert calls(start(0, 10, 1, how="attach"), start(1, 20, 10), start(2, 30, 20), call(3, "fork", tid=30)) == [
        "sh[10]                            process found running",
        "  sh[20]                          process started by 10 (fork)",
        "    sh[30]                        process started by 20 (fork)",
        "    sh[30]                        fork() = 0",
    ]


def test_a_tree_that_is_very_deep_leaves_room_for_the_call():
    records = [start(depth, 100 + depth, 99 + depth) for depth in range(40)]
    assert max(line.index("process") for line in calls(*records)) == 34


THREAD = (
    start(0, 11, 10, pid=10, how="clone", nspids=(11, 3)),
    call(1, "fork", tid=11, pid=10),
    ended(2, 11, pid=10),
    ended(3, 10),
)


def test_a_thread_is_shown_with_its_own_id_beside_its_process():
    assert calls(*THREAD) == [
        "sh[10/11]                         fork() = 0",
        "[10]                              +++ exited with 0 +++",
    ]


def test_starts_and_ends_of_threads_are_shown_with_everything_else():
    assert calls(*THREAD, notation=Notation(verbose=True)) == [
        "sh[10/11]                         thread started by 10 (clone), tid 3 inside",
        "sh[10/11]                         fork() = 0",
        "sh[10/11]                         +++ exited with 0 +++",
        "[10]                              +++ exited with 0 +++",
    ]


def test_what_a_call_brought_about_does_not_break_its_line():
    assert calls(
        start(1.2, 20, 10, nspids=(20, 1)), identity(1.1, 20, why="start"), call(1, "fork", took=0.5, returns=20)
    ) == [
        "sh[10]                            fork() = 20",
        "  sh[20]                          process started by 10 (fork), pid 1 inside",
    ]


def test_a_call_that_another_interrupts_is_unfinished_and_resumed():
    assert timeline(call(2, "fork", tid=11), call(1, "fork", tid=10, took=5.25)) == [
        "   0.001000             sh[10]                            fork( <unfinished ...>",
        "   0.002000   +0.001000 sh[11]                            fork() = 0",
        "   0.006250   +0.004250 sh[10]                            <... fork resumed>) = 0  +5.2ms",
    ]


def test_a_duration_is_shown_where_it_is_long():
    assert calls(
        call(1, "fork", took=0.9),
        call(3, "fork", took=1.5),
        call(5, "fork", took=120),
        call(200, "fork", took=2500),
        call(3000, "fork", took=9, returns=None),
    ) == [
        "sh[10]                            fork() = 0",
        "sh[10]                            fork() = 0  +1.5ms",
        "sh[10]                            fork() = 0  +120.0ms",
        "sh[10]                            fork() = 0  +2.50s",
        "sh[10]                            fork() = ?",
    ]


def test_an_exec_says_what_runs_only_where_its_call_does_not():
    assert calls(
        execve(1, b"/usr/bin/true", b"true"),
        executed(2, b"/usr/bin/true"),
        execve(3, b"/bin/sh", b"sh"),
        executed(4, b"/usr/bin/dash", comm=b"sh"),
    ) == [
        'sh[10]                            execve("/usr/bin/true", ["true"], 0x3 /* 0 vars */) = 0',
        'sh[10]                            execve("/bin/sh", ["sh"], 0x3 /* 0 vars */) = 0',
        "sh[10]                            runs /usr/bin/dash",
    ]


def test_an_exec_that_was_only_seen_as_an_event_has_its_arguments():
    assert calls(executed(1, b"/bin/echo", argv=(b"echo", b"a\nb", b"x" * 40), from_event=True, watched="events")) == [
        rf'echo[10]                          runs /bin/echo ["echo", "a\nb", "{"x" * 32}"...]'
    ]


def test_capabilities_that_go_one_by_one_are_told_together_with_the_next_change():
    every = (1 << 41) - 1
    records = [identity(0, capabilities=(0, every, every, every, 0))]
    left = every
    for capability in range(27):
        left &= ~(1 << capability)
        records.append(call(capability + 1, "prctl", 24, capability))
        records.append(identity(capability + 1.7, why="prctl", capabilities=(0, every, every, left, 0)))
    shown = calls(*records, identity(60, why="capset", capabilities=(0, left, left, left, 0)))
    assert len(shown) == 28
    assert shown[0] == "sh[10]                            prctl(PR_CAPBSET_DROP, CAP_CHOWN) = 0"
    assert shown[-1] == "sh[10]                            capabilities: permitted,effective,bounding all → 14"


def test_changes_of_identity_are_told_behind_their_call():
    before, after = identity(0), identity(2, namespaces=identity(0).namespaces | {"mnt": 21, "uts": 25})
    assert calls(before, call(1, "unshare", CLONE_NEWNS | CLONE_NEWUTS), after, identity(3)) == [
        "sh[10]                            unshare(CLONE_NEWNS|CLONE_NEWUTS) = 0",
        "sh[10]                            namespaces: mnt 1 → 21, uts 5 → 25",
        "sh[10]                            namespaces: mnt 21 → 1, uts 25 → 5",
    ]


def test_signals_and_ends_are_told_as_strace_does():
    assert calls(signalled(1, signal.SIGTERM), ended(2, signal=signal.SIGTERM)) == [
        "[10]                              --- SIGTERM ---",
        "[10]                              +++ killed by SIGTERM +++",
    ]


def test_losses_and_notes_stand_before_all_processes():
    assert timeline(note(1, "attach", "to containerd"), loss(2, 5)) == [
        "   0.001000             attach: to containerd",
        "   0.002000   +0.001000 LOST 5 records between 0.000000 s and 0.002000 s: the ring was full",
    ]


def test_a_loss_is_shown_whatever_the_filter_says():
    assert calls(call(1, "fork"), loss(2, 5), words=["call:unshare"]) == [
        "LOST 5 records between 0.000000 s and 0.002000 s: the ring was full"
    ]


def test_no_time_is_given_to_the_line_before_where_that_is_younger():
    """A call that can only be judged when it is over is shown then, whole."""
    records = [call(2, "fork", tid=11, returns=-1), call(1, "fork", took=3, returns=-1)]
    assert [line[:24] for line in timeline(*records, words=["failed"])] == [
        "   0.002000             ",
        "   0.001000             ",
    ]


# --- terminals --------------------------------------------------------------------------------------------

FAILED = call(1, "unshare", CLONE_NEWNS, returns=-1, took=150)


def test_a_pipe_gets_plain_text_that_is_not_cut(terminal):
    terminal(40)
    [line] = timeline(execve(1, b"/bin/echo", *[b"x" * 30] * 20))
    assert "\x1b" not in line
    assert len(line) > 400


def test_errors_are_red(terminal):
    terminal(200)
    assert "\x1b[1;31m-1 EPERM (Operation not permitted)\x1b[0m" in on_terminal([FAILED])


@pytest.mark.parametrize(("took", "style"), [(1.5, "33"), (150, "1;7;33")])
def test_long_durations_stand_out(terminal, took, style):
    terminal(200)
    assert f"\x1b[{style}m+{took:.1f}ms\x1b[0m" in on_terminal([call(1, "fork", took=took)])


def test_losses_stand_out_most(terminal):
    terminal(200)
    assert "\x1b[1;37;41mLOST 3 records" in on_terminal([loss(1)])


def test_every_process_has_its_colour(terminal):
    terminal(200)
    text = on_terminal([call(at, "fork", tid=pid) for at, pid in enumerate([10, 11, 12, 10, 11, 12])])
    colours = re.findall(r"\x1b\[38;5;(\d+)msh\[\d+\]", text)
    assert len(set(colours)) == 3
    assert colours[:3] == colours[3:]


def test_no_color_is_respected(terminal):
    terminal(200, NO_COLOR="1")
    text = on_terminal([FAILED, loss(2), call(3, "fork", tid=11)])
    codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", text) for code in codes.split(";")}
    assert codes <= {"0", "1", "2", "7"}  # bold, dim and reverse are no colours


def test_a_dumb_terminal_gets_plain_text(terminal):
    terminal(40, term="dumb")
    assert on_terminal([FAILED, loss(2)]) == shown("timeline", [FAILED, loss(2)])


def test_a_long_line_goes_on_under_its_call_and_breaks_between_words(terminal):
    terminal(134)
    text = ANSI.sub("", on_terminal([execve(1, b"/bin/echo", *[b"word%d" % at for at in range(12)])]))
    assert text.splitlines() == [
        "   0.001000             sh[10]                            "
        'execve("/bin/echo", ["word0", "word1", "word2", "word3", "word4", "word5",',
        " " * 58 + '"word6", "word7", "word8", "word9", "word10", "word11"], 0x3 /* 0 vars */) =',
        " " * 58 + "0",
    ]


def test_flags_break_at_their_bars(terminal):
    terminal(78)
    text = ANSI.sub("", on_terminal([call(1, "unshare", 0x7E020000)]))
    assert [line[46:] for line in text.splitlines()] == [
        "unshare(CLONE_NEWNS|",
        "CLONE_NEWCGROUP|CLONE_NEWUTS|",
        "CLONE_NEWIPC|CLONE_NEWUSER|",
        "CLONE_NEWPID|CLONE_NEWNET) = 0",
    ]


def test_a_word_that_is_longer_than_a_line_is_cut(terminal):
    terminal(120)
    path = Text(arg=0, address=1, data=b"/" + b"x" * 200)
    lines = ANSI.sub("", on_terminal([call(1, "chroot", 1, memory=(path,))])).splitlines()
    assert [len(line) for line in lines[:-1]] == [120] * (len(lines) - 1)


def test_on_a_very_narrow_terminal_lines_go_on_at_the_left(terminal):
    terminal(40)
    assert not any(line.startswith(" " * 20) for line in on_terminal([FAILED]).splitlines()[1:])


@given(strategies.CAPTURES, st.integers(20, 220))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_missing(terminal, capture, columns):
    terminal(columns)
    batches = capture.batches(cut=True)
    coloured = on_terminal(*batches)
    plain = ANSI.sub("", coloured)
    assert all(cell_len(line) <= columns for line in plain.splitlines())
    assert re.sub(r"\s", "", plain) == re.sub(r"\s", "", shown("timeline", *batches))
    terminal(columns, NO_COLOR="1")
    assert ANSI.sub("", on_terminal(*batches)) == plain


@given(strategies.CAPTURES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_text_does_not_depend_on_how_the_records_were_split(terminal, capture):
    terminal(100)
    batches = capture.batches(cut=True)
    joined = [record for batch in batches for record in batch]
    for show in (shown, lambda _, *parts: on_terminal(*parts)):
        whole = show("timeline", *capture.batches(cut=False))
        assert show("timeline", *batches) == whole
        assert show("timeline", joined) == whole


@given(strategies.CAPTURES, st.sampled_from(["failed", "-failed", "pid:1", "call:fork", "CLONE"]))
def test_nor_does_what_a_filter_leaves(capture, word):
    assert shown("timeline", *capture.batches(cut=True), words=[word]) == shown(
        "timeline", *capture.batches(cut=False), words=[word]
    )


# --- hostile processes ------------------------------------------------------------------------------------

HOSTILE = b"\x1b]0;x\x07\x1b[2J\r\n\xe2\x80\xae\xc2\x9b\xff[red]\x7f"


@pytest.mark.parametrize(
    "record",
    [
        call(1, "fork", comm=HOSTILE),
        entered(1, "fork", comm=HOSTILE),
        call(1, "chroot", 1, memory=(Text(arg=0, address=1, data=HOSTILE),)),
        execve(1, HOSTILE, HOSTILE, HOSTILE),
        start(1, 10, 1, comm=HOSTILE, how=HOSTILE.decode(errors="replace")),
        executed(1, HOSTILE, comm=HOSTILE, argv=(HOSTILE,), from_event=True),
        note(1, "warning", HOSTILE.decode(errors="replace")),
        note(1, HOSTILE.decode(errors="replace"), "x"),
    ],
    ids=lambda record: type(record).__name__,
)
@pytest.mark.parametrize("format", ["timeline", "strace", "jsonl"])
def test_what_processes_call_themselves_does_not_reach_the_terminal(terminal, record, format):
    terminal(100)
    text = ANSI.sub("", shown(format, [record], stream=Terminal()))
    assert all(letter.isprintable() or letter == "\n" for letter in text), text
    assert not re.search("[\x80-\x9f\u202e]", text)


def test_identities_are_harmless_too():
    text = shown("timeline", [identity(1), identity(2, root=HOSTILE, cgroup=b"0::/" + HOSTILE)])
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert r"\33]0;x\7" in text


def test_markup_is_text(terminal):
    terminal(200)
    assert "[red]x[/red]" in ANSI.sub("", on_terminal([call(1, "fork", comm=b"[red]x[/red]")]))


@given(strategies.ANY_RECORD)
def test_any_record_at_all_is_harmless(record):
    for format in ("timeline", "strace"):
        text = shown(format, [record])
        assert all(letter.isprintable() or letter == "\n" for letter in text)

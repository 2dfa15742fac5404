"""`--format explained`: the timeline, with notes in its margin."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from contrace.records import Record, Text
from tests.unit import strategies
from tests.unit.scene import CLONE_NEWUTS, Terminal, call, ended, execve, shown, start

ANSI = re.compile(r"\x1b\[[0-9;]*m")
MARK = "╰ "
HOSTILE = b"\x1b]0;x\x07\x1b[2J\r\n\xe2\x80\xae\xc2\x9b\xff[red]\x7f"


def explained(*records: Record, **more) -> list[str]:
    return shown("explained", list(records), **more).splitlines()


def notes(lines: list[str]) -> list[str]:
    """Each note as one line."""
    found: list[str] = []
    for line in lines:
        if line.strip().startswith(MARK):
            found.append(line.strip().removeprefix(MARK))
        elif line.startswith(" " * 60):
            found[-1] += " " + line.strip()
    return found


def test_a_note_stands_below_its_call():
    first, second, third = explained(call(1, "unshare", CLONE_NEWUTS), call(2, "fork", returns=-1))[:3]
    assert first.endswith("unshare(CLONE_NEWUTS) = 0")
    assert second == " " * 60 + MARK + "The host name is copied; changing it changes nothing for the others."
    assert "fork(" in third


def test_a_note_begins_under_the_call_and_goes_on_under_itself():
    line = "unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET)"
    flags = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
    head, *margin = explained(call(1, "unshare", flags))
    column = head.index(line)
    assert len(margin) > 1
    assert margin[0].index(MARK) == column + 2
    assert {len(more) - len(more.lstrip()) for more in margin[1:]} == {column + 4}
    assert all(len(more) - column <= 110 for more in margin)


def test_what_happens_many_times_is_explained_once():
    drops = [call(at, "prctl", 24, at) for at in range(1, 6)]  # PR_CAPBSET_DROP
    assert len(notes(explained(*drops))) == 1


def test_after_another_note_it_is_explained_again():
    names = [call(at, "unshare", CLONE_NEWUTS) for at in (1, 3)]
    assert len(notes(explained(names[0], call(2, "prctl", 38, 1), names[1]))) == 3


def test_each_process_gets_the_note():
    assert len(notes(explained(call(1, "unshare", CLONE_NEWUTS), call(2, "unshare", CLONE_NEWUTS, tid=11)))) == 2


def test_a_call_that_is_interrupted_is_explained_where_it_ends():
    text = explained(call(2, "fork", tid=11), call(1, "unshare", CLONE_NEWUTS, took=5))
    place = next(at for at, line in enumerate(text) if "resumed>" in line)
    assert MARK in text[place + 1]
    assert MARK not in "".join(text[:place])


def test_pid_1_and_a_kill_are_explained():
    assert notes(explained(start(1, 20, 10, nspids=(20, 1)), ended(2, 20, signal=9))) == [
        "Pid 1 of the new PID namespace. The host knows it as 20.",
        "Killed. If no process sent the signal, it was the kernel: out of memory in its cgroup, or the end of its PID "
        "namespace's pid 1.",
    ]


def test_without_its_notes_it_is_the_timeline():
    records = [call(1, "unshare", CLONE_NEWUTS), execve(2, b"/bin/x", b"x"), start(3, 20, 10, nspids=(20, 1))]
    rest = [line for line in explained(*records) if not line.startswith(" " * 60)]
    assert rest == shown("timeline", records).splitlines()


def test_what_a_filter_hides_is_not_explained():
    assert explained(call(1, "unshare", CLONE_NEWUTS), words=["call:execve"]) == []


@pytest.mark.parametrize("name", ["cont:[2:INIT]", "demo:act-1"])
def test_hostile_text_after_a_known_beginning_is_harmless(name):
    memory = (Text(arg=1, address=1, data=name.encode() + HOSTILE),)
    text = "\n".join(explained(call(1, "prctl", 15, 1, memory=memory, comm=HOSTILE[:15])))
    assert MARK in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@given(st.lists(strategies.ANY_RECORD, max_size=8))
def test_any_records_at_all_are_harmless(records):
    assert all(letter.isprintable() or letter == "\n" for letter in shown("explained", records))


@given(strategies.CAPTURES, st.integers(20, 220))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_is_wider_than_the_terminal(monkeypatch, capture, columns):
    for key in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    text = ANSI.sub("", shown("explained", *capture.batches(cut=True), stream=Terminal()))
    assert all(cell_len(line) <= columns for line in text.splitlines())

"""The pane of the details: how it wraps, scrolls and shortens, and that nothing it is given disturbs it."""

import time

from contrace.errors import TraceFileError
from contrace.records import Text, Vector
from contrace.tui.sections import Section, line, sentence
from contrace.tui.widgets.details import Details, wrapped
from tests.tui.details import squeezed, told
from tests.tui.pane import in_pane, lines, row_with, text, until
from tests.unit.scene import call, identity, start

SHOW_MS = 100


def test_it_is_shown_wrapped_at_the_width_there_is(real):
    row = row_with(real, "unshare(")

    async def steps(pilot, pane):
        pane.widget.show(real, row)
        await pilot.pause()
        shown = text(pane)
        assert shown.startswith("unshare")
        assert all(len(each) <= 44 for each in lines(pane))
        assert "Namespaces, before → after" in shown
        await pilot.resize_terminal(100, 24)
        await pilot.pause()
        assert "Takes the caller out of namespaces and other things that it shares" in text(pane)

    in_pane(Details(), steps, (44, 24))


def test_lines_break_between_words_and_within_long_ones():
    some = (
        Section("Title", (sentence("one two three"), line("label", "x" * 40), line("CLONE_X", "说明 works", level=1))),
    )
    found = ["".join(part for part, _ in spans) for spans in wrapped(some, 24)]

    assert found == [
        "Title",
        " one two three",
        " label  " + "x" * 16,
        "   " + "x" * 21,
        "   " + "xxx",
        "   CLONE_X  说明 works",
    ]


def test_explanations_are_left_out_where_they_would_take_a_line():
    some = (Section("T", (line("uts", "1 → 2", aside="host name"),)),)

    assert ["".join(part for part, _ in spans) for spans in wrapped(some, 30)] == ["T", " uts  1 → 2  host name"]
    assert ["".join(part for part, _ in spans) for spans in wrapped(some, 20)] == ["T", " uts  1 → 2"]


def test_keys_scroll(fed):
    records = [
        call(2, "execve", 1, 2, 3, memory=(Vector(arg=1, address=2, items=tuple(b"w%d" % n for n in range(99))),))
    ]
    feed = fed(records)
    row = row_with(feed, "execve(")

    async def steps(pilot, pane):
        details = pane.widget
        details.show(feed, row)
        await pilot.pause()
        end = details.max_scroll_y
        for key, at in (
            ("down", 1), ("j", 2), ("k", 1), ("up", 0), ("pagedown", 9), ("pageup", 0), ("G", end), ("g", 0),
            ("end", end), ("home", 0), ("ctrl+d", 9), ("ctrl+u", 0),
        ):  # fmt: skip
            await pilot.press(key)
            assert details.scroll_offset.y == at, key
        await pilot.press("G")
        details.show(feed, row)
        assert details.scroll_offset.y == end
        details.show(feed, feed.row(1))
        details.clear()
        await pilot.pause()
        assert "Nothing is selected." in text(pane)

    in_pane(Details(), steps, (60, 10))


def test_of_enormous_lists_only_the_beginning_is_shown(fed):
    words = tuple(b"%d" % number + b"x" * 5000 for number in range(400))
    memory = (Vector(arg=1, address=2, items=words), Vector(arg=2, address=3, items=words))
    feed = fed([call(2, "execve", 1, 2, 3, memory=memory)])
    began = time.perf_counter()
    found = squeezed(told(feed, "execve("))

    assert (time.perf_counter() - began) * 1000 <= 5 * SHOW_MS
    assert found.count("… and 300 more") == 2
    assert any(each.endswith("… (5001 bytes)") for each in found)


def test_long_lists_are_fast(fed):
    words = tuple(b"word%d" % number * 8 for number in range(1000))
    variables = tuple(b"NAME%d=%s" % (number, b"x" * 60) for number in range(100))
    memory = (Vector(arg=1, address=2, items=words), Vector(arg=2, address=3, items=variables))
    feed = fed([call(2, "execve", 1, 2, 3, memory=memory)])
    row = row_with(feed, "execve(")

    async def steps(pilot, pane):
        took = []
        for _ in range(3):
            began = time.perf_counter()
            pane.widget.show(feed, row)
            took.append((time.perf_counter() - began) * 1000)
        assert min(took) <= SHOW_MS
        assert "[999]" in pane.widget.text

    in_pane(Details(), steps, (100, 30))


def test_hostile_text_is_text(fed):
    bad = b"[red]\x1b[2J\xe2\x80\xae[/red]\xff"
    memory = (
        Text(arg=0, address=1, data=bad),
        Vector(arg=1, address=2, items=(bad,)),
        Vector(arg=2, address=3, items=(bad + b"=" + bad,)),
    )
    records = [
        start(0, 10, 1, comm=bad, how="attach"),
        identity(1, why="attach", cwd=bad, exe=bad, root=bad, cgroup=b"0::/" + bad),
        call(2, "execve", 1, 2, 3, comm=bad[:15], memory=memory),
    ]
    feed = fed(records)
    row = row_with(feed, "execve(")

    async def steps(pilot, pane):
        pane.widget.show(feed, row)
        await pilot.pause()
        assert all(each.isprintable() for each in lines(pane))
        shown = pane.widget.text
        assert shown.replace("\n", "").isprintable()
        escaped = r"[red]\33[2J\342\200\256[/red]\377"
        for label in ("cwd", "exe", "root", "[0]"):
            assert any(each == f"{label} {escaped}" for each in squeezed(shown)), label
        assert f"+ {escaped}" in squeezed(shown) or escaped in shown

    in_pane(Details(), steps, (120, 30))


def test_a_trace_that_cannot_be_read_any_more_is_told_and_what_was_read_stays(fed, monkeypatch):
    feed = fed([call(2, "setns", 3, 0)])
    row = row_with(feed, "setns(")

    def gone(*_):
        raise TraceFileError("the trace has vanished")

    async def steps(pilot, pane):
        pane.widget.show(feed, row)
        monkeypatch.setattr(feed, "before", gone)
        pane.widget.show(feed, row)
        await until(pilot, lambda: any(isinstance(each, Details.Failed) for each in pane.posted))
        assert text(pane).startswith("setns")

    in_pane(Details(), steps)

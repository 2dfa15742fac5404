"""The list of calls as a user sees it."""

import time

from textual.events import MouseScrollDown, MouseScrollUp

from contrace.records import Entered
from contrace.tui.widgets.calls import CallList, duration
from tests.tui.pane import ListedFeed, ListedSelection, LongFeed, LongSelection, in_pane, lines, styles, text, until
from tests.unit.scene import call, ended, entered, execve, loss, note

KEY_MS = 10  # the bound for a key in a list of a million rows
NEWNS = 0x20000


def listed(*records, first=1):
    feed = ListedFeed(enumerate(records, first))
    return feed, ListedSelection(feed)


def shown(*records, size=(100, 12), columns=("time", "process", "call", "duration"), **more):
    """The lines of the screen for these records."""
    found = []

    async def steps(pilot, pane):
        calls = pane.widget
        calls.columns = columns
        calls.bookmarks = more.get("bookmarks", ())
        calls.show(*listed(*records), more.get("cursor", 0))
        await pilot.pause()
        found.extend(text(pane).split("\n"))

    in_pane(CallList(), steps, size)
    return found


def test_each_call_is_one_line_with_time_process_and_duration():
    found = shown(call(1, "unshare", NEWNS, tid=4711, comm=b"runc:[1:CHILD]", took=0.25))

    assert found[0].split() == ["time", "process", "call", "duration"]
    assert found[1].split()[:3] == [">", "0.001000", "runc:[1:CHILD][4711]"]
    assert "unshare(CLONE_NEWNS) = 0" in found[1]
    assert found[1].endswith("250µs")


def test_a_failed_call_is_marked():
    found = shown(call(1, "setns", 3, 0), call(2, "setns", 3, 0, returns=-1))

    assert found[1][:4] == ">   "
    assert found[2][:4] == "  ! "


def test_a_call_that_has_not_returned_is_marked():
    found = shown(call(1, "setns", 3, 0), entered(2, "wait4", 5, 0, 0, 0), columns=("call", "result"))

    assert found[2].startswith("  … wait4(0x5")
    assert found[2].endswith("…")


def test_a_long_call_says_so_also_where_there_is_no_column_for_it():
    found = shown(call(1, "setns", 3, 0, took=12.3), columns=("call",))

    assert found[1].endswith("+12.3ms")


def test_bookmarks_and_losses_are_told_without_colours():
    found = shown(call(1, "setns", 3, 0), loss(2), bookmarks={1})

    assert found[1].startswith(">*")
    assert "LOST 3 records" in found[2]


def test_a_loss_stands_out_in_reverse():
    async def steps(pilot, pane):
        pane.widget.show(*listed(call(1, "setns", 3, 0), loss(2)))
        await pilot.pause()
        assert all("reverse" in style for style in styles(pane, "LOST"))
        assert styles(pane, "LOST")

    in_pane(CallList(), steps)


def test_another_theme_redraws_what_was_drawn():
    async def steps(pilot, pane):
        pane.widget.show(*listed(call(1, "setns", 3, 0, returns=-1), call(2, "setns", 4, 0, returns=-1)))
        looks = set()
        for theme in ("textual-dark", "textual-light", "textual-dark"):
            pane.theme = theme
            await pilot.pause()
            [look] = styles(pane, "setns(4, 0)")
            looks.add(look)
        assert len(looks) == 2

    in_pane(CallList(), steps)


def test_every_theme_has_the_colours_that_are_needed():
    async def steps(pilot, pane):
        pane.widget.show(*listed(call(1, "setns", 3, 0, returns=-1), loss(2)))
        for theme in pane.available_themes:
            pane.theme = theme
            await pilot.pause()
            assert "setns(3, 0)" in text(pane), theme

    in_pane(CallList(), steps)


def test_the_result_has_a_column_of_its_own_if_it_is_wanted():
    found = shown(call(1, "setns", 3, 0, returns=-1), columns=("call", "result"))

    assert "setns(3, 0) " in found[1]
    assert found[1].endswith("-1 EPERM")


def test_what_does_not_fit_is_cut_and_marked():
    found = shown(execve(1, b"/" + b"x" * 30, b"a" * 30, b"b" * 30), size=(60, 5))

    assert all(len(line) <= 60 for line in found)
    assert "…" in found[1]


def test_a_narrow_list_leaves_columns_out_before_it_leaves_the_call_out():
    found = shown(
        call(1, "unshare", NEWNS, tid=4711), columns=("time", "delta", "process", "call", "duration"), size=(44, 5)
    )

    assert "unshare(CLONE_NEWN" in found[1]
    assert "delta" not in found[0]


def test_the_stages_of_a_runtime_can_be_told_apart_in_a_narrow_list():
    found = shown(
        call(1, "setns", 3, 0, tid=4711, comm=b"runc:[1:CHILD]"),
        call(2, "setns", 3, 0, tid=4712, comm=b"runc:[2:INIT]"),
        call(3, "setns", 3, 0, tid=4713, comm=b"containerd-shim"),
        columns=("process", "call"),
        size=(50, 6),
    )

    assert [next(word for word in line.split() if "[47" in word) for line in found[1:4]] == [
        "…:CHILD][4711]",
        "…2:INIT][4712]",
        "contain…[4713]",
    ]


def test_other_records_stand_among_the_calls():
    found = shown(ended(1, status=3), note(2, "warning", "newuidmap loses its privilege"))

    assert "+++ exited with 3 +++" in found[1]
    assert found[2][2] == "!"


def test_hostile_text_is_text():
    name = b"[red]\x1b[31m\xe2\x80\xae"
    found = shown(execve(1, b"[blink]/bin/\xff\x1b[2J", b"[/]", comm=name), columns=("process", "call"), size=(140, 5))

    assert r"[red]\33[" in found[1]
    assert r'execve("[blink]/bin/\377\33[2J", ["[/]"]' in found[1]
    assert all(line.isprintable() for line in found)


def test_keys_move_the_cursor():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(100)))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        for key, at in (
            ("down", 1), ("j", 2), ("k", 1), ("up", 0), ("up", 0), ("end", 99), ("down", 99), ("home", 0),
            ("G", 99), ("g", 0), ("pagedown", 10), ("pageup", 0), ("ctrl+d", 10), ("ctrl+u", 0),
        ):  # fmt: skip
            await pilot.press(key)
            assert calls.cursor == at, key
        await pilot.press("end")
        await pilot.pause()
        assert any(line.startswith(">") and "setns(99, 0)" in line for line in lines(pane))

    in_pane(CallList(), steps, (80, 12))


def test_who_jumps_sees_what_is_around():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(1000)))

    async def steps(pilot, pane):
        pane.widget.show(feed, selection)
        await pilot.pause()
        pane.widget.cursor = 500
        await pilot.pause()
        assert "setns(496, 0)" in text(pane)
        assert "setns(504, 0)" in text(pane)

    in_pane(CallList(), steps, (80, 12))


def test_the_move_is_told_once_per_paint():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(100)))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        await until(pilot, lambda: pane.posted)
        pane.posted.clear()
        for _ in range(20):
            calls.move(1)
        await until(pilot, lambda: pane.posted)
        await pilot.pause()
        assert [message.row.id for message in pane.posted] == [21]

    in_pane(CallList(), steps)


def test_only_rows_in_sight_are_asked_for():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(1000)))

    async def steps(pilot, pane):
        pane.widget.show(feed, selection, 500)
        await pilot.pause()
        assert all(0 < count <= 24 for _, count in feed.asked)
        assert {first for first, _ in feed.asked} <= {*range(470, 501)}

    in_pane(CallList(), steps)


def test_the_cursor_stays_on_its_record_when_rows_come_in_above():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(50)), first=100)

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection, 20)
        await pilot.pause()
        before = [line for line in lines(pane) if line.startswith(">")]
        feed.records[:0] = [(id, call(0, "unshare", 0)) for id in range(1, 6)]
        calls.refresh_rows()
        await pilot.pause()
        assert calls.cursor == 25
        assert calls.row.id == 120
        assert [line for line in lines(pane) if line.startswith(">")] == before

    in_pane(CallList(), steps)


def test_a_call_that_returns_is_told_again():
    feed, selection = listed(call(1, "setns", 3, 0), entered(2, "setns", 4, 0))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection, 1)
        await until(pilot, lambda: pane.posted)
        assert isinstance(pane.posted[-1].row.record, Entered)
        feed.records[1] = (7, call(2, "setns", 4, 0))
        calls.refresh_rows()
        await until(pilot, lambda: len(pane.posted) == 2)
        assert pane.posted[-1].row.id == 7
        assert "setns(4, 0) = 0" in text(pane)

    in_pane(CallList(), steps)


def test_following_stays_at_the_end_until_the_user_leaves_it():
    feed, selection = listed(call(0, "setns", 0, 0))

    async def grow(pilot, calls, count):
        last = len(feed.records)
        feed.records += [(last + at + 1, call(last + at, "setns", last + at, 0)) for at in range(count)]
        calls.refresh_rows()
        await pilot.pause()

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        calls.follow = True
        await grow(pilot, calls, 60)
        assert calls.cursor == 60
        assert "setns(60, 0)" in text(pane)
        await pilot.press("up")
        assert not calls.follow
        await grow(pilot, calls, 60)
        assert calls.cursor == 59
        assert "setns(59, 0)" in text(pane)

    in_pane(CallList(), steps)


def test_growing_rows_appear_below_without_moving_anything():
    feed, selection = listed(call(0, "setns", 0, 0))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        await until(pilot, lambda: "setns(0, 0)" in text(pane))
        feed.records.append((2, call(1, "unshare", NEWNS)))
        calls.refresh_rows()
        await until(pilot, lambda: "unshare(CLONE_NEWNS)" in text(pane))
        assert calls.cursor == 0

    in_pane(CallList(), steps)


def test_mouse():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(100)))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        await pilot.pause()
        await pilot.click(CallList, offset=(20, 5))
        assert calls.cursor == 4
        await pilot.click(CallList, offset=(20, 7), times=2)
        await until(pilot, lambda: any(isinstance(each, CallList.Opened) for each in pane.posted))
        assert next(each for each in pane.posted if isinstance(each, CallList.Opened)).row.position == 6
        await pilot.click(CallList, offset=(20, 0))
        assert calls.cursor == 6
        await pilot._post_mouse_events([MouseScrollDown], CallList, button=0)
        await until(pilot, lambda: calls.scroll_offset.y > 0)
        assert calls.cursor == 6
        calls.follow = True
        assert calls.cursor == 99
        await pilot._post_mouse_events([MouseScrollUp], CallList, button=0)
        await until(pilot, lambda: not calls.follow)

    in_pane(CallList(), steps)


def test_a_click_hits_its_row_also_inside_a_border():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(100)))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.styles.border = ("round", "white")
        calls.show(feed, selection)
        await pilot.pause()
        await pilot.click(CallList, offset=(20, 5))
        await pilot.pause()
        assert any(line.startswith("│>") and "setns(3, 0)" in line for line in lines(pane))
        assert sum(line.startswith("│>") for line in lines(pane)) == 1

    in_pane(CallList(), steps)


def test_enter_opens():
    async def steps(pilot, pane):
        pane.widget.show(*listed(call(1, "setns", 3, 0)))
        await pilot.press("enter")
        await until(pilot, lambda: any(isinstance(each, CallList.Opened) for each in pane.posted))

    in_pane(CallList(), steps)


def test_an_empty_list_has_no_row():
    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(*listed())
        await pilot.press("down", "end", "enter")
        calls.refresh_rows()
        await pilot.pause()
        assert calls.row is None
        assert pane.posted[-1].row is None

    in_pane(CallList(), steps)


def test_a_trace_that_cannot_be_read_any_more_is_told_and_what_was_read_stays():
    feed, selection = listed(*(call(at, "setns", at, 0) for at in range(100)))

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, selection)
        await until(pilot, lambda: "setns(0, 0)" in text(pane))
        feed.refusal = "the trace has vanished"
        await pilot.press("end")
        await until(pilot, lambda: any(isinstance(each, CallList.Failed) for each in pane.posted))
        await pilot.press("home")
        assert "setns(0, 0)" in text(pane)

    in_pane(CallList(), steps)


def test_a_million_rows_scroll_in_time():
    feed = LongFeed()

    async def steps(pilot, pane):
        calls = pane.widget
        calls.show(feed, LongSelection())
        await pilot.pause()
        took = []
        for step in [*[1] * 100, *["page_down"] * 100, "end", *[-1] * 100, *["page_up"] * 50, "home", "end", "home"]:
            began = time.perf_counter()
            calls.move(step)
            [calls.render_line(y) for y in range(calls.size.height)]
            took.append((time.perf_counter() - began) * 1000)
        took.sort()
        assert took[len(took) // 2] <= KEY_MS
        assert feed.rows_asked < 30_000

    in_pane(CallList(), steps, (250, 70))


def test_durations_are_short():
    assert [duration(ns) for ns in (0, 850_000, 12_300_000, 1_200_000_000)] == ["0µs", "850µs", "12.3ms", "1.20s"]

"""A tiny app around one widget, and feeds for it: what the tests of the lists and the details need, no more."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from contrace.decode.call import decode
from contrace.decode.notation import Notation
from contrace.errors import TraceFileError
from contrace.output.describe import describe
from contrace.records import Entered, Record, Syscall
from contrace.story.processes import Task
from contrace.tui.choice import Choice, Row
from contrace.tui.feed import Feed
from tests.unit.scene import META, call

DEADLINE_S = 10.0


class Pane(App[None]):
    """One widget over the whole screen, and the messages that it posted."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.posted: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()

    def on_call_list_moved(self, message) -> None:
        self.posted.append(message)

    on_call_list_opened = on_call_list_failed = on_details_failed = on_call_list_moved
    on_process_tree_view_narrowed = on_call_list_moved


def in_pane(
    widget: Widget, steps: Callable[[Pilot[None], Pane], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    """Run an app of the widget, and the steps in it."""

    async def main() -> None:
        pane = Pane(widget)
        async with pane.run_test(size=size) as pilot:
            await steps(pilot, pane)

    asyncio.run(main())


def lines(pane: Pane) -> list[str]:
    """What is on the screen."""
    return [strip.text.rstrip() for strip in pane.screen._compositor.render_strips()]


def text(pane: Pane) -> str:
    """The same in one piece, without the scroll bar."""
    return "\n".join(line.rstrip("▁▂▃▄▅▆▇█ ") for line in lines(pane))


def styles(pane: Pane, piece: str) -> list[str]:
    """The style of each segment that holds a piece of text."""
    return [
        str(segment.style)
        for strip in pane.screen._compositor.render_strips()
        for segment in strip
        if piece in segment.text
    ]


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Wait for a state, with a deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE_S
    while not holds():
        assert loop.time() < end, "\n".join(lines(pilot.app))
        await pilot.pause(0.01)


def row_of(position: int, id: int, record: Record, task: Task | None = None) -> Row:
    """A row as the feed makes it."""
    told = decode(record, Notation()) if isinstance(record, Syscall | Entered) else None
    if isinstance(record, Syscall):
        shown = f"{told.head}{told.tail} = {told.result}"
    else:
        shown = told.head if told else describe(record, Notation(), None, META.started_monotonic_ns)
    who = task or Task(record.tid, record.pid, getattr(record, "comm", b""), nspids=(record.tid,))
    return Row(position, id, record, who, told, shown, 1_000_000 if position else None)


class ListedSelection:
    """A selection of the records of a list that tests change."""

    def __init__(self, feed: "ListedFeed") -> None:
        self.choice = Choice()
        self._feed = feed
        self.complete, self.scanned = True, 1.0

    @property
    def count(self) -> int:
        return len(self._feed.records)

    def ids(self, first: int, count: int) -> list[int]:
        return [id for id, _ in self._feed.records[first : first + count]]

    def position_of(self, id: int) -> int | None:
        found = [position for position, (each, _) in enumerate(self._feed.records) if each >= id]
        return found[0] if found else None


class ListedFeed:
    """Answers ``rows`` from a list of (id, record), and counts what it was asked for."""

    def __init__(self, records: Iterable[tuple[int, Record]]) -> None:
        self.meta = META
        self.records = list(records)
        self.asked: list[tuple[int, int]] = []
        self.refusal = ""

    def rows(self, selection: ListedSelection, first: int, count: int) -> list[Row]:
        if self.refusal:
            raise TraceFileError(self.refusal)
        self.asked.append((first, count))
        some = self.records[first : first + count]
        return [row_of(first + at, id, record) for at, (id, record) in enumerate(some)]


class LongSelection:
    """A million rows."""

    choice, count, complete, scanned = Choice(), 1_000_000, True, 1.0

    def ids(self, first: int, count: int) -> list[int]:
        return list(range(first, min(first + count, self.count)))

    def position_of(self, id: int) -> int | None:
        return id if id < self.count else None


class LongFeed:
    """Makes rows up, decoding each one that is asked for, as the feed does."""

    meta = META

    def __init__(self) -> None:
        self.rows_asked = 0

    def rows(self, selection: LongSelection, first: int, count: int) -> list[Row]:
        count = min(count, selection.count - first)
        self.rows_asked += count
        return [row_of(first + at, first + at, call(first + at, "unshare", 0x20000)) for at in range(count)]


def taken_in(path: Path) -> Feed:
    """A feed that knows all of a trace."""
    feed = Feed(path)
    while feed.take_in():
        pass
    return feed


def row_with(feed: Feed, start: str) -> Row:
    """The first row whose text begins so."""
    selection = feed.select(Choice())
    while feed.scan(selection):
        pass
    for row in feed.rows(selection, 0, selection.count):
        if row.text.startswith(start):
            return row
    raise AssertionError(start)

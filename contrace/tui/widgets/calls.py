"""The list of calls: what happened, line by line, however much that was.

The lines are asked of the feed when they come into sight. The cursor stands on a record, not on a place: it stays with
it when rows are inserted above. What a line is can be told without colours: ``!`` a call failed, ``…`` it has not
returned, ``*`` a bookmark, ``+12.3ms`` it took long, ``LOST`` records are missing here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual.message import Message
from textual.reactive import reactive

from contrace.errors import TraceFileError
from contrace.output.escape import name
from contrace.records import Entered, Identity, Loss, Note, Syscall, TaskExit
from contrace.tui import style
from contrace.tui.choice import Row, Sort
from contrace.tui.feed import Feed, Selection
from contrace.tui.style import Role
from contrace.tui.widgets.lines import MORE, LineList, Spans, Step, cut_name, fit

COLUMNS = ("time", "delta", "process", "call", "result", "duration")
"""The columns that there are, in the order in which they stand."""

_NS_PER_S = 1_000_000_000
_LONG_NS = 1_000_000
_ROWS = 2_000  # that are kept
_WIDE, _NARROW = 120, 60  # cells: above the one there is room for everything, below the other only for the call
_LEAST = 24  # cells that the call has, whatever else is wanted
_LEFT_OUT = ("delta", "duration", "time", "result", "process")
"""Columns that are left out where the call would have less, the first ones first."""
_GAP = " "
_MARKS = 4  # cells at the left: the cursor, a bookmark, what kind of line it is, a gap
_Answer = TypeVar("_Answer")


class CallList(LineList):
    """Rows of a selection."""

    DEFAULT_CSS = style.css("CallList")
    top_lines: ClassVar[int] = 1

    follow: reactive[bool] = reactive(False, init=False)
    """Stay at the end while it grows. Whoever moves away from the end switches it off."""

    @dataclass
    class Moved(Message):
        """Another row is under the cursor, or the same one has changed; None: the list is empty."""

        calls: "CallList"
        row: Row | None

    @dataclass
    class Opened(Message):
        """Enter, or a double click."""

        calls: "CallList"
        row: Row

    @dataclass
    class Failed(Message):
        """The trace could not be read. What was read is still shown."""

        error: TraceFileError

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._feed: Feed | None = None
        self._selection: Selection | None = None
        self._columns: tuple[str, ...] = ("time", "process", "call", "duration")
        self._bookmarks: frozenset[int] = frozenset()
        self._rows: dict[int, Row] = {}
        self._current: Row | None = None
        self._widths: dict[str, int] = {}

    # --- what is shown --------------------------------------------------------------------------------------

    @property
    def selection(self) -> Selection | None:
        """What is shown; None: nothing yet."""
        return self._selection

    @property
    def row(self) -> Row | None:
        """The row under the cursor; None in an empty list."""
        return self._row(self.cursor) if self.cursor < self.count_lines() else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names out of ``COLUMNS``; those without ``result`` have it in the call's text."""
        return self._columns

    @columns.setter
    def columns(self, names: Iterable[str]) -> None:
        wanted = frozenset(names)
        self._columns = tuple(column for column in COLUMNS if column in wanted or column == "call")
        self._widths = {}
        self.redraw()

    @property
    def bookmarks(self) -> frozenset[int]:
        """Ids of records that are marked."""
        return self._bookmarks

    @bookmarks.setter
    def bookmarks(self, ids: Iterable[int]) -> None:
        self._bookmarks = frozenset(ids)
        self.redraw()

    def show(self, feed: Feed, selection: Selection, cursor: int = 0) -> None:
        """Show another selection, with the cursor at a position."""
        self._feed, self._selection = feed, selection
        self._rows = {}
        self._cursor = max(0, min(cursor, selection.count - 1))
        self._current = self.row
        self._widths = {}
        self.redraw()
        self._keep_in_sight()
        self.announce()

    def refresh_rows(self) -> None:
        """The selection has grown, or rows have become others."""
        if self._selection is None:
            return
        if not self.follow and self._are_same():
            self.measure()
            self._announce_another()
            return
        # The row to which a key has just moved, which nobody has been told yet.
        before, was_at = self.row, self.cursor
        self._rows = {}
        if self.follow:
            self._cursor = max(0, self._selection.count - 1)
        elif before is not None:
            at = self._asked(self._selection.position_of, before.id)
            self._cursor = was_at if at is None else at
        self.redraw()
        if not self.follow and self.cursor != was_at:
            self.scroll_by(self.cursor - was_at)
        self._keep_in_sight()
        self._announce_another()

    def _announce_another(self) -> None:
        """Where the row under the cursor is not the one that was told last: the first rows may come after that."""
        if _identity(self.row) != _identity(self._current):
            self.announce_rarely() if self.follow else self.announce()

    def move(self, step: Step) -> None:
        """See ``LineList.move``."""
        super().move(step)
        self.follow = self.follow and self.cursor >= self.count_lines() - 1

    def watch_follow(self, follow: bool) -> None:
        """Following begins where the end is now."""
        if follow:
            self.move("end")

    def on_mouse_scroll_up(self) -> None:
        """Who looks at what was before does not want to be called back."""
        self.follow = False

    def action_open(self) -> None:
        """See ``LineList.action_open``."""
        if (row := self.row) is not None:
            self.post_message(self.Opened(self, row))

    def tell(self) -> None:
        """See ``LineList.tell``."""
        self._current = row = self.row
        self.post_message(self.Moved(self, row))

    # --- lines ----------------------------------------------------------------------------------------------

    def count_lines(self) -> int:
        """See ``LineList.count_lines``."""
        return self._selection.count if self._selection is not None else 0

    def titles(self) -> Spans:
        """See ``LineList.titles``."""
        sort = self._selection.choice.sort if self._selection is not None else Sort.TIME
        yield "   ", Role.TITLE
        for column, width in self._shown().items():
            mark = "↓" if sort is not Sort.TIME and column == sort else ""
            yield fit(column + mark, width, right=column in _RIGHT), Role.TITLE
            yield _GAP, Role.TITLE

    def spans(self, index: int) -> Spans:
        """See ``LineList.spans``."""
        row = self._row(index)
        if row is None:
            yield "  ?", Role.QUIET
            return
        yield "*" if row.id in self._bookmarks else " ", Role.WARNING
        yield _sign(row)
        yield _GAP, Role.PLAIN
        shown = self._shown()
        for column, width in shown.items():
            if column == "call":
                yield from self._call(row, width)
            else:
                text, role = _CELLS[column](self, row, width)
                yield fit(text, width, right=column in _RIGHT), role
            yield _GAP, Role.PLAIN

    def on_resize(self) -> None:
        """The columns get other widths. Textual calls ``LineList.on_resize`` next."""
        self._widths = {}

    # --- inside ---------------------------------------------------------------------------------------------

    def _row(self, index: int) -> Row | None:
        """Of those that are in sight, all are asked for at once."""
        row = self._rows.get(index)
        if row is not None or self._feed is None or self._selection is None:
            return row
        top = self.scroll_offset.y
        first, count = (top, self._room()) if top <= index < top + self._room() else (index, 1)
        if len(self._rows) > _ROWS:
            self._rows = {}
        for offset, each in enumerate(self._asked(self._feed.rows, self._selection, first, count) or ()):
            self._rows[first + offset] = each
        return self._rows.get(index)

    def _are_same(self) -> bool:
        """Whether the lines in sight and the one under the cursor still are what is drawn. What is out of sight may
        have become something else: it is forgotten."""
        if self._selection is None or not self._rows:
            return False
        top, room = self.scroll_offset.y, self._room()
        ids = self._selection.ids(top, room)
        kept = {top + offset: row for offset, id in enumerate(ids) if (row := self._rows.get(top + offset)) is not None}
        if [row.id for row in kept.values()] != ids or self.cursor not in kept or len(ids) < room:
            return False
        self._rows = kept
        self._drawn = {drawn: strip for drawn, strip in self._drawn.items() if drawn[0] in kept}
        return True

    def _asked(self, question: Callable[..., _Answer], *about: object) -> _Answer | None:
        try:
            return question(*about)
        except TraceFileError as error:
            self.post_message(self.Failed(error))
            return None

    def _shown(self) -> dict[str, int]:
        """The columns for which there is room -> how wide they are."""
        if not self._widths:
            self._widths = self._fitted()
        return self._widths

    def _fitted(self) -> dict[str, int]:
        total = self.width
        size = 2 if total >= _WIDE else 1 if total >= _NARROW else 0
        widths = {column: _WIDTHS[column][size] for column in self._columns if column != "call"}
        for column in ("", *_LEFT_OUT):
            widths.pop(column, None)
            room = total - _MARKS - sum(widths.values()) - len(widths) * len(_GAP)
            if room >= _LEAST:
                break
        return {column: widths.get(column, room) for column in COLUMNS if column in widths or column == "call"}

    def _call(self, row: Row, width: int) -> Iterator[tuple[str, Role]]:
        role, call = _role(row), row.call
        text = row.text
        if call is not None and "result" in self._shown():
            text = call.head + call.tail
        mark = _took(row) if _is_long(row) and "duration" not in self._shown() else ""
        if not mark:
            yield fit(text, width), role
            return
        yield fit(text, max(width - len(mark) - 1, 0)), role
        yield f" {mark}", Role.LONG

    def _time(self, row: Row, width: int) -> tuple[str, Role]:
        started_ns = self._feed.meta.started_monotonic_ns if self._feed is not None else 0
        return _seconds(row.record.time_ns - started_ns, width), Role.PLAIN

    def _delta(self, row: Row, width: int) -> tuple[str, Role]:
        return "" if row.delta_ns is None else "+" + _seconds(row.delta_ns, width - 1), Role.QUIET

    def _process(self, row: Row, width: int) -> tuple[str, Role]:
        task = row.task
        if not task.tid:
            return "", Role.PLAIN
        ids = f"[{task.pid}]" if task.tid == task.pid else f"[{task.pid}/{task.tid}]"
        # Of a long name the end is left out, not the number, which is what tells processes apart.
        comm = name(task.comm)
        if len(comm) + len(ids) > width:
            ids = f"[{task.pid}]"
            comm = cut_name(comm, max(width - len(ids), 1))
        return comm + ids, style.of_process(task.pid)

    def _result(self, row: Row, width: int) -> tuple[str, Role]:
        if row.call is None:
            return "", Role.PLAIN
        if isinstance(row.record, Entered):
            return MORE, Role.QUIET
        result = row.call.result
        if len(result) > width:
            result = result.partition(" (")[0]  # the errno's name says it as well
        return result, Role.ERROR if row.call.errno else Role.PLAIN

    def _duration(self, row: Row, width: int) -> tuple[str, Role]:
        return _took(row), Role.LONG if _is_long(row) else Role.QUIET


_RIGHT = frozenset(("time", "delta", "duration"))
_WIDTHS: dict[str, tuple[int, int, int]] = {
    "time": (8, 9, 11),
    "delta": (9, 10, 11),
    "process": (14, 22, 26),
    "result": (10, 14, 26),
    "duration": (8, 8, 8),
}
"""Cells in a narrow, a middling and a wide list."""
_CELLS: dict[str, Callable[[CallList, Row, int], tuple[str, Role]]] = {
    "time": CallList._time,
    "delta": CallList._delta,
    "process": CallList._process,
    "result": CallList._result,
    "duration": CallList._duration,
}


def _identity(row: Row | None) -> tuple[int, type[object]] | None:
    """What tells whether it still is the same row: an Entered becomes a Syscall."""
    return None if row is None else (row.id, type(row.record))


def _sign(row: Row) -> tuple[str, Role]:
    match row.record:
        case Entered():
            return MORE, Role.QUIET
        case Syscall() if row.call is not None and row.call.errno:
            return "!", Role.ERROR
        case TaskExit(signal=signal) if signal:
            return "!", Role.ERROR
        case Loss() | Note(topic="warning"):
            return "!", Role.WARNING
    return " ", Role.PLAIN


def _role(row: Row) -> Role:
    match row.record:
        case Loss():
            return Role.LOSS
        case Note(topic="warning"):
            return Role.WARNING
        case Identity():
            return Role.CHANGE
        case TaskExit(signal=signal) if signal:
            return Role.ERROR
        case Syscall() if row.call is not None and row.call.errno:
            return Role.ERROR
        case Syscall() | Entered():
            return Role.PLAIN
    return Role.QUIET


def _took_ns(row: Row) -> int | None:
    record = row.record
    if not isinstance(record, Syscall) or record.result is None or record.from_event:
        return None
    return record.end_ns - record.time_ns


def _is_long(row: Row) -> bool:
    return (_took_ns(row) or 0) > _LONG_NS


def _took(row: Row) -> str:
    took_ns = _took_ns(row)
    return "" if took_ns is None else ("+" if took_ns > _LONG_NS else "") + duration(took_ns)


def duration(took_ns: int) -> str:
    """Short: ``850µs``, ``12.3ms``, ``1.20s``."""
    if took_ns < _LONG_NS:
        return f"{took_ns / 1_000:.0f}µs"
    if took_ns < _NS_PER_S:
        return f"{took_ns / 1_000_000:.1f}ms"
    return f"{took_ns / _NS_PER_S:.2f}s"


def _seconds(time_ns: int, width: int) -> str:
    """With as many decimals as have room, six at the most."""
    text = f"{time_ns / _NS_PER_S:.6f}"
    if len(text) <= width:
        return text
    return text[:width].rstrip(".") if text.index(".") <= width else text

"""Summary: calls by name and by process, what is missing, and how the trace was taken.

A worker asks for the figures, since that may mean going through the whole trace; of one that is still being recorded it
asks again and again. Losses and truncations stand on top: figures are only worth what is not missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from contrace.decode.notation import Notation
from contrace.errors import TraceFileError
from contrace.output.describe import describe
from contrace.output.escape import printable
from contrace.output.summary import counted
from contrace.records import Kind
from contrace.trace.reader import TraceReader
from contrace.trace.schema import End, Meta
from contrace.tui.choice import Choice, Figure, Statistics
from contrace.tui.feed import Feed
from contrace.tui.messages import Refused
from contrace.tui.shared import shared
from contrace.tui.widgets.table import Column, Table

_NS_PER_S = 1_000_000_000
_AGAIN_S = 1.0
_MOST_NOTES = 200
"""Notes and losses that are shown; of more, how many there are."""


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort figures."""

    title: str
    """As in the column that it sorts by."""
    key: Callable[[Figure], tuple[object, ...]]


ORDERS: tuple[Order, ...] = (
    Order("CALLS", lambda figure: (-figure.count, figure.key, figure.pid)),
    Order("TIME", lambda figure: (-figure.time_ns, figure.key, figure.pid)),
    Order("ERRORS", lambda figure: (-figure.errors, figure.key, figure.pid)),
    Order("NAME", lambda figure: (figure.key, figure.pid)),
)
"""``s`` goes through them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How a trace was taken, and the figures of it."""

    meta: Meta
    end: End | None
    growing: bool
    statistics: Statistics
    told: tuple[str, ...]
    """Losses and notes, harmless to a terminal."""
    untold: int
    """More of them, which are not in ``told``."""


class SummaryScreen(Screen[None]):
    """See the module."""

    DEFAULT_CSS = """
    SummaryScreen #figures { height: auto; max-height: 3; padding: 0 1; text-style: bold; background: $panel; }
    SummaryScreen #missing { height: auto; max-height: 3; padding: 0 1; }
    SummaryScreen #missing.-some { text-style: bold reverse; }
    SummaryScreen #both { height: 2fr; }
    SummaryScreen #per-call { width: 1fr; border-right: solid $panel; }
    SummaryScreen #per-process { width: 1fr; }
    SummaryScreen #how { height: 1fr; border-top: solid $panel; padding: 0 1; }
    SummaryScreen #taken { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "sort", "Sort")]

    class Counted(Message):
        """A worker has the figures."""

        def __init__(self, feed: Feed, taken: Taken) -> None:
            super().__init__()
            self.feed = feed
            self.taken = taken

    def __init__(self) -> None:
        super().__init__()
        self._feed: Feed | None = None
        self._statistics: Statistics | None = None
        self._order = 0
        self._counting = False
        """A worker is at it: it is let finish, or a large trace would never be counted."""

    def compose(self) -> ComposeResult:
        yield Static("", id="figures", markup=False)
        yield Static("", id="missing", markup=False)
        with Horizontal(id="both"):
            with Vertical(id="per-call"):
                yield Table(_columns("CALL", 0), id="by-call")
            with Vertical(id="per-process"):
                yield Table(_columns("PROCESS", 0), id="by-process")
        with VerticalScroll(id="how"):
            yield Static("", id="taken", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """A trace that grows has other figures a moment later."""
        self.set_interval(_AGAIN_S, self._again)

    def on_screen_resume(self) -> None:
        """Another trace may have been opened meanwhile, and this one may have grown."""
        self._feed = shared(self).feed
        if self._feed is None:
            self.query_one("#figures", Static).update("no trace is open")
        else:
            self._ask(self._feed)

    def action_sort(self) -> None:
        """By the next of ``ORDERS``."""
        self._order = (self._order + 1) % len(ORDERS)
        self._show_tables()

    # --- what is shown ------------------------------------------------------------------------------------

    def _again(self) -> None:
        feed = self._feed
        if feed is None or feed is not shared(self).feed or self._counting or not self.is_current:
            return
        try:
            if feed.recording():
                self._ask(feed)
        except TraceFileError as error:
            self.notify(printable(str(error)), severity="error", markup=False)

    def _ask(self, feed: Feed) -> None:
        self._counting = True
        self._count(feed)

    @work(thread=True, exclusive=True, group="figures")
    def _count(self, feed: Feed) -> None:
        worker = get_current_worker()
        try:
            taken = take(feed)
        except TraceFileError as error:
            self.post_message(Refused(feed, str(error)))
        else:
            if not worker.is_cancelled:
                self.post_message(self.Counted(feed, taken))

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        self._counting = False
        if message.feed is shared(self).feed:  # else it was closed meanwhile, and nobody asks for it any more
            self.notify(printable(message.text), severity="error", markup=False)

    @on(Counted)
    def _counted(self, message: Counted) -> None:
        self._counting = False
        if message.feed is not self._feed:
            return
        taken = message.taken
        self._statistics = taken.statistics
        self.query_one("#figures", Static).update(figures(taken.statistics))
        missing = self.query_one("#missing", Static)
        missing.update(missing_text(taken.statistics, taken.end))
        missing.set_class(_is_missing(taken.statistics, taken.end), "-some")
        self.query_one("#taken", Static).update(how(taken))
        self._show_tables()

    def _show_tables(self) -> None:
        statistics = self._statistics
        if statistics is None:
            return
        key = ORDERS[self._order].key
        for which, title, rows in (
            ("#by-call", "CALL", statistics.by_call),
            ("#by-process", "PROCESS", statistics.by_process),
        ):
            table: Table[Figure] = self.query_one(which, Table)
            table.show(sorted(rows, key=key), columns=_columns(title, self._order))


def take(feed: Feed) -> Taken:
    """Everything that the screen shows; for a worker thread. Raises TraceFileError."""
    statistics = feed.statistics(Choice())
    reader = TraceReader(feed.path)
    try:
        growing = reader.writer_alive()  # asked first: what ends meanwhile is then seen as ended
        end = reader.ended
        told: list[str] = []
        untold = 0
        for _, record in reader.records(kinds=(Kind.LOSS, Kind.NOTE)):
            if len(told) < _MOST_NOTES:
                told.append(describe(record, Notation(), None, reader.meta.started_monotonic_ns))
            else:
                untold += 1
        return Taken(reader.meta, end, growing, statistics, tuple(told), untold)
    finally:
        reader.close()


def figures(statistics: Statistics) -> str:
    """How much there is, in one line."""
    return (
        f"{counted(statistics.calls, 'call')}, {counted(statistics.errors, 'error')}, "
        f"{counted(statistics.processes, 'process', 'processes')}, {counted(statistics.threads, 'more thread')}"
    )


def missing_text(statistics: Statistics, end: End | None) -> str:
    """What is lost and cut off, in one line."""
    lost = max(statistics.lost, end.lost if end is not None else 0)
    if lost or statistics.uncounted:
        least = "at least " if lost and statistics.uncounted else ""
        said = f"LOST {least}{counted(lost, 'record') if lost else 'an unknown number of records'}"
    else:
        said = "nothing lost"
    cut = counted(statistics.truncated, "call")
    return f"{said}; {f'TRUNCATED memory of {cut}' if statistics.truncated else 'nothing truncated'}"


def how(taken: Taken) -> Text:
    """How the trace was taken."""
    meta, end = taken.meta, taken.end
    text = Text()
    started = datetime.fromtimestamp(meta.started_ns // _NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    calls = "all" if meta.calls is None else ", ".join(meta.calls)
    for label, value in (
        ("target", " ".join(meta.command) or "?"),
        ("mode", meta.mode or "?"),
        ("backend", f"{meta.backend}, scope {meta.scope}{'' if meta.follow else ', without what the target starts'}"),
        ("calls", calls),
        ("started", started),
        ("ended", _ending(taken)),
        ("host", f"{meta.host or '?'}, Linux {meta.kernel or '?'}, {meta.machine or '?'}"),
        ("contrace", meta.version),
    ):
        text.append(f"{label:<10}", "bold")
        text.append(f"{printable(value)}\n")
    if end is not None:
        text.append(f"{'records':<10}", "bold")
        text.append(f"{end.records:,} written\n")
    for line in taken.told:
        text.append(f"{line}\n", "bold" if line.startswith("LOST") else "")
    if taken.untold:
        text.append(f"and {taken.untold:,} more notes and losses\n")
    return text


def _ending(taken: Taken) -> str:
    if taken.end is not None:
        seconds = (taken.end.ended_monotonic_ns - taken.meta.started_monotonic_ns) / _NS_PER_S
        return f"after {seconds:.6f} s: {taken.end.reason}"
    if taken.growing:
        return "it is still being recorded"
    return "it has no end: the recorder was killed or could not write, and the last moments may be missing"


def _is_missing(statistics: Statistics, end: End | None) -> bool:
    return bool(statistics.lost or statistics.uncounted or statistics.truncated or (end is not None and end.lost))


def _columns(title: str, order: int) -> Sequence[Column[Figure]]:
    """The column that is sorted by says so."""
    chosen = ORDERS[order].title

    def marked(name: str) -> str:
        return f"{name}↓" if name == chosen else name

    return (
        Column(marked("CALLS"), 8, lambda figure: str(figure.count), right=True),
        Column(marked("TIME"), 9, lambda figure: f"{figure.time_ns / _NS_PER_S:.3f} s", right=True),
        Column(marked("ERRORS"), 7, lambda figure: str(figure.errors) if figure.errors else "-", right=True),
        Column(f"{title}↓" if chosen == "NAME" else title, 20, _who),
    )


def _who(figure: Figure) -> str:
    return f"{figure.key}[{figure.pid}]" if figure.pid else figure.key

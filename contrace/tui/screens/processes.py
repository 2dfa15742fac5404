"""Processes: who existed at the moment of the selected record, as the host and as a PID namespace sees it.

The moment is right behind that record; behind a call, with what it made of its task. Playing goes to the next or
previous record at which something about processes changed, and selects it for all screens. A world may take a while to
make, so a worker makes it; of several moments that were asked for quickly, only the last is shown.
"""

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Select, Static
from textual.worker import get_current_worker

from contrace.decode.notation import Notation
from contrace.errors import TraceFileError
from contrace.output.describe import describe
from contrace.output.escape import name, printable
from contrace.output.summary import counted
from contrace.records import Identity, Syscall
from contrace.story.world import World
from contrace.tui.choice import Row
from contrace.tui.feed import Feed
from contrace.tui.messages import Refused
from contrace.tui.shared import shared
from contrace.tui.widgets import world as texts
from contrace.tui.widgets.table import Table

_NS_PER_S = 1_000_000_000
_WIDE = 120  # columns of the screen from which the namespaces stand before the command


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a worker found out about a moment."""

    world: World
    row: Row
    text: str


class ProcessesScreen(Screen[None]):
    """See the module."""

    DEFAULT_CSS = """
    ProcessesScreen #moment { height: 1; background: $panel; color: $foreground; text-style: bold; padding: 0 1; }
    ProcessesScreen #moment, ProcessesScreen SelectCurrent Static { text-wrap: nowrap; text-overflow: ellipsis; }
    ProcessesScreen #lost { height: 1; text-style: bold reverse; padding: 0 1; display: none; }
    ProcessesScreen #lost.-some { display: block; }
    ProcessesScreen #both { height: 1fr; }
    ProcessesScreen #outside { width: 3fr; border-right: solid $panel; }
    ProcessesScreen #within { width: 2fr; }
    ProcessesScreen .caption { height: 1; text-style: bold; padding: 0 1; }
    ProcessesScreen Select { height: 1; }
    ProcessesScreen #about { height: 1fr; border-top: solid $panel; padding: 0 1; }
    ProcessesScreen #process { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "play(-1)", "Back in time"),
        Binding("greater_than_sign", "play(1)", "Forward in time"),
        Binding("v", "view(1)", "Another inside view"),
        Binding("V", "view(-1)", show=False),
    ]

    class Made(Message):
        """A worker has made the world of a moment."""

        def __init__(self, moment: _Moment) -> None:
            super().__init__()
            self.moment = moment

    def __init__(self) -> None:
        super().__init__()
        self._at: int | None = None
        self._feed: Feed | None = None
        self._world: World | None = None
        self._view: int | None = None
        self._pid: int | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="moment", markup=False)
        yield Static("", id="lost", markup=False)
        with Horizontal(id="both"):
            with Vertical(id="outside"):
                yield Static("on the host", id="outside-caption", classes="caption", markup=False)
                yield Table(texts.host_columns(wide=False), special=lambda line: line.own not in ("-", "?"), id="host")
            with Vertical(id="within"):
                yield Select[int]((), prompt="inside: nobody is in another PID namespace", compact=True)
                yield Table(texts.inside_columns(wide=False), id="inside")
        with VerticalScroll(id="about"):
            yield Static("", id="process", markup=False)
        yield Footer()

    def on_screen_resume(self) -> None:
        """Another record may have been selected meanwhile, or another trace opened."""
        feed = shared(self).feed
        if feed is None:
            self.query_one("#moment", Static).update("no trace is open")
            return
        selected = shared(self).selected_id
        id = feed.known if selected is None else selected
        if feed is not self._feed:
            self._feed, self._world, self._view, self._pid, self._at = feed, None, None, None, None
        if id != self._at:
            self._go(id)

    def on_resize(self) -> None:
        """On a wide screen there is room for the namespaces."""
        wide = self.size.width >= _WIDE
        for which, columns in (("#host", texts.host_columns(wide=wide)), ("#inside", texts.inside_columns(wide=wide))):
            table = self._table(which)
            table.show(table.items, columns=columns)

    def action_play(self, step: int) -> None:
        """To the next (1) or previous (-1) moment at which something about processes changed."""
        if self._feed is None or self._at is None:
            return
        id = self._feed.tree.turn(self._at, step)
        if id is None:
            where = "after" if step > 0 else "before"
            self.notify(f"nothing about processes changed {where} this moment", markup=False)
            return
        shared(self).selected_id = id
        self._go(id)

    def action_view(self, step: int) -> None:
        """Look from inside the next (1) or previous (-1) PID namespace."""
        views = self._world.views() if self._world is not None else ()
        if not views:
            return
        inodes = [view.inode for view in views]
        at = inodes.index(self._view) + step if self._view in inodes else 0
        self.query_one(Select).value = inodes[at % len(inodes)]

    # --- what is shown ------------------------------------------------------------------------------------

    def _go(self, id: int) -> None:
        self._at = id
        feed = self._feed
        if feed is not None:
            self._make(feed, id)

    @work(thread=True, exclusive=True, group="world")
    def _make(self, feed: Feed, id: int) -> None:
        worker = get_current_worker()
        try:
            world, row = feed.world(id), feed.row(id)
            text = row.text
            made = feed.after(row.record.tid, id) if isinstance(row.record, Syscall) else None
            if made is not None:
                world = world.after([(id, made)]).at(id, row.record.time_ns)
            if isinstance(row.record, Identity):
                text = describe(row.record, Notation(), feed.before(row.record.tid, id)) or "first seen"
        except TraceFileError as error:
            self.post_message(Refused(feed, str(error)))
        else:
            if not worker.is_cancelled:
                self.post_message(self.Made(_Moment(world, row, text)))

    @on(Refused)
    def _refused(self, message: Refused) -> None:
        if message.feed is shared(self).feed:  # else it was closed meanwhile, and nobody asks for it any more
            self.notify(printable(message.text), severity="error", markup=False)

    @on(Made)
    def _made(self, message: Made) -> None:
        moment = message.moment
        if self._feed is None or moment.row.id != self._at:
            return
        self._world = moment.world
        self._say(moment, self._feed.meta.started_monotonic_ns)
        pid = moment.row.record.pid
        if pid in moment.world.processes:
            self._pid = pid
        self._offer_views(moment.world)
        self._show_host()
        self._show_inside()
        self._show_details()

    def _say(self, moment: _Moment, started_ns: int) -> None:
        row, task = moment.row, moment.row.task
        seconds = (row.record.time_ns - started_ns) / _NS_PER_S
        who = f"{name(task.comm) or texts.UNKNOWN}[{row.record.pid}] " if row.record.pid else ""
        line = f"{seconds:.6f} s, record {row.id}: {who}{moment.text}"
        self.query_one("#moment", Static).update(Text(line))
        lost = self.query_one("#lost", Static)
        lost.update(texts.losses(moment.world))
        lost.set_class(bool(moment.world.losses), "-some")

    def _offer_views(self, world: World) -> None:
        """The one that was chosen stays; else the one in which the record's process is, else the first."""
        views = world.views()
        inodes = [view.inode for view in views]
        if self._view not in inodes:
            selected = world.processes.get(self._pid) if self._pid is not None else None
            own = selected.namespaces.get("pid") if selected is not None else None
            self._view = own if own in inodes else inodes[0] if inodes else None
        select = self.query_one(Select)
        with self.prevent(Select.Changed):
            select.set_options((Text(f"inside {texts.view_title(view)}"), view.inode) for view in views)
            if self._view is not None:
                select.value = self._view

    @on(Select.Changed)
    def _view_chosen(self, event: Select.Changed) -> None:
        if isinstance(event.value, int):
            self._view = event.value
            self._show_inside()

    def _show_host(self) -> None:
        assert self._world is not None
        lines = texts.lines(self._world, None)
        self._fill("#host", lines)
        unplaced = self._world.unplaced()
        unknown = f", {unplaced} of unknown PID namespaces" if unplaced else ""
        self.query_one("#outside-caption", Static).update(
            f"on the host: {counted(len(lines), 'process', 'processes')}{unknown}"
        )

    def _show_inside(self) -> None:
        if self._world is None:
            return
        self._fill("#inside", texts.lines(self._world, self._view) if self._view is not None else [])

    def _fill(self, which: str, lines: list[texts.Line]) -> None:
        """The cursor stays on its process."""
        at = next((index for index, line in enumerate(lines) if line.seen.process.pid == self._pid), None)
        self._table(which).show(lines, at)

    def _show_details(self) -> None:
        if self._world is None or self._feed is None:
            return
        current = self._table("#host").current
        if self._pid not in self._world.processes and current is not None:
            self._pid = current.seen.process.pid
        about = texts.details(self._world, self._pid or 0, self._feed.meta.started_monotonic_ns)
        self.query_one("#process", Static).update(about)

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        """Both tables show the same process under the cursor, where both have it."""
        line = message.table.current
        if not isinstance(line, texts.Line):
            return
        self._pid = line.seen.process.pid
        for which in ("#host", "#inside"):
            table = self._table(which)
            if table is not message.table:
                self._fill(which, list(table.items))
        self._show_details()

    def _table(self, which: str) -> Table[texts.Line]:
        table: Table[texts.Line] = self.query_one(which, Table)
        return table

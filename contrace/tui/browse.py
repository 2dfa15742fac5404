"""The timeline without its keys: what was chosen of a trace, the selection that shows it, and the cursor in it.

The screen holds what was chosen (filter, process, order) and asks the feed for a selection; the widgets draw it. A
selection comes at once and is filled by the app's worker, so a key never waits. Another choice keeps the cursor on its
record. What cannot be read any more is said, and what is shown stays.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.screen import Screen

from contrace.errors import TraceFileError
from contrace.output.escape import name
from contrace.story.tree import Key
from contrace.tui.choice import Choice
from contrace.tui.feed import Feed, Selection
from contrace.tui.host import host
from contrace.tui.messages import Failed, Finished, Progressed
from contrace.tui.runner import Runner
from contrace.tui.widgets.calls import CallList
from contrace.tui.widgets.details import Details
from contrace.tui.widgets.filterbar import FilterBar
from contrace.tui.widgets.keyline import KeyLine
from contrace.tui.widgets.status import State, Status
from contrace.tui.widgets.tree import ProcessTreeView

_SIZES: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (0, "-narrow", ("time", "process", "call")),
    (100, "-middle", ("time", "process", "call", "duration")),
    (180, "-wide", ("time", "process", "call", "duration")),
    (230, "-widest", ("time", "delta", "process", "call", "result", "duration")),
)
"""From so many cells on: the screen's class, and the columns as long as nobody chose others."""


class Browser(Screen[None]):
    """See the module."""

    HORIZONTAL_BREAKPOINTS = [(least, size) for least, size, _ in _SIZES]  # noqa: RUF012 - as textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012 - as above
    AUTO_FOCUS = "#calls"

    def __init__(self) -> None:
        super().__init__()
        self._feed: Feed | None = None
        self._selection: Selection | None = None
        self._choice = Choice()
        self._narrowed: Key | None = None
        self._paused = False
        self._goal: tuple[int, int | None] | None = None
        """Id to which the cursor goes once it is found, and the one on which it waits meanwhile."""
        self._untouched = True
        """Nobody has moved the cursor yet."""
        self._chose_columns = False
        self._runner = Runner(self)

    def compose(self) -> ComposeResult:
        yield Status(id="status")
        yield FilterBar(self._comms, id="bar")
        with Horizontal(id="panes"):
            yield ProcessTreeView(id="tree")
            with Container(id="right"):
                yield CallList(id="calls")
                yield Details(id="details")
        yield KeyLine()

    def on_mount(self) -> None:
        """From now on the app says when there is more."""
        for pane, title in (("#tree", "processes"), ("#calls", "calls"), ("#details", "details")):
            self.query_one(pane).border_title = title
        host(self).grown.subscribe(self, lambda _: self._grown())
        host(self).opened.subscribe(self, lambda _: self._open())

    def on_screen_resume(self) -> None:
        """Another trace may have been opened, or another record selected, on another screen."""
        self._open()
        self._grown()
        selected = host(self).selected_id
        row = self._calls.row
        if selected is not None and (row is None or row.id != selected):
            self._go(selected)

    def on_resize(self) -> None:
        """There is room for more columns, or for fewer."""
        if not self._chose_columns:
            wanted = [columns for least, _, columns in _SIZES if self.size.width >= least][-1]
            if self._calls.columns != wanted:
                self._calls.columns = wanted

    # --- what is chosen -----------------------------------------------------------------------------------

    def _open(self) -> None:
        """Another trace, if there is one: everything from the start. Not behind another screen: what textual is asked
        to do after a paint would be lost there."""
        if not self.is_current or host(self).feed is self._feed:
            return
        self._runner.cancel()
        self._feed = feed = host(self).feed
        self._choice, self._narrowed, self._goal = Choice(words=host(self).words), None, None
        self._calls.bookmarks = ()
        self._calls.follow = self._paused = False
        self._untouched = True
        if feed is not None:
            self._tree.show(feed.tree)
            self._choose(self._choice, stay=False)

    def _choose(self, choice: Choice, *, stay: bool = True) -> None:
        """Show another choice; the cursor stays on its record, or on the next one that is shown, if it is to."""
        feed = self._feed
        if feed is None:
            return
        row = self._calls.row
        with self._told():
            selection = feed.select(choice)
            self._choice, self._selection = choice, selection
            host(self).fill(selection)
            self._calls.show(feed, selection)
            if row is not None and stay:
                self._seek(row.id)
            self._say()

    def _seek(self, id: int) -> None:
        """The cursor goes to a record as soon as it is found."""
        self._goal = (id, None)
        self._reach()

    def _reach(self) -> None:
        selection, calls = self._selection, self._calls
        if self._goal is None or selection is None:
            return
        id, waits_on = self._goal
        under = calls.row.id if calls.row is not None else None
        if waits_on is not None and under != waits_on:
            self._goal = None  # the user has gone elsewhere meanwhile
            return
        at = self._place(id)
        if at is None and selection.complete:
            at = selection.position_of(id)
            at = selection.count - 1 if at is None else at
        if at is not None and at >= 0:
            calls.cursor = at
            self._goal = None
        else:
            self._goal = (id, under)

    def _place(self, id: int) -> int | None:
        """Position of exactly this record; None: it is not shown, or not found yet."""
        selection = self._selection
        at = selection.position_of(id) if selection is not None else None
        return at if at is not None and selection is not None and selection.ids(at, 1) == [id] else None

    def _go(self, id: int) -> None:
        """To a record, whatever is filtered: what hides it is taken away."""
        with self._told():
            selection = self._selection
            if selection is None:
                return
            if self._place(id) is None and selection.complete:
                if self._choice.words or self._narrowed is not None:
                    self.notify("it was not among the lines that were shown: all lines are shown now", markup=False)
                self._widen()
            self._seek(id)

    def _widen(self) -> None:
        self._narrowed = None
        self._tree.action_widen()
        self._choose(replace(self._choice, words=(), pids=None))

    @on(ProcessTreeView.Narrowed)
    def _narrow(self, message: ProcessTreeView.Narrowed) -> None:
        if message.key != self._narrowed and self._feed is not None:
            self._narrowed = message.key
            self._choose(replace(self._choice, pids=self._pids()))

    def _pids(self) -> frozenset[int] | None:
        feed, key = self._feed, self._narrowed
        return None if feed is None or key is None else feed.tree.subtree(key)

    @on(FilterBar.Closed)
    def _not_typed(self) -> None:
        self._calls.focus()

    # --- what happens meanwhile ---------------------------------------------------------------------------

    def _grown(self) -> None:
        feed = self._feed
        if feed is None or not self.is_current:
            return
        with self._told():
            if not self._paused:
                self._tree.show(feed.tree, rarely=host(self).recording)
                # Rows that are read later may stand before the first: who has not moved yet begins with the first.
                self._untouched = self._untouched and self._calls.cursor == 0
                self._calls.refresh_rows()
                if self._untouched and not self._calls.follow:
                    self._calls.cursor = 0
                self._reach()
                if self._narrowed is not None and self._pids() != self._choice.pids:
                    self._choose(replace(self._choice, pids=self._pids()))
            self._say()

    @on(CallList.Moved)
    def _moved(self, message: CallList.Moved) -> None:
        feed, row = self._feed, message.row
        if feed is None:
            return
        if row is None:
            self._details.clear()
            self._say()
            return
        host(self).selected_id = row.id
        with self._told():
            self._say()
            self._details.show(feed, row)
            node = feed.tree.of(row.record.pid, row.record.time_ns) if row.record.pid else None
            if node is not None and not self._tree.has_focus:
                self._tree.select(node.key)

    @on(CallList.Opened)
    def _opened(self) -> None:
        """Enter: on to the details, which may be long."""
        self._details.focus()

    @on(CallList.Failed)
    @on(Details.Failed)
    def _unreadable(self, message: CallList.Failed | Details.Failed) -> None:
        host(self).complain(str(message.error))

    @on(Progressed)
    @on(Finished)
    def _worked(self, message: Progressed | Finished) -> None:
        self._runner.handle(message)
        self._say()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._runner.handle(message)
        host(self).complain(message.text)
        self._say()

    def _say(self) -> None:
        feed, selection = self._feed, self._selection
        if feed is None or selection is None:
            return
        narrowed = ""
        if self._narrowed is not None:
            node = feed.tree.node(self._narrowed)
            narrowed = f"{name(node.comm)}[{node.pid}]"
        self._status.say(
            State(
                feed.path, self._choice, selection.count, feed.known, feed.total, selection.complete,
                self._calls.cursor, narrowed, host(self).recording, self._calls.follow, self._paused,
                self._runner.what, self._runner.progress,
            )
        )  # fmt: skip

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What is wrong with the trace is said, and what is shown stays."""
        try:
            yield
        except TraceFileError as error:
            host(self).complain(str(error))

    # --- the panes ----------------------------------------------------------------------------------------

    @property
    def _calls(self) -> CallList:
        return self.query_one(CallList)

    @property
    def _tree(self) -> ProcessTreeView:
        return self.query_one(ProcessTreeView)

    @property
    def _details(self) -> Details:
        return self.query_one(Details)

    @property
    def _status(self) -> Status:
        return self.query_one(Status)

    @property
    def _bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    def _comms(self) -> Iterator[str]:
        """Names of processes, for completion."""
        if self._feed is not None:
            tree = self._feed.tree
            waiting = list(tree.roots)
            while waiting:
                node = tree.node(waiting.pop())
                yield name(node.comm)
                waiting.extend(node.children)

"""Timeline: the process tree, the calls, and everything about the call under the cursor; here is what its keys do.

A key changes what is chosen, moves the cursor, or starts long work that can be given up; none waits for a worker.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from contrace import output
from contrace.output.escape import printable
from contrace.tui import jobs, keys
from contrace.tui.browse import Browser
from contrace.tui.choice import Row, Sort
from contrace.tui.clipboard import copies
from contrace.tui.feed import Feed
from contrace.tui.widgets.ask import Choose, Line, Tick
from contrace.tui.widgets.calls import COLUMNS
from contrace.tui.widgets.filterbar import FilterBar, Purpose

_MOST_CHILDREN = 9
"""That can be chosen from, by a digit."""


class TimelineScreen(Browser):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.Where.TIMELINE)]

    def __init__(self) -> None:
        super().__init__()
        self._searched: tuple[str, ...] = ()

    # --- filter and search --------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """``f``."""
        self._bar.open(Purpose.FILTER, self._choice.words)

    def action_search(self) -> None:
        """``/``."""
        self._bar.open(Purpose.SEARCH)

    @on(FilterBar.Submitted)
    def _submitted(self, message: FilterBar.Submitted) -> None:
        self._calls.focus()
        if message.purpose is Purpose.FILTER:
            self._choose(replace(self._choice, words=message.words))
        elif message.words:
            self._searched = message.words
            self.action_again(1)

    def action_again(self, step: int) -> None:
        """``n``, ``N``."""
        if not self._searched:
            self.action_search()
            return
        self._look_for(self._searched, step, f"line with {' '.join(self._searched)}")

    def action_namespaces(self, step: int) -> None:
        """``]``, ``[``."""
        self._look_for(jobs.NAMESPACE_CALLS, step, "call that changed namespaces", jobs.changed_namespaces)

    def _look_for(
        self, words: tuple[str, ...], step: int, what: str, wanted: Callable[[Feed, Row], bool] | None = None
    ) -> None:
        feed, selection, start = self._feed, self._selection, self._calls.cursor
        if feed is None or selection is None:
            return

        def found(position: int | None) -> None:
            if position is None:
                self.notify(f"there is no {printable(what)} among the lines that are shown", markup=False)
                return
            if (position - start) * step <= 0:
                self.notify("went on from the other end", markup=False, timeout=2)
            self._arrive(position)

        self._runner.start("searching", jobs.search(feed, selection, words, start, step, wanted=wanted), found)
        self._say()

    def _arrive(self, position: int) -> None:
        self._goal = None
        self._calls.follow = False
        self._calls.cursor = position
        self._say()

    # --- going from one to the other ----------------------------------------------------------------------

    def action_error(self, step: int) -> None:
        """``e``, ``E``."""
        if self._feed is None or self._selection is None:
            return
        with self._told():
            at = self._feed.near(self._selection, self._calls.cursor, step)
            if at is None:
                self.notify(f"no call failed {'below' if step > 0 else 'above'}", markup=False)
            else:
                self._arrive(at)

    def action_parent(self) -> None:
        """``u``."""
        feed, row = self._feed, self._calls.row
        if feed is None or row is None:
            return
        with self._told():
            id = feed.parent_call(row)
            if id is None:
                self.notify("the call that made this process is not in the trace", markup=False)
            else:
                self._go(id)

    def action_children(self) -> None:
        """``c``: the only child at once, of several the one that is chosen."""
        feed, row = self._feed, self._calls.row
        if feed is None or row is None:
            return
        with self._told():
            ids = feed.children_of(row)[:_MOST_CHILDREN]
            if not ids:
                self.notify("this line started no process or thread", markup=False)
            elif len(ids) == 1:
                self._go(ids[0])
            else:
                options = [(str(number), feed.row(id).text) for number, id in enumerate(ids, 1)]
                self.app.push_screen(
                    Choose("Go to which child?", options), lambda key: self._go(ids[int(key) - 1]) if key else None
                )

    def action_bookmark(self) -> None:
        """``m``."""
        if (row := self._calls.row) is not None:
            self._calls.bookmarks = self._calls.bookmarks ^ {row.id}

    def action_next_bookmark(self) -> None:
        """``'``: from the last one on to the first."""
        with self._told():
            places = sorted(at for at in map(self._place, self._calls.bookmarks) if at is not None)
            if not places:
                self.notify("there is no bookmark among these lines; m sets one", markup=False)
                return
            self._arrive(next((at for at in places if at > self._calls.cursor), places[0]))

    # --- what is shown, and where it goes -------------------------------------------------------------------

    def action_sort(self) -> None:
        """``s``."""
        orders = list(Sort)
        self._choose(replace(self._choice, sort=orders[(orders.index(self._choice.sort) + 1) % len(orders)]))

    def action_columns(self) -> None:
        """``o``."""

        def take(names: tuple[str, ...] | None) -> None:
            if names is not None:
                self._chose_columns = True
                self._calls.columns = names

        self.app.push_screen(Tick("Which columns?", COLUMNS, self._calls.columns), take)

    def action_follow(self) -> None:
        """``F``."""
        self._calls.follow = not self._calls.follow
        if self._calls.follow:
            self._paused, self._goal = False, None
            self._grown()
            self._calls.move("end")
        self._say()

    def action_pause(self) -> None:
        """Space."""
        self._paused = not self._paused
        self._grown()
        self._say()

    def action_cancel(self) -> None:
        """Escape: gives up what is being done, or shows all lines again."""
        if self._runner.cancel():
            self.notify("given up", markup=False, timeout=2)
        elif self._choice.words or self._narrowed is not None:
            self._widen()
        self._say()

    def action_copy(self) -> None:
        """``y``."""
        feed, row = self._feed, self._calls.row
        if feed is None or row is None:
            return
        with self._told():
            offers = {copy.key: copy for copy in copies(feed, row)}

            def put(key: str | None) -> None:
                if key:
                    self.app.copy_to_clipboard(offers[key].text)
                    self.notify(f"copied: {offers[key].title}", markup=False)

            self.app.push_screen(Choose("Copy what?", [(each.key, each.title) for each in offers.values()]), put)

    def action_export(self) -> None:
        """``x``: in which format, to which file."""
        feed = self._feed
        if feed is None:
            return
        formats = {str(number): format for number, format in enumerate(_formats(), 1)}

        def named(format: str, text: str | None) -> None:
            if text is not None:
                self._export(feed, format, Path(text).expanduser())

        def chosen(key: str | None) -> None:
            if key:
                format = formats[key]
                question = f"Write {'the lines that are shown' if self._is_narrow else 'all lines'} as {format} to"
                line = Line(question, jobs.default_name(feed, format), jobs.problem)
                self.app.push_screen(line, lambda text: named(format, text))

        self.app.push_screen(Choose("In which format?", list(formats.items())), chosen)

    def _export(self, feed: Feed, format: str, path: Path) -> None:
        def written(size: int | None) -> None:
            self.notify(f"{size or 0:,} bytes written to {printable(str(path))}", markup=False)

        self._runner.start("writing", jobs.export(feed, self._choice, format, path), written)
        self._say()

    @property
    def _is_narrow(self) -> bool:
        return bool(self._choice.words) or self._choice.pids is not None


def _formats() -> list[str]:
    return [each for each in output.FORMATS if each != "none"]

"""The app: opens a trace, reads it in a thread, shows it on screens, and ends.

It owns the feed and what all screens share, such as the selected record. ``SCREENS`` is the
table of screens; another one is one more file and one more row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.signal import Signal
from textual.timer import Timer
from textual.widgets import Footer

from contrace.errors import ContraceError, TraceFileError
from contrace.output.escape import printable
from contrace.tui import keys, pace
from contrace.tui.feed import Feed
from contrace.tui.host import Demos
from contrace.tui.messages import Failed, Grown
from contrace.tui.reading import Reading
from contrace.tui.screens.help import HelpScreen
from contrace.tui.screens.processes import ProcessesScreen
from contrace.tui.screens.summary import SummaryScreen
from contrace.tui.screens.timeline import TimelineScreen
from contrace.tui.screens.traces import OpenTrace, RunDemo, TracesScreen
from contrace.tui.selection import Selection
from contrace.tui.widgets.ask import Choose

_LOOK_S = 0.1  # how often the trace of a demo that begins is looked for


@dataclass(frozen=True, slots=True)
class Place:
    """A screen of the app."""

    mode: str
    """As ``keys.KEYS`` names it."""
    make: Callable[[], Screen[None]]
    where: keys.Where
    """Its part of the table of keys."""


SCREENS: tuple[Place, ...] = (
    Place("timeline", TimelineScreen, keys.Where.TIMELINE),
    Place("processes", ProcessesScreen, keys.Where.PROCESSES),
    Place("summary", SummaryScreen, keys.Where.SUMMARY),
    Place("traces", TracesScreen, keys.Where.TRACES),
)


class ContraceApp(App[None]):
    """See the module."""

    TITLE = "contrace"
    CSS_PATH = "contrace.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.Where.EVERYWHERE)]

    def __init__(
        self,
        feed: Feed | None = None,
        words: tuple[str, ...] = (),
        demos: Demos | None = None,
    ) -> None:
        """``feed``: the trace to show first, None for the list of traces; it belongs to the app from then on.
        ``words``: the filter with which a trace is opened. ``demos``: what ``d`` offers in the list of traces."""
        super().__init__()
        self.feed: Feed | None = None
        self.selected_id: int | None = None
        self.words = words
        self.grown: Signal[None] = Signal(self, "grown")
        self.opened: Signal[None] = Signal(self, "opened")
        self._first = feed
        self._demos = demos
        self._awaited: tuple[Path, Timer] | None = None
        """The trace that a demo is going to write, and who looks for it."""
        self._retired: list[Feed] = []
        self._reading: Reading | None = None
        for place in SCREENS:
            self.add_mode(place.mode, place.make)

    @property
    def recording(self) -> bool:
        """Somebody still writes the trace."""
        return self._reading is not None and self._reading.recording

    async def on_mount(self) -> None:
        """The first screen."""
        pace.prepare()
        if self._first is not None:
            self._read(self._first)
        await self.action_mode("timeline" if self._first is not None else "traces")

    def on_unmount(self) -> None:
        """The end."""
        self._forget()

    async def on_event(self, event: events.Event) -> None:
        """Whatever the user does comes before what nobody waits for."""
        if isinstance(event, events.InputEvent) and self.feed is not None:
            self.feed.hush()
        await super().on_event(event)

    def close(self) -> None:
        """Close the traces that were shown: when ``run`` has returned, since before that threads may be reading."""
        for feed in self._retired:
            feed.close()
        self._retired.clear()

    # --- the trace ----------------------------------------------------------------------------------------

    def fill(self, selection: Selection) -> None:
        """See ``Host.fill``."""
        if self._reading is not None:
            self._reading.fill(selection)

    def complain(self, text: str) -> None:
        """See ``Host.complain``. The same thing is not said again while it can be read."""
        shown = printable_lines(text)
        if not any(each.message == shown for each in self._notifications):
            self.notify(shown, severity="error", markup=False, timeout=10)

    async def open(self, path: Path) -> None:
        """Show another trace; if it cannot be opened, that is said, and the one that is shown stays."""
        try:
            feed = Feed(path)
        except TraceFileError as error:
            self.complain(str(error))
            return
        self._forget()
        self.selected_id = None
        self._read(feed)
        await self.action_mode("timeline")
        self.opened.publish(None)

    def _read(self, feed: Feed) -> None:
        self.feed = feed
        self._reading = Reading(feed, lambda: self.post_message(Grown()), lambda text: self.post_message(Failed(text)))
        self.run_worker(self._reading.run, thread=True, group="reading")

    def _forget(self) -> None:
        if self._reading is not None:
            self._reading.close()
        if self.feed is not None:
            self._retired.append(self.feed)
        self.feed, self._reading = None, None

    @on(Grown)
    def _grown(self) -> None:
        self.grown.publish(None)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.complain(message.text)

    @on(OpenTrace)
    async def _open(self, message: OpenTrace) -> None:
        await self.open(message.path)

    # --- demos --------------------------------------------------------------------------------------------

    @on(RunDemo)
    def _offer_demos(self) -> None:
        demos = self._demos
        if demos is None:
            self.complain("there are no demos here; contrace demo runs them")
            return
        letters = {chr(ord("a") + index): each for index, each in enumerate(demos.names)}

        def chosen(key: str | None) -> None:
            if key:
                self._run_demo(demos, letters[key])

        options = [(key, f"{each}: {demos.names[each]}") for key, each in letters.items()]
        self.push_screen(Choose("Run which demo?", options), chosen)

    def _run_demo(self, demos: Demos, name: str) -> None:
        if self._awaited is not None:
            self._awaited[1].stop()
        try:
            path = demos.start(name)
        except ContraceError as error:
            self.complain(str(error))
            return
        self.notify(f"the demo {name} begins", markup=False)
        self._awaited = path, self.set_interval(_LOOK_S, self._look_for_demo)

    async def _look_for_demo(self) -> None:
        if self._awaited is None or self._demos is None:
            return
        path, timer = self._awaited
        failure = self._demos.failure()
        if path.exists():
            await self.open(path)
        elif failure is not None:
            self.complain(failure)
        else:
            return
        timer.stop()
        self._awaited = None

    # --- keys ---------------------------------------------------------------------------------------------

    async def action_mode(self, mode: str) -> None:
        """The keys of the screens."""
        if mode != self.current_mode:
            await self.switch_mode(mode)
        if not self.screen.query("Footer, KeyLine"):
            await self.screen.mount(Footer(compact=True))

    def action_help(self) -> None:
        """``?``."""
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """``q``."""
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette: textual's own commands, and every key that does something here."""
        yield from (each for each in super().get_system_commands(screen) if each.title not in ("Quit", "Keys"))
        here = next((place.where for place in SCREENS if place.mode == self.current_mode), None)
        for key in keys.KEYS:
            if key.bound and key.where in (keys.Where.EVERYWHERE, here):
                target = self if key.where is keys.Where.EVERYWHERE else screen
                run = partial(target.run_action, key.action)
                yield SystemCommand(f"{key.short} ({key.display})", key.sentence, run)


def printable_lines(text: str) -> str:
    """Harmless to a terminal, line by line."""
    return "\n".join(map(printable, text.split("\n")))

"""The app while a capture goes on: it tells how the capture fares, and asks about it before it quits.

What it shows is read from the growing trace file, as always; of the capture itself it knows this protocol only.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from textual.screen import Screen

from contrace.tui.app import ContraceApp, printable_lines
from contrace.tui.feed import Feed
from contrace.tui.screens.command import CommandScreen
from contrace.tui.screens.live import LiveScreen
from contrace.tui.widgets.ask import Choose
from contrace.tui.widgets.terminal import TerminalPane


class Capture(Protocol):
    """A capture that goes on while its trace is shown."""

    headline: str
    """What is captured and how."""
    title: str
    """The command, where there is one."""
    terminal: int | None
    """The master's side of the command's own terminal; None: it has none, or there is no command."""
    ways: Sequence[tuple[str, str]]
    """How it can be left: ("s", what stopping means), ("l", what leaving it means), where that can be done."""

    @property
    def recording(self) -> bool:
        """It has not ended."""

    @property
    def over(self) -> bool:
        """The app is to end: somebody has sent a signal."""

    def filenos(self) -> Sequence[int]:
        """Readable when `news` has something to do; fewer when the capture has ended."""

    def news(self) -> list[str]:
        """What happened since the last call, for the user; never blocks."""

    def stop(self) -> None:
        """Let go of everything; of a command of its own: end that."""

    def leave(self) -> None:
        """Let it go on when the app has ended."""


class LiveApp(ContraceApp):
    """See the module."""

    def __init__(self, feed: Feed, words: tuple[str, ...], capture: Capture) -> None:
        """``feed``: of the trace that the capture writes."""
        self._live = capture
        self._heard: Sequence[int] = ()
        super().__init__(feed, words)

    def add_mode(self, mode: str, base_screen: str | Callable[[], Screen[Any]]) -> None:
        """The timeline is one that follows, and that of a command has its terminal."""
        super().add_mode(mode, self._timeline if mode == "timeline" else base_screen)

    def on_mount(self) -> None:  # type: ignore[override] # textual calls the one of each class
        """Listen to the capture."""
        self._hear()
        self.notify(printable_lines(self._live.headline), title="recording", markup=False, timeout=5)

    def on_unmount(self) -> None:
        """Listen no more."""
        self._hear_no_more()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key of ours does anything while the command gets them all."""
        return not isinstance(self.focused, TerminalPane) and super().check_action(action, parameters)

    def action_leave(self) -> None:
        """``q``: a capture that goes on is asked about."""
        capture = self._live
        if not capture.recording:
            self.exit()
            return

        def answered(key: str | None) -> None:
            if key == "s":
                capture.stop()
            elif key == "l" and capture.recording:
                capture.leave()
            if key in ("s", "l"):
                self.exit()

        options = [*capture.ways, ("c", "stay here")]
        self.push_screen(Choose("The capture goes on. What about it?", options), answered)

    def _timeline(self) -> Screen[None]:
        terminal = self._live.terminal
        return LiveScreen() if terminal is None else CommandScreen(terminal, self._live.title)

    def _listen(self) -> None:
        for text in self._live.news():
            self.notify(printable_lines(text), markup=False, timeout=8)
        if self._live.over:
            self.exit()
        elif not self._live.recording:
            self._hear_no_more()
            self._hear()

    def _hear(self) -> None:
        self._heard = self._live.filenos()
        for descriptor in self._heard:
            asyncio.get_running_loop().add_reader(descriptor, self._listen)

    def _hear_no_more(self) -> None:
        for descriptor in self._heard:
            asyncio.get_running_loop().remove_reader(descriptor)
        self._heard = ()

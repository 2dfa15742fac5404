"""The app, as far as the timeline and the dialogs know it: what they share, and what they ask of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from textual.app import App
from textual.dom import DOMNode
from textual.signal import Signal

from contrace.tui.selection import Selection
from contrace.tui.shared import Shared


class Demos(Protocol):
    """What can be run to see something."""

    names: Mapping[str, str]
    """Name -> what it shows."""

    def start(self, name: str) -> Path:
        """Run one; the trace file that it is going to write. Raises ContraceError."""

    def failure(self) -> str | None:
        """What the one that was started last died of; None: nothing yet."""


class Host(Shared, Protocol):
    """See the module."""

    grown: Signal[None]
    """Published when the trace or the selection that is filled has grown."""
    opened: Signal[None]
    """Published when ``feed`` is another one."""
    words: tuple[str, ...]
    """The filter with which a trace is opened."""

    @property
    def recording(self) -> bool:
        """Somebody still writes the trace."""

    def fill(self, selection: Selection) -> None:
        """Have a worker fill this selection, and no other any more."""

    def complain(self, text: str) -> None:
        """Show an error. ``text`` may hold anything."""


def host(node: DOMNode) -> Host:
    """The app of a screen or widget."""
    app: App[object] = node.app
    return cast(Host, app)

"""What the screens share through the app: the trace that is open and the record that is selected."""

from typing import Protocol, cast

from textual.app import App
from textual.dom import DOMNode

from contrace.tui.feed import Feed


class Shared(Protocol):
    """The app, as far as the screens that show a moment know it."""

    feed: Feed | None
    """None: no trace is open."""
    selected_id: int | None
    """Id of the selected record, on whichever screen it was selected; None: none was."""


def shared(node: DOMNode) -> Shared:
    """The app of a screen or widget."""
    app: App[object] = node.app
    return cast(Shared, app)

"""The timeline with the terminal of the command that is recorded: use it below, and see its calls above."""

from typing import ClassVar

from rich.markup import escape
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from contrace.output.escape import printable
from contrace.tui import keys
from contrace.tui.screens.live import LiveScreen
from contrace.tui.widgets.terminal import LEAVING_SHOWN, TerminalPane


class CommandScreen(LiveScreen):
    """See the module."""

    AUTO_FOCUS = "#terminal"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.Where.COMMAND)]

    def __init__(self, master: int, title: str) -> None:
        """``master``: of the command's pseudo terminal; ``title``: the command, as it came."""
        super().__init__()
        self._master = master
        self._title = title

    def compose(self) -> ComposeResult:
        yield from super().compose()
        pane = TerminalPane(self._master, id="terminal")
        pane.border_title = _untagged(f"{printable(self._title)} · {LEAVING_SHOWN} leaves")
        yield pane

    @property
    def terminal(self) -> TerminalPane:
        """The pane."""
        return self.query_one("#terminal", TerminalPane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key of ours does anything while the command gets them all."""
        return not isinstance(self.focused, TerminalPane) and super().check_action(action, parameters)

    def action_terminal(self) -> None:
        """``F6``."""
        if self.terminal.can_focus:
            self.terminal.focus()

    @on(TerminalPane.Left)
    def _left(self) -> None:
        self.query_one("#calls").focus()

    @on(TerminalPane.HungUp)
    def _hung_up(self) -> None:
        pane = self.terminal
        if pane.has_focus:
            self.query_one("#calls").focus()
        pane.can_focus = False
        pane.border_title = _untagged(f"{printable(self._title)} · has ended")


def _untagged(text: str) -> str:
    """A border's title is markup; this is text."""
    return escape(text)

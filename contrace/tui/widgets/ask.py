"""Small questions: choose one of a few things, several of them, or type a line. Escape gives no answer.

What stands in a question may come from a traced process: it is shown as text only, never as markup.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, SelectionList, Static
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection as Ticked

from contrace.output.escape import printable


class Choose(ModalScreen[str | None]):
    """One of a few things, by its letter, or with arrows and Enter; the answer is its letter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("j", "go(1)", show=False),
        Binding("k", "go(-1)", show=False),
    ]

    def __init__(self, question: str, options: Sequence[tuple[str, str]]) -> None:
        """``options``: (letter or digit, what it means)."""
        super().__init__()
        self._question = question
        self._options = options

    def compose(self) -> ComposeResult:
        with Vertical(classes="ask") as box:
            box.border_subtitle = "Esc cancels"
            yield Static(printable(self._question), classes="question", markup=False)
            lines = (Option(_line(key, title), id=f"key-{key}") for key, title in self._options)
            yield OptionList(*lines, markup=False)

    def action_go(self, step: int) -> None:
        """The next or previous one, unless the letter is one of the answers."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()

    def on_key(self, event: Key) -> None:
        """A letter is an answer at once."""
        if any(event.character == key for key, _ in self._options):
            event.stop()
            event.prevent_default()
            self.dismiss(event.character)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss((event.option.id or "").removeprefix("key-"))


class Tick(ModalScreen[tuple[str, ...] | None]):
    """Several of a few things: Space ticks, Enter ends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("enter", "done", "Done", priority=True),
    ]

    def __init__(self, question: str, names: Sequence[str], ticked: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._names = names
        self._ticked = ticked

    def compose(self) -> ComposeResult:
        with Vertical(classes="ask") as box:
            box.border_subtitle = "Space ticks · Enter takes · Esc cancels"
            yield Static(printable(self._question), classes="question", markup=False)
            yield SelectionList[str](*(Ticked(name, name, name in self._ticked) for name in self._names))

    def action_done(self) -> None:
        """Enter."""
        chosen = self.query_one(SelectionList).selected
        self.dismiss(tuple(name for name in self._names if name in chosen))


class Line(ModalScreen[str | None]):
    """A line of text. What makes no sense is said, and can be corrected."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def __init__(self, question: str, value: str, problem: Callable[[str], str]) -> None:
        """``problem``: what is wrong with an answer, "" if nothing is."""
        super().__init__()
        self._question = question
        self._value = value
        self._problem = problem

    def compose(self) -> ComposeResult:
        with Vertical(classes="ask") as box:
            box.border_subtitle = "Enter takes it · Esc cancels"
            yield Static(printable(self._question), classes="question", markup=False)
            yield Input(self._value, compact=True, select_on_focus=False)
            yield Static("", classes="problem", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        problem = self._problem(event.value)
        if problem:
            self.query_one(".problem", Static).update(printable(problem))
        else:
            self.dismiss(event.value)


def _line(key: str, title: str) -> Text:
    return Text.assemble((f" {key} ", "bold reverse"), f" {printable(title)}")

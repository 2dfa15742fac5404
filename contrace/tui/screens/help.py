"""The help: every key and what it does, from the table; and what a filter can ask for, from the filter's own."""

from collections.abc import Iterator
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from contrace import filters
from contrace.tui import keys

_WIDTH = 20
_SIGNS = (
    ("!", "the call failed"),
    ("…", "it has not returned"),
    ("*", "a bookmark"),
    ("+12.3ms", "it took long"),
    ("LOST", "records are missing here"),
    ("● ○", "a process lives, has ended"),
    ("4711→1", "its pid on the host → inside its PID namespace"),
)


class HelpScreen(ModalScreen[None]):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(10)", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "contrace: keys"
            box.border_subtitle = "Esc closes"
            for caption, entries in contents():
                yield Static(caption, classes="caption", markup=False)
                yield Static(_table(entries), markup=False)
            yield Static(filters.NEGATION, markup=False)

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)


def contents() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(caption, what is explained and its explanation), part by part."""
    for where in keys.Where:
        yield where.value, [(key.display, key.sentence) for key in keys.of(where)]
    yield "Signs", list(_SIGNS)
    yield "Filter", [(row.example, row.help) for row in filters.KEYS.values()]


def _table(entries: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=_WIDTH)
    table.add_column(ratio=1)
    for what, meaning in entries:
        table.add_row(Text(what, "bold"), Text(meaning))
    return table

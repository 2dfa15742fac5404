"""A table of any length: only the rows that can be seen are made and drawn.

Cells are plain text that is harmless to a terminal; they never are markup. The row under the cursor is marked by a sign
as well as by colour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

Item = TypeVar("Item")
_MARK, _NO_MARK = ">", " "
_LAST_WIDTH = 120  # columns that can be scrolled to in the last column, which takes what is left


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """A column, and how its cells are made."""

    title: str
    width: int
    """In terminal cells; the last column is as wide as there is room."""
    cell: Callable[[Item], str]
    right: bool = False
    """Numbers stand at the right."""


class Table(ScrollView, Generic[Item], can_focus=True):
    """Rows of items with a cursor. Set ``show`` to other items at any time."""

    DEFAULT_CSS = """
    Table { height: 1fr; scrollbar-size-horizontal: 0; background: $surface; color: $foreground; }
    Table > .table--title { text-style: bold; background: $panel; color: $foreground; }
    Table > .table--cursor { background: $block-cursor-blurred-background; color: $foreground; }
    Table:focus > .table--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    Table > .table--special { text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--title", "table--cursor", "table--special"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
        Binding("left", "scroll_left", show=False),
        Binding("right", "scroll_right", show=False),
        Binding("enter", "choose", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another row now."""

        table: "Table[object]"

    @dataclass
    class Chosen(Message):
        """Enter, or a second click on the row under the cursor."""

        table: "Table[object]"

    def __init__(
        self, columns: Sequence[Column[Item]], *, special: Callable[[Item], bool] | None = None, id: str | None = None
    ) -> None:
        """``special``: rows that are set off; what they are must be said by a cell, too."""
        super().__init__(id=id)
        self._columns = columns
        self._special = special
        self._items: Sequence[Item] = ()
        self.cursor = 0
        """Index of the row under the cursor."""

    @property
    def items(self) -> Sequence[Item]:
        """The rows that are shown."""
        return self._items

    @property
    def current(self) -> Item | None:
        """The row under the cursor; None in an empty table."""
        return self._items[self.cursor] if self.cursor < len(self._items) else None

    def show(
        self, items: Sequence[Item], cursor: int | None = None, columns: Sequence[Column[Item]] | None = None
    ) -> None:
        """Show other rows; the cursor stays where it was, or goes to ``cursor``."""
        self._items = items
        self._columns = columns if columns is not None else self._columns
        self.cursor = max(0, min(self.cursor if cursor is None else cursor, len(items) - 1))
        self._resize()
        self._keep_in_sight()
        self.refresh()

    def on_resize(self) -> None:
        """More or fewer rows have room."""
        self._resize()
        self._keep_in_sight()

    def action_move(self, step: int) -> None:
        """The cursor moves by rows."""
        self._go(self.cursor + step)

    def action_page(self, step: int) -> None:
        """The cursor moves by what can be seen at once."""
        self._go(self.cursor + step * max(self._room() - 1, 1))

    def action_end(self, step: int) -> None:
        """The cursor goes to the first or last row."""
        self._go(0 if step < 0 else len(self._items) - 1)

    def action_choose(self) -> None:
        """Enter."""
        if self._items:
            self.post_message(self.Chosen(self))  # type: ignore[arg-type]

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the row under the cursor it is Enter."""
        row = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or row >= len(self._items):
            return
        if row == self.cursor:
            self.action_choose()
        else:
            self._go(row)

    def render_line(self, y: int) -> Strip:
        """One line; the first is the titles."""
        left, top = self.scroll_offset
        width = self.size.width
        row = top + y - 1
        if y == 0:
            text, style = self._line(_NO_MARK, [column.title for column in self._columns]), self._style("title")
        elif row < len(self._items):
            item = self._items[row]
            marked = row == self.cursor
            text = self._line(_MARK if marked else _NO_MARK, [column.cell(item) for column in self._columns])
            if marked:
                style = self._style("cursor")
            else:
                style = self._style("special") if self._special is not None and self._special(item) else self.rich_style
        else:
            return Strip.blank(width, self.rich_style)
        return Strip([Segment(text, style)]).crop_extend(left, left + width, style)

    # --- inside -------------------------------------------------------------------------------------------

    def _line(self, mark: str, cells: Sequence[str]) -> str:
        parts = []
        for column, cell in zip(self._columns[:-1], cells[:-1], strict=True):
            parts.append(_fit(cell, column.width, right=column.right))
        return f"{mark}{' '.join([*parts, cells[-1]])}"

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"table--{name}")

    def _room(self) -> int:
        return max(self.size.height - 1, 1)

    def _resize(self) -> None:
        width = sum(column.width + 1 for column in self._columns[:-1]) + _LAST_WIDTH
        self.virtual_size = Size(width, len(self._items) + 1)

    def _go(self, row: int) -> None:
        row = max(0, min(row, len(self._items) - 1))
        if row == self.cursor:
            return
        self.cursor = row
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved(self))  # type: ignore[arg-type]

    def _keep_in_sight(self) -> None:
        top, room = self.scroll_offset.y, self._room()
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False, immediate=True)


def _fit(text: str, width: int, *, right: bool) -> str:
    """Exactly so many cells; what is cut off is marked."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    room = " " * (width - size)
    return room + text if right else text + room

"""A list of lines with a cursor, of any length: what the list of calls and the process tree have in common.

Only lines that can be seen are asked for and drawn, each once until something changes, so a key costs the same in a
list of a million lines as in one of ten. The cursor's move is told once per paint, not once per key: whoever holds a
key down does not wait for what others do about it.
"""

from collections.abc import Iterable
from time import monotonic
from typing import ClassVar, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from contrace.tui import style
from contrace.tui.style import Role

Step = int | Literal["home", "end", "page_up", "page_down"]
Spans = Iterable[tuple[str, Role]]
"""Pieces of a line: text that is harmless to a terminal (it never is markup), and what it is."""

_CACHED = 2_000  # lines; more than a screen has, so what is scrolled through is drawn once
RARELY_S = 1.0  # between two tellings or paintings of what changes faster than anybody reads
MORE = "…"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly so many cells of the terminal; what is cut off is marked."""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(text, width - 1) + MORE if width > 0 else ""
    padding = " " * (width - cells)
    return padding + text if right else text + padding


def cut_name(comm: str, width: int) -> str:
    """A process name in at most so many cells. Of a runtime's stages, ``runc:[2:INIT]``, the end tells them apart."""
    if len(comm) <= width:
        return comm
    return MORE + comm[len(comm) - width + 1 :] if ":[" in comm else fit(comm, width)


def resize_inside(view: ScrollView, size: Size) -> None:
    """What a view scrolls over has another size. Nothing else on the screen has to move for it: textual would lay out
    everything anew, several times a second while a trace is read."""
    if size != view.virtual_size:
        view.set_reactive(ScrollView.virtual_size, size)
        view._scroll_update(size)


class LineList(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines with a cursor. A subclass says how many there are and what stands in them."""

    DEFAULT_CSS = """
    LineList {
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        background: $surface; color: $foreground;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set(style.COMPONENTS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+u", "move('page_up')", show=False),
        Binding("pagedown,ctrl+d", "move('page_down')", show=False),
        Binding("home,g", "move('home')", show=False),
        Binding("end,G", "move('end')", show=False),
        Binding("enter", "open", show=False),
    ]
    top_lines: ClassVar[int] = 0
    """Lines above the first one that stay where they are: 1 for titles, else 0."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._cursor = 0
        self._telling = False
        self._told_s = 0.0
        self._waiting: Timer | None = None
        """For the time of ``announce_rarely``."""
        self._drawn: dict[tuple[int, bool], Strip] = {}
        self._styles_of: dict[tuple[Role, Role | None], Style] = {}

    # --- what a subclass says -------------------------------------------------------------------------------

    def count_lines(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def spans(self, index: int) -> Spans:
        """What stands in a line, without its mark for the cursor; the last cells that do not fit are cut off."""
        raise NotImplementedError

    def titles(self) -> Spans:
        """What stands above the lines, where ``top_lines`` is 1."""
        return ()

    def tell(self) -> None:
        """The cursor is on another line, and that is painted: post a message."""

    def action_open(self) -> None:
        """Enter, or a double click."""

    # --- the cursor -----------------------------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """Index of the line under the cursor; 0 in an empty list."""
        return self._cursor

    @cursor.setter
    def cursor(self, index: int) -> None:
        self._go(index)

    def move(self, step: Step) -> None:
        """Move the cursor by lines, by what can be seen at once, or to one of the ends."""
        page = max(self._room() - 1, 1)
        match step:
            case "home":
                self._go(0)
            case "end":
                self._go(self.count_lines() - 1)
            case "page_up":
                self._go(self._cursor - page)
            case "page_down":
                self._go(self._cursor + page)
            case _:
                self._go(self._cursor + step)

    def action_move(self, step: Step) -> None:
        """A key that moves the cursor."""
        self.move(step)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens."""
        at = event.get_content_offset(self)
        if at is None or at.y < self.top_lines:
            return
        index = self.scroll_offset.y + at.y - self.top_lines
        if index >= self.count_lines():
            return
        self._go(index)
        if event.chain == 2:
            self.action_open()

    def on_resize(self) -> None:
        """More or fewer lines have room, and they are drawn anew."""
        self.redraw()
        self._keep_in_sight()

    def notify_style_update(self) -> None:
        """Another theme, or the focus came or went."""
        super().notify_style_update()
        self._styles_of.clear()
        self._drawn.clear()

    # --- drawing --------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y < self.top_lines:
            return self._strip(" ", self.titles(), all_are=Role.TITLE)
        index = self.scroll_offset.y + y - self.top_lines
        if index >= self.count_lines():
            return Strip.blank(self.width, self.rich_style)
        marked = index == self._cursor
        strip = self._drawn.get((index, marked))
        if strip is None:
            if len(self._drawn) >= _CACHED:
                self._drawn.clear()
            mark, role = (">", Role.CURSOR) if marked else (" ", None)
            strip = self._drawn[index, marked] = self._strip(mark, self.spans(index), all_are=role)
        return strip

    def redraw(self) -> None:
        """Everything may be another: lines, widths, how many there are."""
        self._drawn.clear()
        self._cursor = max(0, min(self._cursor, self.count_lines() - 1))
        self.measure()
        self.refresh()

    def measure(self) -> None:
        """There are more or fewer lines than before."""
        resize_inside(self, Size(self.width, self.count_lines() + self.top_lines))

    def redraw_line(self, index: int) -> None:
        """One line is another."""
        for marked in (False, True):
            self._drawn.pop((index, marked), None)
        y = index - self.scroll_offset.y + self.top_lines
        if self.top_lines <= y < self.size.height:
            self.refresh(Region(0, y, self.width, 1))

    def announce(self) -> None:
        """Have ``tell`` called behind the next paint."""
        if not self._telling:
            self._telling = True
            self.call_after_refresh(self._tell)

    def announce_rarely(self) -> None:
        """The same, for what comes faster than anybody reads: a while after the last time."""
        wait_s = self._told_s + RARELY_S - monotonic()
        if wait_s <= 0:
            self.announce()
        elif self._waiting is None:
            self._waiting = self.set_timer(wait_s, self.announce)

    def scroll_by(self, lines: int) -> None:
        """Show the part that lies so many lines below, whatever the cursor does."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    # --- inside ---------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self._telling, self._told_s = False, monotonic()
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        self.tell()

    def _go(self, index: int) -> None:
        index = max(0, min(index, self.count_lines() - 1))
        if index == self._cursor:
            return
        self.measure()  # there may be more by now than anybody said
        before, self._cursor = self._cursor, index
        self._keep_in_sight()
        self.redraw_line(before)
        self.redraw_line(index)
        self.announce()

    @property
    def width(self) -> int:
        """Cells of a line, beside the scroll bar, which is always there so that nothing has to move for it."""
        return self.scrollable_content_region.width

    def _room(self) -> int:
        return max(self.size.height - self.top_lines, 1)

    def _keep_in_sight(self) -> None:
        top, room = self.scroll_offset.y, self._room()
        above, below = top - self._cursor, self._cursor - (top + room - 1)
        if above > room or below > room:
            self.scroll_by(self._cursor - room // 2 - top)  # who jumps wants to see what is around
        elif above > 0:
            self.scroll_by(-above)
        elif below > 0:
            self.scroll_by(below)

    def _strip(self, mark: str, spans: Spans, *, all_are: Role | None) -> Strip:
        width = self.width
        segments = [Segment(mark, self._style(all_are or Role.PLAIN))]
        left = width - 1
        for text, role in spans:
            cells = cell_len(text)
            shown = text if cells <= left else fit(text, left)
            segments.append(Segment(shown, self._style(role, under=all_are)))
            left -= cells
            if left <= 0:
                break
        return Strip(segments).adjust_cell_length(width, self._style(all_are or Role.PLAIN))

    def _style(self, role: Role, *, under: Role | None = None) -> Style:
        """``under``: the role of the whole line, whose colours win; what stands out stays bold."""
        key = (role, under)
        if key not in self._styles_of:
            found = self.get_component_rich_style(style.component(under or role))
            stands_out = under is not None and role in (Role.ERROR, Role.WARNING, Role.LOSS)
            self._styles_of[key] = found + Style(bold=True) if stands_out else found
        return self._styles_of[key]

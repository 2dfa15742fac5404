"""The details of one row: ``tui.details`` says what there is to say, this draws it, as wide as there is room.

Lines are wrapped here and drawn one by one, so an argv of a thousand words costs no more than what is in sight. Text is
drawn as it is, never as markup.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from contrace.errors import TraceFileError
from contrace.tui import details, style
from contrace.tui.choice import Row
from contrace.tui.feed import Feed
from contrace.tui.sections import Line, Section, Span
from contrace.tui.style import Role
from contrace.tui.widgets.lines import resize_inside

_INDENT = 2
_LABELS = 20  # cells at the most that a column of labels takes; a longer one stands in its line's text
_LEAST = 24  # cells: text with less room than this goes on below its label
_WORDS = re.compile(r" +|[^ ]+")
_LOW = 16  # lines: with less, none is left empty
_NOTHING = "Nothing is selected."


class Details(ScrollView, can_focus=True, inherit_bindings=False):
    """What there is to say about a row."""

    DEFAULT_CSS = f"""
    Details {{
        height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        background: $surface; color: $foreground;
    }}
    {style.css("Details")}
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set(style.COMPONENTS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]

    @dataclass
    class Failed(Message):
        """The trace could not be read. What was read is still shown."""

        error: TraceFileError

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._sections: tuple[Section, ...] = ()
        self._wrapped: list[list[Span]] = []
        self._shown: int | None = None
        self._styles_of: dict[Role, Style] = {}

    def show(self, feed: Feed, row: Row) -> None:
        """Show a row; of one that is shown already, what has become of it, at the same place."""
        try:
            found = details.sections(feed, row)
        except TraceFileError as error:
            self.post_message(self.Failed(error))
            return
        same = row.id == self._shown
        self._sections, self._shown = found, row.id
        self._wrap()
        if not same:
            self.scroll_to(y=0, animate=False, immediate=True)

    def clear(self) -> None:
        """Show that there is nothing to show."""
        self._sections, self._shown = (), None
        self._wrap()

    @property
    def text(self) -> str:
        """What is shown, in lines as they are wrapped."""
        return "\n".join("".join(text for text, _ in spans).rstrip() for spans in self._wrapped)

    def on_resize(self) -> None:
        """Another width."""
        self._wrap()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles_of.clear()

    def action_scroll(self, lines: int) -> None:
        """A key that scrolls by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    def action_page(self, step: int) -> None:
        """A key that scrolls by what can be seen at once."""
        self.action_scroll(step * max(self.size.height - 1, 1))

    def action_scroll_home(self) -> None:
        """To the beginning."""
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_scroll_end(self) -> None:
        """To the end."""
        self.scroll_to(y=self.virtual_size.height, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        index, width = y + self.scroll_offset.y, self._width
        if index >= len(self._wrapped):
            return Strip.blank(width, self.rich_style)
        spans = self._wrapped[index]
        is_title = bool(spans) and spans[0][1] is Role.TITLE
        filling = self._style(Role.TITLE if is_title else Role.PLAIN)
        return Strip([Segment(text, self._style(role)) for text, role in spans]).adjust_cell_length(width, filling)

    @property
    def _width(self) -> int:
        """Beside the scroll bar, which is always there so that nothing is wrapped anew for it."""
        return self.scrollable_content_region.width

    def _style(self, role: Role) -> Style:
        if role not in self._styles_of:
            self._styles_of[role] = self.get_component_rich_style(style.component(role))
        return self._styles_of[role]

    def _wrap(self) -> None:
        width = max(self._width, _LEAST)
        spaced = self.size.height >= _LOW
        self._wrapped = (
            list(wrapped(self._sections, width, spaced=spaced)) if self._sections else [[(_NOTHING, Role.QUIET)]]
        )
        resize_inside(self, Size(self._width, len(self._wrapped)))
        self.refresh()


def wrapped(sections: Sequence[Section], width: int, *, spaced: bool = True) -> Iterator[list[Span]]:
    """The sections as lines that are no wider than so many cells; ``spaced``: with an empty one between sections."""
    for number, section in enumerate(sections):
        if number and spaced:
            yield []
        yield from _flow([(section.title, Role.TITLE)], width, 0)
        levels = {each.level for each in section.lines}
        columns = {level: _column(section, level) for level in levels}
        for each in section.lines:
            yield from _line(each, columns[each.level], width)


def _column(section: Section, level: int) -> int:
    """How wide the labels of one level are."""
    labels = [cell_len(each.label) for each in section.lines if each.level == level and each.label]
    return max((cells for cells in labels if cells <= _LABELS), default=0)


def _line(line: Line, column: int, width: int) -> Iterator[list[Span]]:
    left = " " * (_INDENT * line.level + 1)
    start: list[Span] = [(left, Role.PLAIN)]
    hang = len(left)
    if line.label:
        padded = line.label + " " * max(column - cell_len(line.label), 0)
        start += [(padded, Role.NAME), ("  ", Role.PLAIN)]
        hang += column + 2
    elif line.level:
        hang += _INDENT
    if width - hang < _LEAST:
        hang = len(left) + _INDENT
    found = list(_flow([*start, *line.spans], width, hang))
    if line.aside and sum(cell_len(text) for text, _ in found[-1]) + 2 + cell_len(line.aside) <= width:
        found[-1].append((f"  {line.aside}", Role.QUIET))
    yield from found


def _flow(spans: Sequence[Span], width: int, hang: int) -> Iterator[list[Span]]:
    """Spans as lines, broken between words, or within one that is longer than a line."""
    current: list[Span] = []
    used = 0
    for text, role in spans:
        for word in _WORDS.findall(text):
            cells = cell_len(word)
            if used + cells > width and used > hang and word.strip() and hang + cells <= width:
                yield current
                current, used = [(" " * hang, Role.PLAIN)], hang
            if used + cells <= width:
                current.append((word, role))
                used += cells
                continue
            if not word.strip():
                continue  # a space that the end of the line takes the place of
            for piece in _pieces(word, width - used, width - hang):
                if used >= width or (current and used + cell_len(piece) > width):
                    yield current
                    current, used = [(" " * hang, Role.PLAIN)], hang
                current.append((piece, role))
                used += cell_len(piece)
    yield current


def _pieces(word: str, first: int, others: int) -> Iterator[str]:
    """A word that is longer than a line, in pieces: what fits on the line that is begun, then whole lines."""
    taken = chop_cells(word, first)[0] if first > 0 else ""
    if taken:
        yield taken
    rest = word[len(taken) :]
    if rest:
        yield from chop_cells(rest, others)

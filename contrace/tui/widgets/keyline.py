"""The line with the keys at the bottom of the timeline, drawn as one line.

It looks and behaves as textual's Footer, which makes a widget of every key, and all of them anew whenever the focus
moves: that takes as long as two paints, each time a filter is opened or submitted.
"""

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

_PALETTE_MARK = "▏"


class _Item(NamedTuple):
    key: str
    display: str
    short: str
    enabled: bool


class KeyLine(Widget):
    """See the module."""

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; color: $footer-foreground; background: $footer-background; }
    KeyLine > .keyline--key { color: $footer-key-foreground; background: $footer-key-background; text-style: bold; }
    KeyLine > .keyline--short { color: $footer-description-foreground; background: $footer-description-background; }
    KeyLine > .keyline--mark { color: $foreground 20%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keyline--key", "keyline--short", "keyline--mark"}

    def __init__(self) -> None:
        super().__init__()
        self._items: list[_Item] = []
        self._palette: _Item | None = None
        self._places: list[tuple[int, int, _Item]] = []
        """First cell, the one behind the last, and what stands there."""

    def on_mount(self) -> None:
        """From now on the screen says when other keys do something."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._look())

    def render_line(self, y: int) -> Strip:
        """The only line."""
        key_style, short_style = (self.get_component_rich_style(f"keyline--{part}") for part in ("key", "short"))
        width, segments, at = self.size.width, [], 0
        self._places = []
        right = self._palette
        room = width - (cell_len(f"{_PALETTE_MARK}{right.display} {right.short} ") if right is not None else 0)

        def put(item: _Item) -> None:
            nonlocal at
            dim = Style() if item.enabled else Style(dim=True)
            segments.append(Segment(item.display, key_style + dim))
            segments.append(Segment(f" {item.short}", short_style + dim))
            size = cell_len(item.display) + 1 + cell_len(item.short)
            self._places.append((at, at + size, item))
            segments.append(Segment(" ", self.rich_style))
            at += size + 1

        for item in self._items:
            put(item)
        if right is None:
            return Strip(segments).adjust_cell_length(width, self.rich_style)
        left = Strip(segments).adjust_cell_length(max(room, 0), self.rich_style)
        self._places = [(first, min(last, room), item) for first, last, item in self._places if first < room]
        segments, at = [Segment(_PALETTE_MARK, self.get_component_rich_style("keyline--mark"))], room + 1
        put(right)
        return Strip.join([left, Strip(segments)]).adjust_cell_length(width, self.rich_style)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click on a key presses it."""
        for first, last, item in self._places:
            if first <= event.x < last:
                if item.enabled:
                    self.app.simulate_key(item.key)
                else:
                    self.app.bell()

    def _look(self) -> None:
        if not self.is_attached or not self.app.app_focus:
            return
        active = self.screen.active_bindings.values()
        shown = {each.binding.action: each for each in reversed([each for each in active if each.binding.show])}
        items = [
            _Item(each.binding.key, self.app.get_key_display(each.binding), each.binding.description, each.enabled)
            for each in reversed(shown.values())
        ]
        found = self.screen.active_bindings.get(self.app.COMMAND_PALETTE_BINDING)
        palette = None
        if found is not None and self.app.ENABLE_COMMAND_PALETTE:
            binding = found.binding
            palette = _Item(binding.key, self.app.get_key_display(binding), binding.description, found.enabled)
        if (items, palette) != (self._items, self._palette):
            self._items, self._palette = items, palette
            self.refresh()

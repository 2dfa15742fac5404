"""The process tree: who started whom, how long it lived, how it ended.

Only the lines in sight are drawn. Which lines there are is worked out without asking what stands in them, and of a
large tree only the upper levels are unfolded, so 20,000 processes are there at once. What a process is can be told
without colours: ``●`` lives, ``○`` has ended, ``!`` ended by a signal or with an error; ``#`` says that the list of
calls is narrowed to it and to what it started.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from contrace.output.escape import name
from contrace.story.tree import Key, Node, ProcessTree
from contrace.syscalls.flags.signal import signal_name
from contrace.tui import style
from contrace.tui.style import Role
from contrace.tui.widgets.calls import duration
from contrace.tui.widgets.lines import RARELY_S, LineList, Spans, cut_name

_UNFOLDED = 3_000  # lines that are unfolded without being asked
_WORDS = 8  # of a command line; more is never in sight
_WORD = 60
_BEFORE_GUIDE = 2  # cells: the marks of the cursor and of what is narrowed to
_BEFORE_NAME = 3  # cells: the signs for what is below and for its life, a gap
_LEAST = 4
_RESTS = 15  # times as long as it took to unfold a tree that grows, until that is done again
_DEEPEST = 12  # levels that are indented: the pane is narrow


class _Line(NamedTuple):
    key: Key
    depth: int
    guide: str
    """What stands left of it, one letter per level: is there more below?"""


class ProcessTreeView(LineList):
    """Every process of a trace."""

    DEFAULT_CSS = style.css("ProcessTreeView")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "fold", show=False),
        Binding("right,l", "unfold", show=False),
        Binding("escape", "widen", show=False),
    ]

    @dataclass
    class Narrowed(Message):
        """Show only what this process and those below it did; None: everything again."""

        key: Key | None

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._tree: ProcessTree | None = None
        self._version = self._size_of_tree = -1
        self._lines: list[_Line] = []
        self._places: dict[Key, int] = {}
        self._folds: dict[Key, bool] = {}
        """What the user folded or unfolded -> whether its children are shown."""
        self._rests_until_s = 0.0
        self._waits = False
        self._narrowed: Key | None = None

    # --- what is shown --------------------------------------------------------------------------------------

    @property
    def narrowed(self) -> Key | None:
        """The process that the list of calls is narrowed to."""
        return self._narrowed

    @property
    def current(self) -> Key | None:
        """The process under the cursor; None in an empty tree."""
        return self._lines[self.cursor].key if self.cursor < len(self._lines) else None

    def show(self, tree: ProcessTree, *, rarely: bool = False) -> None:
        """Show a tree, or what has become of it; the cursor stays with its process. ``rarely``: it changes faster than
        anybody reads."""
        if tree is self._tree and tree.version == self._version:
            return
        if tree is not self._tree:
            self._folds, self._narrowed, self._lines, self._cursor, self._size_of_tree = {}, None, [], 0, -1
        size = len(tree)
        others = size != self._size_of_tree
        if (others or rarely) and tree is self._tree and (wait_s := self._rests_until_s - monotonic()) > 0:
            if not self._waits:
                self._waits = True
                self.set_timer(wait_s, partial(self._show_now, rarely=rarely))
            return
        self._tree, self._version = tree, tree.version
        began_s = monotonic()
        if others:
            self._size_of_tree = size
            self._unfold_again()
        else:
            self.redraw()  # nobody changes parents: what is known of some process is more now, or it has ended
        now_s = monotonic()
        rest_s = _RESTS * (now_s - began_s) if others else 0.0
        self._rests_until_s = now_s + max(rest_s, RARELY_S if rarely else 0.0)

    def _show_now(self, *, rarely: bool) -> None:
        self._waits = False
        if self._tree is not None:
            self.show(self._tree, rarely=rarely)

    def select(self, key: Key) -> None:
        """Put the cursor on a process, and unfold what is above it. Nothing happens for one that is not there."""
        tree = self._tree
        if tree is None:
            return
        if key not in self._places:
            above = _parent(tree, key)
            while above is not None:
                self._folds[above] = True
                above = _parent(tree, above)
            self._unfold_again()
        if key in self._places:
            self.cursor = self._places[key]

    def on_click(self, event: events.Click) -> None:
        """On the sign for it, a click folds or unfolds."""
        at = event.get_content_offset(self)
        index = self.scroll_offset.y + at.y if at is not None else self.count_lines()
        if at is not None and index < self.count_lines() and at.x == len(self._lines[index].guide) + _BEFORE_GUIDE:
            event.prevent_default()
            self.cursor = index
            self._turn(unfold=not self._is_unfolded(index))

    def action_open(self) -> None:
        """Narrow to the process under the cursor, or widen if that is what is narrowed to."""
        key = self.current
        if key is not None:
            self._narrow(None if key == self._narrowed else key)

    def action_widen(self) -> None:
        """Show everything again."""
        self._narrow(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is for others as long as there is nothing to widen."""
        return self._narrowed is not None if action == "widen" else super().check_action(action, parameters)

    def action_fold(self) -> None:
        """Hide what is below; of one where nothing is shown below, go to who started it."""
        tree, key = self._tree, self.current
        if tree is None or key is None:
            return
        if self._is_unfolded(self.cursor):
            self._turn(unfold=False)
        elif (above := _parent(tree, key)) is not None and above in self._places:
            self.cursor = self._places[above]

    def action_unfold(self) -> None:
        """Show what is below; of one where it is shown, go to the first of them."""
        tree, key = self._tree, self.current
        if tree is None or key is None or not tree.node(key).children:
            return
        if self._is_unfolded(self.cursor):
            self.cursor += 1
        else:
            self._turn(unfold=True)

    # --- lines ----------------------------------------------------------------------------------------------

    def count_lines(self) -> int:
        """See ``LineList.count_lines``."""
        return len(self._lines)

    def spans(self, index: int) -> Spans:
        """See ``LineList.spans``."""
        assert self._tree is not None
        line = self._lines[index]
        node = self._tree.node(line.key)
        quiet = Role.PLAIN if node.end_ns is None else Role.QUIET
        yield "#" if line.key == self._narrowed else " ", Role.WARNING
        yield line.guide, Role.QUIET
        fold = " " if not node.children else "▾" if self._is_unfolded(index) else "▸"
        yield fold, Role.QUIET
        yield _sign(node)
        both = f"[{pids(node)}]"
        # Of a long name a part is left out, not of the pids.
        room = self.width - _BEFORE_GUIDE - len(line.guide) - _BEFORE_NAME - len(both)
        comm = cut_name(name(node.comm) or "?", max(room, _LEAST))
        yield f" {comm}", quiet if node.end_ns is not None else style.of_process(node.pid)
        yield both, quiet
        if node.end_ns is not None:
            yield f" {ending(node)}", Role.ERROR if _is_bad(node) else Role.QUIET
            yield f" {duration(node.end_ns - node.start_ns)}", Role.QUIET
        words = command(node.argv)
        if words:
            yield f"  {words}", Role.QUIET

    # --- inside ---------------------------------------------------------------------------------------------

    def _turn(self, *, unfold: bool) -> None:
        if (key := self.current) is not None:
            self._folds[key] = unfold
            self._unfold_again()

    def _narrow(self, key: Key | None) -> None:
        if key == self._narrowed:
            return
        for each in (self._narrowed, key):
            if each is not None and each in self._places:
                self.redraw_line(self._places[each])
        self._narrowed = key
        self.post_message(self.Narrowed(key))

    def _is_unfolded(self, index: int) -> bool:
        return index + 1 < len(self._lines) and self._lines[index + 1].depth > self._lines[index].depth

    def _unfold_again(self) -> None:
        """Work out which lines there are."""
        if self._tree is None:
            return
        current, was_at = self.current, self.cursor
        self._lines = _unfold(self._tree, self._shown(self._tree))
        self._places = {line.key: index for index, line in enumerate(self._lines)}
        if current is not None:
            self._cursor = self._places.get(current, min(was_at, len(self._lines) - 1))
        self.redraw()
        if self.cursor != was_at:
            self.scroll_by(self.cursor - was_at)
        self._keep_in_sight()

    def _shown(self, tree: ProcessTree) -> dict[Key, tuple[Key, ...]]:
        """Whose children are shown, and which they are: what was asked for, and of the rest the upper levels."""
        found: dict[Key, tuple[Key, ...]] = {}
        count = len(tree.roots)
        waiting = deque(tuple(tree.roots))
        first = len(waiting)
        while waiting:
            key = waiting.popleft()
            children = tuple(tree.node(key).children)
            is_root = first > 0
            first -= 1
            if children and self._folds.get(key, is_root or count + len(children) <= _UNFOLDED):
                found[key] = children
                count += len(children)
                waiting.extend(children)
        return found


def _unfold(tree: ProcessTree, shown: dict[Key, tuple[Key, ...]]) -> list[_Line]:
    lines: list[_Line] = []
    waiting = [(key, 0, "", "") for key in reversed(tuple(tree.roots))]
    while waiting:
        key, depth, guide, below = waiting.pop()
        lines.append(_Line(key, depth, guide))
        children = shown.get(key)
        if not children:
            continue
        deep = depth >= _DEEPEST
        between, last = (below, below) if deep else (below + "├", below + "└")
        on, out = (below, below) if deep else (below + "│", below + " ")
        waiting.append((children[-1], depth + 1, last, out))
        waiting.extend((child, depth + 1, between, on) for child in reversed(children[:-1]))
    return lines


def _parent(tree: ProcessTree, key: Key) -> Key | None:
    try:
        return tree.node(key).parent
    except KeyError:
        return None


def pids(node: Node) -> str:
    """Host pid, and the pid that it has inside, if that is another namespace: ``4711→1``."""
    inside = f"→{node.nspids[-1]}" if len(node.nspids) > 1 else ""
    return f"{node.pid}{inside}"


def ending(node: Node) -> str:
    """``exit 0``, ``SIGKILL``, ``lives``."""
    if node.end_ns is None:
        return "lives"
    return signal_name(node.signal) if node.signal else f"exit {'?' if node.status is None else node.status}"


def command(argv: tuple[bytes, ...]) -> str:
    """The beginning of a command line, harmless to a terminal."""
    words = [name(word[:_WORD]) + "…" * (len(word) > _WORD) for word in argv[:_WORDS]]
    return " ".join([*words, *(["…"] if len(argv) > _WORDS else [])])


def _is_bad(node: Node) -> bool:
    return bool(node.signal or node.status)


def _sign(node: Node) -> tuple[str, Role]:
    if node.end_ns is None:
        return "●", Role.CHANGE
    return ("!", Role.ERROR) if _is_bad(node) else ("○", Role.QUIET)

"""The line in which a filter or a search is typed: with history, completion, and a mark under what is wrong.

It asks nothing of the trace; whoever opened it is told what was submitted. While it is open it has the keys, and when
it closes nothing has changed unless something was submitted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from contrace import filters
from contrace.errors import UsageError
from contrace.output.escape import printable
from contrace.tui import keys
from contrace.tui.completion import completed
from contrace.tui.history import History

_PROMPT = 8  # cells left of what is typed


class Purpose(StrEnum):
    """What is typed."""

    FILTER = "filter"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line, and where."""

    place: int
    """Index of the letter in the line."""
    why: str


def complaint(line: str) -> Wrong | None:
    """What is wrong with a line of filter words; None: nothing is."""
    place = 0
    for word in filters.words_of(line):
        place = line.index(word, place)
        try:
            filters.parse([word])
        except UsageError as error:
            first, _, mark, *_ = str(error).split("\n")
            return Wrong(place + len(mark) - len("  ^"), first.removeprefix("filter: "))
        place += len(word)
    return None


class FilterBar(Vertical):
    """See the module. Hidden until it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.Where.BAR),
        Binding("tab", "complete", show=False, priority=True),  # as in a shell; it does not leave the line
    ]

    @dataclass
    class Submitted(Message):
        """A line that makes sense; it may be empty."""

        purpose: Purpose
        words: tuple[str, ...]

    @dataclass
    class Closed(Message):
        """Nothing is to be done."""

        purpose: Purpose

    def __init__(self, comms: Callable[[], Iterable[str]], *, id: str | None = None) -> None:
        """``comms``: names of processes that can be offered."""
        super().__init__(id=id)
        self._comms = comms
        self._purpose = Purpose.FILTER
        self._histories: dict[Purpose, History] = {}

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("", id="prompt", markup=False)
            yield Input(compact=True, select_on_focus=False, suggester=_Offers(self._comms))
        yield Static("", id="wrong", markup=False)

    @property
    def is_open(self) -> bool:
        """Somebody types."""
        return self.has_class("-open")

    def open(self, purpose: Purpose, words: Iterable[str] = ()) -> None:
        """Begin to type, with what there was before."""
        self._purpose = purpose
        if purpose not in self._histories:
            self._histories[purpose] = History(purpose.value)
        self._history.rewind()
        self.query_one("#prompt", Static).update(f"{purpose.value:<{_PROMPT - 1}}")
        self._say(None)
        self.add_class("-open")
        box = self._input
        box.value = " ".join(words)
        box.cursor_position = len(box.value)
        box.focus()

    def action_close(self) -> None:
        """Escape."""
        self._close()
        self.post_message(self.Closed(self._purpose))

    def action_older(self) -> None:
        """What was typed before."""
        self._put(self._history.older(self._input.value))

    def action_newer(self) -> None:
        """What was typed after that."""
        self._put(self._history.newer())

    def action_complete(self) -> None:
        """Take what is offered."""
        box = self._input
        box.cursor_position = len(box.value)
        box.action_cursor_right()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        wrong = complaint(event.value)
        self._say(wrong)
        if wrong is not None:
            self._input.cursor_position = min(wrong.place, len(event.value))
            return
        self._history.add(event.value)
        self._close()
        self.post_message(self.Submitted(self._purpose, tuple(filters.words_of(event.value))))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say(None)

    def _close(self) -> None:
        self.remove_class("-open")

    def _put(self, value: str | None) -> None:
        if value is not None:
            box = self._input
            box.value = value
            box.cursor_position = len(value)

    def _say(self, wrong: Wrong | None) -> None:
        static = self.query_one("#wrong", Static)
        static.display = wrong is not None
        if wrong is not None:
            # In a line that scrolls sideways the mark would stand elsewhere: then only the words are there.
            room = self._input.size.width
            fits = len(self._input.value) < room
            mark = f"{' ' * (_PROMPT + wrong.place)}^\n" if fits else ""
            static.update(f"{mark}{' ' * _PROMPT}{printable(wrong.why)}")

    @property
    def _history(self) -> History:
        return self._histories[self._purpose]

    @property
    def _input(self) -> Input:
        return self.query_one(Input)


class _Offers(Suggester):
    """What the line could go on with."""

    def __init__(self, comms: Callable[[], Iterable[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._comms = comms

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, self._comms)

"""The line above the timeline: which trace, how much of it is shown and why, and what goes on.

State is said in words. Where there is no room for all of them, what cannot be seen elsewhere comes first.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from textual.widgets import Static

from contrace.output.escape import name, printable
from contrace.tui.choice import Choice, Sort


@dataclass(frozen=True, slots=True)
class State:
    """What there is to say."""

    path: Path
    choice: Choice
    count: int
    """Rows that are shown."""
    known: int
    total: int
    complete: bool
    """Everything that is chosen was found, as far as the trace was taken in."""
    position: int
    narrowed: str = ""
    """The process that the list is narrowed to."""
    recording: bool = False
    follow: bool = False
    paused: bool = False
    work: str = ""
    """The long work that is being done."""
    progress: float = 0.0


class Status(Static):
    """See the module."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._said: State | None = None

    def say(self, state: State) -> None:
        """Show it, if it is not what is shown already."""
        if state != self._said:
            self._said = state
            self.update(text(state), layout=False)


def text(state: State) -> Text:
    """One line."""
    out = Text(no_wrap=True, overflow="ellipsis")
    if state.work:
        out.append(f"{state.work} {state.progress:.0%}, Esc cancels  ", "bold reverse")
    if state.paused:
        out.append("PAUSED  ", "bold reverse")
    if state.follow:
        out.append("FOLLOWING  ", "bold reverse")
    if state.recording:
        out.append("RECORDING  ", "bold")
    out.append(f"{state.position + 1:,} of {state.count:,}" if state.count else "nothing to show", "bold")
    if state.known < state.total:
        out.append(f"  reading {state.known / state.total:.0%}")
    elif not state.complete:
        out.append("  looking for more")
    if state.choice.words:
        out.append(f"  filter: {printable(' '.join(state.choice.words))}", "bold")
    if state.narrowed:
        out.append(f"  only: {state.narrowed}", "bold")
    if state.choice.sort is not Sort.TIME:
        out.append(f"  by {state.choice.sort}")
    out.append(f"  {name(os.fsencode(state.path.name))}")
    return out

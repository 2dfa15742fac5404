"""What the details of a row consist of: sections of lines, each line a label and pieces of text. Data only.

All text in it is harmless to a terminal already, and none of it is markup.
"""

from dataclasses import dataclass

from contrace.tui.style import Role

Span = tuple[str, Role]
UNKNOWN = "?"
"""Stands for what the trace does not tell."""


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. Where it is too long for a line, it goes on below its text."""

    label: str
    """What it is about: an argument, a flag, "pid"; "" for a sentence."""
    spans: tuple[Span, ...]
    level: int = 0
    """How far it is set in: 1 below the line that it explains."""
    aside: str = ""
    """What may be left out: shown where it needs no further line."""


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together."""

    title: str
    lines: tuple[Line, ...]


def line(label: str, text: str, role: Role = Role.PLAIN, *, level: int = 0, beside: str = "", aside: str = "") -> Line:
    """A line of one text; ``beside``: what is there for those who look for it."""
    return Line(label, ((text, role), *(((f"  {beside}", Role.QUIET),) if beside else ())), level, aside)


def sentence(text: str, role: Role = Role.PLAIN, *, level: int = 0) -> Line:
    """A line without a label."""
    return Line("", ((text, role),), level)


def section(title: str, lines: list[Line]) -> tuple[Section, ...]:
    """A section; none where there is nothing to say."""
    return (Section(title, tuple(lines)),) if lines else ()

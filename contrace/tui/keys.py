"""The one table of keys. The bindings, the footer, the help and the command palette are made from it.

A row whose keys a widget or another screen binds itself (``bound`` False) stands here to be explained; a test holds it
against what is really bound there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Where(StrEnum):
    """Where a key does something; also the captions of the help."""

    EVERYWHERE = "Everywhere"
    LIST = "In every list"
    TIMELINE = "Timeline"
    TREE = "Timeline, process tree"
    BAR = "Filter and search line"
    COMMAND = "Terminal of run --tui"
    PROCESSES = "Processes"
    SUMMARY = "Summary"
    TRACES = "Traces"


@dataclass(frozen=True, slots=True)
class Key:
    """One row."""

    keys: tuple[str, ...]
    """As textual calls them; any of them does it."""
    action: str
    """As textual's bindings name it; "" where somebody else binds the keys."""
    short: str
    """A word or two, for the footer."""
    sentence: str
    """What it does."""
    where: Where
    shown: bool = False
    """It stands in the footer."""
    label: str = ""
    """How the keys are written; "": after their names."""
    bound: bool = True
    """The app or the screen binds it, from this table."""

    @property
    def display(self) -> str:
        """How the keys are written."""
        return self.label or " ".join(_written(key) for key in self.keys)


_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "apostrophe": "'",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "space": "Space",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
}


def _written(key: str) -> str:
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+').upper()}"
    return key.upper() if key[0] == "f" and key[1:].isdecimal() else key


_E, _L, _T, _TREE, _BAR = Where.EVERYWHERE, Where.LIST, Where.TIMELINE, Where.TREE, Where.BAR
_COMMAND = Where.COMMAND

KEYS: tuple[Key, ...] = (
    # --- everywhere
    Key(("question_mark",), "help", "Help", "Show the keys.", _E, shown=True),
    Key(("1", "f1"), "mode('timeline')", "Timeline", "What happened, call by call.", _E),
    Key(("2", "f2"), "mode('processes')", "Processes", "Who existed at the selected moment, outside and inside.", _E),
    Key(("3", "f3"), "mode('summary')", "Summary", "Counts, times, errors, losses, and how the trace was taken.", _E),
    Key(("4", "f4"), "mode('traces')", "Traces", "The trace files that there are.", _E),
    Key(("ctrl+p",), "", "Palette", "Find a command by its name; change colours.", _E, bound=False),
    Key(("q",), "leave", "Quit", "End. A capture that still goes on is asked about.", _E, shown=True),
    # --- lists
    Key(("up", "k"), "move(-1)", "Up", "One line up.", _L, bound=False),
    Key(("down", "j"), "move(1)", "Down", "One line down.", _L, bound=False),
    Key(("pageup", "ctrl+u"), "move('page_up')", "Page up", "One page up.", _L, bound=False),
    Key(("pagedown", "ctrl+d"), "move('page_down')", "Page down", "One page down.", _L, bound=False),
    Key(("home", "g"), "move('home')", "First", "To the first line.", _L, bound=False),
    Key(("end", "G"), "move('end')", "Last", "To the last line.", _L, bound=False),
    Key(("tab", "shift+tab"), "", "Pane", "To the next or previous pane.", _L, bound=False),
    # --- timeline
    Key(("f",), "filter", "Filter", "Show only some lines, such as: call:unshare failed", _T, shown=True),
    Key(("slash",), "search", "Search", "Look for something; the words are those of the filter.", _T, shown=True),
    Key(("n",), "again(1)", "Next", "The next place that the search finds.", _T),
    Key(("N",), "again(-1)", "Previous", "The place before.", _T),
    Key(("right_square_bracket",), "namespaces(1)", "Next ns", "The next that changed namespaces.", _T, shown=True),
    Key(("left_square_bracket",), "namespaces(-1)", "Previous ns", "The one before that changed namespaces.", _T),
    Key(("e",), "error(1)", "Next error", "The next call that failed.", _T, shown=True),
    Key(("E",), "error(-1)", "Previous error", "The call before that failed.", _T),
    Key(("u",), "parent", "Parent", "The call that made this process.", _T, shown=True),
    Key(("c",), "children", "Children", "What this call started.", _T, shown=True),
    Key(("y",), "copy", "Copy", "Copy the call, the command line, argv or the environment.", _T, shown=True),
    Key(("m",), "bookmark", "Mark", "Set a bookmark at this line, or take it away.", _T),
    Key(("apostrophe",), "next_bookmark", "Next mark", "The next bookmark.", _T),
    Key(("s",), "sort", "Sort", "By time, duration, call, process: the next one.", _T, shown=True),
    Key(("o",), "columns", "Columns", "Choose the columns.", _T),
    Key(("x",), "export", "Export", "Write what is shown to a file, in one of the formats of show.", _T, shown=True),
    Key(("F",), "follow", "Follow", "Stay at the end while the trace grows.", _T, shown=True),
    Key(("space",), "pause", "Pause", "Let the list stand still while the trace grows.", _T),
    Key(("escape",), "cancel", "Cancel", "Give up a search or an export; else show all lines again.", _T),
    # --- process tree
    Key(("enter",), "", "Narrow", "Only what this process and those below it did; again: all.", _TREE, bound=False),
    Key(("left", "h"), "", "Fold", "Hide those below; else go to the parent.", _TREE, bound=False),
    Key(("right", "l"), "", "Unfold", "Show those below.", _TREE, bound=False),
    # --- filter and search line
    Key(("enter",), "", "Do it", "Filter or search; an empty filter shows everything.", _BAR, bound=False),
    Key(("tab", "right"), "", "Complete", "Take what is offered in grey.", _BAR, bound=False),
    Key(("up",), "older", "History", "What was typed before.", _BAR, shown=True),
    Key(("down",), "newer", "Newer", "What was typed after that.", _BAR),
    Key(("escape",), "close", "Close", "Leave everything as it was.", _BAR, shown=True),
    # --- the command's terminal, which gets every other key itself
    Key(("f6",), "terminal", "Terminal", "To the command's terminal, and back to the calls.", _COMMAND, shown=True),
    Key(("ctrl+right_square_bracket",), "", "Leave", "Back to the calls.", _COMMAND, label="^]", bound=False),
    # --- other screens, which bind their keys themselves
    Key(("less_than_sign", "greater_than_sign"), "", "Play", "Back and forward in time.", Where.PROCESSES, bound=False),
    Key(("v", "V"), "", "View", "Look from inside the next or previous PID namespace.", Where.PROCESSES, bound=False),
    Key(("s",), "", "Sort", "By calls, time, errors, name: the next one.", Where.SUMMARY, bound=False),
    Key(("enter",), "", "Open", "Open this trace.", Where.TRACES, bound=False),
    Key(("d",), "", "Demo", "Run a demo and watch it.", Where.TRACES, bound=False),
    Key(("r",), "", "Refresh", "Look again which files there are.", Where.TRACES, bound=False),
)


def of(where: Where) -> Iterator[Key]:
    """The rows of one place."""
    return (key for key in KEYS if key.where is where)


def bindings(where: Where) -> list[Binding]:
    """What textual is told of one place. The footer shows the app's keys behind those of the screen, where they may be
    cut off: so a screen begins with the one that leads to all others."""
    first = (_binding(key, "app.") for key in KEYS[:1]) if where is Where.TIMELINE else ()
    return [*first, *(_binding(key) for key in of(where) if key.bound)]


def _binding(key: Key, namespace: str = "") -> Binding:
    return Binding(
        ",".join(key.keys),
        f"{namespace}{key.action}",
        key.short,
        show=key.shown,
        key_display=key.display,
        tooltip=key.sentence,
    )

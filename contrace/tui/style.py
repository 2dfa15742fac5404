"""What a piece of text means, and what that looks like: the one place where the lists and the details get their styles.

A role is never the only sign of what it says, since there are terminals without colours: whoever uses one writes it
in words or with a mark, too. Colours are those of the theme, so that they can be read on light and on dark.
"""

from enum import StrEnum

_PROCESSES = 6


class Role(StrEnum):
    """What a piece of text is."""

    PLAIN = "plain"
    TITLE = "title"
    """The titles of columns, the heading of a section."""
    CURSOR = "cursor"
    """The line under the cursor."""
    NAME = "name"
    """A name that is explained: an argument, a flag, a variable."""
    QUIET = "quiet"
    """What is there for those who look for it: raw values, what has ended, what did not change."""
    ERROR = "error"
    WARNING = "warning"
    LOSS = "loss"
    LONG = "long"
    """It took long."""
    CHANGE = "change"
    """Something is not what it was before."""
    P0 = "process0"
    P1 = "process1"
    P2 = "process2"
    P3 = "process3"
    P4 = "process4"
    P5 = "process5"


_RULES = {
    Role.PLAIN: "color: $foreground;",
    Role.TITLE: "color: $foreground; background: $panel; text-style: bold;",
    Role.CURSOR: "color: $foreground; background: $block-cursor-blurred-background;",
    Role.NAME: "color: $text-accent; text-style: bold;",
    Role.QUIET: "color: $text-muted;",
    Role.ERROR: "color: $text-error; text-style: bold;",
    Role.WARNING: "color: $text-warning; text-style: bold;",
    Role.LOSS: "color: $foreground; text-style: bold reverse;",
    Role.LONG: "color: $text-warning;",
    Role.CHANGE: "color: $text-success; text-style: bold;",
    Role.P0: "color: $text-primary;",
    Role.P1: "color: $text-secondary;",
    Role.P2: "color: $text-accent;",
    Role.P3: "color: $text-success;",
    Role.P4: "color: $text-warning;",
    Role.P5: "color: $foreground;",
}
_FOCUSED_CURSOR = (
    "color: $block-cursor-foreground; background: $block-cursor-background; text-style: $block-cursor-text-style;"
)


def component(role: Role) -> str:
    """The component class of a role."""
    return f"role--{role}"


COMPONENTS: frozenset[str] = frozenset(map(component, Role))
"""Component classes of a widget that uses roles."""


def css(widget: str) -> str:
    """The rules of these classes for a widget, given as its name in the style sheet."""
    rules = [f"{widget} > .{component(role)} {{ {rule} }}" for role, rule in _RULES.items()]
    focused = f"{widget}:focus > .{component(Role.CURSOR)} {{ {_FOCUSED_CURSOR} }}"
    return "\n".join([*rules, focused])


def of_process(pid: int) -> Role:
    """Always the same for a process, and mostly different for neighbours."""
    return Role(f"process{pid * 5 % _PROCESSES if pid else 5}")

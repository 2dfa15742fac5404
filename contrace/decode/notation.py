"""What decoding takes and gives: the reader's choices, and one decoded argument."""

from dataclasses import dataclass

Raw = int | bytes | tuple[bytes | int | None, ...] | None
"""An argument's value for programs: a number, the bytes behind it, the elements of an array; None: unknown."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How much of strings and arrays is shown (strace's -s and -v)."""

    string_limit: int = 32
    """Bytes of a string, and elements of an array, before ``...``."""
    verbose: bool = False
    """Show environments and structures in full."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call."""

    name: str
    """The man page's name, or strace's where its text names the argument (``child_stack=NULL``)."""
    text: str
    """strace's notation of the value."""
    raw: Raw
    named: bool = False
    """strace writes ``name=text``."""
    late: bool = False
    """strace writes it when the call has returned: it is part of ``Call.tail``."""
    sep: str = ", "
    """What stands between this argument and the one before."""
    opened: bool = False
    """Late, but strace writes ``sep`` at the call's entry: a call that is interrupted there ends with a comma."""

    @property
    def written(self) -> str:
        """The argument as it stands in the call's text, without what separates it."""
        return f"{self.name}={self.text}" if self.named else self.text

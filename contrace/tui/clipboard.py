"""What can be copied of a row: the call as strace writes it, a command line that a shell takes, argv, environment.

A command line comes from a traced process: pasted, it must be one command with these very words, whatever is in them.
So every word is quoted, and bytes that a terminal would act on, or that are no text, are written as ``$'\\033'``.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contrace.output.escape import name
from contrace.records import Exec, Syscall, Vector
from contrace.tui.choice import Row
from contrace.tui.feed import Feed

_EXECS = ("execve", "execveat")
_ARGV = {"execve": 1, "execveat": 2}
"""Index of the argument; the environment is the next one."""
_VARIABLE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Copy:
    """Something that can be copied."""

    key: str
    """One letter."""
    title: str
    text: str


def copies(feed: Feed, row: Row) -> Iterator[Copy]:
    """What there is to copy of a row. argv and environment are those of its own execve, else of its process's last
    one. Raises TraceFileError."""
    if row.call is not None:
        yield Copy("c", "the call, as strace writes it", row.text)
    else:
        yield Copy("c", "the line", row.text)
    argv, environment = vectors(row)
    if argv is None and row.record.pid:
        executed = feed.exec_of(row.record.pid, row.id)
        if executed is not None:
            argv, environment = vectors(executed)
    if argv:
        yield Copy("l", "the command line, ready to paste", " ".join(map(quoted, argv)))
        yield Copy("a", "argv, one argument a line", "\n".join(map(quoted, argv)))
    if environment:
        yield Copy("e", "the environment, ready to paste", "\n".join(map(_assignment, environment)))


def vectors(row: Row) -> tuple[Sequence[bytes] | None, Sequence[bytes] | None]:
    """argv and environment of an execve, as far as they were copied; (None, None) of anything else."""
    record = row.record
    if isinstance(record, Exec):
        return record.argv, None
    if not isinstance(record, Syscall) or row.call is None or row.call.name not in _EXECS:
        return None, None
    place = _ARGV[row.call.name]
    found = {part.arg: part.items for part in record.memory if isinstance(part, Vector)}
    return found.get(place), found.get(place + 1)


def quoted(word: bytes) -> str:
    """The word for a shell (bash, zsh, ksh; POSIX.1-2024 has ``$'…'`` as well)."""
    text = word.decode("ascii", "replace")
    if text.isascii() and text.isprintable():
        return shlex.quote(text)
    # Octal: \x takes as many digits as follow in some shells, and three octal digits are three everywhere.
    inner = "".join(chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in "'\\" else f"\\{byte:03o}" for byte in word)
    return f"$'{inner}'"


def _assignment(variable: bytes) -> str:
    """``NAME=value`` with the value quoted; what is no assignment is quoted whole."""
    match = _VARIABLE.match(variable)
    if match is None:
        return quoted(variable)
    return f"{name(match[0])}{quoted(variable[match.end() :])}"

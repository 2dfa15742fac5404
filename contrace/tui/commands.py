"""The command line and the environment that a process was started with, beside those of its parent: as sections.

They come from the memory that was copied at execve(2); of an execve that was seen only by its event there is the
command line alone. What could only be copied in part is marked, and what was never seen is said to be unknown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contrace.output.escape import name
from contrace.records import Entered, Exec, Record, Syscall, Vector
from contrace.story.tree import Node
from contrace.syscalls.abi import name_of
from contrace.tui.choice import Row
from contrace.tui.feed import Feed
from contrace.tui.sections import Line, Section, line, section, sentence
from contrace.tui.style import Role

_ARGV = {"execve": 1, "execveat": 2}
"""Calls that execute -> index of argv; envp follows it (execve(2), execveat(2))."""
_WORD = 1_000  # bytes of a word or value that are shown
_WORDS, _BYTES = 2_000, 100_000  # that are shown of an array
_ANCESTORS = 64


@dataclass(frozen=True, slots=True)
class Words:
    """argv or envp, as far as it was copied."""

    items: Sequence[bytes]
    broken: frozenset[int] = frozenset()
    """Of these the end could not be read."""
    missing: str = ""
    """What is not there, in words; "" where everything is."""


@dataclass(frozen=True, slots=True)
class Started:
    """What an execve was given; None: not seen."""

    argv: Words | None
    environment: Words | None


def started(record: Record) -> Started | None:
    """What a record tells of an execve; None: it is none."""
    if isinstance(record, Exec):
        return Started(Words(record.argv), None)
    if not isinstance(record, Syscall | Entered):
        return None
    at = _ARGV.get(name_of(record.abi, record.nr))
    if at is None:
        return None
    vectors = {part.arg: part for part in record.memory if isinstance(part, Vector)}
    return Started(_words(vectors.get(at)), _words(vectors.get(at + 1)))


def _words(vector: Vector | None) -> Words | None:
    if vector is None:
        return None
    missing = ""
    if vector.fault:
        missing = f"the array could not be read on at {vector.fault:#x}"
    elif vector.total is not None and vector.total > len(vector.items):
        missing = f"only {len(vector.items)} of {vector.total} were copied"
    return Words(vector.items, frozenset(vector.broken), missing)


def command_sections(feed: Feed, row: Row) -> tuple[Section, ...]:
    """Command line and environment of the row's process: its own where the row is an execve, else its last one's."""
    if not row.record.pid:
        return ()
    own = started(row.record)
    inherited = ""
    if own is None or own.environment is None:
        found, by_parent = _last(feed, row.record.pid, row.id, row.record.time_ns)
        if own is None:
            inherited = ", inherited from its parent" if by_parent else ""
            own = found
        elif found is not None:
            own = Started(own.argv, found.environment)
    if own is None:
        unknown = sentence("? (its execve is not in the trace)", Role.QUIET)
        return section("Command line and environment", [unknown])
    parent, whose = _compared(feed, row)
    return (
        *section(f"Command line{inherited}", _command(own.argv)),
        *_environment(own.environment, parent, whose, inherited),
    )


def _last(feed: Feed, pid: int, id: int, time_ns: int) -> tuple[Started | None, bool]:
    """What the last execve of a process was given, or of the nearest of its ancestors, from whom it has it then."""
    found = feed.exec_of(pid, id)
    if found is not None:
        return started(found.record), False
    node = feed.tree.of(pid, time_ns)
    for _ in range(_ANCESTORS):
        if node is None or node.parent is None:
            return None, False
        above = feed.tree.node(node.parent)
        found = feed.exec_of(above.pid, node.started_id or id)
        if found is not None:
            return started(found.record), True
        node = above
    return None, False


def _compared(feed: Feed, row: Row) -> tuple[Words | None, str]:
    """The environment that the process's is compared with, and whose it is."""
    node = feed.tree.of(row.record.pid, row.record.time_ns)
    parent = feed.tree.node(node.parent) if node is not None and node.parent is not None else None
    if node is not None and parent is not None:
        given, _ = _last(feed, parent.pid, node.started_id or row.id, node.start_ns)
        if given is not None and given.environment is not None:
            return given.environment, f"its parent's, {_named(parent)}"
    if row.call is not None and started(row.record) is not None:
        earlier = feed.exec_of(row.record.pid, row.id - 1)
        given = started(earlier.record) if earlier is not None else None
        if given is not None and given.environment is not None:
            return given.environment, "what it had itself before"
    return None, ""


def _named(node: Node) -> str:
    return f"{name(node.comm) or '?'}[{node.pid}]"


def _command(argv: Words | None) -> list[Line]:
    if argv is None:
        return [sentence("? (the words could not be read)", Role.QUIET)]
    return [*_several(argv, lambda index: f"[{index}]"), *_missing(argv)]


def _environment(own: Words | None, parent: Words | None, whose: str, inherited: str) -> tuple[Section, ...]:
    if own is None:
        return section("Environment", [sentence("? (it was not copied)", Role.QUIET)])
    if parent is None:
        lines = [sentence("How it differs from its parent's is not known.", Role.QUIET), *_several(own, lambda _: " ")]
    else:
        lines = _differences(own, parent, whose)
    return section(f"Environment{inherited}", [*lines, *_missing(own)])


def _differences(own: Words, parent: Words, whose: str) -> list[Line]:
    """Added, changed and removed variables first, then the same ones."""
    now, then = _by_name(own), _by_name(parent)
    added = [each for each in now if each not in then]
    changed = [each for each in now if each in then and now[each] != then[each]]
    removed = [each for each in then if each not in now]
    same = [each for each in now if each in then and now[each] == then[each]]
    counts = f"{len(added)} added, {len(changed)} changed, {len(removed)} removed, {len(same)} the same"
    lines = [sentence(f"Beside {whose}: {counts}.")]
    if own.missing or parent.missing:
        lines.append(sentence("! Not all of both is known: what is added and removed may be wrong.", Role.WARNING))
    signs = (("+", added, now, Role.CHANGE), ("~", changed, now, Role.WARNING), ("-", removed, then, Role.ERROR))
    entries = [(sign, each, of, role) for sign, found, of, role in signs for each in found]
    entries += [(" ", each, now, Role.QUIET) for each in same]
    shown = _first([each + (of[each][0] or b"") for _, each, of, _ in entries])
    for sign, each, of, role in entries[: len(shown)]:
        lines.append(line(sign, _pair(each, of), role))
        if sign == "~":
            lines.append(line("was", _value(then[each]), Role.QUIET, level=1))
    return [*lines, *_more(len(entries) - len(shown))]


def _by_name(words: Words) -> dict[bytes, tuple[bytes | None, bool]]:
    """Name -> value (None: there is no ``=``), and whether its end could not be read. Of a name that stands there
    twice, the first one is taken."""
    found: dict[bytes, tuple[bytes | None, bool]] = {}
    for index, item in enumerate(words.items):
        variable, equals, value = item.partition(b"=")
        found.setdefault(variable, (value if equals else None, index in words.broken))
    return found


def _pair(variable: bytes, of: dict[bytes, tuple[bytes | None, bool]]) -> str:
    return _shown(variable) if of[variable][0] is None else f"{_shown(variable)}={_value(of[variable])}"


def _value(value: tuple[bytes | None, bool]) -> str:
    text, broken = value
    return _shown(text or b"", broken=broken)


def _shown(word: bytes, *, broken: bool = False) -> str:
    """Escaped; of a long one only the beginning, and how long it is."""
    rest = f"… ({len(word)} bytes)" if len(word) > _WORD else ""
    return f"{name(word[:_WORD])}{rest}{'… (the rest could not be read)' if broken else ''}"


def _first(items: Sequence[bytes]) -> Sequence[bytes]:
    """As many as nobody has to wait for."""
    size = 0
    for index, item in enumerate(items[:_WORDS]):
        size += min(len(item), _WORD)
        if size > _BYTES:
            return items[:index]
    return items[:_WORDS]


def _several(words: Words, label: Callable[[int], str]) -> list[Line]:
    shown = _first(words.items)
    lines = [line(label(index), _shown(word, broken=index in words.broken)) for index, word in enumerate(shown)]
    return [*lines, *_more(len(words.items) - len(shown))]


def _more(count: int) -> list[Line]:
    return [sentence(f"… and {count} more", Role.QUIET)] if count > 0 else []


def _missing(words: Words) -> list[Line]:
    return [sentence(f"! {words.missing}", Role.WARNING)] if words.missing else []

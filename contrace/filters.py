"""The one filter language of every command and view: words joined by "and", like a search box.

``KEYS`` is the table of what can be asked for; help and guide are made from it. A word that is no key is looked for in
the text of the line, and ``-`` or ``!`` before any word negates it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from contrace.errors import UsageError
from contrace.syscalls.abi import Abi, names
from contrace.syscalls.flags.errno import ERRNO, KERNEL_ONLY, RESTART
from contrace.syscalls.specs import GROUPS


@dataclass(frozen=True, slots=True)
class Facts:
    """What a filter may ask about one record. Text of traced processes in it is escaped."""

    text: str
    """The decoded line, without times and process: of a call that is not over, what is known at its entry."""
    tid: int
    pid: int
    comm: str = ""
    call: str | None = None
    """Name of the call; None for what is not a call."""
    errno: str | None = None
    """Name of the error that the call returned."""
    took_ns: int | None = None
    """From entry to return; None for what is not a call, is not over, or never returned."""
    always: bool = False
    """Shown whatever the filter says: losses and warnings."""


Test = Callable[[Facts], bool]

ERRNO_NAMES = frozenset({*(name for name, _ in (*ERRNO.values(), *RESTART.values())), *KERNEL_ONLY.values()})


class _Wrong(Exception):
    """A word makes no sense: at which place of its value, and why."""

    def __init__(self, why: str, place: int = 0) -> None:
        super().__init__(why)
        self.place = place


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be asked for."""

    make: Callable[[str], Test]
    """Builds the test from the word's value; raises _Wrong."""
    example: str
    help: str
    late: bool = False
    """Only known when a call is over."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word, taken apart: so that what keeps columns can ask them instead of every record."""

    negated: bool
    key: str
    """One of ``KEYS``."""
    value: str
    """Behind the colon; it makes sense."""
    test: Test
    """As if it were not negated."""

    def matches(self, facts: Facts) -> bool:
        """Whether the word is true of a record."""
        return self.test(facts) is not self.negated


@dataclass(frozen=True, slots=True)
class Filter:
    """Words joined by "and". Without words it lets everything pass."""

    terms: tuple[Term, ...] = ()
    needs_result: bool = False
    """It can only be asked about calls that are over."""

    def matches(self, facts: Facts) -> bool:
        """Whether the record is to be shown."""
        return facts.always or self.finds(facts)

    def finds(self, facts: Facts) -> bool:
        """Whether all words are true of the record: what is always shown need not be what is looked for."""
        return all(term.matches(facts) for term in self.terms)


def parse(words: Sequence[str]) -> Filter:
    """The filter that ``words`` describe. Raises UsageError with a mark under what makes no sense."""
    terms, late = [], False
    for word in filter(None, words):
        negated, key, value = _split(word)
        if key not in KEYS:
            raise UsageError(_complaint(word, int(negated), _no_such(key)))
        row = KEYS[key]
        try:
            test = row.make(value)
        except _Wrong as wrong:
            raise UsageError(_complaint(word, len(word) - len(value) + wrong.place, str(wrong))) from None
        terms.append(Term(negated, key, value, test))
        late = late or row.late
    return Filter(tuple(terms), late)


def is_filter_word(word: str) -> bool:
    """Whether a word of a command line is surely a filter: it has a key, is ``failed``, or a text in quotes."""
    _, key, value = _split(word)
    return key in KEYS and (key != _PLAIN or value.startswith('"') or word.lstrip("-!") != value.lstrip("-!"))


def words_of(line: str) -> list[str]:
    """The words of a search box's line; a part in double quotes is one word, spaces included."""
    return re.findall(r'(?:"[^"]*"?|[^\s"])+', line)


def usage() -> str:
    """The table of keys as text, one per line."""
    width = max(len(key.example) for key in KEYS.values())
    return "\n".join(f"{key.example:<{width}}  {key.help}" for key in KEYS.values())


# --- words ------------------------------------------------------------------------------------------------


def _split(word: str) -> tuple[bool, str, str]:
    """(negated, key, value); a word without a key has the key ``text``."""
    negated = len(word) > 1 and word[0] in "-!"
    rest = word[negated:]
    if rest == "failed":
        return negated, rest, ""
    if match := re.match(r"([A-Za-z_]+):", rest):
        return negated, match[1], rest[match.end() :]
    return negated, _PLAIN, rest


def _no_such(key: str) -> str:
    close = get_close_matches(key, KEYS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"to look for it in the text, write text:{key}:…"
    return f"there is no key {key}: ({hint})"


def _complaint(word: str, place: int, why: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in word)
    there = "\n".join(f"  {line}" for line in usage().splitlines())
    return f"filter: {why}\n  {shown}\n  {' ' * place}^\nThere is:\n{there}"


def _items(value: str) -> list[tuple[int, str]]:
    """(place, item) of a list with commas."""
    items, place = [], 0
    for item in value.split(","):
        if not item:
            raise _Wrong("something is missing here", place)
        items.append((place, item))
        place += len(item) + 1
    return items


# --- keys -------------------------------------------------------------------------------------------------


def _call(value: str) -> Test:
    """Names, groups or patterns of system calls."""
    every = {name for abi in Abi for name in names(abi)}
    wanted: set[str] = set()
    for place, item in _items(value):
        matching = set(GROUPS.get(item, ())) or {name for name in every if fnmatchcase(name, item)}
        if not matching and not item.startswith("syscall_0x"):  # as calls without a name are shown
            close = get_close_matches(item, sorted(every | set(GROUPS)), n=2)
            hint = f" (did you mean {' or '.join(close)}?)" if close else ""
            raise _Wrong(f"there is no system call {item}{hint}", place)
        wanted |= matching or {item}
    return lambda facts: facts.call in wanted


def _pid(value: str) -> Test:
    wanted = ids(value)
    return lambda facts: facts.pid in wanted or facts.tid in wanted


def ids(value: str) -> frozenset[int]:
    """The ids that the value of ``pid:`` asks for."""
    wanted = set()
    for place, item in _items(value):
        if not (item.isascii() and item.isdecimal()):
            raise _Wrong("not a process id", place)
        wanted.add(int(item))
    return frozenset(wanted)


def _comm(value: str) -> Test:
    patterns = [item for _, item in _items(value)]
    return lambda facts: any(fnmatchcase(facts.comm, pattern) for pattern in patterns)


def _failed(value: str) -> Test:
    if value:
        raise _Wrong("failed takes no value; for certain errors write errno:ENOENT")
    return lambda facts: facts.errno is not None


def _errno(value: str) -> Test:
    wanted = set()
    for place, item in _items(value):
        if item not in ERRNO_NAMES:
            close = get_close_matches(item, ERRNO_NAMES, n=1)
            raise _Wrong(f"not the name of an error (did you mean {close[0] if close else 'ENOENT'}?)", place)
        wanted.add(item)
    return lambda facts: facts.errno in wanted


_UNITS_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda took, limit: took >= limit,
    "<=": lambda took, limit: took <= limit,
    ">": lambda took, limit: took > limit,
    "<": lambda took, limit: took < limit,
}


def _took(value: str) -> Test:
    sign, limit = duration(value)
    compare = _COMPARE[sign]
    return lambda facts: facts.took_ns is not None and compare(facts.took_ns, limit)


def duration(value: str) -> tuple[str, float]:
    """What the value of ``took:`` asks for: ``>``, ``>=``, ``<`` or ``<=``, and nanoseconds."""
    match = re.match(r"[<>]=?", value)
    if match is None:
        raise _Wrong("say longer or shorter than what: took:>5ms, took:<1s")
    amount = value[match.end() :]
    number = re.match(r"\d+(\.\d+)?|\.\d+", amount, re.ASCII)
    if number is None:
        raise _Wrong("a number is missing here", match.end())
    unit = amount[number.end() :]
    if unit not in _UNITS_NS:
        raise _Wrong("a unit is missing here: ns, us, ms or s", match.end() + number.end())
    return match[0], float(number[0]) * _UNITS_NS[unit]


def _text(value: str) -> Test:
    """The value itself, or what stands between its double quotes."""
    wanted = value
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise _Wrong("the closing quote is missing", len(value))
        wanted = value[1:-1]
    if not wanted:
        raise _Wrong("there is nothing to look for")
    return lambda facts: wanted in facts.text


_PLAIN = "text"

KEYS: dict[str, Key] = {
    "call": Key(
        _call, "call:unshare,clone*", "calls with one of these names; * stands for anything, %birth for the group"
    ),
    "pid": Key(_pid, "pid:123,456", "processes or threads with one of these ids"),
    "comm": Key(_comm, "comm:runc*", "processes with this name; * stands for anything"),
    "failed": Key(_failed, "failed", "calls that returned an error", late=True),
    "errno": Key(_errno, "errno:ENOENT,EPERM", "calls that returned one of these errors", late=True),
    "took": Key(_took, "took:>5ms", "calls that took longer (>, >=) or shorter (<, <=); units: ns us ms s", late=True),
    "text": Key(
        _text, '"some text"', "this text in the line, upper and lower case as given (also text:WORD)", late=True
    ),
}
"""What can be asked for, by key. ``failed`` stands alone, the others are followed by a colon and a value."""

NEGATION = "-call:prctl, !failed: a leading - or ! turns a word into its opposite; several words must all be true"
"""What help and guide say beside the table."""

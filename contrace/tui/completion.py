"""What a filter line can go on with: keys, call names, groups, errors, process names. Pure."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from contrace.filters import ERRNO_NAMES, KEYS
from contrace.syscalls.abi import Abi, names
from contrace.syscalls.specs import GROUPS, SPECS

_ALONE = frozenset(("failed",))
"""Keys without a value."""
_TOOK = (">1ms", ">10ms", ">100ms", ">1s")


def completed(line: str, comms: Callable[[], Iterable[str]]) -> str | None:
    """The line with its last word gone on with; None: there is nothing to offer. ``comms``: names of processes."""
    word = line.rpartition(" ")[2]
    if not word or word.count('"') % 2:
        return None
    negation = word[0] if word[0] in "-!" else ""
    begun = word[len(negation) :]
    key, colon, value = begun.partition(":")
    if not colon:
        return _first(line, begun, _keys()) if begun else None
    return _first(line, value.rpartition(",")[2], _values(key, comms))


def _first(line: str, begun: str, offers: Iterable[str]) -> str | None:
    return next((line + offer[len(begun) :] for offer in offers if offer.startswith(begun) and offer != begun), None)


def _keys() -> Iterator[str]:
    for key in KEYS:
        yield key if key in _ALONE else f"{key}:"


@cache
def _calls() -> tuple[str, ...]:
    # Those that a birth is made of come first: they are what one looks for.
    others = {name for abi in Abi for name in names(abi)} - set(SPECS)
    return (*SPECS, *GROUPS, *sorted(others))


def _values(key: str, comms: Callable[[], Iterable[str]]) -> Iterable[str]:
    match key:
        case "call":
            return _calls()
        case "errno":
            return sorted(ERRNO_NAMES)
        case "comm":
            return sorted({comm for comm in comms() if comm and not set(comm) & set(' ",')})
        case "took":
            return _TOOK
    return ()

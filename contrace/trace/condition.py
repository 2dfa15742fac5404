"""A filter as SQL over the columns of the index.

A word is asked once for each call's name, error or task's name that occurs, and the answers are asked of the columns;
so the index and ``Filter.matches`` cannot differ. Words about the text, which no column holds, are left over.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contrace.filters import Facts, Term, duration, ids
from contrace.syscalls.flags.errno import MAX_ERRNO, errno_name

HIDDEN, SHOWN, ALWAYS = range(3)
"""Whether a record is a row: never, as far as it is chosen, whatever is chosen."""

FAILED = f"coalesce(result BETWEEN {-MAX_ERRNO} AND -1, 0)"
"""True of calls that returned an error."""

_ERRORS = {number: name for number in range(1, MAX_ERRNO + 1) if (name := errno_name(number)) is not None}

Parameter = str | int | float


@dataclass(frozen=True, slots=True)
class Condition:
    """A choice as SQL over ``row``, and what SQL cannot answer."""

    wanted: str
    """True of what is chosen, whether it is shown or not; stands well beside AND."""
    parameters: tuple[Parameter, ...]
    rest: tuple[Term, ...] = ()
    """Words about the text."""
    always: bool = True
    """Losses and warnings pass in any case."""

    @property
    def sql(self) -> str:
        """True of the rows that are to be shown."""
        if self.always:
            return f"(shown = {SHOWN} AND {self.wanted} OR shown = {ALWAYS})"
        return f"(shown > {HIDDEN} AND {self.wanted})"

    @classmethod
    def of(
        cls, terms: Sequence[Term], pids: frozenset[int] | None, texts: tuple[list[str], list[str]], *, always: bool
    ) -> "Condition":
        """The SQL for these words and processes; ``texts``: the names of calls and of tasks, by number."""
        names, comms = map(list, texts)
        parts: list[str] = []
        parameters: list[Parameter] = []
        rest: list[Term] = []
        if pids is not None:
            parts.append("pid IN (SELECT value FROM json_each(?))")
            parameters.append(json.dumps(sorted(pids)))
        for term in terms:
            if term.key == "text":
                rest.append(term)
                continue
            sql, parameter = _asked(term, names, comms)
            parts.append(f"{'NOT ' if term.negated else ''}({sql})")
            parameters.extend(parameter)
        return cls(" AND ".join(parts) or "1", tuple(parameters), tuple(rest), always)

    def only(self, some: Iterable[int]) -> "Condition":
        """The same of these records alone, whose text was asked."""
        wanted = f"{self.wanted} AND id IN (SELECT value FROM json_each(?))"
        return Condition(wanted, (*self.parameters, json.dumps(list(some))), (), self.always)


def _asked(term: Term, names: list[str], comms: list[str]) -> tuple[str, list[Parameter]]:
    match term.key:
        case "call":
            # Number 0 is the name of what is not a call.
            return _one_of("name", [n for n, text in enumerate(names) if n and term.test(_facts(call=text))])
        case "comm":
            return _one_of("comm", [n for n, text in enumerate(comms) if term.test(_facts(comm=text))])
        case "pid":
            # Ids that SQLite cannot hold are nobody's.
            wanted = json.dumps([id for id in sorted(ids(term.value)) if id < 1 << 63])
            asked = "IN (SELECT value FROM json_each(?))"
            return f"pid {asked} OR tid {asked}", [wanted, wanted]
        case "failed":
            return FAILED, []
        case "errno":
            sql, parameter = _one_of("result", [-n for n, name in _ERRORS.items() if term.test(_facts(errno=name))])
            return f"coalesce({sql}, 0)", parameter
        case "took":
            sign, limit = duration(term.value)
            return f"coalesce(took_ns {sign} ?, 0)", [limit]
        case _:
            raise AssertionError(f"no columns answer {term.key}:")


def _facts(*, comm: str = "", call: str | None = None, errno: str | None = None) -> Facts:
    return Facts("", 0, 0, comm, call, errno)


def _one_of(column: str, numbers: list[int]) -> tuple[str, list[Parameter]]:
    return f"{column} IN (SELECT value FROM json_each(?))", [json.dumps(numbers)]

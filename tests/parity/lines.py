"""strace's text as something that two runs can agree on: process ids become symbols, nothing else is forgiven.

Both tracers run the program without address randomisation, so addresses are compared as they are. What still differs
between two runs of one program, and is made equal here:

* process ids, where strace prints one: the column, results of clone and its like, ``si_pid``, ``parent_tid``, the
  lines about superseded processes. The same process gets the same symbol everywhere; ids from within a new PID
  namespace are not in the column and stay what they are.
* whether a call is shown in one line or as ``<unfinished ...>`` and ``resumed``, which depends on who ran when:
  the two halves are joined.
* the padding of results: where it is strace's (to column 40 of the line, `-a` in strace(1)) it becomes one space.
* ``si_utime`` and ``si_stime`` below 10 ticks.
* the first line's envp address: it lies in the memory of the tracer's own child.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from itertools import count

COLUMN = 40
PID = re.compile(r"(?<=si_pid=)\d+|(?<=parent_tid=\[)\d+(?=\])|(?<=in pid )\d+|(?<=changed to )\d+")
MADE = re.compile(r"((?:<\.\.\. )?(?:clone3?|v?fork)\b.* = )(\d+)")
TICKS = re.compile(r"(si_[us]time=)\d(?!\d)(?: /\* 0\.0\d s \*/)?")
FIRST_ENVP = re.compile(r"0x[0-9a-f]+(?= /\* \d+ vars? \*/\) = )")
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
RESULT = re.compile(r"(.*\)) +(= .*)")


def ordered(text: str) -> list[str]:
    """The lines of a trace with a pid column, in their order, ids as symbols."""
    rows = [split(unpadded(line)) for line in text.splitlines()]
    symbols: dict[str, str] = {}
    numbers = count(1)
    for pid, _ in rows:
        if pid not in symbols:
            symbols[pid] = f"<process {next(numbers)}>"

    rows[:1] = [(pid, FIRST_ENVP.sub("<envp>", body)) for pid, body in rows[:1]]
    return [f"{symbols[pid]} {_plain(body, lambda pid: symbols.get(pid, pid))}" for pid, body in rows]


def by_task(text: str) -> list[str]:
    """The same lines, each task's together, the halves of calls joined; tasks in the order in which they appear."""
    return [line for lines in _tasks(joined(text)).values() for line in lines]


def alone(text: str) -> list[str]:
    """The lines of a trace without a pid column: nothing in it says which process an id is, so ids are blanked."""
    lines = [_plain(unpadded(line), lambda pid: "<id>") for line in text.splitlines()]
    lines[:1] = [FIRST_ENVP.sub("<envp>", line) for line in lines[:1]]
    return lines


def _plain(body: str, symbol: Callable[[str], str]) -> str:
    body = MADE.sub(lambda found: found[1] + symbol(found[2]), body)
    body = PID.sub(lambda found: symbol(found[0]), body)
    return TICKS.sub(r"\1<ticks>", body)


def split(line: str) -> tuple[str, str]:
    pid, _, body = line.partition(" ")
    assert pid.isdecimal(), f"no pid column: {line!r}"
    return pid, body.lstrip(" ")


def unpadded(line: str) -> str:
    found = RESULT.fullmatch(line)
    if found is None or line != _padded(*found.groups()):
        return line
    return f"{found[1]} {found[2]}"


def _padded(head: str, result: str) -> str:
    return f"{head}{' ' * max(1, COLUMN - len(head))}{result}"


def joined(text: str) -> str:
    waiting: dict[str, int] = {}
    lines: list[str] = []
    for line in text.splitlines():
        pid, body = split(line)
        if line.endswith(UNFINISHED):
            waiting[pid] = len(lines)
            lines.append(line.removesuffix(UNFINISHED))
        elif pid in waiting and (rest := RESUMED.fullmatch(body)):
            at = waiting.pop(pid)
            found = RESULT.fullmatch(rest[1])
            # a half that is padded wrongly must not become a line that is padded well
            right = found and line == _padded(line[: -len(found[2])].rstrip(" "), found[2])
            lines[at] = _padded(lines[at] + found[1], found[2]) if found and right else lines[at] + rest[1]
        else:
            lines.append(line)
    return "\n".join(lines)


def _tasks(text: str) -> dict[str, list[str]]:
    tasks: dict[str, list[str]] = defaultdict(list)
    for line in ordered(text):
        tasks[line.partition(">")[0]].append(line)
    return tasks

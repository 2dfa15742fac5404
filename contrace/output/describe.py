"""The text of a record that is not a call: strace's notation where it has one, plain words otherwise."""

from itertools import groupby

from contrace.decode import life, strings
from contrace.decode.notation import Notation
from contrace.output.escape import name, printable
from contrace.records import Exec, Identity, Loss, Note, Record, Signal, Stopped, Syscall, TaskExit, TaskStart
from contrace.story.changes import Change, changes
from contrace.syscalls.flags.capability import CAPABILITIES

_NS_PER_S = 1_000_000_000
_NOT_PERMITTED = (-1, -13)  # EPERM, EACCES: capabilities(7)


def describe(record: Record, notation: Notation, before: Identity | None = None, started_ns: int = 0) -> str:
    """One line without line end, harmless to a terminal; empty for an identity that tells nothing new.

    ``before``: for an Identity, what was known of the task. ``started_ns``: when the capture began.
    """
    match record:
        case Signal():
            return life.signal_text(record)
        case TaskExit():
            return life.exit_text(record)
        case Stopped():
            return life.stopped_text(record)
        case TaskStart():
            return _started(record)
        case Exec():
            return _executed(record, notation)
        case Identity():
            return "; ".join(_area(area, list(found)) for area, found in groupby(changes(before, record), _by_area))
        case Loss():
            return _lost(record, started_ns)
        case Note():
            return f"{printable(record.topic)}: {printable(record.text)}"
    return ""


def _started(record: TaskStart) -> str:
    what = "process" if record.tid == record.pid else "thread"
    how = {"attach": f"{what} found running", "run": "command started"}.get(record.call)
    text = how or f"{what} started by {record.parent_tid} ({printable(record.call)})"
    if len(record.nspids) > 1:
        text += f", {'pid' if what == 'process' else 'tid'} {record.nspids[-1]} inside"
    return text + (", watched by events only" if record.watched == "events" else "")


def _executed(record: Exec, notation: Notation) -> str:
    text = f"runs {name(record.exe) or '?'}"
    if record.from_event:
        shown = [strings.cut(word, notation.string_limit) for word in record.argv[: notation.string_limit]]
        text += f" [{', '.join(shown + ['...'] * (len(record.argv) > len(shown)))}]"
    return text


def _by_area(change: Change) -> str:
    return change.area


def _area(area: str, found: list[Change]) -> str:
    parts = [f"{printable(change.name)} {_text(change.before)} → {_text(change.after)}".lstrip() for change in found]
    return f"{area}: {', '.join(parts)}"


def _text(value: str | bytes) -> str:
    return strings.quote(value) if isinstance(value, bytes) else printable(value)


def _lost(record: Loss, started_ns: int) -> str:
    count = str(record.count) if record.count else "an unknown number of"
    since, until = ((time_ns - started_ns) / _NS_PER_S for time_ns in (record.since_ns, record.time_ns))
    kinds = ", ".join(f"{printable(kind)} {number}" for kind, number in record.kinds.items())
    what = f"records ({kinds})" if kinds else "records"
    return f"LOST {count} {what} between {since:.6f} s and {until:.6f} s: {printable(record.reason)}"


def refusals(record: Syscall) -> str:
    """``needs CAP_SYS_ADMIN``: why a call was not permitted, where the backend could see it; else empty."""
    if record.result not in _NOT_PERMITTED:
        return ""
    names = dict.fromkeys(CAPABILITIES.get(number, f"capability {number}") for number, _ in record.refused)
    return f"needs {' or '.join(names)}" if names else ""

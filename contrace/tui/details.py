"""A row -> everything that there is to say about it, as sections of lines: what the details show, and nothing of how.

The order is that of a reader who meets the call for the first time: what it does, what came of it, what it changed,
its arguments, then who made it. What is not known is said to be unknown, and what was cut off is marked.
"""

from collections.abc import Iterable

from contrace.decode.meaning import ExplainedArgument, Explanation, explain
from contrace.decode.named import Named, signal
from contrace.decode.notation import Notation
from contrace.output.escape import name, printable
from contrace.records import (
    Block,
    Entered,
    Exec,
    Identity,
    Loss,
    Memory,
    Note,
    Signal,
    Stopped,
    Syscall,
    TaskExit,
    TaskStart,
    Text,
    Vector,
)
from contrace.tui.choice import Row
from contrace.tui.commands import command_sections
from contrace.tui.feed import Feed
from contrace.tui.identities import changed, memberships, pids, rights, who
from contrace.tui.sections import UNKNOWN, Line, Section, line, section, sentence
from contrace.tui.style import Role

_NS_PER_S = 1_000_000_000
_NOTATION = Notation(string_limit=256)
_EXEC_NOTATION = Notation(string_limit=32)
"""Of execve: its strings have sections of their own."""
_CHILDREN = 50
_WRITTEN_SOON = 4
"""An identity that is read at a start is among so many records behind it."""


def sections(feed: Feed, row: Row) -> tuple[Section, ...]:
    """All that there is to say about a row. Raises TraceFileError for a trace that cannot be read any more."""
    record = row.record
    if isinstance(record, Syscall | Entered):
        return _call(feed, row, record)
    before = feed.before(record.tid, row.id) if record.tid else None
    what = section(_TITLES.get(type(record), "Record"), [_when(feed, row), sentence(row.text), *_about(row)])
    if not record.tid:
        return what
    own = _born(feed, row.id) if isinstance(record, TaskStart) else None
    changes = changed(before, record) if isinstance(record, Identity) else ()
    return (*what, *changes, *_rest(feed, row, own or before))


# --- calls ------------------------------------------------------------------------------------------------


def _call(feed: Feed, row: Row, record: Syscall | Entered) -> tuple[Section, ...]:
    is_exec = row.call is not None and row.call.name in ("execve", "execveat")
    told = explain(record, _EXEC_NOTATION if is_exec else _NOTATION)
    before, after = feed.before(record.tid, row.id), feed.after(record.tid, row.id)
    children = feed.children_of(row)
    return (
        *section(told.name, [*([sentence(told.sentence)] if told.sentence else []), *_result(record, told)]),
        *section("Started", _children(feed, children)),
        *changed(before, after),
        *_children_changes(feed, before, children),
        *section("Arguments", [*_arguments(told.args), *_cut(record.memory)]),
        *section("About this call", _more(feed, row, record, told)),
        *_rest(feed, row, before or after),
    )


def _more(feed: Feed, row: Row, record: Syscall | Entered, told: Explanation) -> list[Line]:
    lines = [Line("", (("In a container's birth: ", Role.QUIET), (told.birth, Role.PLAIN)))] if told.birth else []
    lines += [sentence(row.text, Role.QUIET), _when(feed, row)]
    if isinstance(record, Syscall) and record.from_event:
        return [*lines, sentence("Seen only by its event: how long it took is not known.", Role.QUIET)]
    if isinstance(record, Syscall) and record.result is not None:
        lines.append(line("took", _took(record)))
    return lines


def _when(feed: Feed, row: Row) -> Line:
    since = row.record.time_ns - feed.meta.started_monotonic_ns
    return line("at", f"{since / _NS_PER_S:.6f} s", Role.QUIET, beside=f"record {row.id}")


def _result(record: Syscall | Entered, told: Explanation) -> list[Line]:
    failed = isinstance(record, Syscall) and record.result is not None and told.result.startswith("-1 ")
    if isinstance(record, Entered):
        return [sentence(f"… {told.outcome}", Role.WARNING)]
    lines = [line(f"! {told.result}" if failed else told.result, told.outcome, Role.ERROR if failed else Role.PLAIN)]
    lines += [line("perhaps", reason, level=1) for reason in told.reasons]
    lines += _named(told.result_meanings)
    lines += [line(f"needs {capability}", meaning, Role.WARNING, level=1) for capability, meaning in told.refused]
    return lines


def _took(record: Syscall) -> str:
    took_ns = record.end_ns - record.time_ns
    text = f"{took_ns / 1e6:.3f} ms"
    if record.cpu_enter_ns is None or record.cpu_exit_ns is None:
        return text
    cpu_ns = record.cpu_exit_ns - record.cpu_enter_ns
    return f"{text}: {cpu_ns / 1e6:.3f} ms on a CPU, {max(took_ns - cpu_ns, 0) / 1e6:.3f} ms waiting"


def _arguments(args: Iterable[ExplainedArgument]) -> list[Line]:
    lines = []
    for arg in args:
        lines.append(line(arg.name, arg.text, beside="" if arg.raw == arg.text else f"raw {arg.raw}"))
        lines += _named(arg.meanings)
    return lines


def _named(found: Iterable[Named]) -> list[Line]:
    return [line(title, meaning, level=1) for title, meaning in found]


def _cut(memory: Iterable[Memory]) -> list[Line]:
    """What of the arguments' memory could not be copied whole."""
    return [
        sentence(f"! argument {part.arg + 1}: {text}", Role.WARNING) for part in memory if (text := _what_is_cut(part))
    ]


def _what_is_cut(part: Memory) -> str:
    match part:
        case Text() if part.broken:
            return f"only {len(part.data)} bytes of the string at {part.address:#x} could be read"
        case Block() if len(part.data) < part.wanted:
            return f"only {len(part.data)} of {part.wanted} bytes at {part.address:#x} could be read"
        case Vector() if part.fault:
            return f"the array could not be read on at {part.fault:#x}"
        case Vector() if part.total is not None and part.total > len(part.items):
            return f"only {len(part.items)} of {part.total} strings were copied"
        case Vector() if part.broken:
            return f"{len(part.broken)} of {len(part.items)} strings could not be read to their end"
    return ""


# --- parents and children ---------------------------------------------------------------------------------


def _children(feed: Feed, ids: list[int]) -> list[Line]:
    lines = []
    for id in ids[:_CHILDREN]:
        child = feed.row(id).record
        if isinstance(child, TaskStart):
            what = "process" if child.tid == child.pid else "thread"
            lines.append(
                line(what, f"{name(child.comm) or UNKNOWN}: {pids(child.nspids, child.tid)}", beside=f"record {id}")
            )
    more = len(ids) - _CHILDREN
    return [*lines, *([sentence(f"… and {more} more", Role.QUIET)] if more > 0 else [])]


def _children_changes(feed: Feed, before: Identity | None, ids: list[int]) -> tuple[Section, ...]:
    """What is different in the first child: a clone changes nothing about its caller."""
    for id in ids[:1]:
        own = _born(feed, id)
        if own is not None:
            return changed(before, own, f"the child {own.tid}")
    return ()


def _born(feed: Feed, id: int) -> Identity | None:
    """Who a task was when it was started; None: it was not read, so it has everything from its parent."""
    started = feed.row(id).record
    for soon in range(id + 1, id + 1 + _WRITTEN_SOON):
        try:
            record = feed.row(soon).record
        except KeyError:
            break
        if isinstance(record, Identity) and record.tid == started.tid and record.why in ("start", "attach"):
            return record
    return None


def _origin(feed: Feed, row: Row) -> list[Line]:
    """The call that started the row's process, and by whom."""
    lines = []
    if row.task.parent_pid:
        node = feed.tree.of(row.task.parent_pid, row.record.time_ns)
        comm = name(node.comm) if node is not None else ""
        lines.append(line("started by", f"{comm or UNKNOWN}[{row.task.parent_pid}]"))
    made = feed.parent_call(row)
    if made is not None:
        call = feed.row(made)
        lines.append(line("call", call.text, level=1, beside=f"record {made}"))
    elif not lines:
        lines.append(line("started by", f"{UNKNOWN} (before the capture, or not in the trace)", Role.QUIET))
    return lines


def _rest(feed: Feed, row: Row, identity: Identity | None) -> tuple[Section, ...]:
    """Whose row it is: the same for every kind of record."""
    task = row.task
    node = feed.tree.of(task.pid, row.record.time_ns)
    own = task.nspids if task.tid == task.pid or node is None else node.nspids
    if identity is not None and identity.nspids and task.tid == task.pid:
        own = identity.nspids
    lines = [line("process", f"{name(task.comm) or UNKNOWN}[{task.pid}]"), line("pid", pids(own, task.pid))]
    if task.tid != task.pid:
        lines.append(line("tid", pids(identity.nspids or () if identity is not None else (), task.tid)))
    lines += [*who(identity), *_origin(feed, row)]
    calls = isinstance(row.record, Syscall | Entered)
    return (
        *section("Process, before the call" if calls else "Process", lines),
        *command_sections(feed, row),
        *(section("Its namespaces", memberships(identity)) if identity is not None else ()),
        *(section("Its rights", rights(identity)) if identity is not None else ()),
    )


# --- other records ----------------------------------------------------------------------------------------

_TITLES: dict[type, str] = {
    TaskStart: "A task starts",
    Exec: "A program is executed",
    TaskExit: "A task ends",
    Signal: "A signal is delivered",
    Stopped: "A process is stopped",
    Identity: "Who a task is",
    Loss: "Records are missing",
    Note: "About the capture",
}


def _about(row: Row) -> list[Line]:
    record = row.record
    match record:
        case TaskStart():
            watched = "call by call" if record.watched == "calls" else "by events only"
            return [
                line("pid" if record.tid == record.pid else "tid", pids(record.nspids, record.tid)),
                line("watched", watched),
            ]
        case Exec():
            lines = [line("exe", name(record.exe) or UNKNOWN), line("name", name(record.comm))]
            if record.former_tid != record.tid:
                lines.append(
                    sentence(f"Thread {record.former_tid} executed, and took over the leader's id {record.tid}.")
                )
            return lines
        case TaskExit():
            return _ending(record)
        case Signal() | Stopped():
            return _named(signal(record.signo))
        case Loss():
            return [
                line("how many", str(record.count) if record.count else f"{UNKNOWN} (they could not be counted)"),
                *(line(printable(kind), str(count), level=1) for kind, count in record.kinds.items()),
                line("for", f"{(record.time_ns - record.since_ns) / _NS_PER_S:.6f} s, until here"),
                line("why", printable(record.reason)),
                sentence("What happened meanwhile is not in the trace.", Role.WARNING),
            ]
    return []


def _ending(record: TaskExit) -> list[Line]:
    if record.superseded_by:
        return [sentence("An execve in another thread of its process ended it.")]
    if record.signal:
        return [*_named(signal(record.signal)), line("core dump", "yes" if record.core else "no")]
    return [
        line("status", str(record.status), beside="success" if record.status == 0 else "not success, by convention")
    ]

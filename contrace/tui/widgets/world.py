"""The text of a ``World``: the columns of both ps tables, and everything about one process. What is unknown is ``?``.

All text is harmless to a terminal, and none of it is markup.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from contrace.output.escape import name
from contrace.records import CAPABILITY_SETS, Identity
from contrace.story.alive import IdMap, Process, Seen, View
from contrace.story.world import World
from contrace.syscalls.flags.capability import CAPABILITIES
from contrace.tui.widgets.table import Column

UNKNOWN = "?"
_NS_PER_S = 1_000_000_000
_LABEL = 14
_SECCOMP = {0: "none", 1: "strict", 2: "filter"}  # proc(5), Seccomp
_FEW = 8  # capabilities that are named; of more, those that are missing, if they are few
_BOLD, _DIM, _PLAIN = "bold", "dim", ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a ps table."""

    seen: Seen
    own: str
    """Namespaces that are not the host's."""
    inside: str
    """Pid in the innermost PID namespace."""


def lines(world: World, view: int | None) -> list[Line]:
    """The lines of a ps table: the host's, or that of a PID namespace."""
    return [Line(seen, _own(world, seen.process), _inside(seen.process)) for seen in world.ps(view)]


def host_columns(*, wide: bool) -> Sequence[Column[Line]]:
    """ps as the host sees it; where there is little room, the namespaces come last."""
    pid: Column[Line] = Column("PID", 7, lambda line: number(line.seen.pid), right=True)
    inside: Column[Line] = Column("IN", 5 if wide else 4, lambda line: line.inside, right=True)
    user: Column[Line] = Column("USER", 6 if wide else 5, lambda line: number(line.seen.uid), right=True)
    own: Column[Line] = Column("OWN NAMESPACES", 26, lambda line: line.own)
    starter: Column[Line] = Column("FROM", 7, lambda line: number(line.seen.started_by), right=True)
    what: Column[Line] = Column("COMMAND", 12, lambda line: command(line.seen.process))
    return (pid, inside, user, own, starter, what) if wide else (pid, inside, user, what, own)


def inside_columns(*, wide: bool) -> Sequence[Column[Line]]:
    """ps as it looks inside."""
    pid: Column[Line] = Column("PID", 7 if wide else 5, lambda line: number(line.seen.pid), right=True)
    user: Column[Line] = Column("USER", 6 if wide else 5, lambda line: number(line.seen.uid), right=True)
    starter: Column[Line] = Column("FROM", 7, lambda line: number(line.seen.started_by), right=True)
    what: Column[Line] = Column("COMMAND", 12, lambda line: command(line.seen.process))
    return (pid, user, starter, what) if wide else (pid, user, what)


def number(value: int | None) -> str:
    """A number, or that it is unknown."""
    return UNKNOWN if value is None else str(value)


def command(process: Process) -> str:
    """The command line, behind the name where that says something else; only the name where nothing more is known."""
    comm = name(process.comm) or UNKNOWN
    if not process.argv:
        return comm
    words = " ".join(name(word) for word in process.argv)
    # The kernel names a process by the file that it executes (begin_new_exec), in at most 15 bytes.
    same = process.argv[0].rpartition(b"/")[2][:15] == process.comm
    return words if same else f"{comm}: {words}"


def view_title(view: View) -> str:
    """How a view is called where one is chosen."""
    first = view.first
    pids = "/".join(str(pid) for pid in first.nspids)
    return f"{name(first.comm) or UNKNOWN} {pids} (pid:[{view.inode}], {view.count} inside)"


def losses(world: World) -> str:
    """What was lost before, in words; empty: nothing."""
    if not world.losses:
        return ""
    least = "at least " if world.lost and world.lost_uncounted else ""
    count = f"{least}{world.lost:,}" if world.lost else "an unknown number of"
    return f"LOST {count} records before this moment: processes may be missing, or gone"


def details(world: World, pid: int, started_ns: int) -> Text:
    """Everything about one process. ``started_ns``: when the capture began."""
    process = world.processes.get(pid)
    text = Text()
    if process is None:
        text.append("no process" if not world.processes else f"process {pid} is not alive at this moment", _DIM)
        return text
    since = f"{(process.start_ns - started_ns) / _NS_PER_S:.6f} s"
    pids = " = ".join(map(str, process.nspids)) or f"{pid} = {UNKNOWN}"
    text.append(f"{name(process.comm) or UNKNOWN} {pids}", _BOLD)
    text.append(f"  {'found' if process.found else 'started'} at {since}")
    if process.started_by:
        text.append(f", from {process.started_by}")
    threads = len(process.tids)
    text.append(f", {threads} threads\n" if threads > 1 else "\n")
    for label, value in (*_spaces(world, process), *_facts(world, process)):
        text.append(f"{label:<{_LABEL}}", _BOLD)
        text.append(f"{value}\n")
    text.append("namespaces\n", _BOLD)
    for each in world.memberships(pid):
        mark = {True: "= the host's", False: "own, not the host's", None: UNKNOWN}[each.shared]
        members = f", {each.members} {'process' if each.members == 1 else 'processes'}" if each.members else ""
        style = _BOLD if each.shared is False else _PLAIN
        text.append(f"  {name(each.name.encode()):<18} {number(each.inode):>12}  {mark}{members}\n", style)
    return text


def capabilities(mask: int) -> str:
    """The names in a set; of a large one, what is missing from all that contrace knows."""
    known = sum(1 << bit for bit in CAPABILITIES)
    own = [bit for bit in range(64) if mask >> bit & 1]
    missing = [CAPABILITIES[bit] for bit in sorted(CAPABILITIES) if not mask >> bit & 1]
    extra = [f"{bit}" for bit in own if bit not in CAPABILITIES]
    if not own:
        return "none"
    if not missing:
        return f"all {known.bit_count()}" + (f" and {', '.join(extra)}" if extra else "")
    if len(own) > _FEW and len(missing) <= _FEW:
        return f"all but {', '.join(missing)}" + (f", and {', '.join(extra)}" if extra else "")
    return ", ".join(CAPABILITIES.get(bit, str(bit)) for bit in own)


# --- the parts --------------------------------------------------------------------------------------------


def _own(world: World, process: Process) -> str:
    if not world.host or not process.namespaces:
        return UNKNOWN
    # Those for children only matter where they differ from its own.
    names = [
        name(each.encode()) + ("" if each in world.host else UNKNOWN)
        for each, inode in sorted(process.namespaces.items())
        if inode != world.host.get(each) and not (each.endswith("_for_children") and _as_own(process, each, inode))
    ]
    return " ".join(names) or "-"


def _as_own(process: Process, each: str, inode: int) -> bool:
    return process.namespaces.get(each.removesuffix("_for_children")) == inode


def _inside(process: Process) -> str:
    if not process.nspids:
        return UNKNOWN
    return str(process.nspids[-1]) if len(process.nspids) > 1 else "-"


def _spaces(world: World, process: Process) -> Iterator[tuple[str, str]]:
    """In short: which namespaces are its own, which the host's."""
    known = world.memberships(process.pid)
    for label, shared in (("own ns", False), ("host's ns", True), ("unknown ns", None)):
        names = [name(each.name.encode()) for each in known if each.shared is shared]
        if names or shared is not None:
            yield label, " ".join(names) or ("-" if known else UNKNOWN)


def _facts(world: World, process: Process) -> Iterator[tuple[str, str]]:
    argv = process.argv
    yield "argv", UNKNOWN if argv is None else " ".join(name(word) for word in argv)
    user = process.namespaces.get("user")
    for label, group, host in (("user", False, process.uid), ("group", True, process.gid)):
        inner = world.id_inside(host, user, group=group)
        yield label, f"{number(host)} on the host, {number(inner)} in its user namespace"
    for label, rows in zip(("uid map", "gid map"), world.id_maps(process.pid), strict=True):
        yield label, _map(rows)
    hostname = world.hostname(process.pid)
    yield "hostname", UNKNOWN if hostname is None else name(hostname)
    identity = process.identity
    for label in ("cgroup", "exe", "cwd", "root"):
        yield label, _place(getattr(identity, label, None))
    yield from _capabilities(identity)
    new_privs = identity.no_new_privs if identity is not None else None
    yield "no new privs", UNKNOWN if new_privs is None else "yes" if new_privs else "no"
    seccomp = identity.seccomp if identity is not None else None
    yield "seccomp", UNKNOWN if seccomp is None else _SECCOMP.get(seccomp, str(seccomp))


def _map(rows: IdMap | None) -> str:
    if rows is None:
        return UNKNOWN
    if not rows:
        return "not written: every id is 65534 inside"
    return ", ".join(
        f"{first} inside = {outside} on the host" + (f" … ({length} ids)" if length > 1 else "")
        for first, outside, length in rows
    )


def _place(place: bytes | None) -> str:
    if place is None:
        return UNKNOWN
    return "  ".join(name(line) for line in place.split(b"\n") if line) or "-"


def _capabilities(identity: Identity | None) -> Iterator[tuple[str, str]]:
    if identity is None or identity.capabilities is None:
        yield "capabilities", UNKNOWN
        return
    groups: dict[int, list[str]] = {}
    for which, mask in zip(CAPABILITY_SETS, identity.capabilities, strict=True):
        groups.setdefault(mask, []).append(which)
    for index, (mask, names) in enumerate(groups.items()):
        yield "" if index else "capabilities", f"{', '.join(names)}: {capabilities(mask)}"

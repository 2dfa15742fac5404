"""Who a task is, on both sides of its namespaces, and what a call made of it: as sections of the details.

What was not read is ``?`` or left out, never guessed.
"""

from contrace.output.escape import name, printable
from contrace.records import CAPABILITY_SETS, Identity
from contrace.story.changes import Change, changes
from contrace.syscalls.flags.capability import CAPABILITIES
from contrace.tui.sections import UNKNOWN, Line, Section, line, section, sentence
from contrace.tui.style import Role

OVERFLOW_ID = 65534
"""What an id without a mapping is seen as (user_namespaces(7))."""

_EVERY = sum(1 << number for number in CAPABILITIES)
_FEW = 12  # capabilities that are named where the rest is what is common
_WHOSE = ("real", "effective", "saved", "file system")
_NAMESPACES = {  # namespaces(7), "Namespace types"
    "cgroup": "root of the cgroups",
    "ipc": "System V IPC, message queues",
    "mnt": "mount points",
    "net": "network",
    "pid": "process ids",
    "pid_for_children": "process ids of its children",
    "time": "clocks",
    "time_for_children": "clocks of its children",
    "user": "users, groups, capabilities",
    "uts": "host name",
}
_SECCOMP = {0: "none", 1: "strict", 2: "filter"}  # seccomp(2)


def changed(before: Identity | None, after: Identity | None, title: str = "") -> tuple[Section, ...]:
    """What is different afterwards: namespaces first, then everything else. ``title``: whose, if not the caller's."""
    if after is None:
        return ()
    if before is None:
        unknown = [line(each, f"{UNKNOWN} → {inode}", Role.CHANGE) for each, inode in sorted(after.namespaces.items())]
        return section("Namespaces, before → after", unknown)
    found = changes(before, after)
    namespaces = [each for each in found if each.area == "namespaces"]
    others = [each for each in found if each.area != "namespaces"]
    whose = f" of {title}" if title else ""
    return (
        *section(f"Namespaces{whose}, before → after", [_namespace(each) for each in namespaces]),
        *section(f"Other changes{whose}, before → after", [_change(each) for each in others]),
    )


def _namespace(change: Change) -> Line:
    arrow = f"{_text(change.before)} → {_text(change.after)}"
    return line(change.name, arrow, Role.CHANGE, aside=_NAMESPACES.get(change.name, ""))


def _change(change: Change) -> Line:
    has_name = change.area in ("ids", "maps")
    label = change.name if has_name else change.area
    which = f"{printable(change.name)}: " if change.name and not has_name else ""
    return Line(label, ((which, Role.PLAIN), (f"{_text(change.before)} → {_text(change.after)}", Role.CHANGE)))


def _text(value: str | bytes) -> str:
    return name(value) if isinstance(value, bytes) else printable(value)


def pids(own: tuple[int, ...], host: int) -> str:
    """One process's pid on both sides: ``4711 on the host, 1 inside``, with those in between."""
    if len(own) < 2:
        return f"{host} on the host" + ("" if own else ", inside: not known")
    between = f" (from outside in: {' → '.join(map(str, own))})" if len(own) > 2 else ""
    return f"{own[0]} on the host, {own[-1]} inside{between}"


def who(identity: Identity | None) -> list[Line]:
    """Its users, groups and places."""
    if identity is None:
        return [
            sentence(
                "Users, namespaces, cgroup and place: ? (nothing was recorded of this task until then)", Role.QUIET
            )
        ]
    groups = UNKNOWN if identity.groups is None else " ".join(map(str, identity.groups)) or "none"
    return [
        line("uid", _ids(identity.uids, identity.uid_map)),
        line("gid", _ids(identity.gids, identity.gid_map)),
        line("groups", groups, beside="on the host" if identity.groups else ""),
        line("exe", _path(identity.exe)),
        line("cwd", _path(identity.cwd)),
        line("root", _path(identity.root)),
        *_cgroup(identity.cgroup),
    ]


def rights(identity: Identity) -> list[Line]:
    """Capabilities, no_new_privs, seccomp; each only if it was read."""
    found = []
    if identity.capabilities is not None:
        for title, value in zip(CAPABILITY_SETS, identity.capabilities, strict=True):
            found.append(line(title, capabilities(value)))
    if identity.no_new_privs is not None:
        found.append(line("no_new_privs", "on" if identity.no_new_privs else "off"))
    if identity.seccomp is not None:
        found.append(line("seccomp", _SECCOMP.get(identity.seccomp, str(identity.seccomp))))
    return found


def memberships(identity: Identity) -> list[Line]:
    """The namespaces that it is in, and the id maps of its user namespace."""
    found = [
        line(printable(each), str(inode), aside=_NAMESPACES.get(each, ""))
        for each, inode in sorted(identity.namespaces.items())
    ]
    for title, rows in (("uid_map", identity.uid_map), ("gid_map", identity.gid_map)):
        if rows is not None:
            found.append(line(title, _map(rows)))
    return found


def inside(id: int, rows: tuple[tuple[int, int, int], ...] | None) -> int | None:
    """What a host's id is in a user namespace with that map; None: unknown."""
    if rows is None:
        return None
    for first, outside, length in rows:
        if outside <= id < outside + length:
            return first + id - outside
    return OVERFLOW_ID


def capabilities(value: int) -> str:
    """In words: "none", "all", what it lacks where that is little, else what it has."""
    missing = _EVERY & ~value
    if not missing:
        return "all"
    if missing.bit_count() <= _FEW < value.bit_count():
        return f"all but {_names(missing)}"
    return _names(value) or "none"


def _names(value: int) -> str:
    return " ".join(CAPABILITIES.get(number, f"capability {number}") for number in range(64) if value >> number & 1)


def _ids(ids: tuple[int, int, int, int] | None, rows: tuple[tuple[int, int, int], ...] | None) -> str:
    if ids is None:
        return UNKNOWN
    if len(set(ids)) == 1:
        return _both(ids[0], rows)
    return "; ".join(f"{whose} {_both(id, rows)}" for whose, id in zip(_WHOSE, ids, strict=True))


def _both(id: int, rows: tuple[tuple[int, int, int], ...] | None) -> str:
    seen = inside(id, rows)
    if seen is None:
        return f"{id} on the host, {UNKNOWN} inside"
    mapped = any(outside <= id < outside + length for _, outside, length in rows or ())
    unmapped = "" if mapped else " (not mapped)" if rows else " (the map is not written yet)"
    return f"{id} on the host, {seen} inside{unmapped}"


def _map(rows: tuple[tuple[int, int, int], ...]) -> str:
    if not rows:
        return "not written yet"
    return ", ".join(
        f"{first} inside is {outside} outside"
        if length == 1
        else f"{first}…{first + length - 1} inside is {outside}…{outside + length - 1} outside"
        for first, outside, length in rows
    )


def _path(path: bytes | None) -> str:
    return UNKNOWN if path is None else name(path) or '""'


def _cgroup(text: bytes | None) -> list[Line]:
    """Each place once; of cgroup v1 with the controllers for which it is that (cgroups(7), /proc/PID/cgroup)."""
    if text is None:
        return [line("cgroup", UNKNOWN)]
    places: dict[bytes, list[str]] = {}
    for row in text.splitlines():
        _, _, rest = row.partition(b":")
        controllers, _, place = rest.partition(b":")
        places.setdefault(place, []).append(name(controllers) or "unified")
    if not places:
        return [line("cgroup", UNKNOWN)]
    only_v2 = list(places.values()) == [["unified"]]
    return [line("cgroup", name(place), beside="" if only_v2 else ", ".join(names)) for place, names in places.items()]

"""What a call changed about its task: the difference between two identities. Pure."""

from dataclasses import dataclass

from contrace.records import CAPABILITY_SETS, Identity
from contrace.syscalls.flags.capability import CAPABILITIES

UNKNOWN = "?"
"""Stands for a value that could not be read."""
_NAMED = 3
"""Up to so many capabilities are named, more are counted: a line stays short."""
_ONE_BY_ONE = frozenset(("bounding", "ambient"))
_EVERY = sum(1 << number for number in CAPABILITIES)
_NO_NEW_PRIVS: dict[int, str] = {False: "off", True: "on"}
_SECCOMP = {0: "none", 1: "strict", 2: "filter"}  # seccomp(2), include/uapi/linux/seccomp.h


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: bytes where it is a path of a traced process, which must be escaped to be shown."""

    area: str
    """"namespaces", "ids", "capabilities", "no_new_privs", "seccomp", "maps", "cgroup" or "root"."""
    name: str
    """Within the area: "mnt", "uid"; "" where there is nothing to tell apart."""
    before: str | bytes
    after: str | bytes


def changes(before: Identity | None, after: Identity) -> tuple[Change, ...]:
    """What differs, in a fixed order. Nothing, if it is not known what was before, or if it ``is_told_later``."""
    if before is None or is_told_later(before, after):
        return ()
    return (
        *_namespaces(before, after),
        *_ids(before, after),
        *_rights(before, after),
        *_maps(before, after),
        *_places(before, after),
    )


def is_told_later(before: Identity | None, after: Identity) -> bool:
    """Whether only the bounding or ambient set differs, after a prctl. It takes one call for each capability
    (PR_CAPBSET_DROP, PR_CAP_AMBIENT), and a runtime makes dozens of them: all are told together with what changes next.
    """
    if before is None or after.why != "prctl":
        return False
    found = _rights(before, after)
    return bool(found) and all(
        change.area == "capabilities" and {*change.name.split(",")} <= _ONE_BY_ONE for change in found
    )


def _namespaces(before: Identity, after: Identity) -> list[Change]:
    found = []
    for name, inode in after.namespaces.items():
        was = before.namespaces.get(name)
        if was != inode and was is not None:
            found.append(Change("namespaces", name, str(was), str(inode)))
    # After unshare(CLONE_NEWPID) the link cannot be read until the first child makes the namespace
    # (pid_namespaces(7), proc_ns_follow_link): the one absence that means something.
    was = before.namespaces.get("pid_for_children")
    if was is not None and after.namespaces and "pid_for_children" not in after.namespaces:
        found.append(Change("namespaces", "pid_for_children", str(was), "new, still empty"))
    return found


def _ids(before: Identity, after: Identity) -> list[Change]:
    pairs = (
        ("uid", before.uids, after.uids),
        ("gid", before.gids, after.gids),
        ("groups", before.groups, after.groups),
    )
    return [
        Change("ids", name, _numbers(was), _numbers(now))
        for name, was, now in pairs
        if was != now and was is not None and now is not None
    ]


def _rights(before: Identity, after: Identity) -> list[Change]:
    found = []
    if before.capabilities is not None and after.capabilities is not None:
        found += _capabilities(before.capabilities, after.capabilities)
    pairs = (
        ("no_new_privs", _NO_NEW_PRIVS, before.no_new_privs, after.no_new_privs),
        ("seccomp", _SECCOMP, before.seccomp, after.seccomp),
    )
    return found + [
        Change(area, "", words.get(was, str(was)), words.get(now, str(now)))
        for area, words, was, now in pairs
        if was != now and was is not None and now is not None
    ]


def _capabilities(before: tuple[int, ...], after: tuple[int, ...]) -> list[Change]:
    """One per way, since permitted and effective mostly change together."""
    ways: dict[tuple[int, int], list[str]] = {}
    for name, was, now in zip(CAPABILITY_SETS, before, after, strict=True):
        if was != now:
            ways.setdefault((was, now), []).append(name)
    return [
        Change("capabilities", ",".join(names), _set(was), _set(now) + _step(was, now))
        for (was, now), names in ways.items()
    ]


def _set(capabilities: int) -> str:
    """In words: "none", "all", the few that it has, the few that it lacks, else how many."""
    missing = _EVERY & ~capabilities
    if not missing:
        return "all"
    if missing.bit_count() <= _NAMED:
        return f"all but {_names(missing)}"
    count = capabilities.bit_count()
    return _names(capabilities) if count <= _NAMED else str(count)


def _step(was: int, now: int) -> str:
    """The difference, if it is small and does not follow from the two themselves."""
    lost, gained = was & ~now, now & ~was
    telling = _set(now) != _set(was) and not _set(now).isdecimal()
    if telling or (lost | gained).bit_count() > _NAMED:
        return ""
    return f" ({' '.join(sign + _names(part) for sign, part in (('-', lost), ('+', gained)) if part)})"


def _names(capabilities: int) -> str:
    numbers = (number for number in range(64) if capabilities >> number & 1)
    return ",".join(CAPABILITIES.get(number, f"capability {number}") for number in numbers) or "none"


def _maps(before: Identity, after: Identity) -> list[Change]:
    pairs = (("uid_map", before.uid_map, after.uid_map), ("gid_map", before.gid_map, after.gid_map))
    return [
        Change("maps", name, _rows(was), _rows(now))
        for name, was, now in pairs
        if was != now and was is not None and now is not None
    ]


def _places(before: Identity, after: Identity) -> list[Change]:
    found = []
    if before.cgroup is not None and after.cgroup is not None:
        found += _cgroups(_hierarchies(before.cgroup), _hierarchies(after.cgroup))
    if before.root is not None and after.root is not None and before.root != after.root:
        found.append(Change("root", "", before.root, after.root))
    return found


def _cgroups(before: dict[str, bytes], after: dict[str, bytes]) -> list[Change]:
    """One per way, since a task mostly moves to the same place in all hierarchies."""
    moves: dict[tuple[bytes, bytes], list[str]] = {}
    for name, place in after.items():
        was = before.get(name)
        if was is not None and was != place:
            moves.setdefault((was, place), []).append(name)
    # Where there is only cgroup v2, there is nothing to tell apart.
    return [Change("cgroup", "" if len(after) == 1 else ",".join(names), *way) for way, names in moves.items()]


def _hierarchies(text: bytes) -> dict[str, bytes]:
    """Controllers of each hierarchy -> the task's place in it (cgroups(7), /proc/PID/cgroup)."""
    found = {}
    for line in text.splitlines():
        _, _, rest = line.partition(b":")
        controllers, _, place = rest.partition(b":")
        found[controllers.decode("ascii", "backslashreplace") or "unified"] = place
    return found


def _numbers(numbers: tuple[int, ...]) -> str:
    """One number where all are the same, as real, effective, saved and file system ids mostly are."""
    if len(set(numbers)) == 1:
        return str(numbers[0])
    return "/".join(map(str, numbers)) or "none"


def _rows(rows: tuple[tuple[int, int, int], ...]) -> str:
    return ", ".join(" ".join(map(str, row)) for row in rows) or "empty"

"""What a call changed about its task: the difference between two identities. Pure."""

from dataclasses import dataclass

from contrace.records import Identity

UNKNOWN = "?"
"""Stands for a value that could not be read."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: bytes where it is a path of a traced process, which must be escaped to be shown."""

    area: str
    """"namespaces", "ids", "maps", "cgroup" or "root"."""
    name: str
    """Within the area: "mnt", "uid"; "" where there is nothing to tell apart."""
    before: str | bytes
    after: str | bytes


def changes(before: Identity | None, after: Identity) -> tuple[Change, ...]:
    """What differs, in a fixed order. Nothing, if it is not known what was before."""
    if before is None:
        return ()
    return (*_namespaces(before, after), *_ids(before, after), *_maps(before, after), *_places(before, after))


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

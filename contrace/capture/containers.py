"""The containers that run on this machine, found by their cgroups.

A container is a cgroup (one in each hierarchy that its manager uses) that is named as managers name them, or that a
running shim says is one, or to which the first process of a PID namespace was moved away from its parent.
Processes are looked at, not directories: what counts is where processes are.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from contrace.capture import procfs
from contrace.capture.cgroups import Hierarchy, hierarchies
from contrace.capture.managers import Told, told
from contrace.capture.printable import printable
from contrace.errors import TargetNotFound

_ID = rb"([0-9a-f]{64})"
_NAMING = tuple(
    (re.compile(rb"/" + pattern.replace(b"ID", _ID) + rb"\Z"), manager)
    for pattern, manager in (
        (rb"docker/ID", "docker"),
        (rb"docker-ID\.scope", "docker"),
        (rb"cri-containerd-ID\.scope", "containerd"),
        (rb"nerdctl-ID\.scope", "containerd"),
        (rb"libpod-ID(?:\.scope)?", "podman"),
        (rb"libpod-payload-ID", "podman"),
        (rb"crio-ID(?:\.scope)?", "cri-o"),
        # containerd's and docker's with a parent of their own: the shim tells whose
        (rb"ID", ""),
    )
)
"""How the path of a container's cgroup ends, and whose it is. Not here: libpod-conmon-ID.scope is not the container."""
_INNER = re.compile(rb"(?:/(?:init\.scope|payload|container))+\Z")
"""Cgroups that the first process of a container makes for itself or gets below the container's own."""
_LONG_ID = re.compile("[0-9a-f]{64}")
_SHORT = 12
_SHORTEST = 2
"""Letters of a prefix."""
_SHOWN = 4
"""Pids in a line of a message."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One cgroup of a container."""

    hierarchy: int
    id: int
    """The kernel's number of it: the inode of its directory."""
    path: bytes
    """As in /proc/TID/cgroup."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container with at least one process; texts are printable."""

    id: str
    """64 hexadecimal digits for most managers, any name for ctr, runc and crun."""
    manager: str
    """Empty: not known."""
    names: tuple[str, ...]
    """What it is called besides its id."""
    cgroups: tuple[Cgroup, ...]
    """In the order of /proc/TID/cgroup; one that cannot be seen from here is absent."""
    pids: tuple[int, ...]
    """Everything in it, containers in the container included."""

    @property
    def answers_to(self) -> tuple[str, ...]:
        return (*self.names, self.id)

    @property
    def short_id(self) -> str:
        """As managers show it."""
        return self.id[:_SHORT] if _LONG_ID.fullmatch(self.id) else self.id

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its cgroups, each once."""
        return tuple(dict.fromkeys(printable(cgroup.path) for cgroup in self.cgroups))


_Place = tuple[int, bytes]
"""Hierarchy id, and the path of a cgroup in it."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A process, and where it is."""

    pid: int
    status: procfs.Status
    places: tuple[_Place, ...]

    @property
    def is_first(self) -> bool:
        """It is the first process of a nested PID namespace."""
        return len(self.status.nspids) > 1 and self.status.nspids[-1] == 1


_Inside = Mapping[_Place, Sequence[_Member]]
"""Every cgroup with the processes that are in it or below it."""


@dataclass(slots=True)
class _Found:
    """What is gathered of a container."""

    id: str
    manager: str
    told: list[Told]
    places: list[_Place]


def containers() -> list[Container]:
    """Every container that has a cgroup of its own and a process in it, by its smallest pid."""
    members = list(_members())
    inside: dict[_Place, list[_Member]] = defaultdict(list)
    for member in members:
        for place in member.places:
            for above in _upwards(place):
                inside[above].append(member)
    named = _by_name(members, inside, told((member.pid, member.status) for member in members))
    taken = {place for found in named for place in found.places}
    rows = hierarchies()
    complete = []
    for found in (*named, *_by_first_process(members, inside, taken)):
        cgroups = (_cgroup(row, path) for row in rows for hierarchy, path in found.places if hierarchy == row.id)
        container = Container(
            id=found.id,
            manager=found.manager or next((said.manager for said in found.told), ""),
            names=tuple(dict.fromkeys(name for said in found.told for name in said.names)),
            cgroups=tuple(cgroup for cgroup in cgroups if cgroup is not None),
            pids=tuple(sorted({member.pid for place in found.places for member in inside[place]})),
        )
        complete.append(container)
    return sorted(complete, key=lambda container: container.pids)


def find(word: str) -> Container:
    """The container of this name, id or cgroup path, or the only one whose name or id begins so (2 letters at least).

    Raises TargetNotFound when there is none, or several; the message lists them.
    """
    running = containers()
    exact = [container for container in running if word in (*container.answers_to, *container.paths)]
    begun = [
        container
        for container in running
        if len(word) >= _SHORTEST and any(name.startswith(word) for name in container.answers_to)
    ]
    fitting = exact or begun
    if not fitting:
        there = f"Containers that run here:\n{_table(running)}" if running else "No container runs here."
        raise TargetNotFound(f"no running container is called {word!r}, or has an id that begins so. {there}")
    if len(fitting) > 1:
        what = f"are called {word!r}" if exact else f"have a name or id that begins with {word!r}"
        how = "its id" if len({container.id for container in fitting}) > 1 else "the path of its cgroup"
        raise TargetNotFound(f"{len(fitting)} running containers {what}; name one by {how}:\n{_table(fitting)}")
    return fitting[0]


def _members() -> Iterator[_Member]:
    for pid in procfs.processes():
        status = procfs.status(pid)
        text = procfs.cgroup(pid)
        if status is None or status.state in "ZX" or not text:
            continue
        lines = (line.split(b":", 2) for line in text.splitlines())
        yield _Member(pid, status, tuple((int(hierarchy), path) for hierarchy, _, path in lines))


def _upwards(place: _Place) -> Iterator[_Place]:
    """The cgroup and those that it is in, but not the hierarchy's root."""
    hierarchy, path = place
    while len(path) > 1:
        yield hierarchy, path
        path = path[: path.rindex(b"/")]


def _by_name(members: Iterable[_Member], inside: _Inside, told_of: Iterable[Told]) -> list[_Found]:
    """Those whose cgroups are named as managers name them, or as a shim says."""
    by_id: dict[str, list[Told]] = defaultdict(list)
    by_end: dict[bytes, Told] = {}
    for said in told_of:
        by_id[said.id].append(said)
        if said.cgroup is not None:
            by_end[said.cgroup] = said
    found: dict[object, _Found] = {}
    for place in inside:
        end = b"/" + b"/".join(place[1].rsplit(b"/", 2)[-2:])
        if (name := _name(place[1])) is not None:
            id, manager = name
            found.setdefault(id, _Found(id, manager, by_id[id], [])).places.append(place)
        elif end in by_end:
            said = by_end[end]
            found.setdefault(end, _Found(said.id, said.manager, [said], [])).places.append(place)
    places = {place for one in found.values() for place in one.places}
    homes = {
        next((above for above in _upwards(place) if above in places), None)
        for member in members
        for place in member.places
    }
    # The cgroup of a pod is named like a container's, but whatever it holds is in the containers below it.
    return [one for one in found.values() if not homes.isdisjoint(one.places)]


def _name(path: bytes) -> tuple[str, str] | None:
    """Id and manager, from the end of the path of a container's cgroup."""
    for pattern, manager in _NAMING:
        if match := pattern.search(path):
            return match[1].decode("ascii"), manager
    return None


def _by_first_process(members: Iterable[_Member], inside: _Inside, taken: Set[_Place]) -> Iterator[_Found]:
    """Those of other names: runc and crun let their caller choose any."""
    seen = set()
    for member in members:
        if not member.is_first:
            continue
        own = ((hierarchy, _INNER.sub(b"", path) or b"/") for hierarchy, path in member.places)
        # Sandboxes that a user's shell or a service makes for itself stay in the cgroup of their parent.
        places = tuple(
            place for place in own if place in inside and member.status.ppid not in {m.pid for m in inside[place]}
        )
        if places and places not in seen and taken.isdisjoint(places):
            seen.add(places)
            names = Counter(printable(os.path.basename(path)) for _, path in places)
            yield _Found(names.most_common(1)[0][0], "", [], list(places))


def _cgroup(row: Hierarchy, path: bytes) -> Cgroup | None:
    """None when it cannot be seen here, or was removed meanwhile."""
    directory = row.mount.directory(path) if row.mount else None
    if directory is None:
        return None
    try:
        return Cgroup(row.id, os.stat(directory).st_ino, path)
    except OSError:
        return None


def _table(rows: Sequence[Container]) -> str:
    twins = Counter(row.id for row in rows)
    cells = [
        (
            row.short_id if twins[row.id] == 1 else " ".join(row.paths),
            ", ".join(row.names) or "-",
            row.manager or "-",
            _pids(row.pids),
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _pids(pids: tuple[int, ...]) -> str:
    more = f" and {len(pids) - _SHOWN} more" if len(pids) > _SHOWN else ""
    return " ".join(map(str, pids[:_SHOWN])) + more

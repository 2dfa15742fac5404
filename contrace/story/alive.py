"""A living process, and what others see of it. Data only; ``world`` makes it.

"The host" is where contrace ran: pids and user ids of records are those of its namespaces. None stands for what the
trace does not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contrace.records import Identity

IdMap = tuple[tuple[int, int, int], ...]
"""Rows (inside, outside, length) of /proc/PID/uid_map (user_namespaces(7)); (): not written yet."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was alive."""

    pid: int
    """Host pid."""
    started_by: int
    """Host pid of the process that made it, which need not be its parent any more; 0: unknown."""
    comm: bytes
    argv: tuple[bytes, ...] | None
    """None: its execve was not seen, and neither was a parent's."""
    nspids: tuple[int, ...]
    """Its pid in each nested PID namespace, the host's first; (): unknown."""
    identity: Identity | None
    """Of its first thread."""
    start_ns: int
    found: bool
    """True: it existed before the capture; ``start_ns`` is when it was first seen."""
    tids: frozenset[int]
    """Its living threads, as far as they are known."""

    @property
    def uid(self) -> int | None:
        """Effective user, in the host's user namespace."""
        return self.identity.uids[1] if self.identity is not None and self.identity.uids is not None else None

    @property
    def gid(self) -> int | None:
        """Effective group, in the host's user namespace."""
        return self.identity.gids[1] if self.identity is not None and self.identity.gids is not None else None

    @property
    def namespaces(self) -> Mapping[str, int]:
        """Name as in /proc/PID/ns -> inode; what could not be read is absent."""
        return self.identity.namespaces if self.identity is not None else {}


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as somebody sees it."""

    process: Process
    pid: int | None
    uid: int | None
    gid: int | None
    started_by: int | None
    """Pid of the process that made it; 0: that is outside, where this view cannot see; None: unknown or gone."""


@dataclass(frozen=True, slots=True)
class View:
    """A PID namespace other than the host's in which there were processes."""

    inode: int
    level: int
    """1 of one right inside the host's."""
    first: Process
    """Its init, if that is known, else the one with the least pid inside: whose eyes are used."""
    count: int
    """Processes that can be seen from inside."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A namespace that a process is in."""

    name: str
    """As in /proc/PID/ns."""
    inode: int | None
    shared: bool | None
    """With the host; None: unknown."""
    members: int
    """Processes in it, as far as it is known; 0 for a namespace that could not be read."""

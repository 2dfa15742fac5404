"""Who a task is at this moment, as an Identity record.

A full reading costs about 50 µs and happens at every start and exec, so what cannot have changed is not read again:
id maps are written once in the life of a user namespace (user_namespaces(7)), and a new task is in its parent's
namespaces unless its clone flags say otherwise. But a new namespace may get the inode number of one that is gone: what
is remembered of it only counts for tasks that are known to be in it still, and in contrace's own.
"""

import os

import msgspec

from contrace.capture import procfs
from contrace.records import Identity

_MODE_FILTER = 2  # SECCOMP_MODE_FILTER, include/uapi/linux/seccomp.h


def rights(identity: Identity) -> tuple[object, ...]:
    """What the calls of RIGHTS_CALLS may change. Most of them change nothing: runc drops each capability twice, and
    lowers ambient ones that were never raised. An Identity is only written after those that do."""
    return identity.capabilities, identity.no_new_privs, identity.seccomp, identity.exe


class IdentityReader:
    """Takes identities; remembers the id maps of the user namespaces that it has seen.

    ``filtered``: all tasks have a seccomp filter of contrace's, which is no fact about them.
    """

    def __init__(self, *, filtered: bool = False) -> None:
        self._filtered = filtered
        self._own = procfs.namespaces(os.getpid()).get("user")
        self._maps: dict[int, tuple[procfs.IdMap, procfs.IdMap]] = {}

    def take(
        self, time_ns: int, tid: int, pid: int, why: str, namespaces: dict[str, int] | None = None
    ) -> tuple[Identity, procfs.Status | None]:
        """Read /proc/TID. ``namespaces``: those known already, else they are read.

        The task must not run meanwhile, or the parts may be of different moments.
        """
        status = procfs.status(tid)
        spaces = procfs.namespaces(tid) if namespaces is None else namespaces
        uid_map, gid_map = self._id_maps(tid, spaces.get("user"), entered=namespaces is None)
        identity = Identity(
            time_ns=time_ns,
            tid=tid,
            pid=pid,
            why=why,
            namespaces=spaces,
            uids=status.uids if status else None,
            gids=status.gids if status else None,
            groups=status.groups if status else None,
            uid_map=uid_map,
            gid_map=gid_map,
            cgroup=procfs.cgroup(tid),
            exe=procfs.exe(tid),
            cwd=procfs.cwd(tid),
            root=procfs.root(tid),
            nspids=status.nspids if status else None,
            capabilities=status.capabilities if status else None,
            no_new_privs=status.no_new_privs if status else None,
            seccomp=self._seccomp(status) if status else None,
        )
        return identity, status

    def inherit(self, time_ns: int, tid: int, pid: int, parent: Identity) -> Identity:
        """Of a new task whose parent is watched call by call, and whose pid is the same inside. ``parent``: the last
        identity, which tells the ids; what others can change, another thread's chdir or a cgroup's owner, is read."""
        uid_map, gid_map = self._id_maps(tid, parent.namespaces.get("user"), entered=False)
        return msgspec.structs.replace(
            parent,
            time_ns=time_ns,
            tid=tid,
            pid=pid,
            why="start",
            uid_map=uid_map,
            gid_map=gid_map,
            cgroup=procfs.cgroup(tid),
            cwd=procfs.cwd(tid),
            root=procfs.root(tid),
            nspids=(tid,),
        )

    def _seccomp(self, status: procfs.Status) -> int | None:
        """The task's own mode: contrace's filter is the first there is, if there is no other around contrace itself."""
        if not self._filtered or status.seccomp != _MODE_FILTER:
            return status.seccomp
        if status.seccomp_filters is None:
            return None
        return _MODE_FILTER if status.seccomp_filters > 1 else 0

    def _id_maps(self, tid: int, user: int | None, *, entered: bool) -> tuple[procfs.IdMap | None, procfs.IdMap | None]:
        """``entered``: the task may have come into this user namespace since its last identity."""
        known = self._maps.get(user) if user is not None else None
        if known is not None and (not entered or user == self._own):
            return known
        uid_map, gid_map = procfs.id_map(tid, "uid_map"), procfs.id_map(tid, "gid_map")
        if user is not None:
            self._maps.pop(user, None)
            if uid_map and gid_map:
                self._maps[user] = (uid_map, gid_map)
        return uid_map, gid_map

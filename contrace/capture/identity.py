"""Who a task is at this moment, as an Identity record.

A full reading costs about 50 µs and happens at every start and exec, so what cannot have changed is not read again:
id maps are written once in the life of a user namespace (user_namespaces(7)), and a new task is in its parent's
namespaces unless its clone flags say otherwise.
"""

import msgspec

from contrace.capture import procfs
from contrace.records import Identity


class IdentityReader:
    """Takes identities; remembers the id maps of the user namespaces that it has seen."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[procfs.IdMap, procfs.IdMap]] = {}

    def take(
        self, time_ns: int, tid: int, pid: int, why: str, namespaces: dict[str, int] | None = None
    ) -> tuple[Identity, procfs.Status | None]:
        """Read /proc/TID. ``namespaces``: those known already, else they are read.

        The task must not run meanwhile, or the parts may be of different moments.
        """
        status = procfs.status(tid)
        spaces = procfs.namespaces(tid) if namespaces is None else namespaces
        uid_map, gid_map = self._id_maps(tid, spaces.get("user"))
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
        )
        return identity, status

    def inherit(self, time_ns: int, tid: int, pid: int, parent: Identity) -> Identity:
        """Of a new task whose parent is watched call by call, and whose pid is the same inside. ``parent``: the last
        identity, which tells the ids; what others can change, another thread's chdir or a cgroup's owner, is read."""
        uid_map, gid_map = self._id_maps(tid, parent.namespaces.get("user"))
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

    def _id_maps(self, tid: int, user: int | None) -> tuple[procfs.IdMap | None, procfs.IdMap | None]:
        known = self._maps.get(user) if user is not None else None
        if known is not None:
            return known
        uid_map, gid_map = procfs.id_map(tid, "uid_map"), procfs.id_map(tid, "gid_map")
        if user is not None and uid_map and gid_map:
            self._maps[user] = (uid_map, gid_map)
        return uid_map, gid_map

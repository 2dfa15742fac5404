"""Where the kernel keeps what the probes read: offsets of struct members, from the kernel's own type information.

Sources: Documentation/bpf/btf.rst, include/uapi/linux/btf.h. Only structs and what leads to their members are looked
at. A name that several structs share is taken when all of them agree, as libbpf does (bpf_core_apply_relo).
"""

import os
import struct
import zlib
from array import array
from collections import defaultdict

from contrace.capture.ebpf import cache
from contrace.errors import BackendUnavailable

VMLINUX = "/sys/kernel/btf/vmlinux"

FIELDS: dict[str, tuple[str, ...]] = {
    "TASK_NSPROXY": ("task_struct.nsproxy",),
    "TASK_CRED": ("task_struct.cred",),
    "TASK_REAL_CRED": ("task_struct.real_cred",),
    "TASK_THREAD_PID": ("task_struct.thread_pid",),
    "TASK_TGID": ("task_struct.tgid",),
    "TASK_PID": ("task_struct.pid",),
    "TASK_MM": ("task_struct.mm",),
    "TASK_FS": ("task_struct.fs",),
    "TASK_CGROUPS": ("task_struct.cgroups",),
    "TASK_SIGNAL": ("task_struct.signal",),
    "TASK_EXIT_CODE": ("task_struct.exit_code",),
    "TASK_EXIT_SIGNAL": ("task_struct.exit_signal",),
    "TASK_COMM": ("task_struct.comm",),
    "TASK_REAL_PARENT": ("task_struct.real_parent",),
    "TASK_GROUP_LEADER": ("task_struct.group_leader",),
    "TASK_SUM_EXEC_RUNTIME": ("task_struct.se.sum_exec_runtime",),
    "TASK_EXEC_START": ("task_struct.se.exec_start",),
    "TASK_CFS_RQ": ("task_struct.se.cfs_rq",),
    "CFS_RQ_RQ": ("cfs_rq.rq",),
    "RQ_CLOCK": ("rq.clock",),
    "RQ_CLOCK_TASK": ("rq.clock_task",),
    "TASK_ATOMIC_FLAGS": ("task_struct.atomic_flags",),
    "TASK_SECCOMP_MODE": ("task_struct.seccomp.mode",),
    "TASK_THREAD_FLAGS": ("task_struct.thread_info.flags",),
    "TASK_STACK": ("task_struct.stack",),
    "TASK_THREAD_STATUS": ("task_struct.thread_info.status",),
    "PID_LEVEL": ("pid.level",),
    "PID_NUMBERS": ("pid.numbers",),
    "UPID_NR": ("upid.nr",),
    "UPID_NS": ("upid.ns",),
    "NSPROXY_UTS": ("nsproxy.uts_ns",),
    "NSPROXY_IPC": ("nsproxy.ipc_ns",),
    "NSPROXY_MNT": ("nsproxy.mnt_ns",),
    "NSPROXY_PID_FOR_CHILDREN": ("nsproxy.pid_ns_for_children",),
    "NSPROXY_NET": ("nsproxy.net_ns",),
    "NSPROXY_TIME": ("nsproxy.time_ns",),
    "NSPROXY_TIME_FOR_CHILDREN": ("nsproxy.time_ns_for_children",),
    "NSPROXY_CGROUP": ("nsproxy.cgroup_ns",),
    "UTS_INUM": ("uts_namespace.ns.inum",),
    "IPC_INUM": ("ipc_namespace.ns.inum",),
    "MNT_INUM": ("mnt_namespace.ns.inum",),
    "PID_INUM": ("pid_namespace.ns.inum",),
    "NET_INUM": ("net.ns.inum",),
    "TIME_INUM": ("time_namespace.ns.inum",),
    "CGROUP_INUM": ("cgroup_namespace.ns.inum",),
    "USER_INUM": ("user_namespace.ns.inum",),
    "CRED_UID": ("cred.uid",),
    "CRED_GID": ("cred.gid",),
    "CRED_SUID": ("cred.suid",),
    "CRED_SGID": ("cred.sgid",),
    "CRED_EUID": ("cred.euid",),
    "CRED_EGID": ("cred.egid",),
    "CRED_FSUID": ("cred.fsuid",),
    "CRED_FSGID": ("cred.fsgid",),
    "CRED_CAP_INHERITABLE": ("cred.cap_inheritable",),
    "CRED_CAP_PERMITTED": ("cred.cap_permitted",),
    "CRED_CAP_EFFECTIVE": ("cred.cap_effective",),
    "CRED_CAP_BSET": ("cred.cap_bset",),
    "CRED_CAP_AMBIENT": ("cred.cap_ambient",),
    "CRED_GROUP_INFO": ("cred.group_info",),
    "CRED_USER_NS": ("cred.user_ns",),
    "GROUPS_NUMBER": ("group_info.ngroups",),
    "GROUPS_GID": ("group_info.gid",),
    "USER_UID_MAP": ("user_namespace.uid_map",),
    "USER_GID_MAP": ("user_namespace.gid_map",),
    "MAP_EXTENTS_NUMBER": ("uid_gid_map.nr_extents",),
    "MAP_EXTENT": ("uid_gid_map.extent",),
    "MAP_FORWARD": ("uid_gid_map.forward",),
    "CSET_LINKS": ("css_set.cgrp_links",),
    "CSET_DFL": ("css_set.dfl_cgrp",),
    "LINK_CGROUP": ("cgrp_cset_link.cgrp",),
    "LINK_NEXT": ("cgrp_cset_link.cgrp_link",),
    "CGROUP_KN": ("cgroup.kn",),
    "CGROUP_ROOT": ("cgroup.root",),
    "ROOT_HIERARCHY": ("cgroup_root.hierarchy_id",),
    "KN_ID": ("kernfs_node.id",),
    "KN_PARENT": ("kernfs_node.__parent", "kernfs_node.parent"),
    "KN_NAME": ("kernfs_node.name",),
    "MM_ARG_START": ("mm_struct.arg_start",),
    "MM_ARG_END": ("mm_struct.arg_end",),
    "MM_ENV_START": ("mm_struct.env_start",),
    "MM_ENV_END": ("mm_struct.env_end",),
    "MM_EXE_FILE": ("mm_struct.exe_file",),
    "FILE_PATH": ("file.f_path",),
    "PATH_MNT": ("path.mnt",),
    "PATH_DENTRY": ("path.dentry",),
    "FS_PWD": ("fs_struct.pwd",),
    "FS_ROOT": ("fs_struct.root",),
    "DENTRY_PARENT": ("dentry.d_parent",),
    "DENTRY_NAME": ("dentry.d_name.name",),
    "DENTRY_HASH_PPREV": ("dentry.d_hash.pprev",),
    "VFSMOUNT_ROOT": ("vfsmount.mnt_root",),
    "MOUNT_MNT": ("mount.mnt",),
    "MOUNT_PARENT": ("mount.mnt_parent",),
    "MOUNT_MOUNTPOINT": ("mount.mnt_mountpoint",),
    "SIGNAL_FLAGS": ("signal_struct.flags",),
    "SIGNAL_GROUP_EXIT_CODE": ("signal_struct.group_exit_code",),
    "SIGNAL_LIVE": ("signal_struct.live.counter",),
    "BPRM_ARGC": ("linux_binprm.argc",),
    "BPRM_ENVC": ("linux_binprm.envc",),
    "BPRM_FILENAME": ("linux_binprm.filename",),
    "BPRM_INTERP": ("linux_binprm.interp",),
    "ACTION_HANDLER": ("k_sigaction.sa.sa_handler",),
}
"""C macro -> struct.member, members of members after further dots; the first way that the kernel knows counts."""

SIZES: dict[str, str] = {"SIGINFO_SIZE": "kernel_siginfo", "REGS_SIZE": "pt_regs"}
"""C macro -> struct whose size in bytes it is."""

OPTIONAL = frozenset(
    {
        "TASK_THREAD_STATUS",  # x86 only: TS_COMPAT
        "TASK_CFS_RQ",  # CONFIG_FAIR_GROUP_SCHED
        "CFS_RQ_RQ",
        "TASK_SECCOMP_MODE",  # CONFIG_SECCOMP
        "NSPROXY_TIME",  # Linux 5.6
        "NSPROXY_TIME_FOR_CHILDREN",
        "TIME_INUM",  # CONFIG_TIME_NS
    }
)
"""Macros that a kernel may do without."""

_ADVICE = "To capture without eBPF: --backend ptrace"

_MAGIC = 0xEB9F
_OTHER_ENDIAN = 0x9FEB
_HEADER = struct.Struct("<HBBIIIII")  # struct btf_header: magic version flags hdr_len type_off type_len str_off str_len
_LONGEST_CHAIN = 32  # of typedefs and qualifiers: MAX_RESOLVE_DEPTH of kernel/bpf/btf.c

_STRUCT, _UNION = 4, 5
_SAME_MEMBERS = frozenset({8, 9, 10, 11, 18})  # TYPEDEF VOLATILE CONST RESTRICT TYPE_TAG
_TAILS = {  # BTF_KIND_*: words that follow the three of struct btf_type, once and for each of vlen
    1: (1, 0),  # INT
    2: (0, 0),  # PTR
    3: (3, 0),  # ARRAY
    _STRUCT: (0, 3),
    _UNION: (0, 3),
    6: (0, 2),  # ENUM
    7: (0, 0),  # FWD
    8: (0, 0),  # TYPEDEF
    9: (0, 0),  # VOLATILE
    10: (0, 0),  # CONST
    11: (0, 0),  # RESTRICT
    12: (0, 0),  # FUNC
    13: (0, 2),  # FUNC_PROTO
    14: (1, 0),  # VAR
    15: (0, 3),  # DATASEC
    16: (0, 0),  # FLOAT
    17: (1, 0),  # DECL_TAG
    18: (0, 0),  # TYPE_TAG
    19: (0, 3),  # ENUM64
}


def offsets(path: str = VMLINUX) -> dict[str, int]:
    """Every macro of `FIELDS` (bytes from the start of the struct) and of `SIZES` (bytes).

    Optional ones that this kernel does not have are left out. What was read is remembered for the next run.
    Raises BackendUnavailable when there is no BTF, when it cannot be read, or when it lacks something.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            key = f"{cache.kernel()} {os.fstat(file.fileno()).st_size} {path} {_tables()}"
            known = cache.load(key)
            if known is not None and _complete(known):
                return known
            data = file.read()
    except FileNotFoundError:
        message = (
            f"This kernel does not describe its types: there is no {path}, which eBPF needs. Boot a kernel that is "
            f"built with CONFIG_DEBUG_INFO_BTF=y, as those of the distributions are. {_ADVICE}"
        )
        raise BackendUnavailable(message) from None
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be read: {error.strerror}. {_ADVICE}") from error
    found = parse(data, path)
    cache.store(key, found)
    return found


def parse(data: bytes, path: str = VMLINUX) -> dict[str, int]:
    """What `offsets` answers, from the bytes of a BTF file; the path is for messages only."""
    try:
        types = _Types(data)
        found = {macro: types.offset(ways) for macro, ways in FIELDS.items()}
        found |= {macro: types.size(name) for macro, name in SIZES.items()}
    except (IndexError, ValueError) as error:
        reason = error if isinstance(error, ValueError) else "they refer to what is not there"
        raise BackendUnavailable(f"The kernel's types in {path} make no sense: {reason}. {_ADVICE}") from error
    missing = [macro for macro, value in found.items() if value is None and macro not in OPTIONAL]
    if missing:
        names = ", ".join(SIZES.get(macro) or " or ".join(FIELDS[macro]) for macro in missing)
        message = (
            f"contrace's eBPF programs do not fit this kernel: {path} has no {names}. The kernel is built without it, "
            f"or is newer than this version of contrace. {_ADVICE}"
        )
        raise BackendUnavailable(message)
    return {macro: value for macro, value in found.items() if value is not None}


def _tables() -> int:
    return zlib.crc32(repr((FIELDS, SIZES)).encode())


def _complete(values: dict[str, int]) -> bool:
    macros = {*FIELDS, *SIZES}
    return macros - OPTIONAL <= set(values) <= macros


class _Types:
    """The types as words, where each one begins, and the structs by name.

    Every method raises ValueError with the reason, or IndexError, for what is not BTF.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size:
            raise ValueError("they end early")
        magic, version, _, header, type_off, type_len, str_off, str_len = _HEADER.unpack_from(data)
        if magic == _OTHER_ENDIAN:
            raise ValueError("they are big-endian, contrace knows little-endian machines only")
        if magic != _MAGIC or version != 1:
            raise ValueError(f"magic {magic:#x} and version {version} are not those of BTF")
        if header + max(type_off + type_len, str_off + str_len) > len(data) or type_len % 4:
            raise ValueError("they end early")
        self._words = array("I", data[header + type_off : header + type_off + type_len])
        self._strings = data[header + str_off : header + str_off + str_len]
        self._starts = [0]  # type 0 is void and has no entry
        self._structs: defaultdict[bytes, list[int]] = defaultdict(list)
        self._index()

    def _index(self) -> None:
        words, strings, starts, tails = self._words, self._strings, self._starts, _TAILS
        at = 0
        while at < len(words):
            starts.append(at)
            info = words[at + 1]
            kind = info >> 24 & 31
            if kind not in tails:
                raise ValueError(f"type {len(starts) - 1} is of the unknown kind {kind}")
            if kind == _STRUCT:
                name = words[at]
                end = strings.find(0, name)
                if end < 0:
                    raise ValueError(f"the name of type {len(starts) - 1} is not there")
                self._structs[strings[name:end]].append(at)
            once, each = tails[kind]
            at += 3 + once + each * (info & 0xFFFF)
        if at != len(words):
            raise ValueError("the last type ends early")

    def size(self, name: str) -> int | None:
        """Of the struct, in bytes; None where there is none of this name."""
        return _agreed(name, [self._words[at + 2] for at in self._structs.get(name.encode(), ())])

    def offset(self, ways: tuple[str, ...]) -> int | None:
        """Of the first of these paths that leads to a member, in bytes; None where none does."""
        for path in ways:
            name, *members = path.encode().split(b".")
            places = [self._follow(at, members) for at in self._structs.get(name, ())]
            bits = _agreed(path, [place for place in places if place is not None])
            if bits is not None:
                if bits % 8:
                    raise ValueError(f"{path} is a bitfield")
                return bits // 8
        return None

    def _follow(self, start: int, members: list[bytes]) -> int | None:
        """Bits from the start of the struct to the member of a member."""
        bits = 0
        at: int | None = start
        for member in members:
            found = None if at is None else self._member(at, member)
            if found is None:
                return None
            place, number = found
            bits += place
            at = self._compound(number)
        return bits

    def _member(self, start: int, wanted: bytes) -> tuple[int, int] | None:
        """Bits from the start of the struct or union, and the type, of one of its members or its nameless members'."""
        words, strings = self._words, self._strings
        bases = {start: 0}
        nameless = [start]
        for at in nameless:
            info = words[at + 1]
            has_widths = info >> 31  # kind_flag: the upper byte of an offset is the width of a bitfield
            for entry in range(at + 3, at + 3 + 3 * (info & 0xFFFF), 3):
                name, number, offset = words[entry : entry + 3]
                bits = bases[at] + (offset & 0xFFFFFF if has_widths else offset)
                if not name:
                    inner = self._compound(number)
                    if inner is not None and inner not in bases:
                        bases[inner] = bits
                        nameless.append(inner)
                elif strings.startswith(wanted, name) and strings[name + len(wanted)] == 0:
                    if has_widths and offset >> 24:
                        raise ValueError(f"{wanted.decode()} is a bitfield")
                    return bits, number
        return None

    def _compound(self, number: int) -> int | None:
        """Where the struct or union of this type begins, behind typedefs and qualifiers; None for another type."""
        for _ in range(_LONGEST_CHAIN):
            at = self._starts[number]
            kind = self._words[at + 1] >> 24 & 31 if number else 0
            if kind in (_STRUCT, _UNION):
                return at
            if kind not in _SAME_MEMBERS:
                return None
            number = self._words[at + 2]
        raise ValueError(f"type {number} refers to itself")


def _agreed(name: str, values: list[int]) -> int | None:
    """The one value that all structs of a name give; None where there is no such struct."""
    if len(set(values)) > 1:
        raise ValueError(f"there are several {name}, which differ")
    return values[0] if values else None

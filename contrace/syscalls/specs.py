"""One row per call: what its arguments are, which memory to copy, and when.

A row teaches every backend and the decoder a call: capture follows ``copies``, decode follows ``args``. A call
without a row is recorded by number and shown by name with raw arguments. Sources: the man page of each call
(section 2), ``include/linux/syscalls.h`` for the argument types, ``include/uapi/linux/sched.h`` for clone_args.
"""

from dataclasses import dataclass

from contrace.syscalls.abi import Abi
from contrace.syscalls.flags.clone import CLONE_PARENT_SETTID, CLONE_PIDFD, CLONE_SETTLS
from contrace.syscalls.prctl import OPTIONS as PRCTL_OPTIONS
from contrace.syscalls.rows import Arg, As, Copy, Inside, Spec, What

_PATH = What.STRING
_USER_DESC = 16  # struct user_desc, arch/x86/include/uapi/asm/ldt.h: what i386's tls points to
_UTS = 64  # __NEW_UTS_LEN, include/uapi/linux/utsname.h

SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "execve",
            (Arg("pathname", As.PATH), Arg("argv", As.ARGV), Arg("envp", As.ENVP)),
            (Copy(0, _PATH), Copy(1, What.VECTOR), Copy(2, What.VECTOR)),
        ),
        Spec(
            "execveat",
            (
                Arg("dirfd", As.DIRFD),
                Arg("pathname", As.PATH),
                Arg("argv", As.ARGV),
                Arg("envp", As.ENVP),
                Arg("flags", As.FLAGS, "at_execveat"),
            ),
            (Copy(1, _PATH), Copy(2, What.VECTOR), Copy(3, What.VECTOR)),
        ),
        Spec(
            # The order of the registers differs between ABIs (clone(2), "C library/kernel differences");
            # parent_tid is argument 2 in all of them, flags argument 0.
            "clone",
            (
                Arg("flags", As.SPECIAL),
                Arg("stack", As.SPECIAL),
                Arg("parent_tid", As.SPECIAL),
                Arg("child_tid", As.SPECIAL),
                Arg("tls", As.SPECIAL),
            ),
            (
                Copy(2, What.BLOCK, 4, at_exit=True, only_if=(0, CLONE_PARENT_SETTID, CLONE_PARENT_SETTID)),
                Copy(
                    2,
                    What.BLOCK,
                    4,
                    at_exit=True,
                    only_if=(0, CLONE_PARENT_SETTID | CLONE_PIDFD, CLONE_PIDFD),
                ),
                Copy(3, What.BLOCK, _USER_DESC, word=4, at_exit=True, only_if=(0, CLONE_SETTLS, CLONE_SETTLS)),
            ),
        ),
        Spec(
            # struct clone_args is all u64 on every ABI: 8 pidfd, 24 parent_tid, 56 tls, 64 set_tid, 72 set_tid_size.
            "clone3",
            (Arg("cl_args", As.SPECIAL), Arg("size", As.ULONG)),
            (
                Copy(
                    0,
                    What.BLOCK,
                    4096,
                    size_arg=1,
                    inside=(
                        Inside(64, 4, count_offset=72, count_width=8, most=32, width=8),
                        Inside(56, _USER_DESC, width=8, word=4, only_if=(0, 8, CLONE_SETTLS, CLONE_SETTLS)),
                    ),
                ),
                Copy(
                    0,
                    What.BLOCK,
                    4096,
                    size_arg=1,
                    at_exit=True,
                    inside=(
                        Inside(24, 4, width=8, only_if=(0, 8, CLONE_PARENT_SETTID, CLONE_PARENT_SETTID)),
                        Inside(8, 4, width=8, only_if=(0, 8, CLONE_PIDFD, CLONE_PIDFD)),
                    ),
                ),
            ),
        ),
        Spec("fork", ()),
        Spec("vfork", ()),
        Spec(
            "prctl",
            (
                Arg("option", As.CHOICE, "prctl"),
                Arg("arg2", As.HEX),
                Arg("arg3", As.HEX),
                Arg("arg4", As.HEX),
                Arg("arg5", As.HEX),
            ),
            options=PRCTL_OPTIONS,
        ),
        Spec("unshare", (Arg("flags", As.FLAGS, "unshare"),)),
        Spec("setns", (Arg("fd", As.FD), Arg("nstype", As.FLAGS, "setns"))),
        Spec(
            "mount",
            (
                Arg("source", As.SPECIAL),
                Arg("target", As.PATH),
                Arg("filesystemtype", As.SPECIAL),
                Arg("mountflags", As.SPECIAL),
                Arg("data", As.SPECIAL),
            ),
            (Copy(0, _PATH), Copy(1, _PATH), Copy(2, _PATH), Copy(4, _PATH)),
        ),
        Spec("umount2", (Arg("target", As.PATH), Arg("flags", As.FLAGS, "umount")), (Copy(0, _PATH),)),
        Spec(
            "pivot_root",
            (Arg("new_root", As.PATH), Arg("put_old", As.PATH)),
            (Copy(0, _PATH), Copy(1, _PATH)),
        ),
        Spec("chroot", (Arg("path", As.PATH),), (Copy(0, _PATH),)),
        Spec(
            "sethostname",
            (Arg("name", As.BUFFER, size_arg=1, most=_UTS), Arg("len", As.UINT)),
            (Copy(0, What.BLOCK, _UTS, size_arg=1),),
        ),
        Spec(
            "setdomainname",
            (Arg("name", As.BUFFER, size_arg=1, most=_UTS), Arg("len", As.UINT)),
            (Copy(0, What.BLOCK, _UTS, size_arg=1),),
        ),
    )
}
"""Every call that contrace knows in full, by name."""


@dataclass(frozen=True, slots=True)
class CloneRegisters:
    """Which argument of clone is what."""

    flags: int
    stack: int
    parent_tid: int
    child_tid: int
    tls: int


_CHILD_TID_FIRST = CloneRegisters(flags=0, stack=1, parent_tid=2, child_tid=3, tls=4)
_TLS_FIRST = CloneRegisters(flags=0, stack=1, parent_tid=2, child_tid=4, tls=3)

CLONE_REGISTERS: dict[Abi, CloneRegisters] = {
    Abi.X86_64: _CHILD_TID_FIRST,
    Abi.I386: _TLS_FIRST,
    Abi.X32: _CHILD_TID_FIRST,
    Abi.AARCH64: _TLS_FIRST,
}
"""clone(2), "C library/kernel differences"; kernel/fork.c, CONFIG_CLONE_BACKWARDS."""

GROUPS: dict[str, tuple[str, ...]] = {
    "%birth": (
        *("execve", "execveat", "clone", "clone3", "fork", "vfork", "prctl", "unshare", "setns"),
        *("mount", "umount2", "pivot_root", "chroot", "sethostname", "setdomainname"),
    )
}
"""Groups of calls for ``--calls``; ``all`` is not a group but every call there is."""

_IDS = ("setuid", "setreuid", "setresuid", "setfsuid", "setgid", "setregid", "setresgid", "setfsgid", "setgroups")
RIGHTS_CALLS = frozenset(("capset", "seccomp", "prctl"))
"""Of the calls after which an Identity is taken, those that leave namespaces, ids and places alone."""
IDENTITY_CALLS = frozenset(
    (
        *("unshare", "setns", "pivot_root", "chroot", "chdir", "fchdir"),  # namespaces(7), chroot(2), chdir(2)
        *_IDS,  # credentials(7)
        *(f"{name}32" for name in _IDS),  # i386 has them with 16 and 32 bits
        *("capset", "seccomp"),  # capabilities(7), seccomp(2)
    )
)
"""Calls that may change who their task is: capture takes an Identity after each that succeeds, whether or not the call
itself is recorded (prctl's options say it in their own rows)."""

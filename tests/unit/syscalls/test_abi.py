"""The number tables, against the headers that this machine has and against python-ptrace's tables."""

import importlib
import re
from pathlib import Path

import pytest

from contrace.syscalls import abi as abis
from contrace.syscalls.abi import Abi, name_of, names, number_of
from contrace.syscalls.signatures import DIFFERENT_ON_I386, SIGNATURES
from contrace.syscalls.specs import SPECS

X86_HEADERS = Path("/usr/include/x86_64-linux-gnu/asm")
GENERIC_HEADER = Path("/usr/include/asm-generic/unistd.h")

NUMBER = re.compile(r"#define __NR(?:3264)?_(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$", re.MULTILINE)

PTRACE_DIFFERS = {
    Abi.X86_64: {"timerfd"},  # its old name
    # kernel functions instead of calls
    Abi.I386: {
        "stat", "fstat", "lstat", "newstat", "newlstat", "newfstat", "oldumount", "umount", "old_getrlimit",
        "getrlimit", "old_select", "select", "old_readdir", "old_mmap", "llseek", "sysctl", "lchown", "getuid",
        "getgid",
        "geteuid", "getegid", "setreuid", "setregid", "getgroups", "setgroups", "fchown", "setresuid", "getresuid",
        "setresgid", "getresgid", "chown", "setuid", "setgid", "setfsuid", "setfsgid",
    },
    Abi.AARCH64: set(),
}  # fmt: skip


def numbered(header: Path) -> dict[str, int]:
    if not header.exists():
        pytest.skip(f"needs an x86_64 machine with {header}" if "x86" in str(header) else f"needs {header}")
    return {name: int(number) for name, number in NUMBER.findall(header.read_text())}


@pytest.mark.parametrize(
    ("abi", "header"), [(Abi.X86_64, "unistd_64.h"), (Abi.I386, "unistd_32.h"), (Abi.X32, "unistd_x32.h")]
)
def test_x86_s_numbers_are_those_of_its_headers(abi, header):
    known = numbered(X86_HEADERS / header)
    assert len(known) > 300
    assert {name: number_of(abi, name) for name in known} == known


def test_aarch64_s_numbers_are_those_of_the_generic_header():
    known = numbered(GENERIC_HEADER)
    # not on 64 bits; not calls; what arm64 calls otherwise (arch/arm64/tools/syscall_64.tbl)
    known = {name: nr for name, nr in known.items() if not 403 <= nr <= 423}
    for other in ("arch_specific_syscall", "syscalls", "fstatat", "sync_file_range2"):
        known.pop(other, None)
    assert len(known) > 290
    assert {name: number_of(Abi.AARCH64, name) for name in known} == known
    assert number_of(Abi.AARCH64, "newfstatat") == 79


@pytest.mark.parametrize("abi", PTRACE_DIFFERS)
def test_python_ptrace_has_the_same_numbers(abi):
    theirs = importlib.import_module(f"ptrace.syscall.linux.{abi.name.lower()}").SYSCALL_NAMES
    differ = {
        name
        for number, name in theirs.items()
        # it lists x32's calls, from 512 on, in the table of x86_64
        if name_of(abi, number) != name and number < abis.X32_OWN_FIRST and not name.endswith("16")
    }
    assert differ == PTRACE_DIFFERS[abi]


@pytest.mark.parametrize("abi", Abi)
def test_every_number_has_one_name_and_every_name_one_number(abi):
    assert len(set(names(abi))) == len(names(abi))
    assert all(name_of(abi, number_of(abi, name)) == name for name in names(abi))


@pytest.mark.parametrize("abi", Abi)
def test_the_kernel_s_pair_of_architecture_and_number_comes_back(abi):
    for number in (0, 59, 435, 511):
        assert abis.identify(*abis.raw(abi, number)) == (abi, number)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="0xdead"):
        abis.identify(0xDEAD, 1)


@pytest.mark.parametrize(
    ("abi", "number", "name"),
    [
        (Abi.X86_64, 0, "read"),
        (Abi.X86_64, 469, "file_setattr"),
        (Abi.X86_64, 0x1FF, "syscall_0x1ff"),
        (Abi.X86_64, 2**64 - 1, "syscall_0xffffffffffffffff"),
        (Abi.AARCH64, 221, "execve"),
        (Abi.I386, 11, "execve"),
        (Abi.X32, 520, "execve"),
        (Abi.X32, 59, "execve#64"),
        (Abi.X32, 999, "syscall_0x400003e7"),
    ],
)
def test_a_number_without_a_call_has_a_name_too(abi, number, name):
    assert name_of(abi, number) == name


@pytest.mark.parametrize("abi", [Abi.X86_64, Abi.AARCH64])
def test_every_call_that_the_kernel_still_has_is_shown_with_its_own_arguments(abi):
    gone = {
        "uselib", "_sysctl", "create_module", "get_kernel_syms", "query_module", "nfsservctl", "getpmsg", "putpmsg",
        "afs_syscall", "tuxcall", "security", "vserver", "epoll_ctl_old", "epoll_wait_old", "lookup_dcookie",
    }  # fmt: skip
    assert set(names(abi)) - set(SIGNATURES) - set(SPECS) <= gone


def test_signatures_have_at_most_six_arguments():
    assert max(len(arguments.split()) for arguments in SIGNATURES.values()) == 6
    assert set(SIGNATURES) >= DIFFERENT_ON_I386
    assert not set(SIGNATURES) & set(SPECS)

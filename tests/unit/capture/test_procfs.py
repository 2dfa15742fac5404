"""What /proc says, of this process and of those that are gone."""

import ctypes
import os
import subprocess
import sys

import pytest

from contrace.capture import procfs
from contrace.capture.identity import IdentityReader

GONE = 2**22 + 1  # above PID_MAX_LIMIT (include/linux/threads.h)


def test_status_of_this_process() -> None:
    status = procfs.status(os.getpid())
    assert status is not None
    assert (status.tgid, status.ppid) == (os.getpid(), os.getppid())
    assert status.uids == (*os.getresuid(), os.geteuid())
    assert status.gids == (*os.getresgid(), os.getegid())
    assert status.groups == tuple(os.getgroups())
    assert status.nspids[-1] == os.getpid()
    assert status.state == "R"
    libc = ctypes.CDLL(None)
    assert status.no_new_privs == libc.prctl(39, 0, 0, 0, 0)  # PR_GET_NO_NEW_PRIVS
    assert status.seccomp == libc.prctl(21)  # PR_GET_SECCOMP
    assert status.capabilities is not None
    bounding, ambient = status.capabilities[3:]
    assert bounding == sum(1 << number for number in range(64) if libc.prctl(23, number) == 1)  # PR_CAPBSET_READ
    assert ambient & ~bounding == 0


STATUS = b"""\
Name:\tsh
State:\tS (sleeping)
Tgid:\t9
Ngid:\t0
Pid:\t9
PPid:\t1
TracerPid:\t0
Uid:\t1\t1\t1\t1
Gid:\t1\t1\t1\t1
FDSize:\t64
Groups:\t
Threads:\t1
"""
RIGHTS = b"CapInh:\t01\nCapPrm:\t02\nCapEff:\t03\nCapBnd:\t000001ffffffffff\nCapAmb:\t05\nNoNewPrivs:\t1\n"


@pytest.mark.parametrize(
    ("more", "own", "filtered"),
    [
        (b"", None, None),  # no CONFIG_SECCOMP
        (b"Seccomp:\t0\n", 0, 0),
        (b"Seccomp:\t2\n", 2, None),  # Linux 5.8: whose filter it is cannot be told
        (b"Seccomp:\t2\nSeccomp_filters:\t1\n", 2, 0),
        (b"Seccomp:\t2\nSeccomp_filters:\t2\n", 2, 2),
        (b"Seccomp:\t1\nSeccomp_filters:\t0\n", 1, 1),
    ],
)
def test_a_filter_that_contrace_put_in_does_not_count(
    monkeypatch: pytest.MonkeyPatch, more: bytes, own: int | None, filtered: int | None
) -> None:
    monkeypatch.setattr(procfs, "read", lambda path: STATUS + RIGHTS + more if path.endswith("status") else None)
    for reader, seccomp in ((IdentityReader(), own), (IdentityReader(filtered=True), filtered)):
        identity, status = reader.take(1, GONE, GONE, "start")
        assert status is not None
        assert identity.capabilities == (1, 2, 3, (1 << 41) - 1, 5)
        assert (identity.no_new_privs, identity.seccomp) == (True, seccomp)


def test_rights_that_a_kernel_does_not_tell_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "read", lambda path: STATUS)
    status = procfs.status(GONE)
    assert status is not None
    assert (status.capabilities, status.no_new_privs, status.seccomp) == (None, None, None)


def test_a_name_is_read_as_the_process_set_it() -> None:
    name = b"a\nb\\c:\t(d"
    script = f"import ctypes, sys; ctypes.CDLL(None).prctl(15, {name!r}); print('set', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        status = procfs.status(process.pid)
        assert status is not None
        assert status.comm == name
        assert procfs.comm(process.pid) == name


def test_a_task_that_is_gone_is_told_apart_from_one_without_anything() -> None:
    assert procfs.status(GONE) is None
    assert procfs.namespaces(GONE) == {}
    assert procfs.threads(GONE) == []
    assert procfs.cmdline(GONE) == ()
    assert procfs.id_map(GONE, "uid_map") is None
    identity, status = IdentityReader().take(1, GONE, GONE, "start")
    assert status is None
    assert (identity.uids, identity.cgroup, identity.exe, identity.nspids) == (None, None, None, None)


def test_a_new_user_namespace_does_not_have_the_maps_of_one_that_had_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maps: list[procfs.IdMap] = [((0, 1000, 1),)]
    monkeypatch.setattr(procfs, "namespaces", lambda tid: {"user": 7 if tid == GONE else 1})
    monkeypatch.setattr(procfs, "id_map", lambda tid, which: maps[-1])
    reader = IdentityReader()
    first, _ = reader.take(1, GONE, GONE, "unshare")
    maps.append(())
    assert reader.take(2, GONE, GONE, "exec", first.namespaces)[0].uid_map == first.uid_map == ((0, 1000, 1),)
    assert reader.take(3, GONE, GONE, "unshare")[0].uid_map == ()
    maps.append(((0, 0, 9),))
    assert reader.take(4, GONE, GONE, "exec", first.namespaces)[0].uid_map == ((0, 0, 9),)


def test_namespaces_are_the_kernels_inode_numbers() -> None:
    found = procfs.namespaces(os.getpid())
    assert found["mnt"] == os.stat("/proc/self/ns/mnt").st_ino
    assert set(found) <= set(procfs.NAMESPACES)


def test_threads_are_found() -> None:
    libc = ctypes.CDLL(None)
    assert libc.gettid() in procfs.threads(os.getpid())

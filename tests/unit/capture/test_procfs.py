"""What /proc says, of this process and of those that are gone."""

import ctypes
import os
import subprocess
import sys

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


def test_namespaces_are_the_kernels_inode_numbers() -> None:
    found = procfs.namespaces(os.getpid())
    assert found["mnt"] == os.stat("/proc/self/ns/mnt").st_ino
    assert set(found) <= set(procfs.NAMESPACES)


def test_threads_are_found() -> None:
    libc = ctypes.CDLL(None)
    assert libc.gettid() in procfs.threads(os.getpid())

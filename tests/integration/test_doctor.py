"""`contrace doctor`: what it says is what then works."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import CONTRACE, contrace
from tests.managers import host
from tests.seccomp import WITHOUT_PTRACE
from tests.users import User, user


@pytest.fixture
def somebody() -> Iterator[User]:
    with user() as normal:
        yield normal


def verdicts(text: str) -> dict[str, str]:
    """What is said about each thing that was looked at: name -> ok, NO or --."""
    return {name: verdict for verdict, name in re.findall(r"^(ok|NO|--) +(\S+)", text, re.M)}


def test_root_can_trace_everything() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: it is about what root may do")
    done = contrace("doctor")
    assert done.returncode == 0
    assert done.stderr == ""
    said = verdicts(done.stdout)
    assert {said[name] for name in ("machine", "user", "Yama", "attach", "run", "filter")} == {"ok"}
    assert {said[name] for name in ("programs", "lockdown", "kernel", "BTF", "tracefs", "bcc", "eBPF")} == {"ok"}
    assert "root, may trace the processes of other users" in done.stdout
    assert done.stdout.endswith("\ncontrace run and contrace attach can be used here.\n")


def test_a_normal_user_can_trace_own_processes(somebody: User) -> None:
    done = somebody.contrace("doctor")
    assert done.returncode == 0
    assert verdicts(done.stdout)["run"] == "ok"
    assert "may trace own processes only" in done.stdout
    assert "use sudo to attach to" in done.stdout
    assert verdicts(done.stdout)["eBPF"] == "NO"
    assert "this user may not load eBPF programs: use sudo, or grant CAP_BPF and CAP_PERFMON" in " ".join(
        done.stdout.split()
    )
    assert done.stdout.endswith("can be used here, for your own processes.\n")
    assert somebody.contrace("run", "-o", "none", "--", "true").returncode == 0


def test_it_leaves_no_mount_behind() -> None:
    before = Path("/proc/self/mountinfo").read_text()
    contrace("doctor")
    assert Path("/proc/self/mountinfo").read_text() == before


def test_root_of_a_user_namespace_is_told_that_it_is_not_root() -> None:
    done = subprocess.run(["unshare", "-Ur", *CONTRACE, "doctor"], capture_output=True, text=True, check=False)
    assert verdicts(done.stdout)["eBPF"] == "NO"
    assert "run contrace as root on the host" in " ".join(done.stdout.split())


def test_it_fits_80_columns_and_has_no_colours() -> None:
    text = contrace("doctor").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_where_ptrace_is_forbidden_it_says_so_and_what_to_do() -> None:
    without = ["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin", *WITHOUT_PTRACE]
    done = subprocess.run([*without, *CONTRACE, "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 7
    said = verdicts(done.stdout)
    assert said["attach"] == said["run"] == said["eBPF"] == "NO"
    assert "ptrace answered EPERM (Operation not permitted)" in done.stdout
    assert "a seccomp filter or a security module forbids it" in " ".join(done.stdout.split())
    assert "--cap-add SYS_PTRACE" in " ".join(done.stdout.split())
    assert done.stdout.endswith("\nNothing can be traced here.\n")


@pytest.fixture
def manager() -> "Iterator[subprocess.Popen[bytes]]":
    """Something that calls itself conmon and does nothing."""
    process = subprocess.Popen(["conmon", "60"], executable=shutil.which("sleep"))
    yield process
    host.end(process)


def test_managers_are_listed(manager: "subprocess.Popen[bytes]", somebody: User) -> None:
    assert re.search(rf"\(pid\s+{manager.pid}\)", contrace("doctor").stdout)
    if os.geteuid() == 0:
        text = somebody.contrace("doctor").stdout
        assert re.search(rf"\(pid\s+{manager.pid},\s+not\s+yours\s+to\s+trace\)", text)


def test_a_manager_under_strace_is_listed_as_such(manager: "subprocess.Popen[bytes]") -> None:
    strace = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(manager.pid)], stderr=subprocess.DEVNULL)
    try:
        host.wait_until(lambda: host.tracer_of(manager.pid) == strace.pid, "strace traces")
        text = " ".join(contrace("doctor").stdout.split())
        assert f"(pid {manager.pid}, traced by 'strace', pid {strace.pid})" in text
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(20)

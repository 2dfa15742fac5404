"""What only eBPF can do, and what is said and done where it cannot be used."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.records import Loss, TaskStart
from tests.harness import CONTRACE, Trace, attached, contrace
from tests.managers import host
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.images import SHORT
from tests.users import User, user

BUSY = "while [ ! -e go ]; do /bin/true; done"
BCC = Path("/usr/lib/python3/dist-packages/bcc")
BTF = Path("/sys/kernel/btf/vmlinux")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def busy() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["sh", "-c", BUSY])
    yield process
    host.end(process)


@pytest.fixture
def somebody() -> Iterator[User]:
    with user() as found:
        yield found


# --- which backend -----------------------------------------------------------------------------------------


def test_attach_takes_ebpf_and_says_so(busy: "subprocess.Popen[bytes]") -> None:
    done = contrace("attach", str(busy.pid), "--for", "200ms", "-o", "x.ctrace", "--format", "none")
    headline, why, *_ = done.stderr.splitlines()
    assert "eBPF, scope birth: 15 calls until the payload's execve" in headline
    assert "nothing is stopped" in headline
    assert why == "contrace: this backend was chosen because it works here and stops nothing"
    assert Trace(Path("x.ctrace")).meta.backend == "ebpf"


def test_a_normal_user_gets_ptrace_and_the_reason(somebody: User) -> None:
    target = subprocess.Popen([*somebody.prefix, "sleep", "60"])
    try:
        host.wait_until(lambda: Path(f"/proc/{target.pid}/comm").read_text() == "sleep\n", "it sleeps")
        done = somebody.contrace("attach", str(target.pid), "--for", "200ms", "-o", "none")
    finally:
        host.end(target)
    assert "ptrace, scope birth" in done.stderr
    assert "because eBPF cannot be used: this user may not load eBPF programs: use sudo, or grant" in done.stderr


def test_a_command_is_followed_by_ptrace() -> None:
    done = contrace("run", "-o", "x.ctrace", "--", "true")
    assert "running true: ptrace, " in done.stderr
    assert "chosen" not in done.stderr


@pytest.mark.parametrize("missing", [BCC, BTF], ids=["bcc", "BTF"])
def test_where_something_is_missing(busy: "subprocess.Popen[bytes]", missing: Path, tmp_path: Path) -> None:
    """It is hidden in a mount namespace of the test's own."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    hide = f"mount --bind {nothing} {missing if missing.is_dir() else missing.parent}"
    attach = ["attach", str(busy.pid), "--for", "200ms", "-o", "none", "--format", "none"]

    def without(*more: str) -> "subprocess.CompletedProcess[str]":
        command = ["unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh", *CONTRACE, *attach, *more]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    wanted = "python3-bpfcc" if missing is BCC else "CONFIG_DEBUG_INFO_BTF=y"
    refused = without("--backend", "ebpf")
    assert refused.returncode == 7
    assert len(refused.stderr.splitlines()) <= 3, refused.stderr
    assert wanted in refused.stderr
    assert "Traceback" not in refused.stderr
    done = without()
    assert done.returncode == 0
    assert "ptrace, scope birth" in done.stderr
    assert "this backend was chosen because eBPF cannot be used: " in done.stderr
    assert wanted in done.stderr


def test_two_capabilities_are_enough(somebody: User) -> None:
    """CAP_BPF and CAP_PERFMON; tracefs is root's, so every call of the machine passes the probes."""
    both = ("--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon")
    prefix = [*somebody.prefix[:-3], somebody.prefix[-3], *somebody.prefix[-2:], *both]
    target = subprocess.Popen([*somebody.prefix, "sh", "-c", BUSY], cwd=somebody.folder)
    try:
        command = [*prefix, *CONTRACE, "attach", str(target.pid), "--for", "500ms", "-o", "none"]
        done = subprocess.run(command, cwd=somebody.folder, capture_output=True, text=True, check=False)
    finally:
        host.end(target)
    assert done.returncode == 0, done.stderr
    assert "eBPF, scope birth" in done.stderr
    assert "each call on this machine passes a probe" in done.stderr
    assert 'execve("/bin/true", ["/bin/true"]' in done.stdout
    assert "nothing lost" in done.stderr


# --- whom --------------------------------------------------------------------------------------------------


def test_a_container_and_what_is_started_in_it(docker: Docker, containerd: Containerd, tmp_path: Path) -> None:
    names = [docker.client("run", "-d", "--network", "none", SHORT, "sleep", "1000").stdout.strip() for _ in range(2)]
    try:
        path = tmp_path / "inside.ctrace"
        with attached("--container", names[0][:12], trace=path) as session:
            for name in names:
                docker.client("exec", name, "/bin/echo", name)
        assert "sleep (pid " in session.stderr
    finally:
        docker.client("rm", "--force", *names)
    trace = Trace(path)
    [echo] = [seen for seen in trace.named("execve") if seen.argv[0] == b"/bin/echo"]
    assert echo.argv[1].decode() == names[0]
    # runc's own process came into the container's cgroup, from outside
    assert any(start.call == "attach" and start.comm.startswith(b"runc") for start in trace.of_kind(TaskStart))


def test_every_process_of_the_machine_but_contrace(tmp_path: Path) -> None:
    path = tmp_path / "all.ctrace"
    with attached("--system-wide", trace=path) as session:
        subprocess.run(["/bin/echo", "seen from afar"], check=True, stdout=subprocess.DEVNULL)
        recorder = host.recorder_of(session.process.pid)
    assert "attached to every process: " in session.stderr
    trace = Trace(path)
    assert trace.execs(b"/bin/echo", b"seen from afar")
    starts = {start.pid for start in trace.of_kind(TaskStart)}
    assert os.getpid() in starts
    assert not {recorder, session.process.pid} & {record.pid for record in trace.records}


def test_it_does_not_matter_who_else_watches(busy: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    strace = subprocess.Popen(["strace", "-f", "-o", "strace.txt", "-p", str(busy.pid)], stderr=subprocess.DEVNULL)
    try:
        host.wait_until(lambda: host.tracer_of(busy.pid) == strace.pid, "strace traces")
        with (
            attached(busy.pid, trace=tmp_path / "one.ctrace"),
            attached(busy.pid, trace=tmp_path / "two.ctrace"),
        ):
            seen = subprocess.Popen(["sh", "-c", ":"])
            seen.wait()
            size = Path("strace.txt").stat().st_size
            host.wait_until(lambda: Path("strace.txt").stat().st_size > size + 2000, "some more processes")
    finally:
        Path("go").touch()  # strace ends with what it watches
        strace.wait(20)
    for name in ("one", "two"):
        assert len(Trace(tmp_path / f"{name}.ctrace").execs(b"/bin/true")) > 1


# --- what is shown -----------------------------------------------------------------------------------------


def test_the_capability_that_was_missing_is_named() -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    run = contrace("run", "--backend", "ebpf", "-o", "x.ctrace", "--", *nobody, "unshare", "--net", "true")
    if "refuses" in run.stderr and "cap_capable" in run.stderr:
        pytest.skip("needs Linux 6.14")
    [line] = [line for line in run.stderr.splitlines() if "unshare(CLONE_NEWNET)" in line]
    assert line.endswith("= -1 EPERM (Operation not permitted)  needs CAP_SYS_ADMIN")
    [call] = [
        found
        for found in map(json.loads, contrace("show", "x.ctrace", "--format", "jsonl").stdout.splitlines())
        if found.get("name") == "unshare"
    ]
    assert [pair["capability"] for pair in call["refused"]] == ["CAP_SYS_ADMIN"]


def test_a_loss_is_told_everywhere() -> None:
    storm = "i=0; while [ $i -lt 3000 ]; do /bin/true; i=$((i+1)); done"
    words = [
        "run",
        "--backend",
        "ebpf",
        "--buffer",
        "64K",
        "--format",
        "none",
        "-o",
        "x.ctrace",
        "--",
        "sh",
        "-c",
        storm,
    ]
    done = contrace(*words, env={**os.environ, "FILL": "x" * 60000})
    assert done.returncode == 0, done.stderr
    losses = Trace(Path("x.ctrace")).of_kind(Loss)
    assert losses
    assert all(loss.count == sum(loss.kinds.values()) > 0 for loss in losses)
    assert f"LOST {sum(loss.count for loss in losses):,} records" in done.stderr
    for shape in ("timeline", "strace"):
        assert (
            f"LOST {losses[0].count} records (" in contrace("show", "x.ctrace", "--format", shape, "call:setns").stdout
        )

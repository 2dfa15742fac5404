"""`docker run` on a private dockerd and containerd, with contrace attached to containerd."""

from pathlib import Path

from tests.harness import Trace, attached, contrace
from tests.integration.births import check_runc_birth, check_whole
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.images import SHORT


def test_docker_run_is_seen_from_the_first_shim_to_the_payload(
    docker: Docker, containerd: Containerd, tmp_path: Path, backend: str
) -> None:
    with attached(containerd.pid, trace=tmp_path / "docker.ctrace", backend=backend) as session:
        assert docker.run("/bin/id").startswith("uid=0(root)")
    trace = Trace(session.trace)
    check_whole(trace)

    # containerd starts a shim that starts the one that stays; a later one with "delete" only cleans up
    shims = [seen for seen in trace.execs(b"/usr/bin/containerd-shim-runc-v2") if seen.argv[-1] != b"delete"]
    first, second = shims
    assert first.argv[-1] == b"start"
    assert first.record.time_ns < second.record.time_ns
    name = first.argv[first.argv.index(b"-id") + 1].decode()
    assert second.argv[second.argv.index(b"-id") + 1].decode() == name

    bundle = f"{containerd.base}/state/io.containerd.runtime.v2.task/moby/{name}"
    runc = ["runc", "--root", f"{docker.exec_root}/runtime-runc/moby", "--log", f"{bundle}/log.json"]
    runc += ["--log-format", "json"]
    [create] = trace.execs(b"runc", b"create")
    words = [*runc, "create", "--bundle", bundle, "--pid-file", f"{bundle}/init.pid", name]
    assert create.argv == [word.encode() for word in words]
    [start] = trace.execs(b"runc", b"start")
    assert start.argv == [word.encode() for word in [*runc, "start", name]]
    delete = trace.execs(b"runc", b"delete")[0]
    assert delete.argv == [word.encode() for word in [*runc, "delete", name]]

    payload = check_runc_birth(trace, hostname=name[:12])
    order = [first, second, create, start, payload, delete]
    times = [seen.record.time_ns for seen in order]
    assert times == sorted(times)


def test_the_same_trace_reads_as_strace_writes_it(
    docker: Docker, containerd: Containerd, tmp_path: Path, backend: str
) -> None:
    with attached(containerd.pid, trace=tmp_path / "docker.ctrace", backend=backend) as session:
        docker.run("/bin/id")
    shown = contrace("show", session.trace, "--format", "strace")
    assert shown.returncode == 0, shown.stderr
    for piece in (
        'prctl(PR_SET_NAME, "runc:[0:PARENT]"...) = 0',
        "unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET) = 0",
        'pivot_root(".", ".")              = 0',
        'execve("/bin/id", ["/bin/id"], 0x',
        "+++ exited with 0 +++",
    ):
        assert piece in shown.stdout


def test_a_birth_is_seen_when_attached_by_the_words_that_a_user_types(
    docker: Docker, containerd: Containerd, tmp_path: Path, backend: str
) -> None:
    pid_file = tmp_path / "containerd.pid"
    pid_file.write_text(f"{containerd.pid}\n")
    with attached(pid_file, docker.pid, trace=tmp_path / "both.ctrace", backend=backend) as session:
        docker.run("/bin/id")
    trace = Trace(session.trace)
    check_whole(trace)
    assert trace.execs(b"/bin/id")


def test_a_container_outlives_contrace(docker: Docker, containerd: Containerd, tmp_path: Path, backend: str) -> None:
    with attached(containerd.pid, trace=tmp_path / "first.ctrace", backend=backend) as session:
        started = docker.client("run", "--detach", "--network", "none", SHORT, "sleep", "1000")
    name = started.stdout.strip()
    try:
        assert Trace(session.trace).execs(b"sleep", b"1000")
        assert docker.client("exec", name, "/bin/id", "-u").stdout == "0\n"
    finally:
        removed = docker.client("rm", "--force", name)
    assert removed.returncode == 0, removed.stderr

"""Containers as targets: those of real managers are found by name and id, with their processes and cgroups."""

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contrace.capture.cgroups import hierarchies
from contrace.capture.containers import Container, containers, find
from contrace.capture.targets import resolve, resolve_container
from contrace.cli import complete
from contrace.errors import TargetNotFound
from tests.managers import host
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.fixtures import need
from tests.managers.images import IMAGE, SHORT
from tests.managers.podman import IMAGE as PODMAN_IMAGE
from tests.managers.podman import Podman
from tests.managers.runtimes import Runtimes

SLEEP = ("sleep", "1000")
WEB, HOSTS, CTR, NICE, POD, FRONT = (f"{name}-{host.NAME}" for name in ("web", "hosts", "ctr", "nice", "pod", "front"))


def argv(pid: int) -> list[str]:
    """[] when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def stack(word: str) -> dict[int, str]:
    """What a target word stands for: pid -> name."""
    return {target.pid: target.why for target in resolve([word])}


def check_cgroups(container: Container, *, least: int) -> None:
    """Each is the one that the container's first process is in."""
    lines = Path(f"/proc/{container.pids[0]}/cgroup").read_bytes().splitlines()
    in_it = {int(line.split(b":")[0]): line.split(b":", 2)[2] for line in lines}
    points = {row.id: row.mount.point for row in hierarchies() if row.mount is not None}
    assert len(container.cgroups) >= least
    for cgroup in container.cgroups:
        assert cgroup.path == in_it[cgroup.hierarchy]
        assert cgroup.id == os.stat(points[cgroup.hierarchy] + cgroup.path).st_ino


def every_hierarchy() -> int:
    return sum(row.mount is not None for row in hierarchies())


def refused(word: str) -> str:
    with pytest.raises(TargetNotFound) as caught:
        resolve_container(word)
    return str(caught.value)


@contextmanager
def docker_container(docker: Docker, name: str, *options: str) -> Iterator[str]:
    """The id of a container that sleeps."""
    started = docker.client("run", "--detach", "--network", "none", "--name", name, *options, SHORT, *SLEEP)
    assert started.returncode == 0, started.stderr
    try:
        yield started.stdout.strip()
    finally:
        docker.client("rm", "--force", name)


@contextmanager
def ctr_container(containerd: Containerd, name: str, *options: str) -> Iterator[int]:
    """The pid of a container that sleeps."""
    root = ("--runc-root", containerd.runc_root)
    containerd.ctr("run", "--detach", *root, *options, IMAGE, name, *SLEEP)
    try:
        tasks = containerd.ctr("task", "ls").stdout.splitlines()
        yield next(int(line.split()[1]) for line in tasks if line.split()[0] == name)
    finally:
        containerd.ctr("task", "rm", "--force", name)
        containerd.ctr("container", "rm", name)


@contextmanager
def podman_container(podman: Podman, name: str) -> Iterator[str]:
    """The id of a container that sleeps."""
    options = ("--detach", "--network", "none", "--cgroup-parent", f"/{host.NAME}", "--name", name)
    try:
        yield podman.call("run", *options, PODMAN_IMAGE, *SLEEP).strip()
    finally:
        podman.call("rm", "--force", "--time", "0", "--ignore", name)


class TestDocker:
    def test_by_name_and_by_id(self, docker: Docker) -> None:
        with docker_container(docker, WEB) as id:
            pid = int(docker.client("inspect", "--format", "{{.State.Pid}}", id).stdout)
            container = find(WEB)
            assert (container.id, container.manager, container.names) == (id, "docker", (WEB,))
            assert container.pids == (pid,)
            check_cgroups(container, least=every_hierarchy())
            for word in (id, id[:12], id[:4], WEB[:-1]):
                assert find(word) == container
            assert set(complete.containers(WEB[:-1])) == {WEB}
            assert WEB in complete.containers("")
            assert set(complete.containers(id[:6])) == {id[:12]}
            assert set(complete.containers(id[:20])) == {id}
        assert id not in [running.id for running in containers()]

    def test_as_targets(self, docker: Docker) -> None:
        with docker_container(docker, WEB) as id:
            command = ["docker", "exec", id, *SLEEP]
            inside = subprocess.Popen(command, env=docker.environment, stdin=subprocess.DEVNULL)
            try:
                both = [[*SLEEP]] * 2
                host.wait_until(lambda: [argv(pid) for pid in find(id).pids] == both, "the exec is in the container")
                found = resolve_container(WEB)
            finally:
                inside.terminate()
                inside.wait(20)
            assert [(target.pid, target.why) for target in found.processes] == [
                (pid, "sleep") for pid in found.container.pids
            ]
            assert found.cgroups == tuple((cgroup.hierarchy, cgroup.id) for cgroup in found.container.cgroups)

    def test_in_the_pid_namespace_of_the_host(self, docker: Docker) -> None:
        with docker_container(docker, HOSTS, "--pid", "host") as id:
            container = find(HOSTS)
            assert (container.id, len(container.pids)) == (id, 1)

    def test_names_that_begin_alike(self, docker: Docker) -> None:
        with docker_container(docker, f"{WEB}1") as one, docker_container(docker, f"{WEB}2") as two:
            head, *table = refused(WEB).splitlines()
            assert head == (f"2 running containers have a name or id that begins with {WEB!r}; name one by its id:")
            assert sorted(line.split()[:3] for line in table) == sorted(
                [id[:12], name, "docker"] for id, name in ((one, f"{WEB}1"), (two, f"{WEB}2"))
            )
            assert find(f"{WEB}2").id == two
            message = refused(f"nosuch-{host.NAME}")
            assert f"\n  {one[:12]}  {WEB}1" in message
            assert f"\n  {two[:12]}  {WEB}2" in message

    def test_a_daemon_that_hangs_costs_the_name_only(self, docker: Docker) -> None:
        with docker_container(docker, WEB) as id:
            docker.process.send_signal(signal.SIGSTOP)
            try:
                container = find(id)
            finally:
                docker.process.send_signal(signal.SIGCONT)
            assert (container.manager, container.names) == ("docker", ())


class TestCtr:
    def test_by_name(self, containerd: Containerd) -> None:
        with ctr_container(containerd, CTR) as pid:
            container = find(CTR)
            assert (container.id, container.manager, container.names) == (CTR, "containerd", ())
            assert container.pids == (pid,)
            assert container.paths == (f"/{host.NAME}/{CTR}",)
            assert find(CTR[:-1]) == find(container.paths[0]) == container
            check_cgroups(container, least=every_hierarchy())
            assert CTR in complete.containers(CTR[:-1])

    def test_by_the_name_that_nerdctl_gives(self, containerd: Containerd) -> None:
        """nerdctl notes it as an annotation."""
        id = uuid.uuid4().hex * 2
        with ctr_container(containerd, id, "--annotation", f"nerdctl/name={NICE}") as pid:
            container = find(NICE)
            assert (container.id, container.names, container.pids) == (id, (NICE,), (pid,))


class TestPodman:
    def test_by_name_and_by_id(self, podman: Podman) -> None:
        with podman_container(podman, POD) as id:
            pid = int(podman.call("inspect", "--format", "{{.State.Pid}}", id))
            container = find(POD)
            assert (container.id, container.manager, container.names) == (id, "podman", (POD,))
            assert container.pids == (pid,)
            assert find(id[:8]) == container
            check_cgroups(container, least=every_hierarchy())

    def test_the_stack(self, podman: Podman) -> None:
        options = ("--rm", "--network", "none", "--cgroup-parent", f"/{host.NAME}", "--name", FRONT)
        command = podman.command("run", *options, PODMAN_IMAGE, *SLEEP)
        running = subprocess.Popen(command, env=podman.environment, stdin=subprocess.DEVNULL)
        try:
            host.wait_until(lambda: any(FRONT in row.names for row in containers()), "it runs")
            id = find(FRONT).id
            found = stack("podman")
            assert found[running.pid] == "podman"
            assert [why for pid, why in found.items() if pid != running.pid and id in argv(pid)] == ["conmon"]
        finally:
            podman.call("rm", "--force", "--time", "0", "--ignore", FRONT)
            running.wait(20)


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_runtime_alone(runtime: str, runtimes: Runtimes) -> None:
    need(runtime)
    command = getattr(runtimes, runtime)(*SLEEP)
    name = command[-1]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        host.wait_until(lambda: any(row.id == name and len(row.pids) == 1 for row in containers()), "it runs")
        container = find(name)
        assert (container.manager, container.names) == ("", ())
        assert container.paths == (f"/{host.NAME}/{name}",)
        check_cgroups(container, least=2)
    finally:
        os.kill(find(name).pids[0], signal.SIGKILL)
        process.wait(20)


def test_the_stacks_of_docker_and_containerd(docker: Docker, containerd: Containerd) -> None:
    with docker_container(docker, WEB) as id, ctr_container(containerd, CTR):
        of_docker, of_containerd = stack("docker"), stack("containerd")
        shims = [pid for pid, why in of_containerd.items() if why == "containerd-shim-runc-v2"]
        assert len([pid for pid in shims if {id, CTR} & set(argv(pid))]) == 2
        assert of_containerd[containerd.pid] == "containerd"
        assert docker.pid not in of_containerd
        assert of_docker[docker.pid] == "dockerd"
        assert of_docker.keys() >= {docker.pid, containerd.pid, *shims}

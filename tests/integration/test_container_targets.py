"""Containers as targets: those of real managers are found by name and id, with their processes and cgroups."""

import json
import os
import subprocess
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


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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
        with docker_container(docker, "contrace-web") as id:
            pid = int(docker.client("inspect", "--format", "{{.State.Pid}}", id).stdout)
            container = find("contrace-web")
            assert (container.id, container.manager, container.names) == (id, "docker", ("contrace-web",))
            assert container.pids == (pid,)
            check_cgroups(container, least=every_hierarchy())
            for word in (id, id[:12], id[:4], "contrace-we"):
                assert find(word) == container
            assert set(complete.containers("contrace-w")) == {"contrace-web"}
            assert "contrace-web" in complete.containers("")
            assert set(complete.containers(id[:6])) == {id[:12]}
            assert set(complete.containers(id[:20])) == {id}
        assert id not in [running.id for running in containers()]

    def test_as_targets(self, docker: Docker) -> None:
        with docker_container(docker, "contrace-web") as id:
            command = ["docker", "exec", id, *SLEEP]
            inside = subprocess.Popen(command, env=docker.environment, stdin=subprocess.DEVNULL)
            try:
                host.wait_until(lambda: len(find(id).pids) == 2, "the exec is in the container")
                found = resolve_container("contrace-web")
            finally:
                inside.terminate()
                inside.wait(20)
            assert [(target.pid, target.why) for target in found.processes] == [
                (pid, "busybox") for pid in found.container.pids
            ]
            assert found.cgroups == tuple((cgroup.hierarchy, cgroup.id) for cgroup in found.container.cgroups)

    def test_in_the_pid_namespace_of_the_host(self, docker: Docker) -> None:
        with docker_container(docker, "contrace-host", "--pid", "host") as id:
            container = find("contrace-host")
            assert (container.id, len(container.pids)) == (id, 1)

    def test_names_that_begin_alike(self, docker: Docker) -> None:
        with docker_container(docker, "contrace-web1") as one, docker_container(docker, "contrace-web2") as two:
            head, *table = refused("contrace-web").splitlines()
            assert head == (
                "2 running containers have a name or id that begins with 'contrace-web'; name one by its id:"
            )
            assert sorted(line.split()[:3] for line in table) == sorted(
                [id[:12], name, "docker"] for id, name in ((one, "contrace-web1"), (two, "contrace-web2"))
            )
            assert find("contrace-web2").id == two
            message = refused("contrace-nosuch")
            assert f"\n  {one[:12]}  contrace-web1" in message
            assert f"\n  {two[:12]}  contrace-web2" in message

    def test_a_daemon_that_hangs_costs_the_name_only(self, docker: Docker) -> None:
        with docker_container(docker, "contrace-web") as id:
            docker.process.send_signal(19)
            try:
                container = find(id)
            finally:
                docker.process.send_signal(18)
            assert (container.manager, container.names) == ("docker", ())


class TestCtr:
    def test_by_name(self, containerd: Containerd) -> None:
        with ctr_container(containerd, "contrace-ctr") as pid:
            container = find("contrace-ctr")
            assert (container.id, container.manager, container.names) == ("contrace-ctr", "containerd", ())
            assert container.pids == (pid,)
            assert container.paths == (f"/{host.NAME}/contrace-ctr",)
            assert find("contrace-c") == find(container.paths[0]) == container
            check_cgroups(container, least=every_hierarchy())
            assert "contrace-ctr" in complete.containers("con")

    def test_by_the_name_that_nerdctl_gives(self, containerd: Containerd) -> None:
        """nerdctl notes it as an annotation."""
        id = "c0de" * 16
        with ctr_container(containerd, id, "--annotation", "nerdctl/name=contrace-nice") as pid:
            container = find("contrace-nice")
            assert (container.id, container.names, container.pids) == (id, ("contrace-nice",), (pid,))


class TestPodman:
    def test_by_name_and_by_id(self, podman: Podman) -> None:
        with podman_container(podman, "contrace-pod") as id:
            pid = int(podman.call("inspect", "--format", "{{.State.Pid}}", id))
            container = find("contrace-pod")
            assert (container.id, container.manager, container.names) == (id, "podman", ("contrace-pod",))
            assert container.pids == (pid,)
            assert find(id[:8]) == container
            check_cgroups(container, least=every_hierarchy())

    def test_the_stack(self, podman: Podman) -> None:
        command = podman.run_command(*SLEEP)
        running = subprocess.Popen(command, env=podman.environment, stdin=subprocess.DEVNULL)
        try:
            stack: set[int] = set()

            def has_begun() -> bool:
                stack.update(target.pid for target in resolve(["podman"]))
                shims = [pid for pid in stack if any("sleep" in _argv(child) for child in _children(pid))]
                return running.pid in stack and bool(shims)

            host.wait_until(has_begun, "podman and conmon run")
        finally:
            for container in containers():
                if container.manager == "podman" and _argv(container.pids[0]) == [*SLEEP]:
                    os.kill(container.pids[0], 9)
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
        os.kill(find(name).pids[0], 9)
        process.wait(20)


def test_the_stacks_of_docker_and_containerd(docker: Docker, containerd: Containerd) -> None:
    with docker_container(docker, "contrace-web") as id, ctr_container(containerd, "contrace-ctr"):
        stacks = {word: {target.pid: target.why for target in resolve([word])} for word in ("docker", "containerd")}
        shims = {pid for pid, why in stacks["containerd"].items() if why == "containerd-shim-runc-v2"}
        assert len([pid for pid in shims if id in _argv(pid) or "contrace-ctr" in _argv(pid)]) == 2
        assert stacks["containerd"][containerd.pid] == "containerd"
        assert docker.pid not in stacks["containerd"]
        assert stacks["docker"].items() >= stacks["containerd"].items()
        assert stacks["docker"][docker.pid] == "dockerd"


def _argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []

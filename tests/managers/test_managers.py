"""The managers themselves work, so that a failing integration test speaks of contrace."""

import subprocess

from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.fixtures import need
from tests.managers.podman import Podman
from tests.managers.runtimes import Runtimes


def test_docker_runs_a_container(docker: Docker) -> None:
    assert docker.run("/bin/id", "-u") == "0\n"


def test_ctr_runs_a_container(containerd: Containerd) -> None:
    assert containerd.run("hello", "/bin/id", "-u") == "0\n"


def test_podman_runs_a_container(podman: Podman) -> None:
    done = subprocess.run(podman.run_command("/bin/id", "-u"), env=podman.environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"0\n"), done.stderr


def test_runc_runs_a_bundle(runtimes: Runtimes) -> None:
    assert subprocess.run(runtimes.runc("/bin/id", "-u"), capture_output=True, check=True).stdout == b"0\n"


def test_crun_runs_a_bundle(runtimes: Runtimes) -> None:
    need("crun")
    assert subprocess.run(runtimes.crun("/bin/id", "-u"), capture_output=True, check=True).stdout == b"0\n"

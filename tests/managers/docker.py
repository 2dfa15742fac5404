"""A private dockerd on a private containerd, and the docker client to drive it."""

import os
import subprocess
from pathlib import Path

from tests.managers.containerd import Containerd
from tests.managers.host import NAME, end, wait_until
from tests.managers.images import SHORT


class Docker:
    """One dockerd. No bridge and no iptables: containers run with --network none or host."""

    def __init__(self, base: Path, containerd: Containerd) -> None:
        self.base = base
        self.containerd = containerd
        self.socket = base / "docker.sock"
        self.exec_root = base / "exec"
        base.mkdir()
        config = base / "daemon.json"
        config.write_text("{}")  # an empty file, such as /dev/null, is refused
        self.log = base / "dockerd.log"
        command: list[str | Path] = ["dockerd", "--config-file", config, "--containerd", containerd.socket]
        command += ["--data-root", base / "data", "--exec-root", self.exec_root, "--pidfile", base / "dockerd.pid"]
        command += ["--host", f"unix://{self.socket}", "--cgroup-parent", f"/{NAME}"]
        command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, f"dockerd answers\n{self.log.read_text()}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self, *args: str | Path) -> "subprocess.CompletedProcess[str]":
        """The docker client, whichever is first in PATH, talking to this daemon and to no configured context."""
        return subprocess.run(
            ["docker", *args], env=self.environment, check=False, capture_output=True, text=True, timeout=60
        )

    @property
    def environment(self) -> dict[str, str]:
        """What points a docker client at this daemon."""
        ours = {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.base / "client")}
        return {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")} | ours

    def load(self, rootfs_tar: Path) -> None:
        """Make the image SHORT known."""
        done = self.client("import", "--change", "ENV PATH=/bin", rootfs_tar, f"{SHORT}:latest")
        assert done.returncode == 0, done.stderr

    def run_command(self, *argv: str) -> list[str]:
        """The command line that runs a container in the foreground and removes it; needs `environment`."""
        return ["docker", "run", "--rm", "--network", "none", SHORT, *argv]

    def run(self, *argv: str) -> str:
        """Run a container in the foreground, remove it, return what it printed."""
        done = self.client(*self.run_command(*argv)[1:])
        assert done.returncode == 0, f"docker run: {done.returncode}\n{done.stderr}\n{self.log.read_text()}"
        return done.stdout

    def stop(self) -> None:
        """Remove the containers and end the daemon (containerd is not touched)."""
        if self.process.poll() is None:
            containers = self.client("ps", "--all", "--quiet").stdout.split()
            if containers:
                self.client("rm", "--force", *containers)
        end(self.process)

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"dockerd ended\n{self.log.read_text()}"
        return self.client("version").returncode == 0

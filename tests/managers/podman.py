"""Rootful podman with a store of its own. There is no daemon: the command is the manager."""

import os
import resource
import subprocess
from pathlib import Path

from tests.managers.host import NAME

IMAGE = "localhost/contrace-test:latest"
"""A short name would be looked up in, and noted in, a file of the system."""

CONFIG = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{base}/networks"
"""


class Podman:
    """podman below one directory. Its default limits may lie above this machine's hard limit, so they are set."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.mkdir()
        config = base / "containers.conf"
        config.write_text(CONFIG.format(base=base, files=resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.environment = os.environ | {"CONTAINERS_CONF": str(config)}

    def command(self, *args: str | Path) -> list[str | Path]:
        """The command line of a podman that uses this store; needs `environment`."""
        store = ["--root", self.base / "root", "--runroot", self.base / "run", "--tmpdir", self.base / "tmp"]
        return ["podman", *store, *args]

    def run_command(self, *argv: str) -> list[str | Path]:
        """The command line that runs a container in the foreground and removes it; needs `environment`."""
        return self.command("run", "--rm", "--network", "none", "--cgroup-parent", f"/{NAME}", IMAGE, *argv)

    def load(self, rootfs_tar: Path) -> None:
        """Make IMAGE known."""
        self.call("import", "--change", "ENV PATH=/bin", rootfs_tar, IMAGE)

    def call(self, *args: str | Path) -> str:
        """podman with these arguments; what it printed."""
        done = subprocess.run(
            self.command(*args), env=self.environment, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"podman {args}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def stop(self) -> None:
        """Remove the containers and the image."""
        self.call("rm", "--all", "--force")
        self.call("rmi", "--all", "--force")

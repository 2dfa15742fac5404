"""A private containerd, and ctr to drive it."""

import shutil
import subprocess
from pathlib import Path

from tests.managers.host import NAME, end, wait_until
from tests.managers.images import IMAGE

CONFIG = """\
version = 2
root = "{base}/root"
state = "{base}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{socket}"
[ttrpc]
  address = "{socket}.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "{base}/opt"
"""


class Containerd:
    """One containerd. Its namespace for ctr, and so the cgroup parent, is the test run's name."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.socket = base / "containerd.sock"
        self.runc_root = base / "runc"
        base.mkdir()
        config = base / "containerd.toml"
        config.write_text(CONFIG.format(base=base, socket=self.socket))
        self.log = base / "containerd.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["containerd", "--config", config, "--log-level", "warn"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, f"containerd answers\n{self.log.read_text()}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def ctr(self, *args: str | Path) -> "subprocess.CompletedProcess[str]":
        """`ctr` in the run's namespace; raises CalledProcessError."""
        return subprocess.run(
            ["ctr", "--address", self.socket, "--namespace", NAME, *args],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def load(self, archive: Path) -> None:
        """Make IMAGE known."""
        self.ctr("image", "import", archive)

    def run_command(self, name: str, *argv: str) -> list[str | Path]:
        """The command line that runs a container in the foreground and removes it."""
        address = ["ctr", "--address", self.socket, "--namespace", NAME]
        return [*address, "run", "--rm", "--runc-root", self.runc_root, IMAGE, name, *argv]

    def run(self, name: str, *argv: str) -> str:
        """Run a container in the foreground, remove it, return what it printed."""
        done = subprocess.run(self.run_command(name, *argv), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"ctr run: {done.returncode}\n{done.stderr}\n{self.log.read_text()}"
        return done.stdout

    def stop(self) -> None:
        """Remove what runs and end the daemon; its shims end with their tasks."""
        if self.process.poll() is None:
            for name in self.ctr("task", "ls", "--quiet").stdout.split():
                self.ctr("task", "rm", "--force", name)
            for name in self.ctr("container", "ls", "--quiet").stdout.split():
                self.ctr("container", "rm", name)
        end(self.process)
        # runc's v2 shim keeps state of a namespace there when no --runc-root is given (docker's never is)
        shutil.rmtree(Path("/run/containerd/runc") / NAME, ignore_errors=True)

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"containerd ended\n{self.log.read_text()}"
        done = subprocess.run(["ctr", "--address", self.socket, "version"], capture_output=True, check=False)
        return done.returncode == 0

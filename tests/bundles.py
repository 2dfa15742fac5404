"""OCI bundles as contrace's own runtime writes them, and containers run from them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness import CONTRACE
from tests.managers.host import NAME
from tests.users import User

PATH = "PATH=/bin"

Change = Callable[[dict[str, Any]], None]
"""Changes a config.json before it is written."""


def make_bundle(
    directory: Path, rootfs: Path, *argv: str, change: Change | None = None, user: User | None = None
) -> Path:
    """A bundle from `contrace runtime spec`, with this command, on a shared root file system."""
    command = [*CONTRACE, "runtime", "spec", str(directory)]
    directory.mkdir()
    if user is None:
        subprocess.run(command, check=True, capture_output=True)
    else:
        os.chown(directory, *os.stat(user.folder)[4:6])
        done = user.run(*command)
        assert done.returncode == 0, done.stderr
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"args": list(argv), "env": [PATH], "terminal": False}
    config["root"] = {"path": str(rootfs), "readonly": True}
    if user is None:
        config["linux"]["cgroupsPath"] = f"/{NAME}/{directory.name}"
    if change is not None:
        change(config)
    path.write_text(json.dumps(config, indent=1))
    return directory


@dataclass(frozen=True)
class Runtime:
    """`contrace runtime` with a state directory of its own, for root or a normal user."""

    state: Path
    user: User | None = None

    def __call__(self, verb: str, *words: str | Path, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run one of its commands to its end."""
        return self.execute(*self.command(verb, *words), seconds=seconds)

    def execute(self, *command: str | Path, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command as the user to its end. A created container keeps its standard files, so these are no pipes."""
        prefix, folder = (self.user.prefix, self.user.folder) if self.user else ((), None)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            done = subprocess.run(
                [*prefix, *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                text=True,
                timeout=seconds,
                check=False,
            )
            out.seek(0)
            error.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), error.read())

    def command(self, verb: str, *words: str | Path) -> list[str | Path]:
        """The command line of one of its commands."""
        return [sys.executable, "-m", "contrace", "runtime", verb, "--state-dir", self.state, *words]

    def entries(self) -> list[str]:
        """IDs in the state directory."""
        return sorted(path.name for path in self.state.iterdir()) if self.state.exists() else []


class Shop:
    """Runs one command after the other with a changed config.json, as root."""

    def __init__(self, folder: Path, rootfs: Path) -> None:
        self.folder = folder
        self._rootfs = rootfs
        self.runtime = Runtime(folder / "state")
        self._number = 0

    def run(self, change: Change, *argv: str) -> "subprocess.CompletedProcess[str]":
        self._number += 1
        bundle = make_bundle(self.folder / f"bundle-{self._number}", self._rootfs, *argv, change=change)
        return self.runtime("run", bundle)

    def output(self, change: Change, *argv: str) -> str:
        done = self.run(change, *argv)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refused(self, change: Change, status: int = 2) -> str:
        done = self.run(change, "true")
        assert done.returncode == status, done.stderr
        assert self.runtime.entries() == []
        return done.stderr


def setting(path: str, value: object) -> Change:
    """Change the field at a dotted path."""

    def change(config: dict[str, Any]) -> None:
        *above, last = path.split(".")
        for name in above:
            config = config.setdefault(name, {})
        config[last] = value

    return change


def mounting(destination: str, source: object, *options: str, kind: str = "") -> Change:
    def change(config: dict[str, Any]) -> None:
        entry = {"destination": destination, "source": str(source), "type": kind, "options": list(options)}
        config["mounts"].append(entry)

    return change

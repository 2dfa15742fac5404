"""runc and crun on OCI bundles, without a manager."""

import itertools
from pathlib import Path

from tests.managers.host import CGROUPS, NAME
from tests.managers.images import make_bundle


class Runtimes:
    """Makes bundles, and the command lines that run them."""

    def __init__(self, base: Path, rootfs: Path) -> None:
        self.base = base
        self._rootfs = rootfs
        self._numbers = itertools.count(1)
        base.mkdir()

    def runc(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in a container made by runc."""
        name, bundle = self._bundle(argv)
        return self.runc_on(bundle, name)

    def runc_on(self, bundle: Path, name: str) -> list[str]:
        """The command line that runs a bundle in a container of this name made by runc."""
        return ["runc", "--root", str(self.base / "runc"), "run", "--bundle", str(bundle), name]

    def crun(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in a container made by crun."""
        name, bundle = self._bundle(argv)
        return self.crun_on(bundle, name)

    def crun_on(self, bundle: Path, name: str) -> list[str]:
        """The command line that runs a bundle in a container of this name made by crun.

        crun refuses a hybrid of cgroup v1 and v2: there it runs in a mount namespace without the v2 hierarchy.
        """
        command = ["crun", "--root", str(self.base / "crun"), "run", "--bundle", str(bundle), name]
        unified = CGROUPS / "unified"
        if not (unified / "cgroup.procs").exists():
            return command
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            f'umount {unified} && exec "$@"',
            "sh",
            *command,
        ]

    def _bundle(self, argv: tuple[str, ...]) -> tuple[str, Path]:
        name = f"{NAME}-{next(self._numbers)}"
        return name, make_bundle(self.base / name, self._rootfs, f"/{NAME}/{name}", *argv)

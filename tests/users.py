"""A normal user, also where the tests run as root: what works without privileges, and what the refusals say."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness import CONTRACE

_ID = 65534  # nobody, nogroup
_BECOME = ("setpriv", f"--reuid={_ID}", f"--regid={_ID}", "--clear-groups")


@dataclass(frozen=True)
class User:
    """Somebody without privileges."""

    prefix: tuple[str, ...]
    """Put before a command, it makes the user run it; the process id stays."""
    folder: Path
    """A directory of the user's."""

    def run(self, *command: str | Path, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command in the user's folder to its end."""
        return subprocess.run(
            [*self.prefix, *command],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def contrace(self, *args: str | Path, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        return self.run(*CONTRACE, *args, seconds=seconds)


@contextmanager
def user() -> Iterator[User]:
    """A normal user: nobody where the tests run as root, else who runs them."""
    folder = Path(tempfile.mkdtemp(prefix="contrace-user-"))
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        os.chown(folder, _ID, _ID)
        prefix = (*_view(), *_BECOME)
    try:
        yield User(prefix, folder)
    finally:
        shutil.rmtree(folder)


def _view() -> tuple[str, ...]:
    """A mount namespace in which everybody can read Python and contrace, which may be below a home directory."""
    needed = dict.fromkeys(Path(path).resolve() for path in (sys.base_prefix, sys.prefix, Path(__file__).parent.parent))
    hidden = {top: [path for path in needed if top in path.parents] for path in needed if (top := _hidden(path))}
    if not hidden:
        return ()
    steps = ["set -e"]
    for top, paths in hidden.items():
        steps.append("mount -t tmpfs -o mode=755 contrace-test /mnt")
        steps += [f"mkdir /mnt/{n}; mount --bind {_quoted(path)} /mnt/{n}" for n, path in enumerate(paths)]
        steps.append(f"mount -t tmpfs -o mode=755 contrace-test {_quoted(top)}")
        steps += [f"mkdir -p {_quoted(path)}; mount --bind /mnt/{n} {_quoted(path)}" for n, path in enumerate(paths)]
        steps.append("umount -R /mnt")
    steps.append('exec "$@"')
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(steps), "sh")


def _hidden(path: Path) -> Path | None:
    """The topmost directory on the way there that others may not enter."""
    return next((top for top in reversed(path.parents) if not top.stat().st_mode & 0o001), None)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))

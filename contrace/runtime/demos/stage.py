"""Plays a demo: ``python -m contrace.runtime.demos.stage NAME READY GATE``.

Whoever watches has to be attached before the first act, and shows one act before the next begins. So the stage says on
the pipe READY that it waits, and then reads one byte from the pipe GATE per act; without one, or at the end of that
pipe, it ends. What the acts print goes to standard output.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from contrace.errors import ContraceError
from contrace.runtime import libc, lifecycle, roots
from contrace.runtime.bundle import Bundle, default
from contrace.runtime.demos import END_MARK, MARK, acts
from contrace.runtime.spec import Mount, Spec
from contrace.runtime.state import Entry, open_directory

Change = Callable[[Spec], Spec]

_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
_PR_SET_PTRACER = 0x59616D61  # include/uapi/linux/prctl.h
_ANY = (1 << 64) - 1


class Stage:
    """What the acts are played with."""

    def __init__(self) -> None:
        self.is_root = os.geteuid() == 0
        self._root = roots.choose(None)  # asks busybox what it can do: not a part of any act
        self.has_busybox = isinstance(self._root, roots.Busybox)
        """The containers' programs are busybox's."""
        self._directory = open_directory(None)
        self._told: set[str] = set()
        # What the environment says of this user and machine is no part of a demo.
        os.environ.clear()
        os.environ.update(_ENVIRONMENT)

    def say(self, text: str = "") -> None:
        """A line of the stage's own."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def outside(self, *argv: str) -> None:
        """Run a program of the host, in no new namespace."""
        subprocess.run(argv, stdin=subprocess.DEVNULL, check=False)

    def container(
        self, *argv: str, change: Change | None = None, root: roots.RootSource | None = None, expect: bool = False
    ) -> None:
        """Run a container: the default one with this command, changed. ``expect``: it is not meant to start."""
        entry, bundle = self._new(argv, change)
        try:
            status = lifecycle.run(entry, bundle, root or self._root, self._tell)
        except ContraceError as error:
            if not expect:
                raise
            self.say(f"contrace runtime: {error}")
            return
        if status:
            by_signal = f", which is 128 and signal {status - 128}" if status - 128 in signal.valid_signals() else ""
            self.say(f"(the container's exit status: {status}{by_signal})")

    @contextmanager
    def living_container(self, *argv: str, change: Change | None = None) -> Iterator[int]:
        """A container that lives until the block ends, by create, start, kill, delete; gives its first pid."""
        entry, bundle = self._new(argv, change)
        init = lifecycle.create(entry, bundle, self._root, None, self._tell)
        try:
            lifecycle.start(entry)
            yield init
        finally:
            lifecycle.delete(entry, force=True)
            os.waitpid(init, 0)

    def _new(self, argv: Sequence[str], change: Change | None) -> tuple[Entry, Bundle]:
        spec = default(tuple(argv), terminal=False)
        bundle = Bundle("/", change(spec) if change else spec)
        return Entry(self._directory, f"demo-{os.getpid()}"), bundle

    def _tell(self, text: str) -> None:
        """What every container of a normal user is told, such as that it has no cgroup, is said once."""
        if text not in self._told:
            self._told.add(text)
            self.say(f"contrace runtime: {text}")


@contextmanager
def shared(path: str) -> Iterator[tuple[str, Change]]:
    """A directory of the host, and the change that shows it in a container as ``path``."""
    with tempfile.TemporaryDirectory(prefix="contrace-demo-") as folder:
        os.chmod(folder, 0o755)  # in a user namespace the container's root is somebody else

        def change(spec: Spec) -> Spec:
            mount = Mount(destination=path, type="bind", source=folder, options=("bind", "rw"))
            return msgspec.structs.replace(spec, mounts=(*spec.mounts, mount))

        yield folder, change


def main(words: Sequence[str]) -> int:
    """Play a demo to its end."""
    name, ready, gate = words[0], int(words[1]), int(words[2])
    play = acts(name)
    stage = Stage()
    libc.set_name("contrace demo")
    os.set_inheritable(gate, False)
    _let_be_traced()
    os.write(ready, b"!")
    os.close(ready)
    status = 0
    for number, act in enumerate(play, 1):
        if not os.read(gate, 1):
            return 1
        libc.set_name(f"{MARK}{number}")
        try:
            act.play(stage)
        except ContraceError as error:
            stage.say(f"contrace: {error}")
            status = error.exit_code
        libc.set_name(f"{END_MARK}{number}")
    return status


def _let_be_traced() -> None:
    """Yama lets one's parents attach, and the recorder is a sibling (Documentation/admin-guide/LSM/Yama.rst)."""
    try:
        libc.prctl(_PR_SET_PTRACER, _ANY)
    except OSError:
        return  # EINVAL: a kernel without Yama asks nobody


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

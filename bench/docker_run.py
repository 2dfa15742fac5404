"""Ten `docker run`s while containerd is traced: contrace against strace."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench import tracers
from bench.paired import measure, report
from tests.managers import host, images
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker

_CONTAINERS = 10


@contextmanager
def docker() -> Iterator[Docker]:
    """A private dockerd and containerd with the test image; nothing of them is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="contrace-") as directory:
        base = Path(directory)
        containerd = Containerd(base / "containerd")
        try:
            daemon = Docker(base / "docker", containerd)
            try:
                daemon.load(images.make_tar(images.make_rootfs(base / "rootfs"), base / "rootfs.tar"))
                yield daemon
            finally:
                daemon.stop()
        finally:
            containerd.stop()
            host.end_leftovers()
            host.unmount_below(base)
            host.remove_cgroups()


def main(rounds: int) -> None:
    """Measure and print."""
    with docker() as daemon:

        def under(tracer: Callable[[int], AbstractContextManager[None]]) -> Callable[[], float]:
            def once() -> float:
                with tracer(daemon.containerd.pid):
                    begin = time.monotonic()
                    for _ in range(_CONTAINERS):
                        subprocess.run(
                            daemon.run_command("true"), env=daemon.environment, check=True, capture_output=True
                        )
                    return time.monotonic() - begin

            return once

        ways = {
            "untraced": under(tracers.nothing),
            "strace": under(tracers.strace),
            "contrace": under(tracers.contrace),
        }
        found = measure(ways, rounds)
    report(f"{_CONTAINERS} x docker run true, attached to containerd", found, "strace", "contrace <= 1.0")

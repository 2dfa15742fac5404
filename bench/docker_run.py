"""Ten `docker run`s while containerd and dockerd are traced: contrace beside strace and bpftrace."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import scripts, tracers
from bench.paired import measure, report
from bench.plan import Plan
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


def main(plan: Plan) -> None:
    """Measure and print."""
    with docker() as daemon:

        def under(tracer: tracers.Tracer) -> Callable[[], float]:
            def once() -> float:
                with tracer(daemon.containerd.pid, daemon.pid):
                    begin = time.monotonic()
                    for _ in range(_CONTAINERS):
                        subprocess.run(
                            daemon.run_command("true"), env=daemon.environment, check=True, capture_output=True
                        )
                    return time.monotonic() - begin

            return once

        ways = {
            "untraced": under(tracers.nothing),
            "contrace ebpf": under(tracers.contrace("ebpf")),
            "bpftrace": under(tracers.bpftrace(scripts.events)),
            "strace": under(tracers.strace),
            "contrace ptrace": under(tracers.contrace("ptrace")),
        }
        found = measure(ways, plan)
    report(
        f"{_CONTAINERS} x docker run true, attached to containerd and dockerd",
        found,
        ("untraced", "strace"),
        "contrace ebpf <= 1.05 x untraced, contrace ptrace <= 1.0 x strace",
    )

"""A container that makes system calls in a tight loop, once it is born, while the manager stays attached."""

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench import tracers
from bench.docker_run import docker
from bench.paired import measure, report

_LOOP = "dd if=/dev/zero of=/dev/null bs=1 count={count}"
_COUNT, _COUNT_STRACED = 2_000_000, 20_000
_SPEED = re.compile(r"([\d.]+) seconds")


def main(rounds: int) -> None:
    """Measure and print: seconds for 1,000,000 iterations (a read and a write each), by dd's own clock."""
    with docker() as daemon:

        def under(tracer: Callable[[int], AbstractContextManager[None]], count: int) -> Callable[[], float]:
            def once() -> float:
                with tracer(daemon.containerd.pid):
                    done = subprocess.run(
                        daemon.run_command("sh", "-c", _LOOP.format(count=count)),
                        env=daemon.environment,
                        check=True,
                        capture_output=True,
                        text=True,
                    )
                found = _SPEED.search(done.stderr)
                assert found, done.stderr
                return float(found[1]) / count * 1_000_000

            return once

        ways = {
            "untraced": under(tracers.nothing, _COUNT),
            "strace": under(tracers.strace, _COUNT_STRACED),
            "contrace": under(tracers.contrace, _COUNT),
        }
        found = measure(ways, rounds)
    report("1,000,000 x read and write in a born container", found, "untraced", "contrace <= 1 / 0.95 = 1.053")

"""A container that makes system calls in a tight loop, once it is born, while the manager stays attached."""

import subprocess
from collections.abc import Callable

from bench import tracers
from bench.docker_run import docker
from bench.paired import measure, report
from bench.plan import Plan

# busybox's own clocks are too coarse; the kernel's uptime, in hundredths of a second, is read right before and after.
_LOOP = "read a b </proc/uptime; dd if=/dev/zero of=/dev/null bs=1 count={count}; read c d </proc/uptime; echo $a $c"
_COUNT, _COUNT_STRACED = 8_000_000, 40_000


def main(plan: Plan) -> None:
    """Measure and print: seconds for 1,000,000 iterations (a read and a write each), dd's start included."""
    with docker() as daemon:

        def under(tracer: tracers.Tracer, count: int) -> Callable[[], float]:
            def once() -> float:
                with tracer(daemon.containerd.pid):
                    done = subprocess.run(
                        daemon.run_command("sh", "-c", _LOOP.format(count=count)),
                        env=daemon.environment,
                        check=True,
                        capture_output=True,
                        text=True,
                    )
                begin, end = map(float, done.stdout.split())
                return (end - begin) / count * 1_000_000

            return once

        ways = {
            "untraced": under(tracers.nothing, _COUNT),
            "strace": under(tracers.strace, _COUNT_STRACED),
            "contrace ebpf": under(tracers.contrace("ebpf"), _COUNT),
            "contrace ptrace": under(tracers.contrace("ptrace"), _COUNT),
        }
        found = measure(ways, plan)
    report("1,000,000 x read and write in a born container", found, ("untraced",), "contrace <= 1 / 0.95 = 1.053")

"""/bin/true in a container: contrace's runtime beside runc and crun; then 200 containers, 8 at a time."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bench.paired import measure, report
from bench.plan import Plan
from bench.tracers import CONTRACE

_MANY, _AT_ONCE = 200, 8
_STAGES = """
import sys, time
from contrace.runtime.runtime import Birth
unshare, start = Birth.unshare, Birth.start
def timed_unshare(birth):
    Birth.began = time.monotonic()
    return unshare(birth)
def timed_start(birth):
    start(birth)
    print(time.monotonic() - Birth.began, file=sys.stderr)
Birth.unshare, Birth.start = timed_unshare, timed_start
from contrace.cli.container import main
sys.exit(main(sys.argv[1:]))
"""
"""Prints the time from the word to stage 0 to begin until the payload's execve has closed the last pipe to contrace."""


def main(plan: Plan) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        bundle = _bundle(Path(directory))
        ours = ["runtime", "run", "--state-dir", f"{directory}/state"]
        names = iter(range(10**6))
        ways: dict[str, Callable[[], float]] = {
            "python -c pass": partial(_timed, lambda: [CONTRACE[0], "-c", "pass"]),
            "runc": partial(_timed, lambda: ["runc", "run", "-b", bundle, f"bench-{os.getpid()}-{next(names)}"]),
            "contrace": partial(_timed, lambda: [*CONTRACE, *ours, bundle]),
        }
        report("/bin/true in a container", measure(ways, plan), ("runc",), "contrace <= 80 ms")
        command = [CONTRACE[0], "-c", _STAGES, *ours[1:], bundle]
        times = [float(_run(command).stderr) for _ in range(plan.rounds)]
        print(f"stage 0 to payload: median {statistics.median(times) * 1000:.1f} ms (target: <= 15 ms)\n")
        before = _everything(directory)
        begin = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            done = list(pool.map(_run, [[*CONTRACE, *ours, bundle]] * _MANY))
        seconds = time.monotonic() - begin
        left = _everything(directory) - before
        print(f"{len(done)} containers, {_AT_ONCE} at a time: {seconds:.1f} s; left: {sorted(left) or 'nothing'}")


def _bundle(directory: Path) -> str:
    """A bundle of busybox that runc, too, can run."""
    (directory / "rootfs/bin").mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox, "needs busybox"
    shutil.copy(busybox, directory / "rootfs/bin/true")
    subprocess.run([*CONTRACE, "runtime", "spec", str(directory)], check=True, capture_output=True)
    config = json.loads((directory / "config.json").read_text())
    config["process"] |= {"args": ["/bin/true"], "terminal": False}
    (directory / "config.json").write_text(json.dumps(config))
    return str(directory)


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)


def _timed(command: Callable[[], list[str]]) -> float:
    words = command()
    begin = time.monotonic()
    _run(words)
    return time.monotonic() - begin


def _everything(directory: str) -> set[str]:
    """Mounts and states below the directory, cgroups and stages that exist now."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    mounts = {point for point in points if point.startswith(directory)}
    states = set(map(str, Path(directory, "state").iterdir()))
    groups = {path for path, _, _ in os.walk("/sys/fs/cgroup") if "run-" in path}
    stages = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = path.read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name.startswith("cont:["):
            stages.add(f"{path.parent.name} {name}")
    return mounts | states | groups | stages

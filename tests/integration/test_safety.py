"""However contrace ends, the manager and its containers do not notice, and the trace is as good as it can be.

A containerd starts containers without a pause, for docker and for ctr, while contrace attaches to it 25 times with each
backend and is ended each time in one of five ways: 20 times at a random moment, and once in each way as soon as a
container has lived all its life meanwhile. The random numbers' seed is printed; CONTRACE_SEED repeats it.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from contrace.trace.reader import TraceReader
from tests import bpf
from tests.harness import Attached, Trace, start_attach
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.host import stuck_tasks, wait_until

ROUNDS = 20
LONGEST_SECONDS = 2.0
"""A round's moment lies between 0 and this after contrace was started, which takes 0.3 s to begin with tracing: so
contrace is ended while it is loading, while it is attaching, and after a container's whole life."""
BATCH_NS = 500_000_000
"""What was seen longer ago than this is not in the last batch."""
DOCKER_EVERY = 3

Moment = Callable[[int | None], bool]
"""Whether a round is to end now, given the time since which everything is seen."""


@dataclass(frozen=True)
class Container:
    """One that was started during the test. Its payload is ["/bin/true", word]: so it is found in a trace."""

    word: str
    began_ns: int
    ended_ns: int
    failure: str


class Starter:
    """Starts one container after the other, in a thread of its own, until it is told to stop."""

    def __init__(self, containerd: Containerd, docker: Docker) -> None:
        self.done: list[Container] = []
        self._containerd = containerd
        self._docker = docker
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Starter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        for number in count():
            if self._stop.is_set():
                return
            word = f"safety-{number}"
            if number % DOCKER_EVERY:
                command, environment = self._containerd.run_command(word, "/bin/true", word), None
            else:
                command, environment = self._docker.run_command("/bin/true", word), self._docker.environment
            began_ns = time.monotonic_ns()
            ran = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)
            failure = f"{command}: {ran.returncode}\n{ran.stderr}" if ran.returncode else ""
            self.done.append(Container(word, began_ns, time.monotonic_ns(), failure))


def kill_all(session: Attached) -> None:
    """SIGKILL to every process of contrace, the one that traces first."""
    children = Path(f"/proc/{session.process.pid}/task/{session.process.pid}/children").read_text()
    for pid in (*map(int, children.split()), session.process.pid):
        os.kill(pid, signal.SIGKILL)


def kill_the_recorder(session: Attached) -> None:
    """SIGKILL to the one that traces, if it has begun; the other one then says so."""
    for pid in Path(f"/proc/{session.process.pid}/task/{session.process.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    if session.process.poll() is None:
        session.process.send_signal(signal.SIGINT)


WAYS: dict[str, Callable[[Attached], None]] = {
    "SIGINT": lambda session: session.process.send_signal(signal.SIGINT),
    "SIGTERM": lambda session: session.process.send_signal(signal.SIGTERM),
    "SIGKILL to the command": lambda session: session.process.send_signal(signal.SIGKILL),
    "SIGKILL to the recorder": kill_the_recorder,
    "SIGKILL to all of contrace": kill_all,
}


@dataclass(frozen=True)
class Round:
    way: str
    trace: Path
    begun_ns: int | None
    """From then on everything is seen. None: contrace was ended while it was loading or attaching."""
    ended_ns: int
    rows: int
    """Records that could be read just before the end."""


def after(seconds: float) -> Moment:
    """So long after now."""
    end = time.monotonic() + seconds
    return lambda begun_ns: time.monotonic() > end


def after_a_life(starter: Starter) -> Moment:
    """When a container has lived all its life, and what was seen of it is in the file even after a SIGKILL."""

    def reached(begun_ns: int | None) -> bool:
        until_ns = time.monotonic_ns() - BATCH_NS
        return begun_ns is not None and any(begun_ns < c.began_ns and c.ended_ns < until_ns for c in starter.done)

    return reached


def play(containerd: Containerd, backend: str, way: str, moment: Moment, trace: Path) -> Round:
    """Start to attach, end contrace at this moment in this way, check that nothing of it is left."""
    session = start_attach(containerd.pid, trace=trace, backend=backend)
    begun_ns = None
    deadline = time.monotonic() + 60
    while not moment(begun_ns):
        assert time.monotonic() < deadline, f"no end of a round comes\n{session.stderr}"
        if begun_ns is None and session.has_begun():
            begun_ns = time.monotonic_ns()
        time.sleep(0.005)
    rows = 0
    if begun_ns is not None:
        with closing(TraceReader(trace)) as reader:
            rows = reader.last_id()
    ended_ns = time.monotonic_ns()
    WAYS[way](session)
    status = session.process.wait(30)
    if begun_ns is not None and "KILL" not in way:
        assert status == os.EX_OK, f"{way}: {status}\n{session.stderr}"
        assert not stuck_tasks()
    # without its command, which waits for it, the recorder lets go a little later
    wait_until(lambda: not stuck_tasks(), f"after {way} nothing is stopped or traced", 10)
    return Round(way, trace, begun_ns, ended_ns, rows)


def check_trace(played: Round, containers: list[Container]) -> int:
    """The file opens, is whole up to the last batch, and shows each container that lived within that time.

    Returns how many those are.
    """
    killed = played.way in ("SIGKILL to all of contrace", "SIGKILL to the recorder")
    assert killed or not list(played.trace.parent.glob(f".{played.trace.name}.*")), "drafts are removed"
    if played.begun_ns is None and not played.trace.exists():
        return 0
    trace = Trace(played.trace)
    with closing(TraceReader(played.trace)) as reader:
        ids = [number for number, _ in reader.records()]
    assert ids == list(range(1, len(ids) + 1))
    if played.begun_ns is None:
        return 0
    assert len(ids) >= played.rows
    assert (trace.ended is None) == killed, played
    until_ns = played.ended_ns - BATCH_NS if killed else played.ended_ns
    seen = {seen.argv[-1].decode() for seen in trace.execs(b"/bin/true")}
    within = {c.word for c in containers if played.begun_ns < c.began_ns and c.ended_ns < until_ns}
    assert within <= seen, f"{played}: {within - seen}"
    return len(within)


@pytest.mark.timeout(300)
def test_random_ends_hurt_nobody(docker: Docker, containerd: Containerd, tmp_path: Path, backend: str) -> None:
    seed = int(os.environ.get("CONTRACE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CONTRACE_SEED={seed}")
    chance = random.Random(seed)
    ways = [*WAYS] * (ROUNDS // len(WAYS))
    chance.shuffle(ways)
    with Starter(containerd, docker) as starter:
        random_ends = [
            play(containerd, backend, way, after(chance.uniform(0, LONGEST_SECONDS)), tmp_path / f"{number}.ctrace")
            for number, way in enumerate(ways)
        ]
        whole_lives = [
            play(containerd, backend, way, after_a_life(starter), tmp_path / f"{number}.ctrace")
            for number, way in enumerate(WAYS, ROUNDS)
        ]
    # Freeing a tracepoint takes the kernel 70 ms, also after a SIGKILL; a capture has 40 of them.
    ours = bpf.left()
    wait_until(lambda: not ours & bpf.left(), "no program of these captures is left in the kernel", 120)
    failures = [container.failure for container in starter.done if container.failure]
    assert not failures, "\n".join(failures)
    assert len(starter.done) > ROUNDS / 2, "containers were started all the time"
    for played in random_ends:
        check_trace(played, starter.done)
    assert all(check_trace(played, starter.done) for played in whole_lives), "a container lived within each"

"""A storm of short-lived processes: what arrives in the trace, and whether what does not is counted to the last one."""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.plan import Plan, compiled
from bench.tracers import ATTACHED, CONTRACE, attached
from contrace.records import Entered, Exec, Kind, Loss, Syscall, TaskExit, TaskStart
from contrace.trace.reader import TraceReader

_PROCESSES, _STARTERS = 20_000, 2
_RATES = (500, 1000, 2000, 3000, 4000, 6000, 8000)
_TRUTH = {
    # The starters are made with fork, which glibc makes a clone, and end; each process is one vfork, execve and exit.
    "start": _PROCESSES + _STARTERS,
    "exec": _PROCESSES,
    "exit": _PROCESSES + _STARTERS,
    "call": 2 * _PROCESSES + _STARTERS,
}
_ENVIRONMENT = {f"VARIABLE_{number:02}": "x" * 40 for number in range(20)}
"""About 1 KiB, as processes have it; each execve carries it."""
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """What became of a storm. The keys are those of Loss.kinds."""

    rate: float
    """Processes a second, from the first one's start to the last one's end."""
    arrived: Counter[str]
    lost: Counter[str]

    @property
    def wrong(self) -> list[str]:
        """Where what arrived and what was lost are not what there was."""
        return [
            f"{self.arrived[kind]:,} + {self.lost[kind]:,} of {there:,} {kind}s"
            for kind, there in _TRUTH.items()
            if self.arrived[kind] + self.lost[kind] != there
        ]


def main(plan: Plan) -> None:
    """Measure and print; a given rate once, as fast as the machine can once per round, and untraced right after."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        command = [compiled("storm", base), compiled("shortest", base, "-static", "-nostdlib")]
        print(
            f"\nstorm of {_PROCESSES:,} processes, contrace attach --backend {plan.backend} --scope all "
            f"(targets: nothing lost up to 3,000/s; arrived + lost is what there was)"
        )
        print(f"  {'asked for':>10} {'came':>10} {'untraced':>10} {'lost':>10}", flush=True)
        for rate in _RATES:
            _show(f"{rate:,}/s", _traced(plan, command, rate, base), None)
        for _ in range(plan.rounds):
            _show("unlimited", _traced(plan, command, 0, base), _untraced(command))


def _show(asked: str, outcome: Outcome, untraced: float | None) -> None:
    beside = "" if untraced is None else f"{untraced:,.0f}/s"
    verdict = "; ".join(outcome.wrong) or "exact"
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(outcome.lost.items()))
    lost = f"{outcome.lost.total():10,}"
    print(f"  {asked:>10} {outcome.rate:8,.0f}/s {beside:>10} {lost}   {verdict}{kinds and f' ({kinds})'}", flush=True)


def _untraced(command: list[Path]) -> float:
    with _storm(command, 0) as storm:
        return _begin(storm)


def _traced(plan: Plan, command: list[Path], rate: int, base: Path) -> Outcome:
    trace, errors = base / "trace.ctrace", base / "stderr"
    trace.unlink(missing_ok=True)
    with _storm(command, rate) as storm:
        attach = [*CONTRACE, "attach", str(storm.pid), "--backend", plan.backend, "--scope", "all"]
        with attached([*attach, "--format", "none", "-o", str(trace)], errors, lambda: ATTACHED in errors.read_text()):
            came = _begin(storm)
    arrived, lost = _read(trace)
    return Outcome(came, arrived, lost)


@contextmanager
def _storm(command: list[Path], rate: int) -> Iterator["subprocess.Popen[str]"]:
    """A storm that is ready to begin, and that ends when its input is closed."""
    program, shortest = command
    storm = subprocess.Popen(
        [program, str(_PROCESSES), str(rate), shortest],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_ENVIRONMENT,
        text=True,
    )
    try:
        assert storm.stdout is not None
        storm.stdout.readline()
        yield storm
    finally:
        storm.communicate(timeout=_PATIENCE_S)


def _begin(storm: "subprocess.Popen[str]") -> float:
    """Let it begin; returns how many processes it started a second."""
    assert storm.stdin is not None
    assert storm.stdout is not None
    storm.stdin.write("\n")
    storm.stdin.flush()
    return _PROCESSES / (int(storm.stdout.readline()) / 1e9)


def _read(trace: Path) -> tuple[Counter[str], Counter[str]]:
    """What is in the trace, and what it says to be lost."""
    arrived: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    calls = set()
    kinds = (Kind.TASK_START, Kind.EXEC, Kind.TASK_EXIT, Kind.ENTERED, Kind.SYSCALL, Kind.LOSS)
    with closing(TraceReader(trace)) as reader:
        for _, record in reader.records(kinds=kinds):
            match record:
                case TaskStart(call=call) if call != "attach":
                    arrived["start"] += 1
                case Exec():
                    arrived["exec"] += 1
                case TaskExit():
                    arrived["exit"] += 1
                case Entered() | Syscall():  # of one call: the second is missing if its return was lost
                    calls.add((record.tid, record.time_ns))
                case Loss():
                    lost.update(record.kinds)
    arrived["call"] = len(calls)
    return arrived, lost

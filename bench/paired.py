"""Times the same work several ways, one after the other in every round, so that a machine's moods hit all alike."""

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.plan import Plan

Seconds = float


@dataclass(frozen=True)
class Way:
    """One way of doing the work: its times, one per round."""

    name: str
    times: tuple[Seconds, ...]

    @property
    def median(self) -> Seconds:
        return statistics.median(self.times)

    def ratio_to(self, yardstick: "Way") -> float:
        """Median over the rounds of this way's time divided by the yardstick's in the same round."""
        return statistics.median(own / other for own, other in zip(self.times, yardstick.times, strict=True))


def measure(ways: Mapping[str, Callable[[], Seconds]], plan: Plan) -> dict[str, Way]:
    """Do every way once per round, in turns of direction; the first round only warms up."""
    times: dict[str, list[Seconds]] = {name: [] for name in ways if name not in plan.without}
    for number in range(plan.rounds + 1):
        names = list(times) if number % 2 else list(times)[::-1]
        for name in names:
            seconds = ways[name]()
            if number:
                times[name].append(seconds)
    return {name: Way(name, tuple(found)) for name, found in times.items()}


def report(title: str, ways: Mapping[str, Way], yardsticks: tuple[str, ...], target: str) -> None:
    """Print a table: median, minimum, maximum, and the median ratio to each yardstick that was measured."""
    yardsticks = tuple(name for name in yardsticks if name in ways)
    rounds = len(next(iter(ways.values())).times)
    heads = "".join(f"   x {name}" for name in yardsticks)
    print(f"\n{title}  ({rounds} rounds, load {os.getloadavg()[0]:.1f}; target: {target})")
    print(f"  {'':24} {'median':>9} {'min':>9} {'max':>9}{heads}")
    for way in ways.values():
        low, high = min(way.times), max(way.times)
        ratios = "".join(f"   {way.ratio_to(ways[name]):<{len(name) + 2}.3f}" for name in yardsticks)
        print(f"  {way.name:24} {way.median:8.3f}s {low:8.3f}s {high:8.3f}s{ratios.rstrip()}", flush=True)

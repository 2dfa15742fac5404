"""Times the same work several ways, one after the other in every round, so that a machine's moods hit all alike."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


def measure(ways: Mapping[str, Callable[[], Seconds]], rounds: int) -> dict[str, Way]:
    """Do every way once per round, in turns of direction; the first round only warms up."""
    times: dict[str, list[Seconds]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        names = list(ways) if number % 2 else list(ways)[::-1]
        for name in names:
            seconds = ways[name]()
            if number:
                times[name].append(seconds)
    return {name: Way(name, tuple(found)) for name, found in times.items()}


def report(title: str, ways: Mapping[str, Way], yardstick: str, target: str) -> None:
    """Print a table: median, minimum, maximum, and the median ratio to the yardstick."""
    print(f"\n{title}  ({len(ways[yardstick].times)} rounds; target: {target})")
    print(f"  {'':24} {'median':>9} {'min':>9} {'max':>9}   x {yardstick}")
    for way in ways.values():
        low, high = min(way.times), max(way.times)
        print(f"  {way.name:24} {way.median:8.3f}s {low:8.3f}s {high:8.3f}s   {way.ratio_to(ways[yardstick]):.3f}")

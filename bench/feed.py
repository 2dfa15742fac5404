"""What the TUI asks of a trace with 1,000,000 calls: how long each answer takes, and how much memory it all needs."""

import resource
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median

from bench import million
from bench.plan import Plan

_SCREEN = 60
_LOOKS = 200
_CHOICES = (
    ("call:unshare",),
    ("call:prctl,mount",),
    ("pid:31000",),
    ("failed",),
    ("errno:EEXIST",),
    ("took:>50us",),
    ("comm:runc*",),
    ("-call:prctl", "failed"),
    ("overlay2",),
)


def main(plan: Plan) -> None:
    """Measure and print. The feed alone, without a screen."""
    from contrace.tui.feed import Choice, Feed, Sort

    path = million.trace()
    subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    began = time.perf_counter()
    with closing(Feed(path)) as feed:
        opened = time.perf_counter() - began
        everything = feed.select(Choice())
        while everything.count < _SCREEN:
            feed.take_in()
        feed.rows(everything, 0, _SCREEN)
        print(f"\nthe feed of a trace with {million.CALLS:,} calls ({path.stat().st_size / 1e6:.0f} MB)")
        print(f"  open {1000 * opened:.1f} ms, first {_SCREEN} rows after {_ms(began)}  (target: <= 300 ms)")

        began = time.perf_counter()
        worker = threading.Thread(target=_all_of, args=(feed.take_in,))
        worker.start()
        meanwhile = []
        while worker.is_alive():
            meanwhile.append(_timed(lambda: feed.rows(everything, max(0, everything.count - _SCREEN), _SCREEN)))
            time.sleep(0.02)
        worker.join()
        print(f"  everything taken in after {time.perf_counter() - began:.1f} s, while somebody scrolls")
        print(f"  {_SCREEN} rows at the end, meanwhile: {_spread(meanwhile)}")

        step = everything.count // _LOOKS
        anywhere = [_timed(partial(feed.rows, everything, at * step, _SCREEN)) for at in range(_LOOKS)]
        print(f"  {_SCREEN} rows anywhere: {_spread(anywhere)}  (target: <= 10 ms)")
        for words in _CHOICES:
            began = time.perf_counter()
            selection = feed.select(Choice(words))
            rows = feed.rows(selection, 0, _SCREEN)
            first = _ms(began)
            steps = [0.0]
            while not selection.complete:
                steps.append(_timed(partial(feed.scan, selection)))
            print(
                f"  select {' '.join(words):24} first {len(rows):2} rows {first:>9} (target: <= 30 ms), "
                f"all {selection.count:9,} {_ms(began):>10}, longest step {1000 * max(steps):.1f} ms"
            )
        for sort in (Sort.TOOK, Sort.CALL, Sort.PROCESS):
            began = time.perf_counter()
            selection = feed.select(Choice(sort=sort))
            while not selection.complete:
                feed.scan(selection)
            print(f"  sorted by {sort.value:10} {_ms(began)}")
        near = [_timed(partial(feed.near, everything, at * step, 1)) for at in range(_LOOKS)]
        print(f"  next error: {_spread(near)}")
        began = time.perf_counter()
        steps = list(feed.find(everything, ("nowhere",), 0, 1))
        print(f"  search for what is nowhere: {_ms(began)} in {len(steps)} steps")
        began = time.perf_counter()
        feed.statistics(Choice())
        print(f"  statistics: {_ms(began)}")
        began = time.perf_counter()
        feed.world(everything.ids(everything.count - 1, 1)[0])
        print(f"  the world at the end: {_ms(began)}")
        print(f"  memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most (target: <= 200)")


def _all_of(step: Callable[[], bool]) -> None:
    while step():
        pass


def _timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def _ms(began: float) -> str:
    return f"{1000 * (time.perf_counter() - began):.1f} ms"


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    return f"median {1000 * median(ordered):.1f} ms, 99th {1000 * ordered[int(len(ordered) * 0.99)]:.1f} ms"

"""How Python is told to answer soon rather than to work fast: one process draws, reads and searches.

Threads take turns more often than by default, since whoever paints waits for the GIL at every look into SQLite; and
what lives as long as the program is not looked at again by the garbage collector, whose full round of a large trace
takes a tenth of a second.
"""

import gc
import sys

_SWITCH_S = 0.001  # sys.getswitchinterval() is 0.005 by default
_THRESHOLDS = (50_000, 50, 100)  # of gc.set_threshold: by default (700, 10, 10)


def prepare() -> None:
    """When everything is imported, before the first screen."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_THRESHOLDS)
    gc.freeze()


def settle() -> None:
    """When a trace was taken in."""
    gc.freeze()

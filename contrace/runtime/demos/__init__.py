"""The demos: small plays about containers, made of the same runtime that runs real ones.

A demo is a list of acts; each runs a container, or a part of what makes one, and prints what is seen from there. They
are played by ``stage.py``, a process of its own, so that a trace of it begins with the first act and not with Python's
start. One demo per file; ``DEMOS`` is the list. Everything is as reproducible as the kernel allows: one process at a
time, no clocks, no random names in what the containers do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contrace.runtime.demos.stage import Stage

MARK, END_MARK = "demo:act-", "demo:end-"
"""Names that the stage gives itself at the beginning and the end of act N (prctl(PR_SET_NAME)): so a trace says where
its acts are."""


@dataclass(frozen=True, slots=True)
class Act:
    """A part of a demo."""

    title: str
    text: str
    """What to look at, in plain words."""
    play: "Callable[[Stage], None]"
    """Runs it; raises ContraceError if it cannot be run."""


DEMOS: Mapping[str, str] = MappingProxyType(
    {
        "birth": "a whole container, from the first fork to its last breath",
        "namespaces": "one namespace at a time, and what each hides",
        "twins": "one process and one file, seen from the host and from inside",
        "userns": "root inside, nobody special outside",
        "cgroups": "a memory limit and what happens at it, a limit of processes",
        "limits": "capabilities, seccomp and no_new_privs, each refusing something",
        "nested": "a container in a container",
        "broken": "six containers that do not start, and how each failure looks to the kernel",
    }
)
"""Every demo: its name, and what it shows."""


def acts(name: str) -> tuple[Act, ...]:
    """The acts of a demo that is in `DEMOS`."""
    found: tuple[Act, ...] = import_module(f"contrace.runtime.demos.{name}").ACTS
    return found

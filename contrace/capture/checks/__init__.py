"""What `contrace doctor` looks at: each check is a probe of this machine, not a guess from a version.

A probe changes nothing that outlives it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool | None
    """None: neither good nor bad, or unknown."""
    found: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""
    gives: tuple[str, ...] = ()
    """The commands that can be used when it is ok."""

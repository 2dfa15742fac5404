"""``linux.resources`` as what is written into which file of a cgroup: one row per field, for v1 and for v2.

Sources: config-linux.md; Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from collections.abc import Callable

import msgspec

from contrace.runtime.spec import Resources

Value = Callable[[Resources], str | None]
"""What to write; None: nothing."""


class Limit(msgspec.Struct, frozen=True):
    """A field of ``linux.resources``."""

    field: str
    controller: str
    v1_file: str
    v1: Value
    v2_file: str
    v2: Value


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _or_max(number: int | None) -> str | None:
    return "max" if number is not None and number < 0 else _text(number)


def _swap_alone(resources: Resources) -> str | None:
    """v2 limits swap by itself, the specification (and v1) memory and swap together."""
    memory = resources.memory
    if memory.swap is None or memory.swap < 0:
        return _or_max(memory.swap)
    return str(memory.swap - max(memory.limit or 0, 0))


def _pids(resources: Resources) -> str | None:
    limit = resources.pids.limit
    return "max" if limit is not None and limit <= 0 else _text(limit)


def _weight(resources: Resources) -> str | None:
    """2…262144 shares are a weight of 1…10000, as every runtime converts them."""
    shares = resources.cpu.shares
    return str(1 + (max(shares, 2) - 2) * 9999 // 262142) if shares else None


def _quota(resources: Resources) -> str | None:
    quota = resources.cpu.quota
    return None if quota is None else str(quota if quota > 0 else -1)


def _quota_and_period(resources: Resources) -> str | None:
    cpu = resources.cpu
    if cpu.quota is None and cpu.period is None:
        return None
    return f"{cpu.quota if cpu.quota is not None and cpu.quota > 0 else 'max'} {cpu.period or 100_000}"


def _nothing(_: Resources) -> None:
    return None


LIMITS = (
    Limit(
        *("memory.limit", "memory"),
        *("memory.limit_in_bytes", lambda r: _text(r.memory.limit)),
        *("memory.max", lambda r: _or_max(r.memory.limit)),
    ),
    Limit(
        *("memory.swap", "memory"),
        *("memory.memsw.limit_in_bytes", lambda r: _text(r.memory.swap)),
        *("memory.swap.max", _swap_alone),
    ),
    Limit(
        *("memory.reservation", "memory"),
        *("memory.soft_limit_in_bytes", lambda r: _text(r.memory.reservation)),
        *("memory.low", lambda r: _or_max(r.memory.reservation)),
    ),
    Limit("pids.limit", "pids", "pids.max", _pids, "pids.max", _pids),
    Limit("cpu.shares", "cpu", "cpu.shares", lambda r: _text(r.cpu.shares or None), "cpu.weight", _weight),
    Limit("cpu.period", "cpu", "cpu.cfs_period_us", lambda r: _text(r.cpu.period), "cpu.max", _nothing),
    Limit("cpu.quota", "cpu", "cpu.cfs_quota_us", _quota, "cpu.max", _quota_and_period),
    Limit(
        *("cpu.cpus", "cpuset"),
        *("cpuset.cpus", lambda r: r.cpu.cpus or None),
        *("cpuset.cpus", lambda r: r.cpu.cpus or None),
    ),
    Limit(
        *("cpu.mems", "cpuset"),
        *("cpuset.mems", lambda r: r.cpu.mems or None),
        *("cpuset.mems", lambda r: r.cpu.mems or None),
    ),
)
"""In the order in which the kernel takes them: memory before memory and swap, the period before the quota."""

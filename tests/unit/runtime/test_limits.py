"""Which value of linux.resources goes into which file."""

from contrace.runtime.limits import LIMITS
from contrace.runtime.spec import Cpu, Memory, Pids, Resources

RESOURCES = Resources(
    memory=Memory(limit=100, swap=150, reservation=50),
    cpu=Cpu(shares=1024, quota=20_000, period=100_000, cpus="0-1", mems="0"),
    pids=Pids(limit=7),
)


def written_v1(resources: Resources) -> list[tuple[str, str]]:
    return [(limit.v1_file, value) for limit in LIMITS if (value := limit.v1(resources)) is not None]


def written_v2(resources: Resources) -> list[tuple[str, str]]:
    return [(limit.v2_file, value) for limit in LIMITS if (value := limit.v2(resources)) is not None]


def test_what_is_written_for_v1() -> None:
    assert written_v1(RESOURCES) == [
        ("memory.limit_in_bytes", "100"),
        ("memory.memsw.limit_in_bytes", "150"),
        ("memory.soft_limit_in_bytes", "50"),
        ("pids.max", "7"),
        ("cpu.shares", "1024"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "20000"),
        ("cpuset.cpus", "0-1"),
        ("cpuset.mems", "0"),
    ]


def test_what_is_written_for_v2() -> None:
    assert written_v2(RESOURCES) == [
        ("memory.max", "100"),
        ("memory.swap.max", "50"),
        ("memory.low", "50"),
        ("pids.max", "7"),
        ("cpu.weight", "39"),
        ("cpu.max", "20000 100000"),
        ("cpuset.cpus", "0-1"),
        ("cpuset.mems", "0"),
    ]


def test_no_limit() -> None:
    nothing = Resources(memory=Memory(limit=-1, swap=-1), pids=Pids(limit=-1), cpu=Cpu(quota=-1))
    assert [value for _, value in written_v2(nothing)] == ["max", "max", "max", "max 100000"]
    assert written_v1(Resources()) == written_v2(Resources()) == []

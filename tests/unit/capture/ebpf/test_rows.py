"""Every row of the tables fits into the probes' format."""

from collections.abc import Iterator
from itertools import product

import pytest

from contrace.capture.ebpf import rows as probe_rows
from contrace.capture.ebpf.rows import ALWAYS, COPIES, INSIDES, ROW_SIZE, rows
from contrace.syscalls import specs
from contrace.syscalls.abi import Abi, abis_of, number_of
from contrace.syscalls.rows import Copy, Inside, What

ABIS = tuple(Abi)
FLAGS = {
    "prctl": 4,
    "execve": 8,
    "execveat": 8,
    "chroot": 2 | 16,
    "pivot_root": 2 | 16,
    "setns": 2 | 32,
    "unshare": 2,
    "capset": 2,
}


def packed(row: bytes) -> tuple[int, int, int, tuple[int, int]]:
    """Flags, copies, arguments and vectors of a row."""
    flags, copies, count, *vectors = probe_rows._ROW.unpack_from(row)
    return flags, copies, count, (vectors[0], vectors[1])


def copies(row: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Argument, what, at_exit and size of each copy of a row."""
    step = probe_rows._COPY.size + INSIDES * probe_rows._INSIDE.size
    for place in range(packed(row)[1]):
        arg, what, at_exit, _, _, _, size, *_ = probe_rows._COPY.unpack_from(row, probe_rows._ROW.size + place * step)
        yield arg, what, at_exit, size


@pytest.mark.parametrize(("abi", "name"), [*product(ABIS, sorted(specs.SPECS))])
def test_every_call_fits(abi: Abi, name: str) -> None:
    number = number_of(abi, name)
    found = rows(frozenset({name}), (abi,), {})
    if number is None:
        assert all(key & 0xFFFF in {number_of(abi, other) for other in ALWAYS} for key in found)
        return
    row = found[number | abi << 16]
    assert len(row) == ROW_SIZE
    plain = [c for c in specs.SPECS[name].copies if c.what is not What.VECTOR and c.word in (0, abi.word)]
    assert [copy[:3] for copy in copies(row)] == [
        (copy.arg, 1 if copy.what is What.STRING else 2, copy.at_exit) for copy in plain
    ]
    # A block always has an end.
    assert all(size for _, what, _, size in copies(row) if what == 2)


@pytest.mark.parametrize("abi", ABIS)
def test_every_option_of_prctl_that_points_somewhere_has_a_row_of_its_own(abi: Abi) -> None:
    found = rows(frozenset({"prctl"}), (abi,), {})
    number = number_of(abi, "prctl")
    assert number is not None
    options = specs.SPECS["prctl"].options
    assert options
    for value, option in options.items():
        key = number | abi << 16 | 1 << 24 | (value & 0xFFFFFFFF) << 32
        assert (key in found) == bool(option.copies or option.identity)
        if key in found:
            assert len(found[key]) == ROW_SIZE
            assert packed(found[key])[0] & 2 == 2 * option.identity


@pytest.mark.parametrize("name", FLAGS)
def test_what_the_probes_must_know_of_a_call_is_in_its_flags(name: str) -> None:
    abi = Abi.X86_64
    number = number_of(abi, name)
    assert number is not None
    asked = rows(frozenset({name}), (abi,), {name: 3})[number | abi << 16]
    assert packed(asked)[0] == 1 | FLAGS[name]
    assert packed(asked)[2] == 3
    if name in ALWAYS:
        unasked = rows(frozenset(), (abi,), {})[number | abi << 16]
        assert packed(unasked)[0] == FLAGS[name]


def test_the_vectors_of_an_execve_are_no_copies() -> None:
    found = rows(frozenset({"execve", "execveat"}), (Abi.X86_64,), {})
    vectors = [packed(found[number_of(Abi.X86_64, name) or 0])[3] for name in ("execve", "execveat")]
    assert vectors == [(1, 2), (2, 3)]


def test_every_call_has_one_row_for_what_has_none() -> None:
    found = rows(None, abis_of("x86_64"), {})
    assert packed(found[1 << 25]) == (1, 0, 6, (0, 0))
    assert packed(found[number_of(Abi.X86_64, "mount") or 0])[0] == 1


def test_more_than_the_probes_format_holds_is_refused() -> None:
    copy = Copy(0, What.STRING)
    assert len(probe_rows._pack(0, (copy,) * COPIES, 8, 6)) == ROW_SIZE
    with pytest.raises(ValueError, match=f"{COPIES + 1} copies"):
        probe_rows._pack(0, (copy,) * (COPIES + 1), 8, 6)
    inside = Inside(offset=0, size=8)
    with pytest.raises(ValueError, match=f"{INSIDES + 1} pointers"):
        probe_rows._pack(0, (Copy(0, What.BLOCK, size=8, inside=(inside,) * (INSIDES + 1)),), 8, 6)

"""The rows of ``syscalls/specs.py`` as entries of the probes' map: struct row of ``probes/wire.h``."""

import struct
from collections.abc import Iterable, Iterator, Mapping

from contrace.syscalls.abi import Abi, number_of
from contrace.syscalls.rows import Copy, Inside, What
from contrace.syscalls.specs import IDENTITY_CALLS, SPECS

_INSIDE = struct.Struct("=5H3B3xQQ")
_COPY = struct.Struct("=6B2xI4xQQ")
_ROW = struct.Struct("=I4B")

COPIES, INSIDES = 6, 2
_REGISTERS = 6
ROW_SIZE = _ROW.size + COPIES * (_COPY.size + INSIDES * _INSIDE.size)

_ANY = 255
_WHAT = {What.STRING: 1, What.BLOCK: 2}
_RECORD, _IDENTITY, _OPTIONS, _EXEC, _REROOTS, _JOINS = 1, 2, 4, 8, 16, 32
_OPTION, _OTHER = 1 << 24, 1 << 25
_REROOTING = frozenset(("pivot_root", "chroot"))
_MAX_BLOCK = 1024 * 1024
"""What a block is cut at when its row has no limit; the probes cut at 32 KiB."""

ALWAYS = IDENTITY_CALLS | {"prctl"}
"""Watched even if nobody asks for them: who a task is would else be out of date (an option of prctl changes exe)."""


def rows(names: frozenset[str] | None, abis: Iterable[Abi], arguments: Mapping[str, int]) -> dict[int, bytes]:
    """Key -> struct row for every wanted call. ``names``: what is asked for; None: every call. ``arguments``: how many
    a call has, where its registers are not all known."""
    found: dict[int, bytes] = {}
    if names is None:
        found[_OTHER] = _pack(_RECORD, (), 8, _REGISTERS)
    for abi in abis:
        for name in sorted(ALWAYS | (SPECS.keys() if names is None else names)):
            nr = number_of(abi, name)
            if nr is not None:
                count = arguments.get(name, _REGISTERS)
                found.update(_of_call(name, nr, abi, count, recorded=names is None or name in names))
    return found


def _of_call(name: str, nr: int, abi: Abi, count: int, *, recorded: bool) -> Iterator[tuple[int, bytes]]:
    key = nr | abi << 16
    spec = SPECS.get(name)
    flags = _RECORD if recorded else 0
    if name in IDENTITY_CALLS:
        flags |= _IDENTITY
    if name in _REROOTING:
        flags |= _REROOTS
    if name == "setns":
        flags |= _JOINS
    copies = spec.copies if spec else ()
    if any(copy.what is What.VECTOR for copy in copies):
        flags |= _EXEC
    if spec is None or spec.options is None:
        yield key, _pack(flags, copies, abi.word, count)
        return
    yield key, _pack(flags | _OPTIONS, copies, abi.word, count)
    for value, option in spec.options.items():
        of_option = flags | (_IDENTITY if option.identity else 0)
        if option.copies or option.identity:
            yield key | _OPTION | (value & 0xFFFFFFFF) << 32, _pack(of_option, option.copies, abi.word, count)


def _pack(flags: int, copies: tuple[Copy, ...], word: int, count: int) -> bytes:
    plain = [copy for copy in copies if copy.what is not What.VECTOR and copy.word in (0, word)]
    vectors = [copy.arg for copy in copies if copy.what is What.VECTOR]
    if len(plain) > COPIES:
        raise ValueError(f"a row has {len(plain)} copies, the probes' format {COPIES}")
    first, second = (*vectors, 0, 0)[:2]
    packed = _ROW.pack(flags, len(plain), count, first, second) + b"".join(_pack_copy(copy, word) for copy in plain)
    return packed.ljust(ROW_SIZE, b"\0")


def _pack_copy(copy: Copy, word: int) -> bytes:
    size = (copy.size_32 if word == 4 else 0) or copy.size
    if copy.what is What.BLOCK:
        size = size or _MAX_BLOCK
    argument, mask, value = copy.only_if or (_ANY, 0, 0)
    inside = [item for item in copy.inside if item.word in (0, word)]
    if len(inside) > INSIDES:
        raise ValueError(f"a copy follows {len(inside)} pointers, the probes' format {INSIDES}")
    size_arg = copy.size_arg if copy.size_arg >= 0 else _ANY
    head = _COPY.pack(
        copy.arg, _WHAT[copy.what], copy.at_exit, size_arg, argument, len(inside), size, mask & (1 << 64) - 1, value
    )
    return (head + b"".join(_pack_inside(item, word) for item in inside)).ljust(
        _COPY.size + INSIDES * _INSIDE.size, b"\0"
    )


def _pack_inside(item: Inside, word: int) -> bytes:
    narrow = word == 4
    offset, width, mask, value = item.only_if or (0, 0, 0, 0)
    return _INSIDE.pack(
        item.offset_32 if narrow and item.offset_32 >= 0 else item.offset,
        (item.size_32 if narrow else 0) or item.size,
        item.most,
        item.count_offset,
        offset,
        item.count_width,
        item.width or word,
        width,
        mask,
        value,
    )

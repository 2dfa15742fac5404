"""Copy out of a stopped task the memory that a call's row asks for.

Reads go through process_vm_readv(2), which returns what lies before a fault and, unlike /proc/TID/mem, respects the
protection of pages, as the kernel's own reading does. Everything is copied whole, up to the limits that the kernel
itself sets for an execve; what cannot be read is marked, never guessed.
"""

import struct
from collections.abc import Iterable

from contrace.capture.ptrace.libc import read_memory
from contrace.records import Block, Memory, Text, Vector
from contrace.syscalls.rows import Copy, Inside, What

_PAGE = 4096
_WINDOW = 2 * _PAGE
_POINTERS = 64  # of an array, looked at in one go
MAX_STRING = 128 * 1024 + 1
"""A single argument's limit, MAX_ARG_STRLEN (include/uapi/linux/binfmts.h: 32 pages, with its NUL), and a byte more:
one that is too long by a byte is read to its end."""
MAX_VECTOR_BYTES = 6 * 1024 * 1024
"""argv and envp together: 3/4 of _STK_LIM, fs/exec.c (bprm_stack_limits)."""
MAX_BLOCK = 1024 * 1024


def copy(tid: int, word: int, args: tuple[int, ...], rows: Iterable[Copy], *, at_exit: bool) -> tuple[Memory, ...]:
    """Copy what ``rows`` ask for at this stop. ``word``: bytes of a pointer in the call's ABI."""
    memory = _Reader(tid, word)
    copies: list[Memory] = []
    for row in rows:
        if row.at_exit == at_exit and args[row.arg] and row.word in (0, word) and _applies(row.only_if, args):
            copies.extend(memory.follow(row, args))
    return tuple(copies)


def _applies(condition: tuple[int, int, int] | None, args: tuple[int, ...]) -> bool:
    return condition is None or args[condition[0]] & condition[1] == condition[2]


class _Reader:
    """The memory of one stopped task. Of one that was killed meanwhile, or is not readable, nothing can be read."""

    def __init__(self, tid: int, word: int) -> None:
        self.tid = tid
        self.word = word
        self._window_at = 0
        self._window = b""

    def follow(self, row: Copy, args: tuple[int, ...]) -> list[Memory]:
        address = args[row.arg] if self.word == 8 else args[row.arg] & 0xFFFFFFFF
        if not address:
            return []
        if row.what is What.STRING:
            data, broken = self._string(address, row.size or MAX_STRING)
            return [Text(arg=row.arg, address=address, data=data, broken=broken)]
        if row.what is What.VECTOR:
            return [self._vector(row.arg, address)]
        size = (row.size_32 if self.word == 4 else 0) or row.size or MAX_BLOCK
        if row.size_arg >= 0:
            size = min(args[row.size_arg], size)
        data = self._read(address, size)
        block = Block(arg=row.arg, address=address, data=data, wanted=size, at_exit=row.at_exit)
        inner = [self._inside(row, inside, data) for inside in row.inside if inside.word in (0, self.word)]
        return [block, *(found for found in inner if found is not None)]

    def _inside(self, row: Copy, inside: Inside, data: bytes) -> Block | None:
        if inside.only_if is not None:
            offset, width, mask, value = inside.only_if
            if _integer(data, offset, width) & mask != value:
                return None
        narrow = self.word == 4
        offset = inside.offset_32 if narrow and inside.offset_32 >= 0 else inside.offset
        address = _integer(data, offset, inside.width or self.word)
        count = 1 if not inside.count_width else _integer(data, inside.count_offset, inside.count_width)
        if not address or not count:
            return None
        size = ((inside.size_32 if narrow else 0) or inside.size) * count
        most = ((inside.size_32 if narrow else 0) or inside.size) * inside.most
        read = self._read(address, min(size, most))
        return Block(arg=row.arg, address=address, data=read, wanted=size, at_exit=row.at_exit)

    def _read(self, address: int, size: int) -> bytes:
        """Up to ``size`` bytes; fewer where a page is missing."""
        return read_memory(self.tid, address, size)

    def _see(self, address: int) -> int:
        """Have the bytes at ``address`` in the window, which begins with their page: strings and the arrays that point
        to them lie close together, in any order. Returns the place in the window; what lies there may be nothing."""
        place = address - self._window_at
        if not 0 <= place < len(self._window):
            place = address % _PAGE
            self._window_at = address - place
            self._window = self._read(self._window_at, _WINDOW)
        return place

    def _string(self, address: int, most: int) -> tuple[bytes, bool]:
        """The bytes before the NUL, and whether none was found within ``most`` bytes or before a fault."""
        start = self._see(address)
        end = self._window.find(b"\0", start, start + most)
        if end >= 0:
            return self._window[start:end], False
        data = self._window[start : start + most]
        while len(data) < most:
            part = self._read(address + len(data), min(most - len(data), 64 * _PAGE))
            if not part:
                return data, True
            end = part.find(b"\0")
            if end >= 0:
                return data + part[:end], False
            data += part
        return data, True

    def _vector(self, arg: int, address: int) -> Vector:
        pointers, fault = self._pointers(address)
        items: list[bytes] = []
        broken: dict[int, int] = {}
        left = MAX_VECTOR_BYTES
        for index, pointer in enumerate(pointers):
            if left <= 0:
                return Vector(
                    arg=arg, address=address, items=tuple(items), broken=broken, fault=fault, total=len(pointers)
                )
            data, is_broken = self._string(pointer, MAX_STRING)
            if is_broken:
                broken[index] = pointer
            items.append(data)
            left -= len(data) + 1 + self.word
        return Vector(arg=arg, address=address, items=tuple(items), broken=broken, fault=fault)

    def _pointers(self, address: int) -> tuple[list[int], int]:
        """The array's elements before its NULL, and the address of the first unreadable one (0: none)."""
        pointers: list[int] = []
        while len(pointers) * self.word < MAX_VECTOR_BYTES:
            place = self._see(address)
            data = self._window[place : place + _POINTERS * self.word]
            count = len(data) // self.word
            if not count:
                # An element that straddles the window's end.
                data = self._read(address, self.word)
                count = len(data) // self.word
                if not count:
                    return pointers, address
            values = struct.unpack_from(f"={count}{'Q' if self.word == 8 else 'I'}", data)
            if 0 in values:
                pointers.extend(values[: values.index(0)])
                return pointers, 0
            pointers.extend(values)
            address += count * self.word
        return pointers, 0


def _integer(data: bytes, offset: int, width: int) -> int:
    """An unsigned little-endian field of a block; 0 where the block is too short to hold it."""
    field = data[offset : offset + width]
    return int.from_bytes(field, "little") if len(field) == width else 0

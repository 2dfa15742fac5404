"""System call numbers <-> names, per ABI."""

from enum import IntEnum


class Abi(IntEnum):
    """Which call table and word size a task used for a call. The values are stored in trace files."""

    X86_64 = 0
    I386 = 1
    X32 = 2
    AARCH64 = 3

    @property
    def word(self) -> int:
        """Bytes of a pointer in this ABI (x32: long long registers, 4-byte pointers)."""
        return 4 if self in (Abi.I386, Abi.X32) else 8

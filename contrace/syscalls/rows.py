"""The vocabulary of a call's row: how an argument is shown and which memory behind it is copied.

Pure data types; ``specs.py`` (calls) and ``prctl.py`` (prctl's options) are the tables made of them.
"""

from dataclasses import dataclass
from enum import Enum, auto


class As(Enum):
    """How an argument is shown, in strace's notation."""

    INT = auto()  # signed int (the low 32 bits)
    UINT = auto()  # unsigned int
    LONG = auto()  # signed, one machine word
    ULONG = auto()  # unsigned, one machine word
    HEX = auto()  # 0x…, one machine word; 0 as "0"
    ADDRESS = auto()  # a pointer that is not followed: 0x… or NULL
    FD = auto()  # a file descriptor
    DIRFD = auto()  # as FD, with AT_FDCWD
    PATH = auto()  # a NUL-terminated path, shown whole
    STRING = auto()  # a NUL-terminated string, cut at -s
    BUFFER = auto()  # bytes whose length is in another argument, shown as a string
    ARGV = auto()
    ENVP = auto()
    FLAGS = auto()  # bits of the family `family`
    CHOICE = auto()  # one value of the family `family`
    SIGNAL = auto()  # a signal number
    UID = auto()  # uid or gid: -1 stays -1
    SPECIAL = auto()  # needs a decoder of its own in decode/; for prctl's options `family` names it


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a call."""

    name: str
    """The man page's name."""
    show: As
    family: str = ""
    """For FLAGS and CHOICE: name of the family in ``syscalls/flags``."""
    size_arg: int = -1
    """For BUFFER: index of the argument that holds the length."""
    most: int = 0
    """For BUFFER: the longest that the kernel takes, when not 0; anything longer it does not read."""
    points: bool = False
    """The argument points to where the kernel puts the value: shown as [value] once the call has succeeded and the
    value (a Block copied at exit, as wide as what was copied) could be read, else as an address."""


class What(Enum):
    """What lies behind a pointer."""

    STRING = auto()  # bytes up to a NUL -> records.Text
    VECTOR = auto()  # NULL-terminated array of string pointers -> records.Vector
    BLOCK = auto()  # a number of bytes -> records.Block


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy memory behind argument ``arg``. Sizes are in bytes on a 64-bit ABI unless said otherwise."""

    arg: int
    what: What
    size: int = 0
    """BLOCK: this many bytes … (STRING: at most this many when not 0, else up to capture's cap)"""
    size_32: int = 0
    """… or this many for a task with 4-byte words (i386, x32), when not 0."""
    size_arg: int = -1
    """BLOCK: the size is the value of this argument, at most ``size`` when that is not 0."""
    word: int = 0
    """Only for a task with words of this many bytes, when not 0."""
    at_exit: bool = False
    """Copy when the call has returned without an error, instead of when it is entered."""
    only_if: tuple[int, int, int] | None = None
    """(argument, mask, value): copy only when args[argument] & mask == value."""
    inside: "tuple[Inside, ...]" = ()
    """BLOCK only: pointers inside the copied block that are followed as well."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Follow the pointer at ``offset`` of a copied block: read ``count`` (an unsigned integer of ``count_width``
    bytes at ``count_offset``; when count_width is 0, once) elements of ``size`` bytes, at most ``most`` elements.

    The result is a Block with the same ``arg`` and the pointer's own address.
    """

    offset: int
    size: int
    offset_32: int = -1
    """Offset for a task with 4-byte pointers, when it differs; ``size_32`` likewise."""
    size_32: int = 0
    count_offset: int = 0
    count_width: int = 0
    most: int = 4096
    width: int = 0
    """Bytes of the pointer itself; 0: the ABI's word."""
    word: int = 0
    """Only for a task with words of this many bytes, when not 0."""
    only_if: tuple[int, int, int, int] | None = None
    """(offset, width, mask, value) inside the same block."""


class Result(Enum):
    """How a successful result is shown."""

    DECIMAL = auto()
    HEX = auto()
    OCTAL = auto()
    FD = auto()
    FLAGS = auto()  # number, then (names) of `result_family`: strace's RVAL_STR
    CHOICE = auto()  # number, then (name)
    SPECIAL = auto()  # hexadecimal number, then (text) by the decoder that `result_family` names


@dataclass(frozen=True, slots=True)
class Option:
    """One operation of a multiplexed call such as prctl: the arguments after the selector."""

    name: str
    args: tuple[Arg, ...] = ()
    copies: tuple[Copy, ...] = ()
    result: Result = Result.DECIMAL
    result_family: str = ""
    identity: bool = False
    """May change who the task is: capture takes an Identity after it succeeds."""
    forms: "dict[int, Option] | None" = None
    """For an option that selects once more: the value of its own first argument -> the row that shows the
    arguments and the result then. Copies stay in the outer row (with ``only_if``)."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One system call."""

    name: str
    args: tuple[Arg, ...]
    copies: tuple[Copy, ...] = ()
    options: dict[int, Option] | None = None
    """For a multiplexed call: the value of argument 0 -> its row; args then describes argument 0 and the
    fall-back for values that are not in the table."""
    result: Result = Result.DECIMAL

"""argv and envp: put together from their parts, and repaired from the new program where they could not be read whole.

At an execve's entry a tracepoint cannot wait for a page that is not resident. The kernel's own copy, on the new
program's stack, is: strings one after the other from arg_start to env_end (fs/exec.c, copy_strings), and behind them
the path that was asked for. A script's argv begins with its interpreter's instead of argv[0] (fs/binfmt_script.c); the
rest is the same, counted from the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contrace.capture.ebpf import wire
from contrace.capture.ebpf.wire import Chunk
from contrace.records import Memory, Text, Vector

_PATH_MAX = 4096  # include/uapi/linux/limits.h


@dataclass(slots=True)
class Strings:
    """One vector, as its chunks come in."""

    arg: int
    array: int
    word: int
    items: list[bytes] = field(default_factory=list)
    broken: dict[int, int] = field(default_factory=dict)
    fault: int = 0
    total: int | None = None
    pieces: int = 0
    """Items that have come: a string may be several."""
    ended: bool = False
    unfinished: bool = False
    """The last string goes on in the next item."""

    def add(self, chunk: Chunk) -> None:
        if chunk.first != self.pieces:
            return  # one before was lost: what follows would be at the wrong place
        for data, pointer, more in chunk.items:
            if self.unfinished:
                self.items[-1] += data
            else:
                self.items.append(data)
            if pointer is not None:
                self.broken[len(self.items) - 1] = pointer
            self.unfinished = more
        self.pieces += chunk.count
        if chunk.flags & wire.VECTOR_FAULT:
            self.fault = self.array + self.word * max(len(self.items), chunk.total)
        if chunk.flags & wire.VECTOR_CUT:
            self.total = chunk.total
        self.ended = self.ended or bool(chunk.flags & (wire.VECTOR_LAST | wire.VECTOR_FAULT))

    @property
    def whole(self) -> bool:
        return self.ended and not (self.broken or self.fault or self.total)

    @property
    def known(self) -> int | None:
        """How many strings there are."""
        if self.fault:
            return None
        return self.total or (len(self.items) if self.ended else None)

    def may_be(self, strings: Sequence[bytes]) -> bool:
        """Whether what has come is the beginning of these."""
        if len(strings) != self.known if self.known is not None else len(strings) < len(self.items):
            return False
        cut = {*self.broken, *([len(self.items) - 1] if self.unfinished else [])}
        pairs = enumerate(zip(self.items, strings, strict=False))
        return all(whole.startswith(seen) if place in cut else whole == seen for place, (seen, whole) in pairs)

    def vector(self) -> Vector:
        total = self.total
        if not self.ended and total is None:
            total = len(self.items) + 1  # at least: a part was lost
        return Vector(
            arg=self.arg,
            address=self.array,
            items=tuple(self.items),
            broken=dict(self.broken),
            fault=self.fault,
            total=total,
        )

    def replace(self, strings: Sequence[bytes]) -> None:
        """They are known from elsewhere, whole."""
        self.items, self.broken, self.fault, self.total = list(strings), {}, 0, None
        self.ended, self.unfinished = True, False


@dataclass(slots=True)
class Image:
    """The argument area of a new program, as far as it was copied."""

    parts: dict[int, bytes] = field(default_factory=dict)
    """Address -> bytes."""

    def add(self, data: bytes) -> None:
        address, _missing, _ = wire.IMAGE.unpack_from(data, wire.BODY)
        self.parts[address] = data[wire.BODY + wire.IMAGE.size :]

    def read(self, start: int, end: int) -> bytes:
        """What was copied from ``start`` on without a gap, at most up to ``end``."""
        found = bytearray()
        for address, data in sorted(self.parts.items()):
            here = start + len(found)
            if address <= here < address + len(data):
                found += data[here - address :]
        return bytes(found[: end - start])

    def strings(self, start: int, end: int, count: int) -> tuple[bytes, ...]:
        """The first ``count`` strings there, fewer where not all was copied."""
        data = self.read(start, end)
        return tuple(data.split(b"\0")[:-1][:count])

    def filename(self, behind: int) -> bytes | None:
        """What was asked for (struct linux_binprm, filename); ``behind``: the end of envp."""
        name, end, _ = self.read(behind, behind + _PATH_MAX).partition(b"\0")
        return name if end else None


def repair_path(memory: list[Memory], path: bytes) -> None:
    """Fill in the path of an execve that succeeded."""
    for place, text in enumerate(memory):
        if isinstance(text, Text) and text.broken:
            memory[place] = Text(arg=text.arg, address=text.address, data=path)


def repair_argv(strings: Strings, argv: tuple[bytes, ...], filename: bytes | None) -> None:
    """Fill in what is missing of an execve's argv, where there is no doubt. ``argv``: the new program's, whole;
    ``filename``: by which it was asked for, as a script's interpreter gets it."""
    if strings.whole or (filename is None and strings.known is None):
        return
    fitting = {found for found in _originals(strings, argv, filename) if strings.may_be(found)}
    if len(fitting) == 1:
        [found] = fitting
        first = {place: pointer for place, pointer in strings.broken.items() if place == 0 and found != argv}
        strings.replace(found)
        strings.broken = first  # a script's argv[0] is nowhere else


def _originals(strings: Strings, argv: tuple[bytes, ...], filename: bytes | None) -> Iterator[tuple[bytes, ...]]:
    """What argv can have been: the program's own or, behind the script's name, the rest of a script's."""
    yield argv
    if strings.known is None:
        names = [place for place, text in enumerate(argv) if text == filename]
    else:
        names = [len(argv) - strings.known]
    first = strings.items[0] if strings.items else b""
    yield from ((first, *argv[place + 1 :]) for place in names if place > 0)

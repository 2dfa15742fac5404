"""A call between its entry and its exit."""

from dataclasses import dataclass, field

from contrace.capture.ebpf.image import Strings
from contrace.capture.ebpf.wire import Sections
from contrace.records import Block, Memory
from contrace.syscalls.abi import Abi, name_of
from contrace.syscalls.flags.clone import CLONE_VFORK


@dataclass(slots=True)
class Open:
    """What the probes told at its entry, and since."""

    time_ns: int
    cpu_ns: int
    abi: Abi
    nr: int
    args: tuple[int, int, int, int, int, int]
    comm: bytes
    memory: list[Memory]
    strings: dict[int, Strings] = field(default_factory=dict)
    refused: list[tuple[int, int]] = field(default_factory=list)
    announced: bool = False

    @property
    def name(self) -> str:
        return name_of(self.abi, self.nr)

    def copied(self) -> tuple[Memory, ...]:
        return (*self.memory, *(strings.vector() for _, strings in sorted(self.strings.items())))

    def complete(self, sections: Sections) -> None:
        """What was copied at the exit: output arguments, and what could not be read at the entry."""
        for copy in sections.memory:
            late = isinstance(copy, Block) and copy.at_exit
            places = (
                []
                if late
                else [
                    place
                    for place, before in enumerate(self.memory)
                    if (before.arg, before.address, type(before)) == (copy.arg, copy.address, type(copy))
                ]
            )
            if places:
                self.memory[places[0]] = copy
            else:
                self.memory.append(copy)

    @property
    def is_vfork(self) -> bool:
        if self.name == "vfork":
            return True
        if self.name == "clone3":
            flags = next((int.from_bytes(m.data[:8], "little") for m in self.memory if isinstance(m, Block)), 0)
            return bool(flags & CLONE_VFORK)
        return self.name == "clone" and bool(self.args[0] & CLONE_VFORK)

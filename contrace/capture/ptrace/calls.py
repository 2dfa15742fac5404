"""Which calls are wanted, looked up by what the kernel reports at a stop: audit architecture and raw number."""

from dataclasses import dataclass

from contrace.syscalls import abi as abis
from contrace.syscalls.abi import Abi
from contrace.syscalls.rows import Spec
from contrace.syscalls.specs import SPECS

_INSTALLS_FILTER = ("seccomp", "prctl")
"""Calls by which a task can install a seccomp filter. They are watched under a filter of contrace's even if nobody
asks for them: a call that the task's own filter refuses never reaches contrace's (seccomp(2): the strictest wins), so
such a task has to be watched call by call from there on."""


@dataclass(frozen=True, slots=True)
class WantedCall:
    abi: Abi
    nr: int
    name: str
    row: Spec | None
    recorded: bool


class WantedCalls:
    """The calls of ``--calls`` in every ABI that a process of this machine can use."""

    def __init__(self, names: frozenset[str] | None, machine: str, *, filtered: bool) -> None:
        self._names = names
        self.table: dict[tuple[int, int], WantedCall] = {}
        """(audit architecture, raw number) -> call; with every call wanted, filled as calls are met."""
        if names is None:
            return
        extra = frozenset(_INSTALLS_FILTER) - names if filtered else frozenset()
        for abi in abis.abis_of(machine):
            for name in sorted(names | extra):
                nr = abis.number_of(abi, name)
                if nr is not None:
                    key = abis.raw(abi, nr)
                    self.table[key] = WantedCall(abi, nr, name, SPECS.get(name), name in names)

    def has(self, name: str) -> bool:
        return self._names is None or name in self._names

    def look_up(self, arch: int, nr: int) -> WantedCall | None:
        """The wanted call of that number; None: not wanted."""
        call = self.table.get((arch, nr))
        if call is None and self._names is None:
            abi, number = abis.identify(arch, nr)
            name = abis.name_of(abi, number)
            call = self.table[arch, nr] = WantedCall(abi, number, name, SPECS.get(name), True)
        return call

    def numbers(self) -> dict[int, list[int]]:
        """Audit architecture -> raw numbers, for the seccomp filter."""
        numbers: dict[int, list[int]] = {}
        for arch, nr in self.table:
            numbers.setdefault(arch, []).append(nr)
        return numbers

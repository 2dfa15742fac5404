"""Which calls are wanted, looked up by what the kernel reports at a stop: audit architecture and raw number."""

from dataclasses import dataclass

from contrace.syscalls import abi as abis
from contrace.syscalls.abi import Abi
from contrace.syscalls.rows import Spec
from contrace.syscalls.specs import IDENTITY_CALLS, SPECS

_ALWAYS = IDENTITY_CALLS | {"seccomp", "prctl"}
"""Watched even if nobody asks for them. Who a task is and its name (prctl) would else be out of date. And a task that
installs a seccomp filter of its own must be watched call by call from there on: what that refuses never reaches
contrace's (seccomp(2): the strictest wins)."""


@dataclass(frozen=True, slots=True)
class WantedCall:
    abi: Abi
    nr: int
    name: str
    row: Spec | None
    recorded: bool
    """False: watched for contrace's own sake only."""
    identity: bool
    """May change who the task is."""


class WantedCalls:
    """The calls of ``--calls`` in every ABI that a process of this machine can use."""

    def __init__(self, names: frozenset[str] | None, machine: str) -> None:
        self._names = names
        self.table: dict[tuple[int, int], WantedCall] = {}
        """(audit architecture, raw number) -> call; with every call wanted, filled as calls are met."""
        if names is None:
            return
        for abi in abis.abis_of(machine):
            for name in sorted(names | _ALWAYS):
                nr = abis.number_of(abi, name)
                if nr is not None:
                    self.table[abis.raw(abi, nr)] = self._call(abi, nr, name)

    def _call(self, abi: Abi, nr: int, name: str) -> WantedCall:
        recorded = self._names is None or name in self._names
        return WantedCall(abi, nr, name, SPECS.get(name), recorded, name in IDENTITY_CALLS)

    def look_up(self, arch: int, nr: int) -> WantedCall | None:
        """The wanted call of that number; None: not wanted."""
        call = self.table.get((arch, nr))
        if call is None and self._names is None:
            abi, number = abis.identify(arch, nr)
            call = self.table[arch, nr] = self._call(abi, number, abis.name_of(abi, number))
        return call

    def numbers(self) -> dict[int, list[int]]:
        """Audit architecture -> raw numbers, for the seccomp filter."""
        numbers: dict[int, list[int]] = {}
        for arch, nr in self.table:
            numbers.setdefault(arch, []).append(nr)
        return numbers

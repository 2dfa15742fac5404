"""Compile the probes, load them, attach them; read what they send and what they lost.

Everything that is made here (programs, maps, perf events) belongs to this process and is gone when it ends, also by
kill -9. System calls are perf tracepoints, each attached on its own, so that calls which nobody wants pay only for the
kernel's own slow path. Where tracefs cannot be read, they are two raw tracepoints of every call.
"""

import errno
import fcntl
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from contrace.capture.base import DEFAULT_BUFFER
from contrace.capture.ebpf import btf, tracefs, wire
from contrace.capture.ebpf.compiler import compiled
from contrace.capture.ebpf.objects import RAW_TRACEPOINT, TRACEPOINT, Loaded, Ring, refused, side_by_side
from contrace.capture.ebpf.rows import ALWAYS, rows
from contrace.capture.ebpf.syscall import call
from contrace.errors import BackendUnavailable
from contrace.syscalls.abi import Abi, abis_of, names
from contrace.syscalls.specs import IDENTITY_CALLS

MODE_NONE, MODE_EVENTS, MODE_CALLS = 0, 1, 2
ALONE, LAUNCHING = 2, 4

_PERF_TYPE_TRACEPOINT = 2  # include/uapi/linux/perf_event.h
_PERF_EVENT_ATTR = struct.Struct("=IIQ48x")  # type, size (PERF_ATTR_SIZE_VER0), config
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_EVENT_IOC_SET_BPF = 0x40042408
_PERF_EVENT_IOC_ENABLE = 0x2400
_STEP_IDENTITY, _STEP_MEMORY, _STEP_VECTORS, _STEP_IMAGE = range(4)
_PAGE = 4096
_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")
_PROCESS = struct.Struct("=IIBB2x")
_NARROW_BIT = {"x86_64": 29, "aarch64": 22}
"""The thread flag of a 32-bit program: TIF_ADDR32 (arch/x86/include/asm/thread_info.h), TIF_32BIT (arm64)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be attached."""

    calls: frozenset[str] | None
    """Names of calls; None: every call."""
    until_payload: bool
    """Processes go on by events once they execute the payload (scope birth)."""
    system_wide: bool = False
    containers: bool = False
    """Processes that come into watched cgroups are watched."""
    buffer: int = DEFAULT_BUFFER
    """Bytes of the ring buffer; rounded up to a power of two."""


class Probes:
    """Loaded and attached. Raises BackendUnavailable where this kernel or user cannot."""

    def __init__(self, plan: Plan) -> None:
        self._machine = platform.machine()
        self._abis = abis_of(self._machine)
        if not self._abis:
            raise BackendUnavailable(f"contrace knows no system calls of {self._machine}; see `contrace doctor`")
        self._tracefs = self._open_tracefs(plan)
        self.raw = self._tracefs is None
        """Every call of the machine passes through the probes."""
        self._events: list[int] = []
        self._links: list[int] = []
        self._loaded = Loaded(compiled(self._macros(plan)))
        self._tables = self._loaded.tables
        self.ring = Ring(self._loaded.bcc, self._tables["events"].fd)
        try:
            self._attach(plan)
        except BaseException:
            self.detach()
            raise

    # --- what is watched ----------------------------------------------------------------------------------

    def watch(self, pid: int, mode: int, *, mnt: int = 0, pid_ns: int = 0, flags: int = 0) -> None:
        """Watch a process and all of its threads; ``mnt``, ``pid_ns``: the namespaces that new ones are measured
        against."""
        self._tables["processes"][_U32.pack(pid)] = _PROCESS.pack(mnt, pid_ns, mode, flags)

    def unwatch(self, pid: int) -> None:
        self._tables["processes"].discard(_U32.pack(pid))

    def watch_everything(self, mnt: int, pid_ns: int) -> None:
        """System-wide: processes that nothing else is said of."""
        self._tables["defaults"][_U32.pack(0)] = _PROCESS.pack(mnt, pid_ns, MODE_CALLS, 0)

    def watch_cgroup(self, hierarchy: int, directory: int) -> None:
        self._tables["containers"][wire.PLACE.pack(directory, hierarchy, 0)] = _U32.pack(1)

    # --- what comes from them -----------------------------------------------------------------------------

    def lost(self) -> list[int]:
        """How many events did not fit into the ring buffer since the beginning, by kind."""
        table = self._tables["lost"]
        return [_U64.unpack(table[_U32.pack(kind)])[0] for kind in range(wire.KINDS)]

    def detach(self) -> None:
        """Let go. Freeing a perf tracepoint waits for every CPU to have passed by, 70 ms each: a process of its own
        does that, which holds nothing else and ends with it. It waits until it is the last to hold them, since whoever
        is the last frees them."""
        closed, close = os.pipe()
        if self._events and os.fork() == 0:
            _keep_only([*self._events, closed])
            os.read(closed, 1)
            os._exit(0)
        for fd in (*self._events, *self._links, closed):
            os.close(fd)
        os.close(close)
        self._events, self._links = [], []
        self.ring.close()
        self._loaded.close()

    # --- making them --------------------------------------------------------------------------------------

    def _open_tracefs(self, plan: Plan) -> int | None:
        if plan.calls is None:
            return None  # one program for all calls is simpler than a thousand attachments
        try:
            return tracefs.open_tracefs()
        except BackendUnavailable:
            return None  # raw tracepoints need none

    def _macros(self, plan: Plan) -> dict[str, int | None]:
        abis = self._abis
        switches = {
            "UNTIL_PAYLOAD": plan.until_payload,
            "SYSTEM_WIDE": plan.system_wide,
            "CONTAINERS": plan.containers,
            "EVERY_CALL": plan.calls is None,
            "RAW_CALLS": self.raw,
            "ABI_X32": Abi.X32 in abis,
        }
        return {
            **btf.offsets(),
            "CPUS": os.cpu_count() or 1,
            "RING_PAGES": 1 << max(0, (plan.buffer - 1) // _PAGE).bit_length(),
            "ABI_WIDE": int(abis[0]),
            "ABI_NARROW": int(abis[1]) if len(abis) > 1 else 255,
            "NARROW_BIT": _NARROW_BIT[self._machine],
            **{name: int(Abi.X32) if name == "ABI_X32" else None for name, wanted in switches.items() if wanted},
        }

    def _fill(self, plan: Plan, arguments: dict[str, int]) -> None:
        abis = self._abis if self.raw else self._abis[:1]
        for key, row in rows(plan.calls, abis, arguments).items():
            self._tables["rows"][_U64.pack(key)] = row

    def _attach(self, plan: Plan) -> None:
        calls = RAW_TRACEPOINT if self.raw else TRACEPOINT
        steps = (
            ("call_steps", _STEP_MEMORY, ("copy_memory", calls)),
            ("call_steps", _STEP_VECTORS, ("copy_vectors", calls)),
            ("call_steps", _STEP_IDENTITY, ("take_identity", calls)),
            ("task_steps", _STEP_IDENTITY, ("take_identity", RAW_TRACEPOINT)),
            ("task_steps", _STEP_IMAGE, ("copy_image", RAW_TRACEPOINT)),
        )
        tasks = {tracepoint: (name, RAW_TRACEPOINT) for tracepoint, name in _tracepoints(plan)}
        entered, left = ("call_entered", calls), ("call_left", calls)
        programs = self._loaded.programs({entered, left, *(step[2] for step in steps), *tasks.values()})
        for table, step, program in steps:
            self._tables[table][_U32.pack(step)] = _U32.pack(programs[program])
        for tracepoint, program in tasks.items():
            self._attach_raw(tracepoint, programs[program])
        if self._tracefs is None or plan.calls is None:
            self._fill(plan, {})
            self._attach_raw("sys_enter", programs[entered])
            self._attach_raw("sys_exit", programs[left])
            return
        try:
            self._attach_calls(self._tracefs, plan, plan.calls, programs[entered], programs[left])
        finally:
            os.close(self._tracefs)

    def _attach_calls(self, directory: int, plan: Plan, calls: frozenset[str], entered: int, left: int) -> None:
        here = sorted((calls | ALWAYS) & set(names(self._abis[0])))
        tracepoints = {name: _TRACEPOINT_NAMES.get(name, name) for name in here}
        self._fill(plan, {name: tracefs.arguments(directory, tp) for name, tp in tracepoints.items()})
        wanted: list[tuple[str, int]] = []
        for name, tracepoint in tracepoints.items():
            # Who a task is changes when such a call is over; how it began is of no interest.
            if name in calls or name not in IDENTITY_CALLS:
                wanted.append((f"sys_enter_{tracepoint}", entered))
            wanted.append((f"sys_exit_{tracepoint}", left))
        # All at once: while another capture's events are freed, each would wait for one of those (event_mutex).
        side_by_side([partial(self._attach_call, directory, *program) for program in wanted])

    def _attach_raw(self, tracepoint: str, program: int) -> None:
        fd = self._loaded.attach_raw(tracepoint, program)
        if fd >= 0:
            self._links.append(fd)
        elif tracepoint not in _OPTIONAL:
            raise BackendUnavailable(refused(f"the tracepoint {tracepoint}", errno.ENOENT))

    def _attach_call(self, directory: int, tracepoint: str, program: int) -> None:
        number = tracefs.tracepoint_id(directory, "syscalls", tracepoint)
        if number is None:
            return  # this kernel does not have the call
        try:
            # Of any process, which needs a CPU to be named; a program that is attached to it runs on all of them.
            fd = call(
                "perf_event_open",
                _PERF_EVENT_ATTR.pack(_PERF_TYPE_TRACEPOINT, 64, number),
                -1,
                0,
                -1,
                _PERF_FLAG_FD_CLOEXEC,
            )
            self._events.append(fd)
            fcntl.ioctl(fd, _PERF_EVENT_IOC_SET_BPF, program)
            fcntl.ioctl(fd, _PERF_EVENT_IOC_ENABLE, 0)
        except OSError as error:
            raise BackendUnavailable(refused(f"a program at {tracepoint}", error.errno or 0)) from error


_TRACEPOINT_NAMES = {"umount2": "umount", "sendfile": "sendfile64", "fstatat": "newfstatat", "uname": "newuname"}
"""Where a call's tracepoint has the name of the kernel's function instead."""
_OPTIONAL = frozenset(("cap_capable",))
"""Tracepoints that older kernels do without: Linux 6.14 brought cap_capable."""


def _tracepoints(plan: Plan) -> Iterator[tuple[str, str]]:
    """Each raw tracepoint of the life of tasks, and its program."""
    yield "sched_process_fork", "task_started"
    yield "sched_process_exec", "task_executed"
    yield "sched_process_exit", "task_ended"
    yield "signal_generate", "signal_sent"
    yield "signal_deliver", "signal_delivered"
    yield "cgroup_mkdir", "cgroup_made"
    yield "cap_capable", "capability_checked"
    if plan.containers:
        yield "cgroup_attach_task", "cgroup_joined"


def _keep_only(wanted: list[int]) -> None:
    """Close every other descriptor: a pipe or a lock held here would keep others waiting."""
    low = 0
    for fd in [*sorted(wanted), 1 << 20]:
        os.closerange(low, fd)
        low = fd + 1

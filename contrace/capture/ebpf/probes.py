"""Compile the probes, load them, attach them; read what they send and what they lost.

Everything that is made here (programs, maps, perf events) belongs to this process and is gone when it ends, also by
kill -9. System calls are perf tracepoints, each attached on its own, so that calls which nobody wants pay only for the
kernel's own slow path. Where tracefs cannot be read, they are two raw tracepoints of every call.
"""

import ctypes
import fcntl
import os
import platform
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from contrace.capture.ebpf import btf, library, tracefs, wire
from contrace.capture.ebpf.rows import ALWAYS, rows
from contrace.capture.ebpf.syscall import call
from contrace.errors import BackendUnavailable
from contrace.syscalls.abi import Abi, abis_of, names
from contrace.syscalls.specs import IDENTITY_CALLS

PROBES = next(
    folder / "probes"
    # in a checkout beside the package, in an installation inside of it
    for folder in (Path(__file__).parents[3], Path(__file__).parents[2])
    if (folder / "probes" / "wire.h").is_file()
)
_FILES = ("calls.bpf.c", "memory.bpf.c", "identity.bpf.c", "tasks.bpf.c")
_INCLUDE = re.compile(r'#include "(.+)"')

MODE_NONE, MODE_EVENTS, MODE_CALLS = 0, 1, 2
ALONE, LAUNCHING = 2, 4

_TRACEPOINT, _RAW_TRACEPOINT = 5, 17  # include/uapi/linux/bpf.h, enum bpf_prog_type
_PERF_TYPE_TRACEPOINT = 2  # include/uapi/linux/perf_event.h
_PERF_EVENT_ATTR = struct.Struct("=IIQ48x")  # type, size (PERF_ATTR_SIZE_VER0), config
_CLOEXEC = 8  # PERF_FLAG_FD_CLOEXEC
_PERF_EVENT_IOC_SET_BPF = 0x40042408
_PERF_EVENT_IOC_ENABLE = 0x2400
_STEP_IDENTITY, _STEP_MEMORY, _STEP_VECTORS, _STEP_IMAGE = range(4)
_PAGE = 4096
_NARROW_BIT = {"x86_64": 29, "aarch64": 22}
"""The thread flag of a 32-bit program: TIF_ADDR32 (arch/x86/include/asm/thread_info.h), TIF_32BIT (arm64)."""
_NO_OWN_EXIT = frozenset(("exit", "exit_group"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be attached."""

    calls: frozenset[str] | None
    """Names of calls; None: every call."""
    until_payload: bool
    """Processes go on by events once they execute the payload (scope birth)."""
    system_wide: bool
    containers: bool
    """Processes that come into watched cgroups are watched."""
    buffer: int
    """Bytes of the ring buffer; rounded up to a power of two."""


class Probes:
    """Loaded and attached. Raises BackendUnavailable where this kernel or user cannot."""

    def __init__(self, plan: Plan) -> None:
        self._machine = platform.machine()
        self._abis = abis_of(self._machine)
        if not self._abis:
            raise BackendUnavailable(f"contrace knows no system calls of {self._machine}; see `contrace doctor`")
        self._bcc = library.load()
        self._fields = btf.offsets()
        self._tracefs = self._open_tracefs(plan)
        self.raw = self._tracefs is None
        """Every call of the machine passes through the probes."""
        self._events: list[int] = []
        self._links: list[int] = []
        self._received: list[bytes] = []
        with _errors_of_bcc() as said:
            self._bpf = self._compile(plan, said)
            self._load(plan, said)
        self._lost = self._bpf[b"lost"]
        self._bpf[b"events"].open_ring_buffer(self._receive)
        self._attach(plan)

    # --- what is watched ----------------------------------------------------------------------------------

    def watch(self, pid: int, mode: int, *, mnt: int = 0, pid_ns: int = 0, flags: int = 0) -> None:
        """Watch a process and all of its threads; ``mnt``, ``pid_ns``: the namespaces that new ones are measured
        against."""
        table = self._bpf[b"processes"]
        table[ctypes.c_uint(pid)] = table.Leaf(mnt, pid_ns, mode, flags)

    def unwatch(self, pid: int) -> None:
        table = self._bpf[b"processes"]
        key = ctypes.c_uint(pid)
        if key in table:
            del table[key]

    def watch_everything(self, mnt: int, pid_ns: int) -> None:
        """System-wide: processes that nothing else is said of."""
        table = self._bpf[b"defaults"]
        table[ctypes.c_int(0)] = table.Leaf(mnt, pid_ns, MODE_CALLS, 0)

    def watch_cgroup(self, hierarchy: int, directory: int) -> None:
        table = self._bpf[b"containers"]
        table[table.Key(directory, hierarchy, 0)] = ctypes.c_uint(1)

    def watched(self) -> list[int]:
        """The processes that are watched at this moment."""
        return [key.value for key in self._bpf[b"processes"]]

    # --- what comes from them -----------------------------------------------------------------------------

    def read(self, milliseconds: int) -> list[bytes]:
        """The events that have come, in the order in which they were sent; waits for none longer than this."""
        if milliseconds:
            self._bpf.ring_buffer_poll(milliseconds)
        self._bpf.ring_buffer_consume()
        received, self._received = self._received, []
        return received

    def lost(self) -> list[int]:
        """How many events did not fit into the ring buffer since the beginning, by kind."""
        return [self._lost[ctypes.c_int(kind)].value for kind in range(wire.KINDS)]

    def detach(self) -> None:
        """Let go. Freeing a perf tracepoint waits for every CPU to have passed by, 70 ms each: a process of its own
        does that, which holds nothing else and ends with it."""
        if self._events and os.fork() == 0:
            _keep_only(self._events)
            os._exit(0)
        for fd in (*self._events, *self._links):
            os.close(fd)
        self._events, self._links = [], []
        self._bpf.cleanup()

    def _receive(self, _context: object, data: int, size: int) -> int:
        self._received.append(ctypes.string_at(data, size))
        return 0

    # --- making them --------------------------------------------------------------------------------------

    def _open_tracefs(self, plan: Plan) -> int | None:
        if plan.calls is None:
            return None  # one program for all calls is simpler than a thousand attachments
        try:
            return tracefs.open_tracefs()
        except BackendUnavailable:
            return None  # raw tracepoints need none

    def _compile(self, plan: Plan, said: Callable[[], str]) -> Any:
        abis = self._abis
        macros = {
            **self._fields,
            "CPUS": os.cpu_count() or 1,
            "RING_PAGES": 1 << max(0, (plan.buffer - 1) // _PAGE).bit_length(),
            "ABI_WIDE": int(abis[0]),
            "ABI_NARROW": int(abis[1]) if len(abis) > 1 else 255,
            "NARROW_BIT": _NARROW_BIT[self._machine],
        }
        if Abi.X32 in abis:
            macros["ABI_X32"] = int(Abi.X32)
        switches = {
            "UNTIL_PAYLOAD": plan.until_payload,
            "SYSTEM_WIDE": plan.system_wide,
            "CONTAINERS": plan.containers,
            "EVERY_CALL": plan.calls is None,
            "RAW_CALLS": self.raw,
        }
        flags = [f"-D{name}={value}" for name, value in macros.items()]
        flags += ["-Wno-macro-redefined", *(f"-D{name}" for name, wanted in switches.items() if wanted)]
        os.environ["BCC_KERNEL_SOURCE"] = str(PROBES)
        try:
            return self._bcc.BPF(text=source().encode(), cflags=flags)
        except Exception as error:  # bcc raises plain Exceptions
            raise BackendUnavailable(f"the probes do not compile: {error}\n{said()}") from error
        finally:
            del os.environ["BCC_KERNEL_SOURCE"]

    def _load(self, plan: Plan, said: Callable[[], str]) -> None:
        call_type = _RAW_TRACEPOINT if self.raw else _TRACEPOINT
        load = _Loader(self._bcc, self._bpf, said)
        self._entered = load("call_entered", call_type)
        self._left = load("call_left", call_type)
        for table, index, name, kind in (
            (b"call_steps", _STEP_MEMORY, "copy_memory", call_type),
            (b"call_steps", _STEP_VECTORS, "copy_vectors", call_type),
            (b"call_steps", _STEP_IDENTITY, "take_identity", call_type),
            (b"task_steps", _STEP_IDENTITY, "take_identity", _RAW_TRACEPOINT),
            (b"task_steps", _STEP_IMAGE, "copy_image", _RAW_TRACEPOINT),
        ):
            self._bpf[table][ctypes.c_int(index)] = ctypes.c_int(load(name, kind))
        self._tasks = {tp: load(name, _RAW_TRACEPOINT) for tp, name in _tracepoints(plan)}

    def _fill(self, plan: Plan, arguments: dict[str, int]) -> None:
        table = self._bpf[b"rows"]
        abis = self._abis if self.raw else self._abis[:1]
        for key, row in rows(plan.calls, abis, arguments).items():
            table[ctypes.c_ulonglong(key)] = table.Leaf.from_buffer_copy(row)

    def _attach(self, plan: Plan) -> None:
        for tracepoint, program in self._tasks.items():
            self._attach_raw(tracepoint, program)
        if self._tracefs is None or plan.calls is None:
            self._fill(plan, {})
            self._attach_raw("sys_enter", self._entered)
            self._attach_raw("sys_exit", self._left)
            return
        try:
            self._attach_calls(self._tracefs, plan, plan.calls)
        finally:
            os.close(self._tracefs)

    def _attach_calls(self, directory: int, plan: Plan, calls: frozenset[str]) -> None:
        here = sorted((calls | ALWAYS) & set(names(self._abis[0])))
        tracepoints = {name: _TRACEPOINT_NAMES.get(name, name) for name in here}
        self._fill(plan, {name: tracefs.arguments(directory, tp) for name, tp in tracepoints.items()})
        for name, tracepoint in tracepoints.items():
            # Who a task is changes when such a call is over; how it began is of no interest.
            if name in calls or name not in IDENTITY_CALLS:
                self._attach_call(directory, f"sys_enter_{tracepoint}", self._entered)
            self._attach_call(directory, f"sys_exit_{tracepoint}", self._left)

    def _attach_raw(self, tracepoint: str, program: int) -> None:
        fd = self._bcc.lib.bpf_attach_raw_tracepoint(program, tracepoint.encode())
        if fd >= 0:
            self._links.append(fd)
        elif tracepoint not in _OPTIONAL:
            raise BackendUnavailable(_refused(f"the kernel's tracepoint {tracepoint}", ctypes.get_errno()))

    def _attach_call(self, directory: int, tracepoint: str, program: int) -> None:
        number = tracefs.tracepoint_id(directory, "syscalls", tracepoint)
        if number is None:
            return  # this kernel does not have the call
        try:
            # Of any process, which needs a CPU to be named; a program that is attached to it runs on all of them.
            fd = call("perf_event_open", _PERF_EVENT_ATTR.pack(_PERF_TYPE_TRACEPOINT, 64, number), -1, 0, -1, _CLOEXEC)
            self._events.append(fd)
            fcntl.ioctl(fd, _PERF_EVENT_IOC_SET_BPF, program)
            fcntl.ioctl(fd, _PERF_EVENT_IOC_ENABLE, 0)
        except OSError as error:
            raise BackendUnavailable(_refused(f"a program at {tracepoint}", error.errno or 0)) from error


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


class _Loader:
    """Loads a program of the compiled module as one type or another; bcc's own would know it by one only."""

    def __init__(self, bcc: ModuleType, bpf: Any, said: Callable[[], str]) -> None:
        self._lib, self._module, self._said = bcc.lib, bpf.module, said
        self._license = bcc.lib.bpf_module_license(bpf.module)

    def __call__(self, name: str, kind: int) -> int:
        lib, module, symbol = self._lib, self._module, name.encode()
        start, size = lib.bpf_function_start(module, symbol), lib.bpf_function_size(module, symbol)
        fd: int = lib.bcc_func_load(module, kind, symbol, start, size, self._license, 0, 0, None, 0, None, -1)
        if fd < 0:
            said = self._said().strip().splitlines()[-8:]
            raise BackendUnavailable("\n".join([_refused(f"the probe {name}", ctypes.get_errno()), *said]))
        return fd


def _refused(what: str, error: int) -> str:
    return f"the kernel refuses {what} ({os.strerror(error)}): see `contrace doctor`, or use --backend ptrace"


def source() -> str:
    """The probes as one text, in which a compiler's messages still name the files."""
    included: set[str] = set()

    def text(name: str) -> Iterator[str]:
        yield f'#line 1 "{name}"'
        for number, line in enumerate((PROBES / name).read_text().splitlines(), 1):
            match = _INCLUDE.match(line)
            if match is None:
                yield "" if line.startswith("#pragma once") else line
            elif match[1] not in included:
                included.add(match[1])
                yield from text(match[1])
                yield f'#line {number + 1} "{name}"'

    return "\n".join(line for name in _FILES for line in text(name))


@contextmanager
def _errors_of_bcc() -> Iterator[Callable[[], str]]:
    """libbcc writes what is wrong to standard error; that belongs into contrace's own message."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)

        def said() -> str:
            return os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace")

        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _keep_only(wanted: list[int]) -> None:
    """Close every other descriptor: a pipe or a lock held here would keep others waiting."""
    low = 0
    for fd in [*sorted(wanted), 1 << 20]:
        os.closerange(low, fd)
        low = fd + 1

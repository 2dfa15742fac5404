"""The ptrace(2) and waitid(2) requests that the stop loop makes, as thinly as ctypes allows.

python-ptrace has neither PTRACE_SEIZE, INTERRUPT and LISTEN nor PTRACE_GET_SYSCALL_INFO, and its
``ptrace_geteventmsg`` writes 8 bytes into a 4-byte object, so the requests are made here.

Requests never block, so they go through ``PyDLL`` and keep the GIL; waiting does block and goes through ``CDLL``.
No argtypes: converting them costs more than the request (measured 1.2 against 0.5 µs). Plain ints are passed as C
ints, which libffi sign-extends; anything wider is wrapped by the caller.
"""

import ctypes
import errno
import os
import struct

from contrace.syscalls.abi import AUDIT_ARCH_AARCH64

# include/uapi/linux/ptrace.h
PTRACE_CONT = 7
PTRACE_SYSCALL = 24
PTRACE_GETEVENTMSG = 0x4201
PTRACE_GETSIGINFO = 0x4202
PTRACE_GETREGSET = 0x4204
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_LISTEN = 0x4208
PTRACE_GET_SYSCALL_INFO = 0x420E

PTRACE_O_TRACESYSGOOD = 1
PTRACE_O_TRACEFORK = 1 << 1
PTRACE_O_TRACEVFORK = 1 << 2
PTRACE_O_TRACECLONE = 1 << 3
PTRACE_O_TRACEEXEC = 1 << 4
PTRACE_O_TRACESECCOMP = 1 << 7
PTRACE_O_EXITKILL = 1 << 20

PTRACE_EVENT_FORK = 1
PTRACE_EVENT_VFORK = 2
PTRACE_EVENT_CLONE = 3
PTRACE_EVENT_EXEC = 4
PTRACE_EVENT_SECCOMP = 7
PTRACE_EVENT_STOP = 128

PTRACE_SYSCALL_INFO_ENTRY = 1
PTRACE_SYSCALL_INFO_EXIT = 2

# include/uapi/linux/wait.h and asm-generic/siginfo.h
P_ALL = 0
WEXITED = 4
WSTOPPED = 2
WNOHANG = 1
WNOWAIT = 0x01000000
WALL = 0x40000000
CLD_EXITED = 1
CLD_KILLED = 2
CLD_DUMPED = 3
CLD_TRAPPED = 4

NT_PRSTATUS = 1

_SIZE_SYSCALL_INFO = 88  # struct ptrace_syscall_info, including ret_data and the tail padding
_SIZE_SIGINFO = 128  # siginfo_t on every Linux ABI

_ptrace = ctypes.PyDLL(None, use_errno=True).ptrace
request = ctypes.PyDLL(None).ptrace
"""The bare request for the hot path: request(number, tid, 0, signal) -> 0, or -1 without a reason."""

_process_vm_readv = ctypes.PyDLL(None).process_vm_readv
_Vectors = ctypes.c_ulong * 4  # two struct iovec: here, there
_BUFFER = ctypes.create_string_buffer(8192)
"""For the many small reads; only the tracing thread reads."""

_waitid = ctypes.CDLL(None, use_errno=True).waitid


_BLOCK = WEXITED | WSTOPPED | WALL | WNOWAIT
_LOOK = _BLOCK | WNOHANG
_MOST_LOOKS = 100
"""How often `Waiter.wait` looks at most before it sleeps: about 40 µs. Most stops follow the one before by less, and to
wake a sleeping tracer on another CPU takes longer than that on a virtual machine."""
_PROBE = 256
"""Where looking was in vain, because others want the CPU, it is given up; every so many waits it is tried again."""


class Waiter:
    """waitid(2) for every child and tracee of this process.

    Stops are looked at with WNOWAIT: the kernel then keeps the stop's code in the task, so that a signal on its way to
    the task is delivered even when the tracer is killed between seeing the stop and answering it. Deaths have to be
    reaped with `reap`, and stops that are not answered at once with `consume`, or they are reported again.
    """

    def __init__(self) -> None:
        self._looks = _MOST_LOOKS
        self._vain = 0
        self._buffer = ctypes.create_string_buffer(_SIZE_SIGINFO)
        self._reference = ctypes.byref(self._buffer)
        # si_code at 8, _sigchld (si_pid, si_uid, si_status) after a word-aligned union at 16
        self._unpack = struct.Struct("=8xi4xi4xi").unpack_from

    def wait(self) -> tuple[int, int, int]:
        """Return (si_code, tid, si_status); tid 0: interrupted by a signal, or no children (ECHILD as status)."""
        try:
            for _ in range(self._looks):
                found = os.waitid(os.P_ALL, 0, _LOOK)
                if found is not None:
                    if self._looks > 1:
                        self._looks = _MOST_LOOKS
                    tid, _, _, status, code = found
                    return code, tid, status
        except ChildProcessError:
            return 0, 0, errno.ECHILD
        self._adapt()
        # Not os.waitid, which goes on waiting when a signal has interrupted it (PEP 475).
        if _waitid(P_ALL, 0, self._reference, _BLOCK) != 0:
            return 0, 0, ctypes.get_errno()
        code, tid, status = self._unpack(self._buffer)
        return code, tid, status

    def _adapt(self) -> None:
        """Look a quarter less after each time in vain, and in full again after `_PROBE` times."""
        self._vain += 1
        self._looks = _MOST_LOOKS if self._vain % _PROBE == 0 else max(1, self._looks * 3 // 4)

    @staticmethod
    def reap(tid: int) -> None:
        """Consume the death of a task that `wait` reported."""
        os.waitpid(tid, WALL)

    @staticmethod
    def consume(tid: int) -> None:
        """Consume a stop that `wait` reported and that is answered later; a death meanwhile is left to be reported."""
        os.waitid(os.P_PID, tid, WSTOPPED | WALL | WNOHANG)


class Requests:
    """The requests that return data, with their buffers. One instance per tracing thread."""

    def __init__(self) -> None:
        self.info = ctypes.create_string_buffer(_SIZE_SYSCALL_INFO)
        self.info_size = ctypes.c_void_p(_SIZE_SYSCALL_INFO)
        self.info_address = ctypes.c_void_p(ctypes.addressof(self.info))
        self._message = ctypes.c_ulong()
        self._siginfo = ctypes.create_string_buffer(_SIZE_SIGINFO)
        self._registers = ctypes.create_string_buffer(512)
        self._iovec = (ctypes.c_void_p * 2)()

    def event_message(self, tid: int) -> int:
        """PTRACE_GETEVENTMSG: the new task's tid, the former tid of an exec; 0 if the task is gone."""
        self._message.value = 0
        request(PTRACE_GETEVENTMSG, tid, 0, ctypes.byref(self._message))
        return self._message.value

    def siginfo(self, tid: int) -> bytes:
        """PTRACE_GETSIGINFO; empty if the task is gone or in a group-stop (EINVAL)."""
        if request(PTRACE_GETSIGINFO, tid, 0, self._siginfo) != 0:
            return b""
        return self._siginfo.raw

    def call_at_event(self, tid: int) -> tuple[int, int, tuple[int, int, int, int, int, int]] | None:
        """(audit arch, number, arguments) of the call a task is inside at an event stop.

        PTRACE_GET_SYSCALL_INFO answers PTRACE_SYSCALL_INFO_NONE there but still tells the arch; the registers of
        the call are intact (include/uapi/asm/ptrace.h, struct user_regs_struct / user_pt_regs).
        """
        if request(PTRACE_GET_SYSCALL_INFO, tid, self.info_size, self.info_address) < 0:
            return None
        arch: int = struct.unpack_from("=4xI", self.info)[0]
        self._iovec[0] = ctypes.addressof(self._registers)
        self._iovec[1] = len(self._registers)
        if request(PTRACE_GETREGSET, tid, NT_PRSTATUS, ctypes.byref(self._iovec)) != 0:
            return None
        size = self._iovec[1] or 0
        row = _REGISTERS.get((arch == AUDIT_ARCH_AARCH64, size))
        if row is None:
            return None
        word, number, arguments = row
        values = struct.unpack_from(f"={size // struct.calcsize('=' + word)}{word}", self._registers)
        a, b, c, d, e, f = (values[i] for i in arguments)
        return arch, values[number], (a, b, c, d, e, f)


_REGISTERS: dict[tuple[bool, int], tuple[str, int, tuple[int, ...]]] = {
    # x86_64 user_regs_struct: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax …
    (False, 27 * 8): ("Q", 15, (14, 13, 12, 7, 9, 8)),
    # i386 user_regs_struct32: ebx ecx edx esi edi ebp eax ds es fs gs orig_eax …
    (False, 17 * 4): ("I", 11, (0, 1, 2, 3, 4, 5)),
    # aarch64 user_pt_regs: x0 … x30 sp pc pstate; the number is in x8
    (True, 34 * 8): ("Q", 8, (0, 1, 2, 3, 4, 5)),
}
"""(is aarch64, size of the register set) -> (word, index of the call number, indices of the six arguments)."""


def seize(tid: int, options: int) -> int:
    """PTRACE_SEIZE; 0 or the errno."""
    if _ptrace(PTRACE_SEIZE, tid, 0, options) == 0:
        return 0
    return ctypes.get_errno()


def read_memory(tid: int, address: int, size: int) -> bytes:
    """Up to ``size`` bytes of a task's memory: fewer, or none, where a page cannot be read by the task itself."""
    if size <= 0:
        return b""
    buffer = _BUFFER if size <= len(_BUFFER) else ctypes.create_string_buffer(size)
    vectors = _Vectors(ctypes.addressof(buffer), size, address, size)
    count = _process_vm_readv(
        tid, ctypes.byref(vectors), 1, ctypes.byref(vectors, 2 * ctypes.sizeof(ctypes.c_ulong)), 1, 0
    )
    return ctypes.string_at(buffer, count) if count > 0 else b""

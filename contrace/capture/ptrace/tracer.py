"""The ptrace backend: one thread that attaches, waits for stops and answers them.

The thread makes every ptrace request, and its end is the detach: when a tracing thread exits, the kernel lets all of
its tracees go at once, running, stopped or waiting in vfork (kernel/ptrace.c, exit_ptrace). That is gentler than
PTRACE_INTERRUPT and PTRACE_DETACH, which make a blocked epoll_wait return EINTR and have to wait for a parent in vfork.
For the same reason nothing is interrupted at attach under scope birth: PTRACE_SEIZE itself switches the events on. A
stop is never consumed before it is answered (see ``libc.Waiter``), so an end by SIGKILL at any moment is harmless too.
"""

import errno
import os
import queue
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from contrace.capture import procfs
from contrace.capture.base import Command, Finished, Wanted
from contrace.capture.launch import Launched
from contrace.capture.ptrace import libc, seccomp
from contrace.capture.ptrace.calls import WantedCalls
from contrace.capture.ptrace.libc import PTRACE_SYSCALL, Waiter, request
from contrace.capture.ptrace.stops import Stops
from contrace.capture.ptrace.tasks import SKIPPED, Task, Tasks
from contrace.capture.targets import Target
from contrace.errors import AlreadyTraced, PermissionRefused, TargetNotFound
from contrace.records import Record

TICK_S = 0.05
"""Records reach the trace file at most this much later."""
_EARLY_NS = 100_000_000
"""A new task whose parent has not reported it within this time has lost its parent."""

_SYSCALL_STOP = signal.SIGTRAP | 0x80  # PTRACE_O_TRACESYSGOOD
_GROUP_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_CALL_KEY = struct.Struct("=4xI16xQ").unpack_from  # struct ptrace_syscall_info: arch, nr
_BIRTHS = (libc.PTRACE_EVENT_FORK, libc.PTRACE_EVENT_VFORK, libc.PTRACE_EVENT_CLONE)


class PtraceTracer:
    """See ``capture.base.Tracer``. One use only: start, batches, perhaps stop."""

    def __init__(self, wanted: Wanted, *, launches: bool) -> None:
        self.finished: Finished | None = None
        # A child that is not followed would keep the filter without a tracer; and stopping at every call needs none.
        self.indispensable = launches and wanted.use_filter and wanted.follow and wanted.calls is not None
        self.mode = _mode(wanted, launches=launches, filtered=self.indispensable)
        self._wanted = wanted
        self._tasks = Tasks()
        self._waiter = Waiter()
        self._queue: queue.SimpleQueue[list[Record] | BaseException | None] = queue.SimpleQueue()
        self._tick = False
        self._stopping = False
        self._command_pid = 0
        self._command_pidfd = -1
        self._options = libc.PTRACE_O_TRACESYSGOOD | libc.PTRACE_O_TRACEEXEC
        if wanted.follow:
            self._options |= libc.PTRACE_O_TRACEFORK | libc.PTRACE_O_TRACEVFORK | libc.PTRACE_O_TRACECLONE
        if self.indispensable:
            # Without its tracer, the command's wanted calls would fail with ENOSYS: it must not outlive contrace.
            self._options |= libc.PTRACE_O_TRACESECCOMP | libc.PTRACE_O_EXITKILL
        self._machine = os.uname().machine
        self._calls = WantedCalls(wanted.calls, self._machine)
        self._stops = Stops(wanted, self._calls, self._tasks, filtered=self.indispensable)

    # --- the consumer's side ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Nothing takes time."""

    def start(self, targets: tuple[Target, ...], command: Command | None) -> None:
        # A handler without SA_RESTART: the signal only serves to end a blocking waitid.
        signal.signal(signal.SIGUSR1, lambda _signo, _frame: None)
        if command is None:
            self._run_thread(lambda: self._attach(targets))
            return
        installer = None
        if self.indispensable:
            installer = seccomp.Installer(seccomp.program(self._calls.numbers()), self._machine)
        with Launched(command, installer) as launched:
            self._command_pid = launched.pid
            self._command_pidfd = os.pidfd_open(launched.pid)
            self._run_thread(lambda: self._launch(launched))
            launched.check_executed()

    def batches(self) -> Iterator[list[Record]]:
        while True:
            try:
                item = self._queue.get(timeout=TICK_S)
            except queue.Empty:
                self._wake()
                yield []
                continue
            if item is None:
                self._thread.join()
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        self._stopping = True
        self._wake()

    def signal(self, signo: int) -> None:
        # It may have ended, which the next batches tell.
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._command_pidfd, signo)

    def kill(self) -> None:
        for pid in {task.pid for task in list(self._tasks.by_tid.values())}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _wake(self) -> None:
        """Have the tracing thread hand over what it has; repeated every tick, since a signal that comes just before
        waitid is entered wakes nobody."""
        self._tick = True
        if self._thread.is_alive() and self._thread.ident is not None:
            signal.pthread_kill(self._thread.ident, signal.SIGUSR1)

    def _run_thread(self, begin: Callable[[], None]) -> None:
        def trace() -> None:
            try:
                begin()
                self._queue.put([])
                self._loop()
                self._hand_over()
                self._queue.put(None)
            except BaseException as failure:  # noqa: BLE001 - handed to the consumer, who raises it
                self._queue.put(failure)

        self._thread = threading.Thread(target=trace, name="tracer", daemon=True)
        self._thread.start()
        first = self._queue.get()
        if isinstance(first, BaseException):
            self._thread.join()
            raise first

    # --- the tracing thread: beginning --------------------------------------------------------------------

    def _attach(self, targets: tuple[Target, ...]) -> None:
        birth = self._wanted.scope == "birth"
        for target in targets:
            leader = procfs.status(target.pid)
            if leader is None:
                raise TargetNotFound(f"no process {target.pid} ({target.why}): it has ended")
            # A thread may start another before it is seized itself: look again until no new one appears.
            while new := [tid for tid in procfs.threads(target.pid) if tid not in self._tasks.by_tid]:
                seized = [self._seize(tid, target) for tid in new]
                for task in filter(None, seized):
                    task.manager, task.calls, task.stepping = birth, not birth, not birth
                    self._tasks.by_tid[task.tid] = task
                    self._stops.found(task, leader.ppid, "attach")
                    if task.stepping:
                        request(libc.PTRACE_INTERRUPT, task.tid, 0, 0)
                if not any(seized):
                    break
            if not self._tasks.of_process(target.pid):
                raise TargetNotFound(f"no process {target.pid} ({target.why}): it has ended")
        self._stops.note("attach", " ".join(f"{target.why}[{target.pid}]" for target in targets))

    def _seize(self, tid: int, target: Target) -> Task | None:
        """Seize one thread; None when it is gone or a zombie. Raises what keeps the target from being traced."""
        error = libc.seize(tid, self._options)
        status = procfs.status(tid)
        if error == 0 and status is not None:
            return Task(tid, target.pid, calls=False, manager=False, stepping=False, origin={}, comm=status.comm)
        if status is None or status.state in "ZX" or error == errno.ESRCH or status.tracer == os.getpid():
            return None
        if status.tracer:
            name = procfs.comm(status.tracer).decode("ascii", "backslashreplace")
            raise AlreadyTraced(
                f"{target.why}[{target.pid}] is already traced by {name!a}[{status.tracer}]; "
                "a process can have one tracer only: end that one first"
            )
        advice = "" if os.geteuid() == 0 else "run contrace as root, or "
        raise PermissionRefused(
            f"the kernel refuses to trace {target.why}[{target.pid}] ({os.strerror(error)}): {advice}"
            "see `contrace doctor` for what you may trace here"
        )

    def _launch(self, launched: Launched) -> None:
        pid = launched.pid
        error = libc.seize(pid, self._options)
        if error:
            raise PermissionRefused(
                f"the kernel refuses to trace a process of one's own ({os.strerror(error)}); see `contrace doctor`"
            )
        stepping = not self.indispensable
        task = Task(pid, pid, calls=True, manager=False, stepping=stepping, origin={}, comm=b"", launching=True)
        self._tasks.by_tid[pid] = task
        self._stops.found(task, os.getpid(), "run")
        if task.stepping:
            request(libc.PTRACE_INTERRUPT, pid, 0, 0)
        launched.go()

    # --- the tracing thread: the stop loop ----------------------------------------------------------------

    def _loop(self) -> None:
        """Wait for stops and answer them until nothing is left to trace or `stop` was called.

        The first branch is the hot one: under PTRACE_SYSCALL nineteen stops of twenty are of calls nobody wants.
        """
        wait = self._waiter.wait
        by_tid = self._tasks.by_tid
        stops = self._stops
        info, info_size, info_address = stops.info
        wanted, everything = self._calls.table, self._wanted.calls is None
        while not self._stopping:
            if self._tick:
                self._hand_over()
            code, tid, status = wait()
            if status == _SYSCALL_STOP and code == libc.CLD_TRAPPED:
                task = by_tid[tid]
                entry = task.entry
                if entry is SKIPPED:
                    task.entry = None
                elif entry is None:
                    request(libc.PTRACE_GET_SYSCALL_INFO, tid, info_size, info_address)
                    if _CALL_KEY(info) in wanted or everything:
                        stops.entered(task)
                    else:
                        task.entry = SKIPPED
                else:
                    stops.left(task)
                request(PTRACE_SYSCALL if task.stepping else task.resume, tid, 0, 0)
            elif code == libc.CLD_TRAPPED:
                self._stop(tid, status)
            elif tid:
                self._death(tid, code, status)
            elif status == errno.ECHILD:
                return

    def _stop(self, tid: int, status: int) -> None:
        """Any stop but a syscall-stop."""
        event, signo = status >> 8, status & 0xFF
        task = self._tasks.by_tid.get(tid)
        stops = self._stops
        if task is None:
            # A new task's first stop, before its parent's event: it waits for that to be known.
            self._waiter.consume(tid)
            self._tasks.early[tid] = stops.now()
            return
        if event == 0:
            stops.signalled(task, signo)
            request(task.resume, tid, 0, signo)
            return
        if event == libc.PTRACE_EVENT_SECCOMP:
            if task.calls and not task.stepping:
                stops.entered(task)
        elif event in _BIRTHS:
            child = stops.born(task, event)
            if child is not None and self._tasks.early.pop(child.tid, None) is not None:
                request(child.resume, child.tid, 0, 0)
        elif event == libc.PTRACE_EVENT_EXEC:
            # Until it has been waited for, the kernel refuses every request after an execve by a thread that is not the
            # leader: the tid might mean the old leader (kernel/ptrace.c, looks_like_a_spurious_pid).
            self._waiter.consume(tid)
            task = stops.executed(tid) or task
        elif event == libc.PTRACE_EVENT_STOP and signo in _GROUP_STOPS:
            stops.stopped(task, signo)
            request(libc.PTRACE_LISTEN, tid, 0, 0)
            return
        request(task.resume, tid, 0, 0)

    def _death(self, tid: int, code: int, status: int) -> None:
        self._waiter.reap(tid)
        self._tasks.early.pop(tid, None)
        exited = code == libc.CLD_EXITED
        task = self._tasks.by_tid.get(tid)
        if task is not None:
            self._stops.ended(task, status if exited else 0, 0 if exited else status, core=code == libc.CLD_DUMPED)
        if tid == self._command_pid:
            self.finished = Finished(status if exited else 0, 0 if exited else status)
        if not self._tasks.by_tid and not self._tasks.early:
            self._stopping = True

    def _hand_over(self) -> None:
        self._tick = False
        stops = self._stops
        overdue = stops.now() - _EARLY_NS
        for tid in [tid for tid, seen_ns in self._tasks.early.items() if seen_ns < overdue]:
            del self._tasks.early[tid]
            orphan = stops.orphan(tid)
            if orphan is not None:
                request(orphan.resume, tid, 0, 0)
        stops.announce_open()
        if stops.out:
            self._queue.put(stops.out)
            stops.out = []


def _mode(wanted: Wanted, *, launches: bool, filtered: bool) -> str:
    """What is watched, and how, in one line; it is shown with every capture."""
    calls = "every call" if wanted.calls is None else f"{len(wanted.calls)} calls"
    how = "only these calls stop it (seccomp filter)" if filtered else "every call stops it"
    if wanted.scope == "all":
        return f"ptrace, scope all: {calls} of every task; {how}"
    own = "" if launches else "its own threads by events only (clone, exec, exit); "
    what = "it" if launches else "what it starts"
    return f"ptrace, scope birth: {own}{calls} of {what} until the payload's execve, from then on events only"

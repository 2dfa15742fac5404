"""What each kind of stop means: reads the stopped task, updates its state, reports records.

Every method is called with the task stopped and returns; letting it run again is the loop's business
(``tracer.py``), except where the text says so. Order matters to readers: a call's Syscall comes before the Exec,
Identity or TaskExit that it brought about.
"""

import struct
import time

from contrace.capture import procfs
from contrace.capture.base import Wanted
from contrace.capture.identity import IdentityReader, rights
from contrace.capture.ptrace import clones, memory
from contrace.capture.ptrace.calls import WantedCalls
from contrace.capture.ptrace.libc import (
    PTRACE_EVENT_CLONE,
    PTRACE_EVENT_FORK,
    PTRACE_EVENT_VFORK,
    PTRACE_GET_SYSCALL_INFO,
    Requests,
    request,
)
from contrace.capture.ptrace.tasks import SKIPPED, Entry, Task, Tasks
from contrace.records import (
    Entered,
    Exec,
    Identity,
    Note,
    Record,
    Signal,
    Stopped,
    Syscall,
    TaskExit,
    TaskStart,
    Text,
)
from contrace.syscalls.rows import Option, Spec
from contrace.syscalls.specs import RIGHTS_CALLS

_ALL_NAMESPACES = len(procfs.NAMESPACES)

_BIRTH_CALLS = {PTRACE_EVENT_FORK: "fork", PTRACE_EVENT_VFORK: "vfork", PTRACE_EVENT_CLONE: "clone"}
_PR_SET_NAME = 15
_PR_SET_SECCOMP = 22
_SECCOMP_FILTER_FLAG_TSYNC = 1
_UNPACK_EXIT = struct.Struct("=24xqB").unpack_from  # rval, is_error
_UNPACK_ENTRY = struct.Struct("=4xI16x7Q").unpack_from  # arch, nr, args


class Stops:
    """Turns stops into records, in ``out``."""

    def __init__(self, wanted: Wanted, calls: WantedCalls, tasks: Tasks, *, filtered: bool) -> None:
        self.out: list[Record] = []
        self.tasks = tasks
        self._calls = calls
        self._birth = wanted.scope == "birth"
        self._filtered = filtered
        self._requests = Requests()
        self.info = self._requests.info, self._requests.info_size, self._requests.info_address
        self._identities = IdentityReader(filtered=filtered)
        self._last_ns = 0

    def now(self) -> int:
        """CLOCK_MONOTONIC, never twice the same."""
        self._last_ns = max(time.monotonic_ns(), self._last_ns + 1)
        return self._last_ns

    # --- births -----------------------------------------------------------------------------------------

    def found(self, task: Task, parent: int, call: str) -> None:
        """A task that existed before the capture ("attach") or that the capture launched ("run")."""
        identity, status = self._identities.take(self.now(), task.tid, task.pid, call)
        task.identity = identity
        task.origin = identity.namespaces
        task.comm = status.comm if status else task.comm
        self._started(task, parent, parent, call)

    def born(self, parent: Task, event: int) -> Task | None:
        """A fork, vfork or clone event of ``parent``: the new task, or None if nothing is known of it."""
        tid = self._requests.event_message(parent.tid)
        if not tid:
            return None
        entry, by_event = clones.call_of(parent, self._requests, self._calls, self.now())
        flags = clones.flags_of(entry)
        is_thread = bool(flags & clones.CLONE_THREAD)
        # What a manager starts is watched call by call; after the birth, the payload's processes like the payload.
        calls = parent.calls or (parent.manager and not is_thread)
        child = Task(
            tid=tid,
            pid=parent.pid if is_thread else tid,
            calls=calls,
            manager=parent.manager and is_thread,
            stepping=parent.stepping if parent.calls else calls and not self._filtered,
            origin=parent.origin,
            comm=parent.comm,
            rerooted=parent.rerooted,
            launching=parent.launching,
        )
        self.tasks.by_tid[tid] = child
        child.identity = self._at_birth(parent, child, flags)
        if entry is not None:
            if by_event:
                self._over(parent, entry, clones.pid_seen_by(parent, child), from_event=True)
            elif entry is parent.entry and event != PTRACE_EVENT_VFORK:
                self._cloned(parent, entry, clones.pid_seen_by(parent, child))
        self._started(child, parent.tid, parent.pid, _BIRTH_CALLS[event])
        return child

    def _at_birth(self, parent: Task, child: Task, flags: int) -> Identity:
        known = None if flags & clones.CLONE_NEW_ANY else self._known_namespaces(parent)
        model = parent.identity
        if known is not None and model is not None and model.nspids == (parent.tid,):
            return self._identities.inherit(self.now(), child.tid, child.pid, model)
        identity, _ = self._identities.take(self.now(), child.tid, child.pid, "start", known)
        return identity

    def _cloned(self, parent: Task, entry: Entry, result: int) -> None:
        """End the call at its event: nothing can fail after it and the kernel has written all that it returns
        (kernel/fork.c, kernel_clone). Only a vfork goes on, until the child has executed something or ended."""
        if entry.row is not None:
            entry.memory += memory.copy(parent.tid, entry.abi.word, entry.args, entry.row.copies, at_exit=True)
        self._over(parent, entry, result)
        parent.entry = SKIPPED if parent.stepping else None

    def orphan(self, tid: int) -> Task | None:
        """A new task whose parent died before it could report the birth; None if it is gone as well."""
        status = procfs.status(tid)
        if status is None:
            return None
        kin = self.tasks.of_process(status.tgid) or self.tasks.of_process(status.ppid)
        child = Task(
            tid=tid,
            pid=status.tgid,
            calls=kin[0].calls if kin else True,
            manager=False,
            stepping=kin[0].stepping if kin else not self._filtered,
            origin=kin[0].origin if kin else {},
            comm=status.comm,
        )
        self.tasks.by_tid[tid] = child
        child.identity, _ = self._identities.take(self.now(), tid, child.pid, "start")
        self._started(child, status.ppid, status.ppid, "clone")
        return child

    def _started(self, task: Task, parent_tid: int, parent_pid: int, call: str) -> None:
        identity = task.identity
        nspids = identity.nspids if identity else None
        self.out.append(
            TaskStart(
                time_ns=self.now(),
                tid=task.tid,
                pid=task.pid,
                parent_tid=parent_tid,
                parent_pid=parent_pid,
                comm=task.comm,
                nspids=nspids or (task.tid,),
                call=call,
                watched=task.watched,
            )
        )
        if identity:
            self.out.append(identity)

    def _known_namespaces(self, task: Task) -> dict[str, int] | None:
        """The namespaces of a task watched call by call, and of what it starts or executes, where they cannot have
        changed since its last identity was taken; None: they must be read."""
        known = task.identity.namespaces if task.identity else {}
        if not task.calls or len(known) < _ALL_NAMESPACES:
            return None
        # A child, or for time an execve as well, may be in another one (pid_namespaces(7), time_namespaces(7)).
        moves = known["pid"] != known["pid_for_children"] or known["time"] != known["time_for_children"]
        return None if moves else known

    # --- calls ------------------------------------------------------------------------------------------

    def entered(self, task: Task) -> None:
        """A syscall-entry-stop or seccomp event: sets ``task.entry``."""
        requests = self._requests
        if request(PTRACE_GET_SYSCALL_INFO, task.tid, requests.info_size, requests.info_address) <= 0:
            return  # killed meanwhile
        arch, nr, *args = _UNPACK_ENTRY(requests.info)
        call = self._calls.look_up(arch, nr)
        if call is None or (task.launching and call.name not in ("execve", "execveat")):
            task.entry = SKIPPED
            return
        task.launching = False
        row: Spec | Option | None = call.row
        identity = call.identity
        if call.row is not None and call.row.options is not None:
            option = call.row.options.get(args[0] & 0xFFFFFFFF)
            row = option or call.row
            identity = option is not None and option.identity
        values = (args[0], args[1], args[2], args[3], args[4], args[5])
        copies = memory.copy(task.tid, call.abi.word, values, row.copies, at_exit=False) if row else ()
        # The time is taken last: reading memory is contrace's own delay, not the call's.
        now = self.now()
        task.entry = Entry(
            now, call.abi, call.nr, call.name, values, row, copies, task.comm, False, call.recorded, identity
        )

    def left(self, task: Task) -> None:
        """The syscall-exit-stop of a wanted call: clears ``task.entry``."""
        now = self.now()
        entry = task.entry
        if not isinstance(entry, Entry):
            return
        task.entry = None
        requests = self._requests
        if request(PTRACE_GET_SYSCALL_INFO, task.tid, requests.info_size, requests.info_address) <= 0:
            task.entry = entry  # killed meanwhile: its death ends the call
            return
        result, failed = _UNPACK_EXIT(requests.info)
        row = entry.row
        if row is not None and not failed:
            entry.memory += memory.copy(task.tid, entry.abi.word, entry.args, row.copies, at_exit=True)
        self._over(task, entry, result, end_ns=now)
        if not failed:
            self._changed(task, entry)

    def _changed(self, task: Task, entry: Entry) -> None:
        """What a successful call changed about its task."""
        option = entry.args[0] & 0xFFFFFFFF if entry.name == "prctl" else -1
        if option == _PR_SET_NAME and entry.memory and isinstance(name := entry.memory[0], Text):
            task.comm = name.data[:15]
        elif entry.name == "seccomp" or option == _PR_SET_SECCOMP:
            # Its own filter may now refuse calls before contrace's filter sees them; SECCOMP_FILTER_FLAG_TSYNC
            # extends it to every thread.
            for thread in self.tasks.of_process(task.pid):
                thread.stepping = thread.calls
        if entry.identity:
            before = task.identity.namespaces if task.identity else {}
            of_rights = entry.name in RIGHTS_CALLS
            known = self._known_namespaces(task) if of_rights else None
            now, _ = self._identities.take(self.now(), task.tid, task.pid, entry.name, known)
            if entry.name == "seccomp" and entry.args[1] & _SECCOMP_FILTER_FLAG_TSYNC:
                self.tasks.share_filter(task, now)
            if of_rights and task.identity and rights(now) == rights(task.identity):
                return
            task.identity = now
            self.out.append(now)
            here = task.identity.namespaces
            if entry.name in ("pivot_root", "chroot") and here.get("mnt") != task.origin.get("mnt"):
                task.rerooted = True
            elif entry.name == "setns" and here.get("mnt") != before.get("mnt"):
                task.rerooted = True  # joining a mount namespace changes the root to that of its owner (setns(2))

    def _over(
        self, task: Task, entry: Entry, result: int | None, *, end_ns: int | None = None, from_event: bool = False
    ) -> None:
        if not entry.recorded:
            return
        self.out.append(
            Syscall(
                time_ns=entry.time_ns,
                tid=task.tid,
                pid=task.pid,
                end_ns=end_ns or (entry.time_ns if from_event else self.now()),
                comm=entry.comm,
                abi=entry.abi,
                nr=entry.nr,
                args=entry.args,
                result=result,
                memory=entry.memory,
                from_event=from_event,
            )
        )

    def announce_open(self) -> None:
        """Report the calls that have not returned yet, each once."""
        for task in self.tasks.by_tid.values():
            entry = task.entry
            if isinstance(entry, Entry) and entry.recorded and not entry.announced:
                entry.announced = True
                self.out.append(
                    Entered(
                        time_ns=entry.time_ns,
                        tid=task.tid,
                        pid=task.pid,
                        comm=entry.comm,
                        abi=entry.abi,
                        nr=entry.nr,
                        args=entry.args,
                        memory=entry.memory,
                    )
                )

    # --- the life of tasks ------------------------------------------------------------------------------

    def executed(self, tid: int) -> Task | None:
        """An exec event. The task that executed has the leader's tid from here on; the old leader is gone."""
        former_tid = self._requests.event_message(tid) or tid
        by_tid = self.tasks.by_tid
        task = by_tid.get(former_tid) or by_tid.get(tid)
        if task is None:
            return None
        if former_tid != tid:
            superseded = by_tid.get(tid)
            if superseded is not None:
                self.ended(superseded, 0, 0, core=False, superseded_by=former_tid)
            by_tid.pop(former_tid, None)
        entry = task.entry
        if isinstance(entry, Entry):
            # It succeeded. The exit stop that follows under PTRACE_SYSCALL tells nothing more.
            self._over(task, entry, 0)
        by_event = not isinstance(entry, Entry)
        task.entry = SKIPPED if task.stepping else None
        task.tid = tid
        by_tid[tid] = task
        known = self._known_namespaces(task)
        task.identity, status = self._identities.take(self.now(), tid, task.pid, "exec", known)
        task.comm = status.comm if status else task.comm
        born = self._birth and task.calls and task.is_payload()
        if born:
            task.calls = task.stepping = False
            task.entry = None
            self._relax(status.ppid if status else 0)
        self.out.append(
            Exec(
                time_ns=self.now(),
                tid=tid,
                pid=task.pid,
                exe=task.identity.exe or b"",
                comm=task.comm,
                argv=procfs.cmdline(tid),
                former_tid=former_tid,
                watched=task.watched,
                from_event=by_event,
            )
        )
        self.out.append(task.identity)
        if born:
            self.out.append(
                Note(
                    time_ns=self.now(),
                    tid=tid,
                    pid=task.pid,
                    topic="birth",
                    text="the payload runs in its new namespaces; it and the processes above it go on by events only",
                )
            )
        return task

    def _relax(self, pid: int) -> None:
        """From now on, watch the processes above a payload (its shim, a runtime in the foreground) as managers: by
        events, and what they start call by call. A shim copies its container's output, and would slow it for ever."""
        while (above := self.tasks.of_process(pid)) and above[0].calls:
            for task in above:
                task.calls = task.stepping = False
                task.manager = True
            status = procfs.status(pid)
            pid = status.ppid if status else 0

    def ended(self, task: Task, status: int, signal: int, *, core: bool, superseded_by: int = 0) -> None:
        if isinstance(task.entry, Entry):
            self._over(task, task.entry, None)
        self.out.append(
            TaskExit(
                time_ns=self.now(),
                tid=task.tid,
                pid=task.pid,
                status=status,
                signal=signal,
                core=core,
                superseded_by=superseded_by,
            )
        )
        self.tasks.by_tid.pop(task.tid, None)

    def signalled(self, task: Task, signo: int) -> None:
        self.out.append(
            Signal(
                time_ns=self.now(),
                tid=task.tid,
                pid=task.pid,
                signo=signo,
                siginfo=self._requests.siginfo(task.tid),
            )
        )

    def stopped(self, task: Task, signo: int) -> None:
        self.out.append(Stopped(time_ns=self.now(), tid=task.tid, pid=task.pid, signo=signo))

    def note(self, topic: str, text: str) -> None:
        self.out.append(Note(time_ns=self.now(), tid=0, pid=0, topic=topic, text=text))

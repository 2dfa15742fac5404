"""How a container is made: three processes, each a few steps, in the order in which runc takes them.

::

    contrace            ──fork──► cont:[0:PARENT] ──fork──► cont:[1:CHILD] ──fork──► cont:[2:INIT] ──execve──► payload
    makes cgroups, waits          writes the id maps        makes the namespaces     pid 1 in them

Three, because unshare(CLONE_NEWPID) puts only the next child into the new PID namespace, and because somebody outside
a user namespace has to say who is who in it. PARENT and CHILD end when INIT is there; INIT is then the child of
contrace, who is their subreaper (prctl(2)). Each names itself, as ps and every tracer show it.

No stage imports anything: all that they need was loaded before the first fork. What fails in a stage goes through a
pipe to contrace and is raised there.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from contrace.errors import CommandNotStarted, ContraceError, ExitCode
from contrace.runtime import devices, libc, namespaces, payload, rootfs, security
from contrace.runtime.attempt import attempt
from contrace.runtime.bundle import Bundle
from contrace.runtime.cgroups import Groups, mount_in
from contrace.runtime.pipes import Pipe
from contrace.runtime.roots import RootSource

if TYPE_CHECKING:
    from contrace.runtime.gate import Gate
    from contrace.runtime.seccomp import Filter
    from contrace.runtime.terminal import Sender

PARENT, CHILD, INIT = "cont:[0:PARENT]", "cont:[1:CHILD]", "cont:[2:INIT]"
_LONGEST_MESSAGE = 3000
_END_SECONDS = 1.0
"""How long a stage that has failed may take to end."""
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class Plan(msgspec.Struct, frozen=True):
    """What the stages have to know; made before the first fork."""

    bundle: Bundle
    root: RootSource
    mount_point: str
    """A directory of ours, to make the root on if it is made."""
    groups: Groups
    seccomp: "Filter | None" = None
    gate: "Gate | None" = None
    """Where the payload waits for `start`. None: it waits for `Birth.start`."""
    console: "Sender | None" = None
    """Where the container's terminal is sent to."""


class Birth:
    """One container's making, seen from contrace; the stages are methods of it, too, and run in their own processes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._spec = plan.bundle.spec
        self._up, self._down = Pipe(), Pipe()  # the stages to contrace, contrace to the stage that waits
        self._child_up, self._child_down = Pipe(), Pipe()  # CHILD to PARENT, PARENT to CHILD
        self._is_ending = False
        """A stage has said what failed, and ends by itself."""
        self._watched = -1
        """A pidfd of the stage whose end would be noticed."""
        self.init = 0
        """Pid of INIT, as the host numbers it, once `unshare` has returned."""

    # --- contrace itself --------------------------------------------------------------------------------

    def begin(self) -> int:
        """Start PARENT, which waits; returns its pid. What is to be inherited by all is done to it now."""
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
        self._parent = self._fork(PARENT, self._be_parent)
        self._up.only_hear()
        self._down.only_say()
        self._child_up.close()
        self._child_down.close()
        self._watched = os.pidfd_open(self._parent)
        return self._parent

    def unshare(self) -> int:
        """Let PARENT and CHILD do their part; returns the pid of INIT, which waits."""
        self._tell("unshare")
        self.init = self._expect("init")
        os.close(self._watched)
        self._watched = os.pidfd_open(self.init)
        os.waitpid(self._parent, 0)
        return self.init

    def set_up(self) -> None:
        """Let INIT make everything inside, up to the payload's execve."""
        self._tell("set up")
        self._expect("ready")

    def start(self) -> None:
        """Let INIT become the payload; returns when it has (or has died: its exit status tells)."""
        self._tell("start")
        kind, value = self._up.hear()
        if kind == "error":
            self._raise(value)

    def abandon(self) -> None:
        """End the stages and reap them, whatever they do."""
        self._down.close()  # whoever waits ends at this
        if self.init and not (self._is_ending and select.select([self._watched], [], [], _END_SECONDS)[0]):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watched, signal.SIGKILL)
        self.close()
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    def close(self) -> None:
        """Have no more to do with the stages, which can go on."""
        self._up.close()
        self._down.close()
        if self._watched >= 0:
            os.close(self._watched)
            self._watched = -1

    def _tell(self, kind: str) -> None:
        with suppress(BrokenPipeError):  # the stage has ended; its message or its status says why
            self._down.say(kind)

    def _expect(self, expected: str) -> Any:  # noqa: ANN401 (what the stage said)
        # The stage's own end is watched, too: one that is killed leaves another that waits with the pipe open.
        select.select([self._up.fileno(), self._watched], [], [])
        heard = select.select([self._up.fileno()], [], [], 0)[0]
        said: tuple[str, Any] = self._up.hear() if heard else ("", None)
        kind, value = said
        if kind == "error":
            self._raise(value)
        if kind != expected:
            stage = INIT if self.init else PARENT
            raise ContraceError(f"the container was not made: {stage} {_end_of(self.init or self._parent)}")
        return value

    def _raise(self, value: tuple[str, int]) -> NoReturn:
        message, code = value
        self._is_ending = True
        if code in (ExitCode.NOT_EXECUTABLE, ExitCode.NOT_FOUND):
            raise CommandNotStarted(message, found=code == ExitCode.NOT_EXECUTABLE)
        error = ContraceError(message)
        error.exit_code = ExitCode(code)
        raise error

    # --- cont:[0:PARENT] --------------------------------------------------------------------------------

    def _be_parent(self) -> None:
        self._up.only_say()
        self._down.only_hear()
        self._wait_for("unshare")  # in the cgroups by now, which the other stages inherit
        libc.set_name(PARENT)
        if self._spec.process.oom_score_adj is not None:
            with attempt("set process.oomScoreAdj"), open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(self._spec.process.oom_score_adj))
        child = self._fork(CHILD, self._be_child)
        self._child_up.only_hear()
        self._child_down.only_say()
        kind, value = self._child_up.hear()
        if kind == "map ids":
            namespaces.map_ids(child, self._spec.linux)
            self._child_down.say("mapped")
            kind, value = self._child_up.hear()
        end = _end_of(child)
        if kind != "init":
            raise ContraceError(f"the container was not made: {CHILD} {end}")
        self._up.say("init", value)

    # --- cont:[1:CHILD] ---------------------------------------------------------------------------------

    def _be_child(self) -> None:
        libc.set_name(CHILD)
        self._child_up.only_say()
        self._child_down.only_hear()
        linux = self._spec.linux
        namespaces.join(linux)
        if linux.makes("user"):
            namespaces.make_user_namespace()
            self._child_up.say("map ids")
            self._wait_for("mapped", self._child_down)
            namespaces.become_root()
        namespaces.make(linux)
        self._child_up.say("init", self._fork(INIT, self._be_init))

    # --- cont:[2:INIT] ----------------------------------------------------------------------------------

    def _be_init(self) -> None:
        libc.set_name(INIT)
        self._child_up.close()
        self._child_down.close()
        self._wait_for("set up")
        spec, linux, process = self._spec, self._spec.linux, self._spec.process
        namespaces.hide_from_others(linux)
        os.setsid()
        security.leave_session_keyring()
        if linux.makes("cgroup"):
            namespaces.make_cgroup_namespace()
        if linux.makes("network"):
            namespaces.bring_loopback_up()

        if linux.makes("mount"):
            self._make_root()
        os.umask(0o022)

        namespaces.set_names(spec.hostname, spec.domainname)
        security.make_readonly(linux.readonly_paths)
        security.mask(linux.masked_paths)

        security.set_limits(process.rlimits)
        if process.no_new_privileges:
            security.give_up_new_privileges()
        elif self._plan.seccomp is not None:
            self._plan.seccomp.load()  # needs CAP_SYS_ADMIN without no_new_privs, so before capabilities are dropped
        payload.change_directory(process.cwd)
        security.become(process.user, process.capabilities)
        program = payload.find_program(process)
        libc.close_on_exec_from(3)

        self._up.say("ready")
        reply = self._wait_for_start()
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        try:
            if process.no_new_privileges and self._plan.seccomp is not None:
                self._plan.seccomp.load()  # as late as can be: what follows has to be allowed by the profile
            payload.execute(program, process)
        except ContraceError as error:
            reply(str(error), error.exit_code)
            os._exit(error.exit_code)

    def _make_root(self) -> None:
        spec, linux = self._spec, self._spec.linux
        rootfs.detach_from_host(linux.rootfs_propagation)
        root = rootfs.bind_root(self._plan.root.make(self._plan.mount_point))
        for mount in spec.mounts:
            if mount.type == "cgroup":
                mount_in(root, mount, self._plan.groups, own_namespace=linux.namespace("cgroup") is not None)
            else:
                rootfs.make_mount(root, mount, self._plan.bundle.directory)
        devices.populate(root, spec)
        rootfs.pivot(root)
        if self._plan.console is not None:
            self._plan.console.open_inside(spec.process.console_size)
        rootfs.set_propagation(linux.rootfs_propagation)
        if spec.root is not None and spec.root.readonly:
            rootfs.make_readonly()

    def _wait_for_start(self) -> Callable[[str, int], None]:
        """Wait until the payload may begin; returns where to report that it could not."""
        if self._plan.gate is None:
            self._wait_for("start")
            return self._report
        self._up.close()
        self._down.close()
        return self._plan.gate.wait()

    # --- every stage ------------------------------------------------------------------------------------

    def _fork(self, name: str, stage: Callable[[], None]) -> int:
        """Fork a child that does the stage, reports what failed, and ends; returns its pid."""
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            _forget_handlers()
            stage()
            status = 0
        except ContraceError as error:
            self._report(str(error), error.exit_code)
        except OSError as error:
            self._report(f"{name}: {error}", ExitCode.FAILURE)
        finally:
            bug = sys.exc_info()
            if bug[0] is not None:
                sys.excepthook(*bug)
            os._exit(status)

    def _report(self, message: str, code: int) -> None:
        try:
            self._up.say("error", (message[:_LONGEST_MESSAGE], int(code)))
        except BrokenPipeError:
            os._exit(1)  # contrace is gone: nobody is there to be told

    def _wait_for(self, expected: str, pipe: Pipe | None = None) -> None:
        """Wait for the word to go on; without it, whoever would give it has died, and this stage ends."""
        kind, _ = (pipe or self._down).hear()
        if kind != expected:
            os._exit(1)


def _forget_handlers() -> None:
    """A stage, and the payload after it, has the signals as they were before contrace set handlers for itself."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def _end_of(pid: int) -> str:
    """Reap a child; says how it ended."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"

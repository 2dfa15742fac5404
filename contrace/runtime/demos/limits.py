"""``limits``: what a container may not do, although it is root."""

import os
import shutil
from dataclasses import dataclass

import msgspec

from contrace.errors import ContraceError
from contrace.runtime import roots
from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage, shared
from contrace.runtime.demos.userns import with_user_namespace
from contrace.runtime.spec import Mount, Seccomp, SeccompSyscall, Spec, User

_ORDINARY = 1000  # any id but 0
_PROFILE = Seccomp(
    default_action="SCMP_ACT_ALLOW",
    syscalls=(SeccompSyscall(names=("sethostname",), action="SCMP_ACT_ERRNO", errno_ret=1),),
)


def _capabilities(stage: Stage) -> None:
    stage.container("sh", "-c", "id -u; hostname other; chroot / true; grep CapEff /proc/self/status")


def _seccomp(stage: Stage) -> None:
    def change(spec: Spec) -> Spec:
        own = with_user_namespace(spec)
        return msgspec.structs.replace(own, linux=msgspec.structs.replace(own.linux, seccomp=_PROFILE))

    line = "grep CapEff /proc/self/status; hostname other; grep Seccomp: /proc/self/status"
    stage.container("sh", "-c", line, change=change)


def _no_new_privs(stage: Stage) -> None:
    if not stage.is_root:
        stage.container("grep", "NoNewPrivs", "/proc/self/status")
        stage.say("(as root this would show a set-user-ID program, with no_new_privs and without)")
        return
    program = shutil.which("id")
    if program is None:
        raise ContraceError("there is no program id on this machine")
    with shared("/shared") as (folder, _):
        os.chmod(folder, 0o700)  # no one else on the host may get at a set-user-ID file
        copy = shutil.copy(program, os.path.join(folder, "suid-id"))
        os.chmod(copy, 0o4755)
        for refused in (True, False):
            stage.say(f"noNewPrivileges: {str(refused).lower()}")
            stage.container("/suid-id", change=_SetUserId(copy, refused), root=roots.Host())


@dataclass(frozen=True, slots=True)
class _SetUserId:
    """An ordinary user's container with a set-user-ID program in it."""

    program: str
    no_new_privileges: bool

    def __call__(self, spec: Spec) -> Spec:
        mount = Mount(destination="/suid-id", type="bind", source=self.program, options=("bind", "ro"))
        user = User(uid=_ORDINARY, gid=_ORDINARY)
        process = msgspec.structs.replace(spec.process, user=user, no_new_privileges=self.no_new_privileges)
        return msgspec.structs.replace(spec, process=process, mounts=(*spec.mounts, mount))


ACTS = (
    Act(
        "Capabilities",
        "Root's power is divided into capabilities(7), and a container's root has few of them. It cannot change the\n"
        "host's name for lack of CAP_SYS_ADMIN, nor its root for lack of CAP_SYS_CHROOT: EPERM.",
        _capabilities,
    ),
    Act(
        "Seccomp",
        "This one has every capability over its namespaces, but a filter sees each call before the kernel does it,\n"
        "and answers sethostname with EPERM: the same errno, but no capability was asked for.",
        _seccomp,
    ),
    Act(
        "No new privileges",
        "A program that belongs to root and has the set-user-ID bit makes whoever runs it root, unless\n"
        "prctl(PR_SET_NO_NEW_PRIVS) was called before: then the bit is ignored.",
        _no_new_privs,
    ),
)

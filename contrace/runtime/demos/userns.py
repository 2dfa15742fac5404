"""``userns``: root inside, nobody special outside."""

import os

import msgspec

from contrace.runtime.bundle import default
from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage, shared
from contrace.runtime.spec import Capabilities, IdMapping, Spec
from contrace.syscalls.flags.capability import CAPABILITY

_FIRST, _COUNT = 100_000, 65_536  # as useradd(8) gives out ranges of subordinate ids
_ALL = tuple(name for name, _ in CAPABILITY.entries)


def with_user_namespace(spec: Spec, first: int = _FIRST) -> Spec:
    """The same container in a user namespace, and with every capability in it; of root's, ids begin at ``first``."""
    own = default(spec.process.args, terminal=False, user_namespace=True)
    linux = own.linux
    if os.geteuid() == 0:
        ids = (IdMapping(container_id=0, host_id=first, size=_COUNT),)
        linux = msgspec.structs.replace(linux, uid_mappings=ids, gid_mappings=ids)
    capabilities = Capabilities(bounding=_ALL, effective=_ALL, permitted=_ALL)
    process = msgspec.structs.replace(own.process, capabilities=capabilities)
    return msgspec.structs.replace(own, linux=linux, process=process)


def _root_inside(stage: Stage) -> None:
    stage.container(
        "sh",
        "-c",
        "id; cat /proc/self/uid_map; hostname kingdom; hostname; mknod /dev/disk b 8 0; mount -t ext4 none /tmp",
        change=with_user_namespace,
    )


def _nobody_outside(stage: Stage) -> None:
    with shared("/shared") as (folder, change):
        os.chmod(folder, 0o777)
        stage.container("sh", "-c", ": > /shared/file; ls -ln /shared", change=lambda s: change(with_user_namespace(s)))
        stage.say("the same directory on the host:")
        stage.outside("ls", "-ln", folder)


ACTS = (
    Act(
        "Root inside",
        "In its user namespace it is uid 0 with every capability: it may name its machine. What belongs to the real\n"
        "machine, such as a disk, it may not touch: EPERM, whatever its capabilities.",
        _root_inside,
    ),
    Act(
        "Nobody special outside",
        "A file that root makes inside belongs to an ordinary id outside: uid_map says to which.",
        _nobody_outside,
    ),
)

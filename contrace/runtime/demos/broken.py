"""``broken``: containers that do not start."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage, shared
from contrace.runtime.demos.userns import with_user_namespace
from contrace.runtime.spec import Mount, Spec

_SCRIPTS = {
    "not-executable.sh": ("#!/bin/sh\necho hello\n", 0o644),
    "crlf.sh": ("#!/bin/sh\r\necho hello\r\n", 0o755),
    "no-interpreter.sh": ("#!/opt/python/bin/python\nprint('hello')\n", 0o755),
}


def _start(*argv: str) -> Callable[[Stage], None]:
    """Start a container with a command from /broken."""

    def play(stage: Stage) -> None:
        with shared("/broken") as (folder, change):
            for name, (text, mode) in _SCRIPTS.items():
                path = Path(folder, name)
                path.write_text(text, newline="")
                os.chmod(path, mode)
            stage.container(*argv, change=change, expect=True)

    return play


def _mount_refused(stage: Stage) -> None:
    def change(spec: Spec) -> Spec:
        disk = Mount(destination="/data", type="ext4", source="/dev/sda")
        own = with_user_namespace(spec)
        return msgspec.structs.replace(own, mounts=(*own.mounts, disk))

    stage.container("true", change=change, expect=True)


ACTS = (
    Act(
        "The entrypoint is missing",
        "A shell is told to run what is not there: execve fails with ENOENT, and the shell ends with 127.",
        _start("sh", "-c", "exec /broken/missing"),
    ),
    Act(
        "The entrypoint is missing, and the runtime looks first",
        "The same without a shell around it: INIT looks for the program itself, and gives up before any execve. What\n"
        "a trace shows is what is not there: an INIT that ends without having become anything.",
        _start("/broken/missing"),
    ),
    Act(
        "The entrypoint is not executable",
        "The file is there, but has no x in its mode: EACCES, and 126.",
        _start("sh", "-c", "exec /broken/not-executable.sh"),
    ),
    Act(
        "A script from Windows",
        "Its first line is `#!/bin/sh` and a carriage return, so the kernel looks for an interpreter of that name:\n"
        "ENOENT, although the script itself is there. Few messages mislead more.",
        _start("/broken/crlf.sh"),
    ),
    Act(
        "The interpreter is missing",
        "The same ENOENT for a script whose interpreter is not in the image.",
        _start("/broken/no-interpreter.sh"),
    ),
    Act(
        "A mount is refused",
        "In a user namespace only few file systems may be mounted, and a disk's is none of them: EPERM from mount,\n"
        "and the container ends before it began.",
        _mount_refused,
    ),
)

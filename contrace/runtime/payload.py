"""The payload: where it begins, which program it is, what it finds in its environment, and the execve at the end."""

import errno
import os

from contrace.errors import CommandNotStarted
from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.spec import Process

_MOST_INTERPRETERS = 5  # execve(2): BINPRM_MAX_RECURSION
_FIRST_LINE = 256  # include/uapi/linux/binfmts.h: BINPRM_BUF_SIZE


def change_directory(path: str) -> None:
    """``cwd``: as the kernel resolves it, without the magic links of /proc, through which the host could be reached."""
    with attempt(f"enter the directory {path!r} (process.cwd)"):
        descriptor = libc.openat2(libc.AT_FDCWD, path, os.O_PATH | os.O_DIRECTORY, libc.RESOLVE_NO_MAGICLINKS)
        os.fchdir(descriptor)
        os.close(descriptor)


def find_program(process: Process) -> str:
    """Where ``args[0]`` is, as a shell looks for it in the container's PATH. Raises CommandNotStarted."""
    name = process.args[0]
    if "/" in name:
        candidates = [name]
    else:
        path = next((entry[5:] for entry in process.env if entry.startswith("PATH=")), os.defpath)
        candidates = [os.path.join(directory or ".", name) for directory in path.split(":")]
    there = [candidate for candidate in candidates if os.path.exists(candidate) and not os.path.isdir(candidate)]
    runnable = [candidate for candidate in there if os.access(candidate, os.X_OK, effective_ids=True)]
    if runnable:
        _refuse_own_interpreter(runnable[0])
        return runnable[0]
    if there:
        raise CommandNotStarted(f"cannot execute {there[0]!r} in the container: Permission denied", found=True)
    where = "" if "/" in name else f" in its PATH, {path}"
    raise CommandNotStarted(f"cannot execute {name!r} in the container: there is no such program{where}", found=False)


def _refuse_own_interpreter(program: str) -> None:
    """Refuse a payload that is this process's own program, which is a file of the host (CVE-2019-5736).

    /proc/self/exe as program, or as interpreter of a script, would run it with libraries of the container, which could
    then write to it.
    """
    own = os.stat("/proc/self/exe") if os.path.exists("/proc/self/exe") else None
    for _ in range(_MOST_INTERPRETERS):
        with open(program, "rb") as file:
            if own and os.path.samestat(own, os.fstat(file.fileno())):
                raise CommandNotStarted(f"cannot execute {program!r}: it leads to a file of the host", found=True)
            line = file.read(_FIRST_LINE).split(b"\n", 1)[0]
        interpreter = line[2:].split(maxsplit=1)[:1] if line.startswith(b"#!") else []
        if not interpreter or not os.path.exists(interpreter[0]):
            return
        program = os.fsdecode(interpreter[0])


def environment(process: Process) -> dict[str, str]:
    """``env``, and HOME as /etc/passwd has it where it is not set, as every runtime does."""
    found = dict(entry.split("=", 1) for entry in process.env if "=" in entry)
    found.setdefault("HOME", _home(process.user.uid))
    return found


def _home(uid: int) -> str:
    try:
        with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
            users = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        users = []  # a root file system may do without users
    return next((fields[5] for fields in users if len(fields) > 5 and fields[2] == str(uid)), "/")


def execute(program: str, process: Process) -> None:
    """execve(2): the last step. Returns only by raising CommandNotStarted."""
    try:
        os.execve(program, process.args, environment(process))
    except OSError as error:
        missing = ": the interpreter that it names is missing" if error.errno == errno.ENOENT else ""
        raise CommandNotStarted(
            f"cannot execute {program!r} in the container: {error.strerror}{missing}", found=True
        ) from error

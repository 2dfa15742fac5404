"""``twins``: one process and one file, from two sides."""

import os
import pwd
import time
from pathlib import Path

from contrace.errors import ContraceError
from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage, shared

_PATIENCE_S = 10.0
_WATCH = "exec watch -n 1000 'ps > /shared/ps; : > /shared/ready' > /dev/null"
_SLEEP = "ps > /shared/ps; : > /shared/ready; exec sleep 1000"
"""Where watch is procps's, which wants a terminal."""


def _twins(stage: Stage) -> None:
    with shared("/shared") as (folder, change):
        file = Path(folder, "file")
        file.write_text("who owns me?\n")
        if stage.is_root:
            os.chown(file, *_somebody())
        os.chmod(folder, 0o777)
        stage.say("inside:")
        last = _WATCH if stage.has_busybox else _SLEEP
        with stage.living_container("sh", "-c", f"id; ls -l /shared; {last}", change=change) as init:
            _await(Path(folder, "ready"))
            stage.say(Path(folder, "ps").read_text().rstrip("\n"))
            stage.say("outside:")
            stage.outside("ls", "-l", folder)
            stage.say("    PID USER     COMMAND")
            stage.say(_line(init))
            for name, shown in _status(init).items():
                stage.say(f"/proc/{init}/status: {name}: {shown}")


def _somebody() -> tuple[int, int]:
    """A user who has a name on the host and none inside: the first normal one, else daemon."""
    try:
        entry = pwd.getpwuid(1000)
    except KeyError:
        entry = pwd.getpwnam("daemon")
    return entry.pw_uid, entry.pw_gid


def _await(file: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not file.exists():
        if time.monotonic() > deadline:
            raise ContraceError("the container did not come to life in time")
        time.sleep(0.01)


def _line(pid: int) -> str:
    uid = int(_status(pid)["Uid"].split()[0])
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return f"{pid:>7} {user:<8} {b' '.join(argv).decode('ascii', 'backslashreplace')}"


def _status(pid: int) -> dict[str, str]:
    """What proc_pid_status(5) says of who it is and which numbers it has, the host's first."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {name: fields[name] for name in ("Uid", "NSpid")}


ACTS = (
    Act(
        "Two views of one thing",
        "The container's first process, a `watch ps`, has two numbers: NSpid in /proc/PID/status has both. The file\n"
        "has one owner, a number; whether it has a name depends on who looks, and into which /etc/passwd.",
        _twins,
    ),
)

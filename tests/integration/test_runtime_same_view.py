"""The same bundle, run by runc, crun and contrace: what the payload sees is the same."""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Runtime, make_bundle
from tests.managers.fixtures import need
from tests.managers.host import NAME
from tests.managers.runtimes import Runtimes

LOOKS = {
    "ps": "ps -o pid,ppid,user,args",
    "id": "id",
    "hostname": "hostname",
    "mount": "mount",
    "status": "grep -E '^(Cap|Seccomp|NoNewPrivs|Groups|Uid|Gid|Umask)' /proc/self/status",
    "ulimit": "ulimit -a",
    "cgroup": "cat /proc/self/cgroup",
    "maps": "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups",
    "dev": "ls -l /dev /dev/pts | grep -v total | tr -s ' ' | cut -d ' ' -f 1-6,10-",
    "environment": "env | sort",
    "directory": "pwd",
    "files": "ls /proc/self/fd",
    "network": "ip link show lo | head -n 1",
    "session": "cut -d ' ' -f 5-6 /proc/1/stat",
    "oom": "cat /proc/self/oom_score_adj",
    "masked": "cat /proc/keys /proc/timer_list | head -c 1 | wc -c; ls /proc/acpi /sys/firmware | wc -l",
    "readonly": "for f in /proc/sys/kernel/domainname /etc/x /sys/x; do : > $f || echo refused; done 2>/dev/null",
}
"""What the payload is asked to look at; each is compared."""

SCRIPT = "\n".join(f"echo '=== {name}'; {command}" for name, command in LOOKS.items())

View = dict[str, list[str]]
"""Lines by name of `LOOKS`."""


def plain(config: dict[str, Any]) -> None:
    """What `contrace runtime spec` writes."""


def rich(config: dict[str, Any]) -> None:
    """Another user with capabilities, limits, groups, a writable root, no cgroup namespace."""
    kinds = ("bounding", "effective", "permitted", "inheritable", "ambient")
    config["process"] |= {
        "user": {"uid": 1000, "gid": 1000, "additionalGids": [5, 20]},
        "capabilities": {kind: ["CAP_CHOWN", "CAP_NET_RAW", "CAP_KILL"] for kind in kinds},
        "rlimits": [
            {"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99},
            {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
            {"type": "RLIMIT_NPROC", "soft": 500, "hard": 600},
        ],
        "noNewPrivileges": False,
        "cwd": "/tmp",
        "env": ["PATH=/bin", "HOME=/tmp", "A=b=c"],
        "oomScoreAdj": 300,
    }
    config["hostname"] = "rich"
    config["mounts"].append(
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=1m", "mode=1777"]}
    )
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "cgroup"]
    config["linux"]["resources"]["pids"] = {"limit": 50}
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20}


def bare(config: dict[str, Any]) -> None:
    """Without what may be left out."""
    for name in ("capabilities", "rlimits", "noNewPrivileges", "user"):
        del config["process"][name]
    config["process"]["user"] = {"uid": 0, "gid": 0}
    for name in ("maskedPaths", "readonlyPaths", "resources"):
        del config["linux"][name]


def user_namespace(config: dict[str, Any]) -> None:
    """Ids of their own."""
    config["linux"]["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = [{"containerID": 0, "hostID": 100_000, "size": 65_536}]


@pytest.fixture(scope="module")
def views(
    tmp_path_factory: pytest.TempPathFactory, rootfs: Path, runtimes: Runtimes
) -> Callable[[str, Callable[[dict[str, Any]], None]], View]:
    """Run `SCRIPT` in a bundle by the runtime of that name; a view is made once."""
    need("runc", "crun")
    folder = tmp_path_factory.mktemp("views")
    ours = Runtime(folder / "state")

    @cache
    def view(runtime: str, change: Callable[[dict[str, Any]], None]) -> View:
        def whole(config: dict[str, Any]) -> None:
            config["linux"]["cgroupsPath"] = f"/{NAME}/same"
            change(config)

        bundle = folder / f"{runtime}-{change.__name__}"
        make_bundle(bundle, rootfs, "sh", "-c", SCRIPT, change=whole)
        command = {
            "contrace": ours.command("run", bundle),
            "runc": runtimes.runc_on(bundle, f"{NAME}-{bundle.name}"),
            "crun": runtimes.crun_on(bundle, f"{NAME}-{bundle.name}"),
        }[runtime]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert "=== readonly" in done.stdout, done.stderr
        parts = re.split(r"^=== (\w+)\n", done.stdout, flags=re.M)
        found = dict(zip(parts[1::2], map(str.splitlines, parts[2::2]), strict=True))
        found["ps"] = _processes(found["ps"])
        return found

    return view


def _processes(lines: list[str]) -> list[str]:
    """Numbers of later processes depend on how many threads the runtime had in the namespace."""
    return [re.sub(r"^ *\d+ +(\d+) ", r"N \1 ", line) if index > 1 else line for index, line in enumerate(lines)]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("change", [plain, rich, bare, user_namespace])
def test_it_is_what_runc_shows(views: Any, change: Any, look: str) -> None:
    ours, theirs = views("contrace", change)[look], views("runc", change)[look]
    if look == "dev" and change is user_namespace:  # runc makes /dev/mqueue before it has become group 0
        ours, theirs = ([_device(line) for line in lines] for lines in (ours, theirs))
    assert ours == theirs


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("change", [plain, rich, bare])
def test_it_is_what_crun_shows(views: Any, change: Any, look: str) -> None:
    ours, theirs = views("contrace", change)[look], views("crun", change)[look]
    if look == "mount":
        ours, theirs = _essence(ours), _essence(theirs)
    if look == "dev":  # crun adds a link, and gives away the devices that are its own standard files
        ours, theirs = ([_device(line) for line in lines if "kcore" not in line] for lines in (ours, theirs))
    if look == "cgroup":  # crun runs without the v2 hierarchy, see Runtimes.crun
        ours, theirs = ([line for line in lines if not line.startswith("0::")] for lines in (ours, theirs))
    assert ours == theirs


def _device(line: str) -> str:
    """Without owner and group."""
    words = line.split()
    return " ".join(words[:1] + words[4:]) if len(words) > 5 else line


def _essence(mounts: list[str]) -> list[str]:
    """Where, and with which of the flags that protect; order, sources and sizes are each runtime's own.

    A masked file is covered by /dev/null, and how that is mounted does not matter.
    """
    found = []
    for line in mounts:
        _, _, where, _, kind, flags = line.split(maxsplit=5)
        kept = sorted({"ro", "rw", "nosuid", "nodev", "noexec"} & set(flags.strip("()").split(",")))
        masked = where in ("/proc/keys", "/proc/timer_list")
        found.append(f"{where}" if masked else f"{where} {kind} {' '.join(kept)}")
    return sorted(found)

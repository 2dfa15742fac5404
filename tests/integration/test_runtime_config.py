"""What config.json can ask for: each field is seen to have its effect inside, or refused by its name."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Change, Runtime, Shop, make_bundle, mounting, setting
from tests.managers import host
from tests.managers.fixtures import need
from tests.users import User, user

NAMESPACES = {"network": "net", "uts": "uts", "ipc": "ipc", "pid": "pid", "cgroup": "cgroup", "time": "time"}
"""Names of the specification, names in /proc/PID/ns."""


# --- process --------------------------------------------------------------------------------------------


def test_user_groups_and_umask(shop: Shop) -> None:
    change = setting("process.user", {"uid": 1000, "gid": 1000, "additionalGids": [5, 20], "umask": 0o027})
    assert shop.output(change, "sh", "-c", "id -u; id -g; id -G; umask").split("\n") == [
        "1000",
        "1000",
        "1000 5 20",
        "0027",
    ]


def test_environment_and_directory(shop: Shop) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"] |= {"env": ["PATH=/bin", "EMPTY=", "A=b=c"], "cwd": "/etc"}

    assert shop.output(change, "sh", "-c", 'pwd; echo "$A,${EMPTY-unset}"').split() == ["/etc", "b=c,"]


def test_limits(shop: Shop) -> None:
    change = setting("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}])
    assert shop.output(change, "sh", "-c", "ulimit -Sn; ulimit -Hn").split() == ["100", "200"]


def test_a_limit_that_cannot_be_raised(shop: Shop) -> None:
    hard = 1 << 40
    error = shop.refused(setting("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": hard, "hard": hard}]), 1)
    assert f"cannot set RLIMIT_NOFILE to {hard}, {hard}: the hard limit here is " in error


def test_a_normal_user_keeps_ambient_capabilities(shop: Shop) -> None:
    def change(config: dict[str, Any]) -> None:
        kinds = ("bounding", "effective", "permitted", "inheritable", "ambient")
        config["process"]["capabilities"] = {kind: ["CAP_KILL"] for kind in kinds}
        config["process"]["user"] = {"uid": 1000, "gid": 1000}

    words = shop.output(change, "grep", "^Cap", "/proc/self/status").split()
    assert {int(word, 16) for word in words[1::2]} == {1 << 5}


def test_without_ambient_capabilities_a_normal_user_has_none(shop: Shop) -> None:
    change = setting("process.user", {"uid": 1000, "gid": 1000})
    assert int(shop.output(change, "grep", "^CapEff", "/proc/self/status").split()[1], 16) == 0


def test_a_capability_that_nobody_has(shop: Shop) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["capabilities"]["permitted"].append("CAP_TEA")

    assert "process.capabilities: no capability is named 'CAP_TEA'" in shop.refused(change)


def test_oom_score(shop: Shop) -> None:
    assert shop.output(setting("process.oomScoreAdj", 500), "cat", "/proc/self/oom_score_adj") == "500"


# --- root, mounts ---------------------------------------------------------------------------------------


def test_a_bound_directory_and_file(shop: Shop, gift: Path) -> None:
    change = mounting("/tmp", gift, "rbind", "rw")
    assert shop.output(change, "sh", "-c", "cat /tmp/file; echo new > /tmp/made") == "given"
    assert (gift / "made").read_text() == "new\n"
    assert shop.output(mounting("/etc/group", gift / "file", "bind"), "cat", "/etc/group") == "given"


def test_a_bound_directory_that_is_read_only(shop: Shop, gift: Path) -> None:
    change = mounting("/tmp", gift, "bind", "ro", "nosuid", "nodev", "noexec")
    done = shop.run(change, "sh", "-c", "grep ' /tmp ' /proc/mounts; touch /tmp/x")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(done.stdout.split()[3].split(","))
    assert "Read-only file system" in done.stderr


def test_a_relative_source_begins_at_the_bundle(shop: Shop) -> None:
    assert "cwd" in shop.output(mounting("/tmp", ".", "bind", "ro"), "cat", "/tmp/config.json")


def test_a_tmpfs_of_a_size(shop: Shop) -> None:
    change = mounting("/tmp", "tmpfs", "size=1m", "mode=1777", kind="tmpfs")
    done = shop.run(change, "sh", "-c", "head -c 2000000 /dev/zero > /tmp/x; stat -c %s /tmp/x")
    assert done.stdout.split() == [str(1 << 20)]


def test_a_mount_that_the_kernel_refuses(shop: Shop) -> None:
    error = shop.refused(mounting("/tmp", "none", kind="nosuchfs"), 1)
    assert "cannot mount nosuchfs on '/tmp': No such device" in error


def test_a_hostname_that_is_too_long(shop: Shop) -> None:
    assert "cannot set the hostname 'xxxx" in shop.refused(setting("hostname", "x" * 65), 1)


def test_a_namespace_file_that_is_none(shop: Shop, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    error = shop.refused(joining("network", str(tmp_path / "fifo")), 1)
    assert f"cannot join the network namespace '{tmp_path}/fifo': Invalid argument" in error


def test_a_root_that_is_not_there(shop: Shop) -> None:
    error = shop.refused(setting("root", {"path": "nowhere"}), 1)
    assert "as root file system: No such file or directory" in error


@pytest.mark.parametrize("kind", ["shared", "private", "unbindable"])
def test_propagation_of_the_root(shop: Shop, kind: str) -> None:
    change = setting("linux.rootfsPropagation", kind)
    line = shop.output(change, "awk", '$5 == "/"', "/proc/self/mountinfo")
    assert {"shared": " shared:", "unbindable": " unbindable ", "private": " - "}[kind] in line
    assert "master:" not in line


# --- namespaces and ids ---------------------------------------------------------------------------------


@contextmanager
def holder(*options: str) -> Iterator[int]:
    """A process in new namespaces; its pid."""
    command = ["unshare", *options, "sh", "-c", "echo; exec sleep 1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def joining(kind: str, path: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        others = [namespace for namespace in config["linux"]["namespaces"] if namespace["type"] != kind]
        config["linux"]["namespaces"] = [*others, {"type": kind, "path": path}]
        if kind == "uts":
            del config["hostname"]

    return change


@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "cgroup"])
def test_a_namespace_is_joined_by_path(shop: Shop, kind: str) -> None:
    name = NAMESPACES[kind]
    with holder(f"--{name}") as pid:
        path = f"/proc/{pid}/ns/{name}"
        assert shop.output(joining(kind, path), "readlink", f"/proc/self/ns/{name}") == os.readlink(path)


def test_a_pid_namespace_is_joined_by_path(shop: Shop) -> None:
    with holder("--pid", "--fork", "--kill-child", "--mount-proc") as outer:
        [inner] = [int(word) for word in Path(f"/proc/{outer}/task/{outer}/children").read_text().split()]
        path = f"/proc/{inner}/ns/pid"
        change = joining("pid", path)
        done = shop.output(change, "sh", "-c", "readlink /proc/self/ns/pid; echo $$; cat /proc/1/comm").split()
        assert (done[0], done[2]) == (os.readlink(path), "sleep")
        assert int(done[1]) > 1


def alone(path: str, **more: Any) -> Change:
    """A container in a mount namespace that is there already, and stays as it is."""

    def change(config: dict[str, Any]) -> None:
        joining("mount", path)(config)
        del config["linux"]["maskedPaths"], config["linux"]["readonlyPaths"]
        config["mounts"] = []
        config["root"] = {"path": "/"}
        config.update(more)

    return change


def test_a_mount_namespace_is_joined_by_path(shop: Shop) -> None:
    with holder("--mount") as pid:
        path = f"/proc/{pid}/ns/mnt"
        before = Path(f"/proc/{pid}/mountinfo").read_text()
        assert shop.output(alone(path), "readlink", "/proc/self/ns/mnt") == os.readlink(path)
        assert Path(f"/proc/{pid}/mountinfo").read_text() == before
        error = shop.refused(alone(path, mounts=[{"destination": "/tmp", "type": "tmpfs"}]))
        assert "$.mounts: would change a mount namespace that is joined" in error
        assert "$.root: with a mount namespace" in shop.refused(alone(path, root={"path": "rootfs"}))


def test_a_user_namespace_is_joined_by_path(shop: Shop) -> None:
    with holder("--user", "--map-root-user", "--net") as pid:
        user_file, net_file = f"/proc/{pid}/ns/user", f"/proc/{pid}/ns/net"

        def change(config: dict[str, Any]) -> None:
            joining("user", user_file)(config)
            joining("network", net_file)(config)
            for mount in config["mounts"]:  # group tty does not exist there
                mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]

        script = "readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u"
        assert shop.output(change, "sh", "-c", script).split() == [os.readlink(user_file), os.readlink(net_file), "0"]


def test_a_time_namespace_is_joined_by_path(shop: Shop) -> None:
    with holder("--time", "--fork", "--kill-child", "--boottime", "100000000") as outer:
        [inner] = [int(word) for word in Path(f"/proc/{outer}/task/{outer}/children").read_text().split()]
        change = joining("time", f"/proc/{inner}/ns/time")
        assert float(shop.output(change, "cat", "/proc/uptime").split()[0]) > 100_000_000


def test_the_clocks_of_a_new_time_namespace(shop: Shop) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "time"})
        config["linux"]["timeOffsets"] = {"boottime": {"secs": 100_000_000}}

    assert float(shop.output(change, "cat", "/proc/uptime").split()[0]) > 100_000_000


def test_a_user_namespace_made_by_root(shop: Shop) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user"})
        config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100_000, "size": 65_536}]
        config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200_000, "size": 65_536}]
        config["process"]["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}

    script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; id -G"
    words = shop.output(change, "sh", "-c", script).split()
    assert words == ["0", "100000", "65536", "0", "200000", "65536", "7", "8", "8", "9"]


@contextmanager
def user_with_ranges() -> Iterator[User]:
    """A normal user for whom /etc/subuid and /etc/subgid have a range, in a mount namespace where they have it."""
    with user() as somebody:
        if not somebody.prefix:
            pytest.skip("needs root")
        files = somebody.folder / "subid"
        files.write_text("nobody:300000:65536\n")
        steps = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
        bound = "".join(f"mount --bind {shlex.quote(str(files))} /etc/{name}; " for name in ("subuid", "subgid"))
        yield User((*steps, bound + 'exec "$@"', "sh", *somebody.prefix), somebody.folder)


def ranges(config: dict[str, Any]) -> None:
    own = config["linux"]["uidMappings"][0]["hostID"], config["linux"]["gidMappings"][0]["hostID"]
    for name, host_id in zip(("uidMappings", "gidMappings"), own, strict=True):
        config["linux"][name] = [
            {"containerID": 0, "hostID": host_id, "size": 1},
            {"containerID": 1, "hostID": 300_000, "size": 65_536},
        ]
    config["process"]["user"] = {"uid": 12, "gid": 34}


def test_ranges_of_ids_for_a_normal_user(rootfs: Path) -> None:
    need("newuidmap", "newgidmap")
    for name in ("subuid", "subgid"):
        if not Path(f"/etc/{name}").exists():
            pytest.skip(f"needs the program newuidmap's /etc/{name}")
    with user_with_ranges() as somebody:
        bundle = make_bundle(
            somebody.folder / "bundle", rootfs, "sh", "-c", "id -u; id -g; cat /proc/self/uid_map",
            change=ranges, user=somebody,
        )  # fmt: skip
        done = Runtime(somebody.folder / "state", somebody)("run", bundle)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["12", "34", "0", "65534", "1", "1", "300000", "65536"]


def test_ranges_that_were_not_given_to_the_user(rootfs: Path) -> None:
    need("newuidmap", "newgidmap")
    with user() as somebody:
        bundle = make_bundle(somebody.folder / "bundle", rootfs, "true", change=ranges, user=somebody)
        done = Runtime(somebody.folder / "state", somebody)("run", bundle)
        assert done.returncode == 1
        assert "cannot map ids with newgidmap" in done.stderr


# --- resources ------------------------------------------------------------------------------------------


def test_the_cgroup_is_the_one_that_was_asked_for(shop: Shop) -> None:
    paths = shop.output(setting("linux.namespaces", [{"type": "pid"}, {"type": "mount"}, {"type": "uts"}]), "cat",
                        "/proc/self/cgroup").split()  # fmt: skip
    assert {path.split(":")[2] for path in paths} == {f"/{host.NAME}/bundle-1"}


def test_more_memory_than_allowed_ends_the_payload(shop: Shop) -> None:
    change = setting("linux.resources.memory", {"limit": 16 << 20, "swap": 16 << 20})
    done = shop.run(change, "sh", "-c", "head -c 64000000 /dev/zero | tail >/dev/null; echo $?")
    # The kernel chooses whom it kills: the greatest, as a rule, but the shell is in the same cgroup.
    assert "137" in (done.stdout.strip(), str(done.returncode)), done.stderr


def test_more_processes_than_allowed_cannot_be_made(shop: Shop) -> None:
    change = setting("linux.resources.pids", {"limit": 4})
    done = shop.run(change, "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 100 & done")
    assert "can't fork" in done.stderr


def test_cpu_limits_are_written(shop: Shop) -> None:
    resources = {"shares": 512, "quota": 50_000, "period": 100_000, "cpus": "0"}
    change = setting("linux.resources.cpu", resources)
    done = shop.output(change, "sh", "-c", "grep Cpus_allowed_list /proc/self/status; cat /sys/fs/cgroup/cpu/cpu.*_us "
                       "/sys/fs/cgroup/cpu/cpu.max /sys/fs/cgroup/cpu.max 2>/dev/null; true").split()  # fmt: skip
    assert done[1] == "0"
    assert {"50000", "100000"} <= set(done)

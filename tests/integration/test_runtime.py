"""`contrace runtime run`: what a container is like inside, as root and as a normal user, and how it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Change, Runtime, make_bundle
from tests.managers import host
from tests.users import user


class Case:
    """Runs commands in containers, for root or for a normal user."""

    def __init__(self, folder: Path, rootfs: Path, runtime: Runtime) -> None:
        self.folder = folder
        self.runtime = runtime
        self._rootfs = rootfs
        self._number = 0

    def bundle(self, *argv: str, change: Change | None = None, rootfs: Path | None = None) -> Path:
        self._number += 1
        directory = self.folder / f"bundle-{self._number}"
        return make_bundle(directory, rootfs or self._rootfs, *argv, change=change, user=self.runtime.user)

    def run(self, *argv: str, change: Change | None = None) -> "subprocess.CompletedProcess[str]":
        return self.runtime("run", self.bundle(*argv, change=change))

    def output(self, *argv: str, change: Change | None = None) -> str:
        done = self.run(*argv, change=change)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(params=["root", "user"])
def case(request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path) -> Iterator[Case]:
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        yield Case(tmp_path, rootfs, Runtime(tmp_path / "state"))
    else:
        with user() as somebody:
            yield Case(somebody.folder, rootfs, Runtime(somebody.folder / "state", somebody))


@pytest.fixture
def root_case(tmp_path: Path, rootfs: Path) -> Case:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return Case(tmp_path, rootfs, Runtime(tmp_path / "state"))


def test_inside_it_is_pid_1_and_root_on_a_host_of_its_own(case: Case) -> None:
    lines = case.output("/bin/sh", "-c", "echo $$; id -un; hostname; pwd; ls /proc | grep -c '^[0-9]'").splitlines()
    assert lines[:4] == ["1", "root", "contrace", "/"]
    assert int(lines[4]) <= 4


def test_a_normal_user_is_root_inside_only(case: Case) -> None:
    mapped = case.output("cat", "/proc/self/uid_map").split()
    uid = os.stat(case.folder).st_uid
    assert mapped == (["0", "0", "4294967295"] if case.runtime.user is None else ["0", str(uid), "1"])


def test_every_namespace_is_new(case: Case) -> None:
    names = ["cgroup", "ipc", "mnt", "net", "pid", "uts", *(["user"] if case.runtime.user else [])]
    inside = case.output("sh", "-c", "for n in $0 $@; do readlink /proc/self/ns/$n; done", *names).split()
    assert len(inside) == len(names)
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{name}") for name in names}


def test_the_mounts_are_those_of_the_config(case: Case) -> None:
    mounts = [line.split() for line in case.output("cat", "/proc/mounts").splitlines()]
    kinds = {words[1]: words[2] for words in mounts}
    assert kinds["/proc"] == "proc"
    assert kinds["/dev"] == "tmpfs"
    assert kinds["/dev/pts"] == "devpts"
    assert kinds["/sys"] == "sysfs"
    options = {words[1]: words[3].split(",") for words in mounts}
    for path in ("/", "/sys", "/proc/sys"):
        assert "ro" in options[path], path
    assert not [path for path in kinds if "oldroot" in path]


def test_masked_and_read_only_paths(case: Case) -> None:
    script = (
        "cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/domainname || echo refused"
    )
    assert case.output("sh", "-c", script).split() == ["0", "0", "refused"]


def test_the_root_can_be_written_only_if_it_says_so(case: Case) -> None:
    assert case.run("touch", "/tmp/x").returncode == 1


def test_capabilities_and_no_new_privs(case: Case) -> None:
    wanted = (1 << 29) | (1 << 5) | (1 << 10)  # AUDIT_WRITE, KILL, NET_BIND_SERVICE
    lines = dict(line.split(":\t") for line in case.output("cat", "/proc/self/status").splitlines() if ":\t" in line)
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(lines[name], 16) == wanted, name
    for name in ("CapInh", "CapAmb"):
        assert int(lines[name], 16) == 0, name
    assert lines["NoNewPrivs"] == "1"


def test_the_loopback_interface_is_up(case: Case) -> None:
    assert "LOOPBACK,UP" in case.output("ip", "link", "show", "lo")


def test_devices_and_links(case: Case) -> None:
    script = (
        "echo gone > /dev/null; head -c 3 /dev/zero | wc -c; for l in fd stdin ptmx; do readlink /dev/$l; done; ls /dev"
    )
    count, *links, names = case.output("sh", "-c", script).split("\n", 4)
    assert [count, *links] == ["3", "/proc/self/fd", "/proc/self/fd/0", "pts/ptmx"]
    assert not {"vda", "sda", "mem", "kmsg"} & set(names.split())


def test_only_the_standard_files_are_open(case: Case) -> None:
    assert case.output("sh", "-c", "ls /proc/self/fd").split() == ["0", "1", "2", "3"]  # 3 is ls' own


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 42", 42), ("kill -9 $$; exit 3", 3)])
def test_the_exit_status_is_the_payloads(case: Case, script: str, status: int) -> None:
    assert case.run("sh", "-c", script).returncode == status


def test_a_payload_that_a_signal_ended_is_128_and_its_number(case: Case) -> None:
    assert case.run("sh", "-c", "sleep 100 & kill -KILL $!; wait $!").returncode == 128 + signal.SIGKILL


def test_what_the_payload_left_running_ends_with_it(case: Case) -> None:
    assert case.run("sh", "-c", "sleep 1000 & exit 0").returncode == 0
    assert not [words for words in host.our_processes().values() if "sleep 1000" in words]


def test_nothing_is_remembered_afterwards(case: Case) -> None:
    case.output("true")
    assert case.runtime.entries() == []
    assert host.our_mounts(case.folder) == []
    assert [path for path in host.our_cgroups() if path.name.startswith("bundle-")] == []


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["/nope"], 127, "cannot execute '/nope' in the container: there is no such program"),
        (["nope"], 127, "cannot execute 'nope' in the container: there is no such program in its PATH, /bin"),
        (["/etc/passwd"], 126, "cannot execute '/etc/passwd' in the container: Permission denied"),
    ],
)
def test_a_program_that_cannot_run(case: Case, argv: list[str], status: int, message: str) -> None:
    done = case.run(*argv)
    assert done.returncode == status
    assert message in done.stderr
    assert case.runtime.entries() == []


def test_without_a_cgroup_it_says_so_and_goes_on(case: Case) -> None:
    done = case.run("true")
    assert done.returncode == 0
    assert ("no cgroup of its own" in done.stderr) == (case.runtime.user is not None)


@pytest.mark.parametrize("count", [200])
def test_many_at_once(case: Case, count: int) -> None:
    """8 at a time, of one bundle: all succeed, and nothing is left."""

    def each_in_a_group_of_its_own(config: dict[str, Any]) -> None:
        config["linux"].pop("cgroupsPath", None)

    bundle = case.bundle("sh", "-c", "echo $$", change=each_in_a_group_of_its_own)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: case.runtime("run", "--id", f"{host.NAME}-{n}", bundle), range(count)))
    assert {(one.returncode, one.stdout) for one in done} == {(0, "1\n")}, [one.stderr for one in done]
    assert case.runtime.entries() == []
    assert host.our_mounts(case.folder) == []
    assert not [path for path in host.our_cgroups() if path.name.startswith("contrace-contrace-test")]
    assert not [pid for pid in host.our_processes() if Path(f"/proc/{pid}/comm").read_text().startswith("cont:[")]


def test_signals_are_forwarded(case: Case) -> None:
    script = "trap 'echo hup; exit 7' HUP; echo ready; while :; do sleep 0.05; done"
    command = case.runtime.command("run", case.bundle("sh", "-c", script))
    prefix = case.runtime.user.prefix if case.runtime.user else ()
    with subprocess.Popen([*prefix, *command], stdout=subprocess.PIPE, text=True, cwd=case.folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "hup\n"
        assert process.wait(20) == 7

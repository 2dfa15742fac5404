"""Bundles that try to get at the host: each is refused or stays inside, and the host is as it was."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Change, Runtime, make_bundle
from tests.managers import images
from tests.users import user


class Trap:
    """A root file system that can be prepared, beside a directory of the host that has to stay as it is."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self.folder = folder
        self.runtime = runtime
        self.rootfs = images.make_rootfs(folder / "rootfs")
        self.host = folder / "host"
        self.host.mkdir()
        (self.host / "secret").write_text("of the host\n")
        self.gift = folder / "gift"
        self.gift.mkdir()
        (self.gift / "given").write_text("from the bundle\n")

    def owned(self) -> None:
        """Everything belongs to whoever runs the container."""
        if self.runtime.user is not None:
            owner = os.stat(self.folder)
            subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", self.folder], check=True)

    def run(self, *argv: str, change: Change | None = None) -> "subprocess.CompletedProcess[str]":
        bundle = make_bundle(self.folder / "bundle", self.rootfs, *argv, change=change, user=self.runtime.user)
        self.owned()
        return self.runtime("run", bundle)

    def check_host(self) -> None:
        """The host's directory has what it had, in it and on it, and the container is gone."""
        assert [path.name for path in self.host.iterdir()] == ["secret"]
        assert (self.host / "secret").read_text() == "of the host\n"
        assert str(self.folder) not in Path("/proc/self/mountinfo").read_text()
        assert self.runtime.entries() == []


@pytest.fixture(params=["root", "user"])
def trap(request: pytest.FixtureRequest, tmp_path: Path, base: Path) -> Iterator[Trap]:
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        yield Trap(tmp_path, Runtime(tmp_path / "state"))
    else:
        with user() as somebody:
            yield Trap(somebody.folder, Runtime(somebody.folder / "state", somebody))


def bind(trap: Trap, destination: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        config["root"]["readonly"] = False
        config["mounts"].append({"destination": destination, "source": str(trap.gift), "options": ["rbind", "ro"]})

    return change


@pytest.mark.parametrize("link", ["/", "/../../../..", "../../../../../.."])
def test_a_link_to_the_root_is_the_containers_root(trap: Trap, link: str) -> None:
    shutil.rmtree(trap.rootfs / "etc")
    (trap.rootfs / "etc").symlink_to(link)
    done = trap.run("ls", "-d", "/contrace-escape/given", change=bind(trap, "/etc/contrace-escape"))
    assert (done.returncode, done.stdout) == (0, "/contrace-escape/given\n"), done.stderr
    assert not Path("/contrace-escape").exists()
    trap.check_host()


def test_a_link_to_a_directory_of_the_host_leads_inside(trap: Trap) -> None:
    (trap.rootfs / "data").symlink_to(trap.host)
    done = trap.run("cat", f"{trap.host}/sub/given", change=bind(trap, "/data/sub"))
    assert (done.returncode, done.stdout) == (0, "from the bundle\n"), done.stderr
    assert (trap.rootfs / str(trap.host)[1:] / "sub").is_dir()
    trap.check_host()


def test_a_link_as_mount_point(trap: Trap) -> None:
    (trap.rootfs / "data").symlink_to(f"../../../../../..{trap.host}")
    done = trap.run("sh", "-c", "ls /data/; cat /data/secret", change=bind(trap, "/data"))
    assert done.stdout == "given\n"
    assert "No such file" in done.stderr
    trap.check_host()


@pytest.mark.parametrize("steps", ["/..", "/../../../../../..", "/tmp/../../../../../.."])
def test_a_destination_with_dots_stays_inside(trap: Trap, steps: str) -> None:
    done = trap.run("cat", f"{trap.host}/given", change=bind(trap, f"{steps}{trap.host}"))
    assert (done.returncode, done.stdout) == (0, "from the bundle\n"), done.stderr
    trap.check_host()


@pytest.mark.parametrize(("name", "link"), [("proc", "/proc"), ("sys", "/sys"), ("proc", "tmp"), ("sys", "/tmp")])
def test_proc_and_sys_are_not_mounted_through_links(trap: Trap, name: str, link: str) -> None:
    (trap.rootfs / name).rmdir()
    (trap.rootfs / name).symlink_to(link)
    done = trap.run("true")
    assert done.returncode == 1
    assert f"'/{name}' goes through a symbolic link" in done.stderr
    trap.check_host()


def test_a_link_as_dev(trap: Trap) -> None:
    """Without a mount on /dev the devices and links are made in the root file system itself."""
    (trap.rootfs / "dev").rmdir()
    (trap.rootfs / "dev").symlink_to(f"../../../../../..{trap.host}")

    def change(config: dict[str, Any]) -> None:
        config["root"]["readonly"] = False
        config["mounts"] = [mount for mount in config["mounts"] if not mount["destination"].startswith("/dev")]
        config["linux"]["maskedPaths"] = []

    done = trap.run("true", change=change)
    assert done.returncode == 0, done.stderr
    assert (trap.rootfs / str(trap.host)[1:] / "stdin").is_symlink()
    trap.check_host()


def test_a_link_as_device(trap: Trap) -> None:
    def change(config: dict[str, Any]) -> None:
        config["root"]["readonly"] = False
        config["linux"]["devices"] = [{"path": "/escape/null", "type": "c", "major": 1, "minor": 3}]

    (trap.rootfs / "escape").symlink_to(f"/../../../../..{trap.host}")
    trap.run("true", change=change)
    trap.check_host()


def test_masks_stay_inside(trap: Trap) -> None:
    """A link to what is to be masked: whatever it leads to is inside."""
    (trap.rootfs / "etc/hidden").symlink_to(f"/../../../../..{trap.host}/secret")

    def change(config: dict[str, Any]) -> None:
        config["linux"]["maskedPaths"] = ["/etc/hidden"]
        config["linux"]["readonlyPaths"] = ["/etc/hidden"]

    assert trap.run("true", change=change).returncode == 0
    trap.check_host()


@pytest.mark.parametrize("cwd", ["/proc/self/fd/3", "/proc/self/fd/5/..", "/proc/1/root", "/proc/self/cwd"])
def test_the_directory_is_not_one_of_proc(trap: Trap, cwd: str) -> None:
    """CVE-2024-21626: descriptors of the runtime as a way to the host."""

    def change(config: dict[str, Any]) -> None:
        config["process"]["cwd"] = cwd

    done = trap.run("ls", "-a", change=change)
    assert done.returncode == 1
    assert f"cannot enter the directory '{cwd}'" in done.stderr
    trap.check_host()


@pytest.mark.parametrize("way", ["program", "interpreter", "chain"])
def test_the_runtimes_own_program_is_not_run_inside(trap: Trap, way: str) -> None:
    """CVE-2019-5736: /proc/self/exe of the runtime is a file of the host."""
    if way == "program":
        (trap.rootfs / "payload").symlink_to("/proc/self/exe")
    else:
        (trap.rootfs / "inner").write_text("#!/proc/self/exe\n")
        (trap.rootfs / "payload").write_text("#!/inner\n" if way == "chain" else "#!/proc/self/exe\n")
        for name in ("inner", "payload"):
            (trap.rootfs / name).chmod(0o755)
    done = trap.run("/payload")
    assert done.returncode == 126
    assert "it leads to a file of the host" in done.stderr
    trap.check_host()


@pytest.mark.parametrize("trap", ["root"], indirect=True)
def test_a_device_that_was_not_listed_cannot_be_opened(trap: Trap) -> None:
    """Here the root file system comes with device files of the host's ports and log, which only root can make."""
    os.mknod(trap.rootfs / "kmsg", 0o20666, os.makedev(1, 11))
    os.mknod(trap.rootfs / "port", 0o20666, os.makedev(1, 4))

    def change(config: dict[str, Any]) -> None:
        names = ["CAP_MKNOD", "CAP_SYS_RAWIO", "CAP_SYSLOG"]
        config["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), names)
        config["root"]["readonly"] = False

    script = (
        "dd if=/kmsg of=/dev/null count=1; dd if=/port of=/dev/null count=1; mknod /vda b 254 0; cat /vda; echo end"
    )
    done = trap.run("sh", "-c", script, change=change)
    assert done.stdout == "end\n"
    assert done.stderr.count("Operation not permitted") == 3, done.stderr
    trap.check_host()


def test_a_device_that_was_listed_can(trap: Trap) -> None:
    def change(config: dict[str, Any]) -> None:
        for names in config["process"]["capabilities"].values():
            names.append("CAP_SYSLOG")
        config["linux"]["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600}]

    done = trap.run("sh", "-c", "ls -l /dev/kmsg | cut -c 1-10; : < /dev/kmsg && echo opened", change=change)
    if trap.runtime.user is None:
        assert done.stdout == "crw-------\nopened\n", done.stderr
    else:  # bound from the host, with the host's permissions
        assert "can't open /dev/kmsg" in done.stderr


def test_namespaces_that_would_be_the_hosts(trap: Trap) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "uts"]

    name = os.uname().nodename
    done = trap.run("true", change=change)
    assert done.returncode == 2
    assert "$.hostname: needs a new uts namespace" in done.stderr
    assert os.uname().nodename == name

"""create, start, state, kill, delete: the lifecycle of runtime-spec's runtime.md, also when something is killed."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Change, Runtime, make_bundle
from tests.managers import host
from tests.users import user

STAGES = ("cont:[0:PARENT]", "cont:[1:CHILD]", "cont:[2:INIT]")


class Life:
    """One container named demo."""

    def __init__(self, folder: Path, rootfs: Path, runtime: Runtime) -> None:
        self.folder = folder
        self.rootfs = rootfs
        self.runtime = runtime

    def bundle(self, *argv: str, change: Change | None = None) -> Path:
        return make_bundle(self.folder / "bundle", self.rootfs, *argv, change=change, user=self.runtime.user)

    def do(self, verb: str, *words: str | Path) -> str:
        done = self.runtime(verb, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, verb: str, *words: str | Path) -> str:
        done = self.runtime(verb, *words)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.do("state", "demo"))
        return found

    def awaits(self, status: str) -> None:
        host.wait_until(lambda: self.state()["status"] == status, f"the container is {status}")

    def check_gone(self) -> None:
        """Nothing of the container is left."""
        assert self.runtime.entries() == []
        assert str(self.folder) not in Path("/proc/self/mountinfo").read_text()
        assert not [path for path in host.our_cgroups() if path.name == "bundle"]


@pytest.fixture(params=["root", "user"])
def life(request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path) -> Iterator[Life]:
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        yield Life(tmp_path, rootfs, Runtime(tmp_path / "state"))
    else:
        with user() as somebody:
            yield Life(somebody.folder, rootfs, Runtime(somebody.folder / "state", somebody))


def test_a_whole_life(life: Life) -> None:
    bundle = life.bundle("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    life.do("create", "demo", bundle)
    state = life.state()
    assert state["id"] == "demo"
    assert state["status"] == "created"
    assert state["bundle"] == str(bundle)
    assert state["ociVersion"].startswith("1.")
    assert Path(f"/proc/{state['pid']}/comm").read_text() == STAGES[2] + "\n"
    assert "it is created" in life.refused("delete", "demo")
    life.do("start", "demo")
    assert life.state()["status"] == "running"
    assert Path(f"/proc/{state['pid']}/comm").read_text() == "sh\n"
    assert "it is running, not created" in life.refused("start", "demo")
    assert "it is running" in life.refused("delete", "demo")
    life.do("kill", "demo")
    life.awaits("stopped")
    assert "pid" not in life.state()
    assert "it is stopped" in life.refused("kill", "demo")
    life.do("delete", "demo")
    life.check_gone()
    assert "there is no container 'demo'" in life.refused("state", "demo")
    assert "there is no container 'demo'" in life.refused("delete", "demo")


@pytest.mark.parametrize("name", ["KILL", "SIGKILL", "9", "kill"])
def test_the_ways_to_name_a_signal(life: Life, name: str) -> None:
    life.do("create", "demo", life.bundle("true"))
    life.do("kill", "demo", name)
    life.awaits("stopped")
    life.do("delete", "demo")
    life.check_gone()


def test_the_payload_begins_at_start_and_not_before(life: Life) -> None:
    life.do("create", "demo", life.bundle("sh", "-c", "sleep 1000"))
    pid = life.state()["pid"]
    assert b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    life.do("start", "demo")
    host.wait_until(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes(), "the payload runs")
    life.do("delete", "--force", "demo")
    assert not host.is_alive(pid)
    life.check_gone()


def test_the_config_may_change_after_create(life: Life) -> None:
    bundle = life.bundle("sleep", "1000")
    life.do("create", "demo", bundle)
    (bundle / "config.json").unlink()
    life.do("start", "demo")
    life.do("delete", "-f", "demo")
    life.check_gone()


def test_a_cgroup_is_one_containers(tmp_path: Path, rootfs: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    life = Life(tmp_path, rootfs, Runtime(tmp_path / "state"))
    bundle = life.bundle("sleep", "1000")
    life.do("create", "demo", bundle)
    assert "has processes already" in life.refused("run", "--id", "other", bundle)
    assert life.state()["status"] == "created"
    life.do("delete", "-f", "demo")
    life.check_gone()


def test_annotations_are_in_the_state(life: Life) -> None:
    def change(config: dict[str, Any]) -> None:
        config["annotations"] = {"com.example.key": "value"}

    life.do("create", "demo", life.bundle("true", change=change))
    assert life.state()["annotations"] == {"com.example.key": "value"}
    life.do("delete", "-f", "demo")


def test_an_id_is_taken_once(life: Life) -> None:
    bundle = life.bundle("true")
    life.do("create", "demo", bundle)
    assert "there is a container 'demo' already" in life.refused("create", "demo", bundle)
    assert life.state()["status"] == "created"
    life.do("delete", "-f", "demo")
    life.check_gone()


@pytest.mark.parametrize("name", ["", "..", "a/b", "ä", "a b"])
def test_an_id_is_a_file_name(life: Life, name: str) -> None:
    done = life.runtime("create", name, life.bundle("true"))
    assert done.returncode == 2
    assert "cannot be a container's ID" in done.stderr


def test_a_program_that_is_not_there_is_an_error_of_create(life: Life) -> None:
    done = life.runtime("create", "demo", life.bundle("/nope"))
    assert done.returncode == 127
    assert "there is no such program" in done.stderr
    life.check_gone()


def test_a_program_that_the_kernel_refuses_is_an_error_of_start(life: Life) -> None:
    def change(config: dict[str, Any]) -> None:
        config["mounts"].append(
            {"destination": "/dev/shm/x", "type": "bind", "source": "broken", "options": ["bind", "ro"]}
        )

    bundle = life.bundle("/dev/shm/x", change=change)
    (bundle / "broken").write_text("#!/nope\n")
    (bundle / "broken").chmod(0o755)
    life.do("create", "demo", bundle)
    done = life.runtime("start", "demo")
    assert done.returncode == 126
    assert "the interpreter that it names is missing" in done.stderr
    life.awaits("stopped")
    life.do("delete", "demo")
    life.check_gone()


def test_a_state_directory_with_a_long_path(life: Life) -> None:
    """A socket's address has 107 bytes."""
    deep = Runtime(life.folder / ("x" * 100) / ("y" * 100), life.runtime.user)
    for words in (("create", "demo", life.bundle("true")), ("start", "demo")):
        assert deep(*words).returncode == 0
    assert deep("delete", "--force", "demo").returncode == 0


def test_a_state_directory_of_somebody_else(life: Life) -> None:
    life.runtime.state.mkdir(mode=0o777)
    life.runtime.state.chmod(0o777)
    error = life.refused("create", "demo", life.bundle("true"))
    assert "has to be a directory of yours alone" in error


def test_delete_ends_what_is_left_in_the_cgroup(tmp_path: Path, rootfs: Path) -> None:
    """Without a PID namespace of its own, the end of its first process does not end the others."""
    if os.geteuid() != 0:
        pytest.skip("needs root")

    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "pid"]

    life = Life(tmp_path, rootfs, Runtime(tmp_path / "state"))
    life.do("create", "demo", life.bundle("sh", "-c", "setsid sleep 1234 & exit 0", change=change))
    life.do("start", "demo")
    life.awaits("stopped")
    assert [words for words in host.our_processes().values() if "sleep 1234" in words]
    life.do("delete", "demo")
    host.wait_until(
        lambda: not [words for words in host.our_processes().values() if "sleep 1234" in words], "it has ended"
    )
    life.check_gone()


# --- kill -9 at any time --------------------------------------------------------------------------------

_KILLED_AT = """
import importlib, os, signal, socket, struct, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
theirs.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
if not os.fork():
    if not os.fork():
        ours.close()
        [(_, _, data)] = theirs.recvmsg(1, socket.CMSG_SPACE(12))[1]
        os.kill(struct.unpack("3i", data)[0], signal.SIGKILL)
    os._exit(0)
os.wait()
theirs.close()
module, _, rest = sys.argv[1].partition(":")
owner = importlib.import_module(module)
*above, name = rest.split(".")
for part in above:
    owner = getattr(owner, part)
original = getattr(owner, name)
def killed(*args, **kwargs):
    if sys.argv[2] in ("", *args):
        ours.send(b"x")
        signal.pause()
    return original(*args, **kwargs)
setattr(owner, name, killed)
from contrace.cli.container import main
from contrace.cli.report import reported
sys.exit(reported(lambda: main(sys.argv[3:])))
"""
"""A contrace in which whoever comes to this function, or to it with this argument, is killed by kill -9.

By a process outside: a signal from inside does not kill pid 1 of a PID namespace (pid_namespaces(7)). The socket tells
it the pid as the host numbers it (unix(7), SCM_CREDENTIALS).
"""


def killed_at(life: Life, point: str, verb: str, argument: str = "") -> "subprocess.CompletedProcess[str]":
    bundle = life.bundle("sleep", "1000")
    words = ["--id", "demo", bundle] if verb == "run" else ["demo", bundle]
    command = life.runtime.command(verb, *words)
    runtime = command.index("runtime")
    return life.runtime.execute(command[0], "-c", _KILLED_AT, point, argument, *command[runtime + 1 :])


def our_stages() -> list[int]:
    return [pid for pid in host.our_processes() if name_of(pid).startswith("cont:[")]


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize("verb", ["run", "create"])
@pytest.mark.parametrize(
    ("point", "argument", "stage"),
    [
        *(("contrace.runtime.libc:set_name", stage, stage) for stage in STAGES),
        ("contrace.runtime.namespaces:make", "", STAGES[1]),
        ("contrace.runtime.namespaces:bring_loopback_up", "", STAGES[2]),
        ("contrace.runtime.devices:populate", "", STAGES[2]),
        ("contrace.runtime.rootfs:pivot", "", STAGES[2]),
        ("contrace.runtime.security:become", "", STAGES[2]),
    ],
)
def test_a_stage_is_killed(life: Life, verb: str, point: str, argument: str, stage: str) -> None:
    """contrace says which, and cleans up."""
    done = killed_at(life, point, verb, argument)
    assert done.returncode == 1, done.stdout
    assert f"the container was not made: {stage} was ended by signal 9" in done.stderr
    host.wait_until(lambda: not our_stages(), "all stages have ended")
    life.check_gone()


@pytest.mark.parametrize("verb", ["run", "create"])
@pytest.mark.parametrize(
    "point",
    [
        "contrace.runtime.cgroups:Groups.make",
        "contrace.runtime.cgroups:Groups.enter",
        "contrace.runtime.runtime:Birth.begin",
        "contrace.runtime.runtime:Birth.unshare",
        "contrace.runtime.runtime:Birth.set_up",
    ],
)
def test_contrace_is_killed_while_it_makes_a_container(life: Life, verb: str, point: str) -> None:
    """The stages end by themselves, and delete removes the rest."""
    assert killed_at(life, point, verb).returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    host.wait_until(lambda: not our_stages(), "all stages have ended")
    assert life.state()["status"] == "stopped"
    life.do("delete", "demo")
    life.check_gone()


def test_contrace_is_killed_while_the_container_runs(life: Life) -> None:
    """The container goes on, as under runc, and can still be ended."""
    command = life.runtime.command("run", "--id", "demo", life.bundle("sleep", "1000"))
    prefix = life.runtime.user.prefix if life.runtime.user else ()
    with subprocess.Popen([*prefix, *command], cwd=life.folder, stdout=subprocess.DEVNULL) as process:
        host.wait_until(lambda: life.runtime("state", "demo").returncode == 0, "the container is there")
        life.awaits("running")
        pid = life.state()["pid"]
        host.wait_until(lambda: name_of(pid) == "sleep", "the payload runs")
        process.kill()
    assert life.state()["status"] == "running"
    assert "it is running" in life.refused("delete", "demo")
    life.do("delete", "--force", "demo")
    assert not host.is_alive(pid)
    life.check_gone()


def test_delete_ends_a_run(life: Life) -> None:
    """Both remove what there is, at the same time."""
    command = life.runtime.command("run", "--id", "demo", life.bundle("sleep", "1000"))
    prefix = life.runtime.user.prefix if life.runtime.user else ()
    with subprocess.Popen([*prefix, *command], cwd=life.folder, stdout=subprocess.DEVNULL) as process:
        host.wait_until(lambda: life.runtime("state", "demo").returncode == 0, "the container is there")
        life.awaits("running")
        life.do("delete", "--force", "demo")
        assert process.wait(20) == 128 + signal.SIGKILL
    life.check_gone()


def test_the_payload_is_killed(life: Life) -> None:
    life.do("create", "demo", life.bundle("sleep", "1000"))
    life.do("start", "demo")
    os.kill(life.state()["pid"], signal.SIGKILL)
    life.awaits("stopped")
    life.do("delete", "demo")
    life.check_gone()

"""A container on a terminal."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from contrace.runtime.terminal import receive_descriptor
from tests.bundles import Runtime, make_bundle
from tests.terminal import CTRL_C, terminal


def with_terminal(config: dict[str, Any]) -> None:
    config["process"]["terminal"] = True


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    return Runtime(tmp_path / "state")


def test_it_has_the_terminals_size_and_gets_its_keys(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    script = "tty; stty size; echo ready; read line; echo got $line; exit 5"
    bundle = make_bundle(tmp_path / "bundle", rootfs, "sh", "-c", script, change=with_terminal)
    with terminal(*runtime.command("run", bundle), cwd=tmp_path, columns=123) as screen:
        screen.awaits("ready")
        assert "/dev/pts/0" in screen.screen
        assert "50 123" in screen.screen
        screen.type(b"keys\r")
        screen.awaits("got keys")
        assert screen.end() == 5


def test_ctrl_c_is_the_containers(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    script = "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.05; done"
    bundle = make_bundle(tmp_path / "bundle", rootfs, "sh", "-c", script, change=with_terminal)
    with terminal(*runtime.command("run", bundle), cwd=tmp_path) as screen:
        screen.awaits("ready")
        screen.type(CTRL_C)
        screen.awaits("interrupted")
        assert screen.end() == 3


def test_the_users_terminal_is_as_it_was(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", rootfs, "true", change=with_terminal)
    run = " ".join(map(str, runtime.command("run", bundle)))
    with terminal("sh", "-c", f"stty -g; {run}; stty -g", cwd=tmp_path) as screen:
        assert screen.end() == 0
        before, after = screen.screen.split()
        assert before == after


def test_without_a_terminal_of_ones_own(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", rootfs, "sh", "-c", "test -t 1 && echo a terminal", change=with_terminal)
    done = runtime("run", bundle)
    assert (done.returncode, done.stdout) == (0, "a terminal\n"), done.stderr


def test_the_size_of_the_config(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"] |= {"terminal": True, "consoleSize": {"height": 7, "width": 9}}

    bundle = make_bundle(tmp_path / "bundle", rootfs, "stty", "size", change=change)
    assert runtime("run", bundle).stdout == "7 9\n"


def test_create_sends_it_to_a_socket(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", rootfs, "sh", "-c", "echo on $(tty)", change=with_terminal)
    path = tmp_path / "console"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        done = runtime("create", "--console-socket", path, "demo", bundle)
        assert done.returncode == 0, done.stderr
        connection, _ = listening.accept()
        with connection:
            master = receive_descriptor(connection)
    assert master is not None
    try:
        assert runtime("start", "demo").returncode == 0
        assert os.read(master, 100) == b"on /dev/pts/0\r\n"
    finally:
        os.close(master)
        assert runtime("delete", "--force", "demo").returncode == 0


def test_create_needs_to_know_where_it_goes(runtime: Runtime, tmp_path: Path, rootfs: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", rootfs, "true", change=with_terminal)
    done = runtime("create", "demo", bundle)
    assert done.returncode == 1
    assert "say with --console-socket where it is to be sent" in done.stderr
    assert runtime.entries() == []

"""What config.json cannot ask for is refused with its JSON path, and what has no effect is named."""

from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Runtime, Shop, make_bundle, mounting, setting
from tests.users import user


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hooks", {"prestart": [{"path": "/bin/true"}]}),
        ("process.apparmorProfile", "docker-default"),
        ("process.selinuxLabel", "a:b:c"),
        ("process.scheduler", {"policy": "SCHED_BATCH"}),
        ("linux.mountLabel", "a:b:c"),
        ("linux.intelRdt", {"closID": "x"}),
        ("linux.personality", {"domain": "LINUX32"}),
        ("linux.resources.blockIO", {"weight": 10}),
        ("linux.resources.memory", {"swappiness": 1}),
    ],
)
def test_what_is_not_implemented_is_refused_by_name(shop: Shop, path: str, value: object) -> None:
    error = shop.refused(setting(path, value))
    assert f"$.{path}" in error
    assert "this runtime does not implement it" in error


@pytest.mark.parametrize("path", ["hooks", "process.apparmorProfile", "linux.resources.blockIO"])
@pytest.mark.parametrize("value", [None, {}, ""])
def test_what_is_not_implemented_may_be_empty(shop: Shop, path: str, value: object) -> None:
    assert shop.run(setting(path, value), "true").returncode == 0


def test_a_property_that_nobody_knows_is_named_and_ignored(shop: Shop) -> None:
    done = shop.run(setting("process.color", "red"), "true")
    assert done.returncode == 0
    assert "config.json: $.process.color is not of the specification and has no effect" in done.stderr


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("ociVersion", "2.0.0", "$.ociVersion: '2.0.0' is not a version of the 1.x"),
        ("process.args", [], "$.process.args: there is nothing to run"),
        ("process.cwd", "relative", "$.process.cwd: 'relative' is not an absolute path"),
        ("process.user.uid", "root", "Expected `int`, got `str` - at `$.process.user.uid`"),
        ("process.rlimits", [{"type": "RLIMIT_TEA", "soft": 1, "hard": 1}], "no limit is named 'RLIMIT_TEA'"),
        ("process.env", ["PATH"], "$.process.env[0]: 'PATH' is not of the form NAME=value"),
        ("process.args", ["a\0b"], "$.process.args[0]: 'a\\x00b' has a NUL character"),
        ("process.user.uid", -1, "Expected `int` >= 0 - at `$.process.user.uid`"),
        ("mounts", [{"destination": "/.//..", "type": "tmpfs"}], "$.mounts[0].destination: what the root is"),
        ("linux.namespaces", [{"type": "pid"}], "a mount namespace is needed"),
        ("linux.namespaces", [{"type": "tea"}], "$.linux.namespaces[0].type"),
        ("linux.uidMappings", [{"containerID": 0, "hostID": 0, "size": 1}], "$.linux.uidMappings: needs a new user"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, path: str, value: object, message: str) -> None:
    assert message in shop.refused(setting(path, value))


def test_a_mount_option_that_is_not_implemented(shop: Shop, gift: Path) -> None:
    assert "does not implement the option 'idmap'" in shop.refused(mounting("/tmp", gift, "bind", "idmap"))


def test_a_bundle_without_config(shop: Shop, tmp_path: Path) -> None:
    done = shop.runtime("run", tmp_path)
    assert done.returncode == 1
    assert "config.json: No such file or directory" in done.stderr


def test_a_config_that_is_no_json(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    done = shop.runtime("run", tmp_path)
    assert done.returncode == 2
    assert "config.json: " in done.stderr


def test_a_normal_user_without_a_user_namespace(rootfs: Path) -> None:
    with user() as somebody:

        def change(config: dict[str, Any]) -> None:
            kinds = [namespace for namespace in config["linux"]["namespaces"] if namespace["type"] != "user"]
            config["linux"] |= {"namespaces": kinds, "uidMappings": [], "gidMappings": []}

        bundle = make_bundle(somebody.folder / "bundle", rootfs, "true", change=change, user=somebody)
        done = Runtime(somebody.folder / "state", somebody)("run", bundle)
        assert done.returncode == 2
        assert "a user other than root needs a user namespace here" in done.stderr

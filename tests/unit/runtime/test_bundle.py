"""config.json: what is read, what is refused, and what is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from contrace.errors import ContraceError, UsageError
from contrace.runtime import bundle
from contrace.runtime.spec import Spec


def write(directory: Path, **changes: Any) -> Path:
    """The default for root, with other values at the top."""
    bundle.write(str(directory), bundle.default(user_namespace=False))
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return directory


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.mark.parametrize("user_namespace", [True, False])
def test_what_is_written_is_what_is_read(tmp_path: Path, as_root: None, user_namespace: bool) -> None:
    spec = bundle.default(("true",), user_namespace=user_namespace)
    assert bundle.write(str(tmp_path), spec) == str(tmp_path / "config.json")
    read = bundle.load(str(tmp_path))
    assert read.spec == spec
    assert read.ignored == ()
    assert read.root == str(tmp_path / "rootfs")
    with pytest.raises(ContraceError, match="File exists"):
        bundle.write(str(tmp_path), spec)


def test_a_normal_user_gets_a_user_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    monkeypatch.setattr("os.getegid", lambda: 5678)
    linux = bundle.default().linux
    assert linux.makes("user")
    assert [(m.container_id, m.host_id, m.size) for m in linux.uid_mappings] == [(0, 1234, 1)]
    assert [(m.container_id, m.host_id, m.size) for m in linux.gid_mappings] == [(0, 5678, 1)]
    assert linux.resources is None


def test_the_directory_may_be_relative(tmp_path: Path, as_root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert bundle.load(".").directory == str(tmp_path)


def test_with_another_command(tmp_path: Path, as_root: None) -> None:
    read = bundle.with_args(bundle.load(str(write(tmp_path))), ["id", "-u"])
    assert read.spec.process.args == ("id", "-u")
    assert read.spec.hostname == "contrace"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hooks": {"poststop": [{}]}}, "$.hooks"),
        ({"windows": {"network": 1}}, "$.windows"),
        ({"mounts": [{"destination": "/a"}, {"destination": "/b", "uidMappings": [{}]}]}, "$.mounts[1].uidMappings"),
    ],
)
def test_what_is_not_implemented_is_named(tmp_path: Path, as_root: None, changes: dict[str, Any], path: str) -> None:
    with pytest.raises(UsageError) as caught:
        bundle.load(str(write(tmp_path, **changes)))
    assert f"config.json: {path}: this runtime does not implement it" in str(caught.value)


def test_what_nobody_knows_is_listed(tmp_path: Path, as_root: None) -> None:
    mounts = [{"destination": "/a", "type": "tmpfs"}, {"destination": "/b", "colour": "red"}]
    read = bundle.load(str(write(tmp_path, mounts=mounts, annotations={"any": "thing"}, taste="sweet")))
    assert set(read.ignored) == {"$.mounts[1].colour", "$.taste"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ociVersion": 1}', "\udcff"])
def test_content_that_is_no_configuration(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=r"config\.json: "):
        bundle.load(str(tmp_path))


def test_namespaces_new_joined_and_shared() -> None:
    linux = bundle.default(user_namespace=False).linux
    assert linux.makes("pid")
    assert not linux.makes("user")
    assert not linux.joins("pid")
    assert linux.namespace("time") is None


def test_every_field_has_its_name_of_the_specification() -> None:
    """Spelled as in config-schema.json where camel case alone would be wrong."""
    names: set[str] = set()

    def collect(kind: type) -> None:
        names.update(kind.__struct_encode_fields__)  # type: ignore[attr-defined]
        for field in kind.__annotations__.values():
            for part in (field, *getattr(field, "__args__", ())):
                if hasattr(part, "__struct_encode_fields__"):
                    collect(part)

    collect(Spec)
    assert {"containerID", "hostID", "execCPUAffinity", "blockIO", "kernelTCP", "disableOOMKiller"} <= names
    assert {"noNewPrivileges", "additionalGids", "oomScoreAdj", "cgroupsPath", "rootfsPropagation"} <= names

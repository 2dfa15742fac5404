"""Mount options, and paths that are resolved inside a root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.errors import UsageError
from contrace.runtime import libc
from contrace.runtime.rootfs import inside, options
from contrace.runtime.spec import Mount


def test_options_are_flags_propagation_and_data() -> None:
    mount = Mount("/a", options=("ro", "nosuid", "rslave", "mode=755", "size=1m"))
    flags = libc.MS_RDONLY | libc.MS_NOSUID
    assert options(mount) == (flags, [libc.MS_SLAVE | libc.MS_REC], "mode=755,size=1m")


def test_a_later_option_takes_an_earlier_one_back() -> None:
    assert options(Mount("/a", options=("ro", "nodev", "rw", "dev"))) == (0, [], None)


@pytest.mark.parametrize("option", ["idmap", "rro", "tmpcopyup", "rnosymfollow"])
def test_options_that_are_more_than_a_flag(option: str) -> None:
    with pytest.raises(UsageError, match=f"mounts, '/a': this runtime does not implement the option '{option}'"):
        options(Mount("/a", options=(option,)))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    descriptor = os.open(tmp_path / "root", os.O_PATH)
    yield descriptor
    os.close(descriptor)


def where(root: int, path: str, **how: bool | str) -> str:
    """What a path leads to, below the root."""
    with inside(root, path, **how) as found:  # type: ignore[arg-type]
        return os.path.relpath(os.readlink(f"/proc/self/fd/{found}"), os.readlink(f"/proc/self/fd/{root}"))


@pytest.mark.parametrize("path", ["/etc", "etc", "/../../etc", "/etc/../../../etc", "//etc/"])
def test_a_path_stays_inside(root: int, path: str) -> None:
    assert where(root, path) == "etc"


def test_links_stay_inside(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/absolute").symlink_to("/etc")
    (tmp_path / "root/out").symlink_to("../../../../../..")
    assert where(root, "/absolute") == "etc"
    assert where(root, "/out/etc") == "etc"
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        where(root, "/absolute", symlinks=False)


def test_what_is_missing_is_made(root: int, tmp_path: Path) -> None:
    assert where(root, "/a/b/c", make="directory") == "a/b/c"
    assert where(root, "/a/file", make="file") == "a/file"
    assert (tmp_path / "root/a/b/c").is_dir()
    assert (tmp_path / "root/a/file").is_file()
    with pytest.raises(FileNotFoundError):
        where(root, "/nothing")


def test_what_a_link_to_nothing_names_is_made_inside(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/run").symlink_to(tmp_path / "outside/new")
    (tmp_path / "root/near").symlink_to("etc/made")
    assert where(root, "/run/x", make="directory") == f"{tmp_path}/outside/new/x"[1:]
    assert where(root, "/near", make="directory") == "etc/made"
    assert list((tmp_path / "outside").iterdir()) == []


def test_links_in_a_circle(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/one").symlink_to("two")
    (tmp_path / "root/two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        where(root, "/one/x", make="directory")


def test_a_magic_link_leads_nowhere(root: int, tmp_path: Path) -> None:
    outside = os.open(tmp_path / "outside", os.O_PATH)
    proc = os.open("/proc", os.O_PATH)
    try:
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            where(proc, f"/self/fd/{outside}")
    finally:
        os.close(outside)
        os.close(proc)

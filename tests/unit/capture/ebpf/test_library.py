"""bcc is found and loaded wherever it is, and whatever else is called bcc is not."""

import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contrace.capture.ebpf import library
from contrace.errors import BackendUnavailable

LOAD_HERE = """
import sys
before = list(sys.path)
from contrace.capture.ebpf import library
module = library.load()
assert module.BPF and module is library.load() and module.__version__ == library.find().version
assert sys.path == before
import bcc.table
print(bcc is module)
"""


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    library.load.cache_clear()
    yield
    library.load.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "bcc"]:
        del sys.modules[name]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a package called bcc into the only directory of a distribution."""
    monkeypatch.setattr(library, "_DIRECTORIES", (f"{tmp_path}/lib/python3*/site-packages",))

    def put(init: str = "BPF = 1", own: str | None = "", version: str = "__version__ = '1.2.3'") -> Path:
        directory = tmp_path / "lib/python3.99/site-packages/bcc"
        directory.mkdir(parents=True)
        (directory / "__init__.py").write_text(init)
        (directory / "version.py").write_text(version)
        if own is not None:
            (directory / "libbcc.py").write_text(own)
        return directory

    return put


def refusal() -> str:
    with pytest.raises(BackendUnavailable) as caught:
        library.load()
    assert "bcc" not in sys.modules
    return str(caught.value)


def test_the_distributions_bcc_works_in_this_virtual_environment() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", LOAD_HERE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_it_is_loaded_from_its_files(place: Callable[..., Path]) -> None:
    directory = place("from .inner import BPF\nfrom bcc.inner import BPF as same\nassert BPF is same")
    (directory / "inner.py").write_text("class BPF: ...")
    assert library.find() == library.Found(directory, "1.2.3")
    before = list(sys.path)
    assert Path(library.load().__file__ or "").parent == directory
    assert sys.path == before


def test_the_running_pythons_own_is_preferred(
    place: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = place()
    own = tmp_path / "own/bcc"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("unrelated = True")
    monkeypatch.syspath_prepend(str(own.parent))
    found = library.find()
    assert found is not None
    assert found.directory == other, "it has no libbcc.py: it is PyPI's bcc"
    (own / "libbcc.py").write_text("")
    assert library.find() == library.Found(own, "")


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian"}, "apt install python3-bpfcc"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "apt install python3-bpfcc"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install python3-bcc"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "zypper install python3-bcc"),
        ({"ID": "arch"}, "pacman -S python-bcc"),
        ({"ID": "alpine"}, "apk add py3-bcc"),
    ],
    ids=lambda value: value.get("ID", "") if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("place")
def test_where_it_is_missing_the_package_is_named(
    release: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert library.find() is None
    message = refusal()
    assert message.startswith("eBPF needs bcc, and neither this Python")
    assert message.endswith(f". Install it: {command}")


@pytest.mark.usefixtures("place")
def test_on_an_unknown_distribution_all_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", unknown)
    message = refusal()
    assert "apt install python3-bpfcc (debian)" in message
    assert "pacman -S python-bcc (arch)" in message


def test_without_the_library_it_says_what_was_tried(place: Callable[..., Path]) -> None:
    own = "import ctypes\nctypes.CDLL('libbcc.so.999')"
    directory = place("from .libbcc import BPF", own)
    message = refusal()
    assert f"bcc in {directory} cannot be loaded: libbcc.so.999: cannot open shared object file" in message
    assert "Install it: " in message
    assert not [name for name in sys.modules if name.startswith("bcc.")]


@pytest.mark.parametrize("init", ["import no_such_module", "from .libbcc import BPF", "print 1", "None.function"])
def test_a_package_that_does_not_fit(init: str, place: Callable[..., Path]) -> None:
    place(init)
    assert "cannot be loaded" in refusal()


def test_a_package_without_the_compiler(place: Callable[..., Path]) -> None:
    place("")
    assert "it is not the BPF compiler" in refusal()


def test_only_the_warnings_about_old_source_are_silenced(place: Callable[..., Path]) -> None:
    init = place("import warnings\nBPF = '\\d'\nwarnings.warn('old', DeprecationWarning)") / "__init__.py"
    assert library.load().BPF == "\\d"
    library.load.cache_clear()
    init.write_text("import warnings\nwarnings.warn('of another kind')")
    with pytest.raises(UserWarning, match="of another kind"):
        library.load()

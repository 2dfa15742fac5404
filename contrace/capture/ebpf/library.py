"""bcc, the BPF compiler: found where the distribution has put it, and loaded into whatever Python runs contrace.

It comes with the distribution only; `bcc` on PyPI is something else. A virtual environment does not see the
distribution's packages, so this one package is loaded from its files, and no directory is added to sys.path.
"""

import importlib.util
import platform
import re
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from glob import glob
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from contrace.errors import BackendUnavailable

_NAME = "bcc"
_OWN_FILE = "libbcc.py"
"""Tells it from PyPI's package of that name."""

_DIRECTORIES = (
    "/usr/local/lib/python3*/dist-packages",
    "/usr/local/lib/python3*/site-packages",
    "/usr/local/lib64/python3*/site-packages",
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/lib64/python3*/site-packages",
)

_INSTALL = {  # ID of os-release(5)
    "debian": "apt install python3-bpfcc",
    "ubuntu": "apt install python3-bpfcc",
    "fedora": "dnf install python3-bcc",
    "rhel": "dnf install python3-bcc",
    "suse": "zypper install python3-bcc",
    "arch": "pacman -S python-bcc",
    "alpine": "apk add py3-bcc",
    "gentoo": "emerge dev-util/bcc",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Where bcc is, without having loaded it."""

    directory: Path
    version: str
    """Empty when it does not say."""


def find() -> Found | None:
    """bcc of the running Python, else of the distribution; None where there is none."""
    for directory in _candidates():
        if (directory / _OWN_FILE).is_file() and (directory / "__init__.py").is_file():
            return Found(directory, _version(directory))
    return None


@cache
def load() -> ModuleType:
    """The package `bcc`. Raises BackendUnavailable when it is missing, or its library libbcc is."""
    found = find()
    if found is None:
        raise BackendUnavailable(f"{missing()}. {advice()}")
    init = found.directory / "__init__.py"
    spec = importlib.util.spec_from_file_location(_NAME, init, submodule_search_locations=[str(found.directory)])
    if spec is None or spec.loader is None:
        raise BackendUnavailable(f"{init} cannot be loaded as a Python package. {advice()}")
    try:
        return _execute(spec, spec.loader)
    # AttributeError: libbcc lacks a function that this version of the package wants.
    except (OSError, ImportError, AttributeError, SyntaxError) as error:
        message = f"bcc in {found.directory} cannot be loaded: {error}. {advice()}"
        raise BackendUnavailable(message) from error


def missing() -> str:
    """That there is no bcc, and where it was looked for."""
    return (
        f"eBPF needs bcc, and neither this Python ({sys.prefix}) nor the distribution's (/usr/lib/python3*, "
        "/usr/local/lib/python3*) has it"
    )


def advice() -> str:
    """How bcc is installed here; on an unknown distribution, how it is on each known one."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    likes = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    known = [_INSTALL[name] for name in likes if name in _INSTALL]
    if known:
        return f"Install it: {known[0]}"
    return "Install it: " + ", ".join(f"{command} ({name})" for name, command in _INSTALL.items())


def _candidates() -> list[Path]:
    own = importlib.util.find_spec(_NAME)
    places = list(own.submodule_search_locations or ()) if own else []
    return [Path(place) for place in places] + [
        Path(directory, _NAME) for pattern in _DIRECTORIES for directory in sorted(glob(pattern), reverse=True)
    ]


def _version(directory: Path) -> str:
    try:
        text = (directory / "version.py").read_text()
    except OSError:
        return ""
    found = re.search(r"^__version__ = ['\"]([\w.+~-]+)['\"]", text, re.M)
    return found[1] if found else ""


def _execute(spec: ModuleSpec, loader: Loader) -> ModuleType:
    """As `import bcc` does: its modules find each other by that name."""
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    try:
        with warnings.catch_warnings():
            # Newer Pythons complain about its source where they compile it.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", SyntaxWarning)
            loader.exec_module(module)
        _demand_compiler(module)
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
            del sys.modules[name]
        raise
    return module


def _demand_compiler(module: ModuleType) -> None:
    if not hasattr(module, "BPF"):
        raise ImportError("it has no BPF, so it is not the BPF compiler")

"""docs/how-a-container-is-born.md: every line that it quotes is in a trace recorded now; the README's notes, too.

Its quotes are fenced blocks whose first line names the trace: contrace or runc, and `user` for a normal user's. Within
a section the lines of one trace stand there in the trace's order.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import bundles
from tests.harness import contrace
from tests.managers.fixtures import need
from tests.managers.host import NAME
from tests.managers.runtimes import Runtimes
from tests.users import User, user

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/how-a-container-is-born.md").read_text()
COMMAND = ("sh", "-c", "ps; id; hostname")


def sections(trace: str) -> Iterator[tuple[str, list[str]]]:
    """Heading of each section that quotes this trace, and the lines that it quotes."""
    for section in re.split(r"^## ", PAGE, flags=re.M)[1:]:
        blocks = re.findall(rf"^```{trace}\n(.*?)^```$", section, re.M | re.S)
        lines = [line for block in blocks for line in block.splitlines() if line != "…"]
        if lines:
            yield section.partition("\n")[0], lines


def check_quotes(trace: str, text: str) -> None:
    found = [line.strip() for line in text.splitlines()]
    quoted = dict(sections(trace))
    assert quoted, f"the page quotes nothing of {trace}"
    for heading, lines in quoted.items():
        rest = iter(found)
        for line in lines:
            assert line in rest, f"{heading}: not in the trace, or not in this order: {line}"


def normalised(trace: Path, somebody: User | None = None) -> str:
    done = somebody.contrace("show", "--normalise", trace) if somebody else contrace("show", "--normalise", trace)
    assert done.returncode == 0, done.stderr
    return done.stdout


def reduced(text: str) -> str:
    """What differs between two traces of runc, which has threads and makes random names."""
    for pattern, word in (
        (r'"[^"]*/runc\.\w{6}"', '"<state>/runc.<name>"'),
        (r'"[^"]*/rootfs"', '"<rootfs>"'),
        (r"cgroup: .*$", "cgroup: <cgroup>"),
        (r"<(\w+) of [\d.]+>", r"<\1 of …>"),
        (r"<[\d.]+>", "<pid>"),
        (r"^\d[\d.]* ", "<pid> "),
        (r"execveat\(\d+", "execveat(<fd>"),
        (r"/proc/self/fd/\d+", "/proc/self/fd/<fd>"),
    ):
        text = re.sub(pattern, word, text, flags=re.M)
    return text


def notes_of_the_readme() -> list[str]:
    """Each as it is wrapped in no way and in no run."""
    [shown] = re.findall(r"^```\n((?:(?!^```).)*╰.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    return [unwrapped(note) for note in re.findall(r"╰ (.*?)^  …$", shown, re.M | re.S)]


def unwrapped(text: str) -> str:
    return re.sub(r"\d{2,}", "<number>", re.sub(r"\s+", " ", text)).strip()


def skip_if_the_machine_differs() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if not Path("/sys/fs/cgroup/unified/cgroup.procs").exists():
        pytest.skip("needs cgroup v1 and v2 side by side")


@pytest.mark.parametrize("page", ["contrace", "runc", "contrace user", "runc user"])
def test_the_page_has_quotes_of_each(page: str) -> None:
    assert dict(sections(page))


def test_no_quote_has_a_label_that_is_not_checked() -> None:
    labels = set(re.findall(r"^```(.+)$", PAGE, re.M))
    assert labels == {"contrace", "runc", "contrace user", "runc user", "printed"}


def test_what_the_page_quotes_of_the_demo_is_so(tmp_path: Path, backend: str) -> None:
    skip_if_the_machine_differs()
    done = contrace("demo", "--backend", backend, "-o", tmp_path / "demo.ctrace")
    assert done.returncode == 0, done.stderr
    check_quotes("contrace", normalised(tmp_path / "demo.ctrace"))
    [(_, printed)] = sections("printed")
    inside = "\n".join(f"  │ {line}" for line in printed)
    assert inside in done.stdout
    assert inside in (ROOT / "README.md").read_text()
    notes = notes_of_the_readme()
    assert len(notes) == 4
    for note in notes:
        assert note in unwrapped(done.stdout)


def test_what_the_page_quotes_of_a_normal_users_demo_is_so() -> None:
    skip_if_the_machine_differs()
    with user() as somebody:
        done = somebody.contrace("demo", "-o", "demo.ctrace")
        assert done.returncode == 0, done.stderr
        check_quotes("contrace user", normalised(Path("demo.ctrace"), somebody))


def test_what_the_page_quotes_of_runc_is_so(runtimes: Runtimes, rootfs: Path, tmp_path: Path) -> None:
    skip_if_the_machine_differs()
    bundle = bundles.make_bundle(tmp_path / f"{NAME}-page", rootfs, *COMMAND)
    trace = tmp_path / "runc.ctrace"
    command = runtimes.runc_on(bundle, bundle.name)
    done = contrace("run", "--scope", "all", "--format", "none", "-o", trace, "--", *command)
    assert done.returncode == 0, done.stderr
    check_quotes("runc", reduced(normalised(trace)))


def test_what_the_page_quotes_of_runc_by_a_normal_user_is_so(rootfs: Path) -> None:
    skip_if_the_machine_differs()
    need("runc")
    with user() as somebody:
        own = somebody.folder / "rootfs"
        shutil.copytree(rootfs, own, symlinks=True)
        bundle = bundles.make_bundle(somebody.folder / "page", own, *COMMAND, user=somebody)
        assert "uidMappings" in json.loads((bundle / "config.json").read_text())["linux"]
        runc = ("runc", "--root", somebody.folder / "state", "run", "--bundle", bundle, "page")
        done = somebody.contrace("run", "--scope", "all", "--format", "none", "-o", "runc.ctrace", "--", *runc)
        assert done.returncode == 0, done.stderr
        check_quotes("runc user", reduced(normalised(Path("runc.ctrace"), somebody)))

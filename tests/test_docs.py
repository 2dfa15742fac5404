"""The documentation says what is true: links, file names, commands, tables."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from contrace.cli.main import application
from contrace.cli.options import Format
from contrace.errors import ExitCode
from contrace.filters import KEYS, is_filter_word
from contrace.runtime.demos import DEMOS
from contrace.runtime.spec import Part, Spec, Unsupported

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "bench/README.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = (ROOT / "docs/user-guide.md").read_text()


def command_lines() -> list[str]:
    """Every line of an indented block that begins a contrace command."""
    lines = [line.strip() for page in PAGES for line in page.read_text().splitlines() if line.startswith("    ")]
    return [line for line in lines if re.match(r"(sudo )?contrace (attach|run|show|view|demo|doctor)\b", line)]


def options_of(verb: str) -> set[str]:
    import typer.main

    command = typer.main.get_command(application()).commands[verb]
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}


def headings(page: Path) -> set[str]:
    """As they are written in links to them."""
    lines = page.read_text().splitlines()
    return {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, place = target.partition("#")
        led = page.parent / path if path else page
        assert led.exists(), target
        assert not place or place in headings(led), target


@pytest.mark.parametrize("line", command_lines())
def test_commands_exist_with_their_options(line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[1:] if words[0] == "sudo" else words
    verb, rest = words[1], words[2:]
    if "--" in rest:
        rest = rest[: rest.index("--")]
    for word in rest:
        if word.startswith("-") and not is_filter_word(word):
            assert word in options_of(verb), f"contrace {verb} has no option {word}"


def test_there_are_commands_to_check() -> None:
    assert len(command_lines()) > 10


def test_the_guide_lists_every_exit_status() -> None:
    listed = {int(number) for number in re.findall(r"^\| (\d+) \| ", GUIDE, re.M)}
    assert listed == set(ExitCode)


def test_the_guide_lists_every_filter() -> None:
    rows = dict(re.findall(r"^\| `(.+?)` \| (.+) \|$", GUIDE, re.M))
    for key in KEYS.values():
        assert rows[key.example] == key.help


def test_the_guide_lists_every_demo() -> None:
    rows = dict(re.findall(r"^\| `(.+?)` \| (.+) \|$", GUIDE, re.M))
    assert {name: rows.get(name) for name in DEMOS} == dict(DEMOS)


def test_the_guide_names_every_format() -> None:
    for name in Format:
        assert name == Format.timeline or f"`--format {name.value}`" in GUIDE, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`((?:contrace|tests|bench|docs)/[\w./]*\w)`", page.read_text()):
        assert (ROOT / name).exists(), name


def test_the_runtimes_page_lists_what_it_does_not_implement() -> None:
    """Exactly the `Unsupported` fields, by their JSON paths."""
    page = (ROOT / "docs/runtime.md").read_text()
    listed = {
        f"{where}.{name}"
        for where, names in re.findall(r"^\| `(\$[\w.]*)` \| (`.+`) \|$", page, re.M)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert listed == set(unsupported(Spec, "$"))


def unsupported(part: type[Part], path: str) -> Iterator[str]:
    names = zip(part.__struct_encode_fields__, part.__struct_fields__, strict=True)
    annotations = get_type_hints(part, include_extras=True)
    for name, field in names:
        kind = annotations[field]
        if kind is Unsupported:
            yield f"{path}.{name}"
        else:
            for inner in (kind, *get_args(kind)):
                if isinstance(inner, type) and issubclass(inner, Part):
                    yield from unsupported(inner, f"{path}.{name}")

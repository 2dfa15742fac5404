"""The help: it fits the screen, it names every option, and its examples are true."""

import re
import shlex

import pytest

from contrace import __version__
from contrace.cli.main import COMMANDS, EPILOG, main
from contrace.cli.options import Format
from contrace.errors import ExitCode

VERBS = [function.__name__ for function, _, _ in COMMANDS]


@pytest.fixture(autouse=True)
def screen_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_help_fits_80_columns(capsys: pytest.CaptureFixture[str], verb: str | None) -> None:
    text = help_of(capsys, *([verb] if verb else []))
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "Examples:" in text


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    for verb in VERBS:
        assert re.search(rf"^  {verb} +[A-Z].*[a-z.]$", text, re.M), verb
    assert "..." not in text.split("Commands:")[1].split("Examples:")[0]
    for code in ExitCode:
        assert re.search(rf"\b{int(code)}\b", text.split("Exit status:")[1]), code


@pytest.mark.parametrize("verb", ["attach", "run", "show"])
def test_help_lists_what_a_filter_can_ask_for(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    text = help_of(capsys, verb)
    for example in ("call:unshare,clone", "pid:123", "failed", "took:>5ms", "-call:prctl"):
        assert example in text


def test_the_formats_are_those_of_output() -> None:
    from contrace.output import FORMATS

    assert {*FORMATS, "none"} == {str(name) for name in Format}


def examples() -> list[str]:
    text = "\n".join([EPILOG, *(end for _, _, end in COMMANDS)])
    found = re.findall(r"^ +((?:sudo )?contrace [^\n]*?)(?:   .*)?$", text, re.M)
    assert len(found) > 12
    return found


@pytest.mark.parametrize("line", examples())
def test_every_example_is_a_command_line_that_parses(line: str) -> None:
    """What the examples do is tested in tests/integration; here, that none has an option or word that is not there."""
    from typer.main import get_command

    from contrace.cli.main import application

    words = shlex.split(line.removeprefix("sudo ").split(" > ")[0])[1:]
    command = get_command(application())
    context = command.make_context("contrace", words)
    verb = context._protected_args[0] if hasattr(context, "_protected_args") else words[0]
    command.commands[verb].make_context(verb, words[1:])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"contrace {__version__}\n"


def test_without_a_command_the_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: contrace")

"""``contrace doctor``: can this machine and this user trace, and if not, what to do."""

from textwrap import fill
from typing import ClassVar

from contrace.cli.words import Verb
from contrace.errors import ExitCode

EXAMPLES = """\
Examples:

\b
  contrace doctor
  sudo contrace doctor                  what root could do
"""

_NAME_WIDTH = 11
_WIDTH = 80
_MARKS = {True: "ok", False: "NO", None: "--"}


class DoctorCommand(Verb):
    """How the line of ``doctor`` is read."""

    usage: ClassVar = "[OPTIONS]"
    filters: ClassVar = False


def doctor() -> int:
    """Say what can be traced here, what is missing, and what to do.

    Every line is tried out, not guessed. The exit status is 0 when something can be traced here, else 7.
    """
    from contrace.capture.select import checks, may_trace_others

    results = checks()
    for check in results:
        print(_paragraph(f"{_MARKS[check.ok]:3} {check.name:<{_NAME_WIDTH}}", check.found))
        if check.advice:
            print(_paragraph(" " * (_NAME_WIDTH + 4) + "-> ", check.advice))
    working = sorted({command for check in results if check.ok for command in check.gives}, reverse=True)
    print()
    if not working:
        print("Nothing can be traced here.")
        return ExitCode.NO_BACKEND
    whose = "" if may_trace_others() else ", for your own processes"
    print(f"contrace {' and contrace '.join(working)} can be used here{whose}.")
    return ExitCode.OK


def _paragraph(start: str, text: str) -> str:
    return fill(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)

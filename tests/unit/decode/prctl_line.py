"""A call of prctl, by the name of its option, and the line that it is shown as."""

from contrace.syscalls.prctl import OPTIONS
from tests.unit.decode import making

NUMBERS = {option.name: number for number, option in OPTIONS.items()}


def line(option: str | int, *args: int, **more) -> str:
    """As ``making.line``."""
    return making.line("prctl", NUMBERS[option] if isinstance(option, str) else option, *args, **more)

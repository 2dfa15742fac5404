"""``contrace runtime`` as a command among the others; what its words mean is in ``cli/container.py``."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from typer import Argument

from contrace.cli import complete
from contrace.cli.words import Verb

if TYPE_CHECKING:
    from typer._click.core import Context

EXAMPLES = ""


class RuntimeCommand(Verb):
    """How the line of ``runtime`` is read: not here. ``--help``, too, is one of its own words."""

    usage: ClassVar = "COMMAND [OPTIONS] [ARGUMENT]..."
    filters: ClassVar = False

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Every word is an argument."""
        return super().parse_args(ctx, ["--", *args])


def runtime(
    *, words: Annotated[list[str] | None, Argument(hidden=True, autocompletion=complete.runtime)] = None
) -> int:
    """Run a container from an OCI bundle, without a container manager."""
    from contrace.cli.container import main

    return main(words or [])

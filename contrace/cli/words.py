"""What the words of a command line are, before click looks at them: options, filter words, the command to run.

Two things that users type are not what click would take them for. ``-call:prctl`` is a filter word, not the options
``-c -a -l -l``; and the options in ``contrace run ls -l`` belong to ``ls``. So each command line is rewritten first:
every filter word becomes ``--filter=WORD``, and what `run` executes is put behind ``--``.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter


def rewrite(
    args: Sequence[str],
    valued: frozenset[str],
    is_filter: Callable[[str], bool],
    *,
    command_follows: bool,
) -> list[str]:
    """The same command line for click. ``valued``: the options that take a value, ``-o`` and ``--output`` alike.

    With ``command_follows`` the first word that is neither an option nor a filter word, or what stands behind ``--``,
    begins a command, whose words are left as they are.
    """
    out: list[str] = []
    words = iter(enumerate(args))
    for index, word in words:
        if word == "--":
            return [*out, *args[index:]]
        if is_filter(word):
            out.append(f"--filter={word}")
        elif word.startswith("-") and word != "-":
            out.append(word)
            if _value_is_next(word, valued):
                out += [value for _, value in [next(words, (0, ""))] if index + 1 < len(args)]
        elif command_follows:
            return [*out, "--", *args[index:]]
        else:
            out.append(word)
    return out


def _value_is_next(word: str, valued: frozenset[str]) -> bool:
    """Whether the option, or the last one of a cluster such as ``-vs``, takes the next word as its value."""
    if word.startswith("--"):
        return word in valued
    for place, letter in enumerate(word[1:], 1):
        if f"-{letter}" in valued:
            return place == len(word) - 1
    return False


class Verb(TyperCommand):
    """A command whose line is rewritten first, and whose usage line is written out."""

    usage: ClassVar[str]
    filters: ClassVar[bool] = True
    """It takes FILTER words: the help lists them."""
    command_follows: ClassVar[bool] = False

    def collect_usage_pieces(self, ctx: "Context") -> list[str]:
        """What the help shows after the command's name."""
        return [self.usage]

    def format_epilog(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """The end of the help: what a filter can ask for, then examples."""
        if self.filters:
            from contrace.filters import KEYS, NEGATION

            with formatter.section("Filters"):
                formatter.write_dl([(key.example, key.help) for key in KEYS.values()])
                formatter.write_paragraph()
                formatter.write_text(NEGATION)
        super().format_epilog(ctx, formatter)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Click's own parsing, of the rewritten line."""
        from contrace.filters import is_filter_word

        options = [param for param in self.params if isinstance(param, TyperOption) and not param.is_flag]
        valued = frozenset(name for option in options for name in option.opts)
        words = rewrite(args, valued, is_filter_word, command_follows=self.command_follows)
        return super().parse_args(ctx, words)

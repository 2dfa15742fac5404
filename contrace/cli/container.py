"""The words of ``contrace runtime``: a container's life, command by command.

Read with argparse, and reached from ``__main__`` without typer: that alone takes longer to import than a container
takes to be made.
"""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from contrace.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from contrace.runtime.bundle import Bundle
    from contrace.runtime.roots import RootSource

EPILOG = """\
Examples:

  contrace runtime run -- ps
  contrace runtime run --rootfs rootfs.tar.gz -- sh -c 'id; hostname'
  mkdir box && contrace runtime spec box
  contrace runtime run --rootfs busybox box
  contrace runtime create demo box && contrace runtime start demo
  contrace runtime state demo
  contrace runtime kill demo KILL && contrace runtime delete demo
"""


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print and exit for."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\nSee {self.prog} --help")


def main(words: Sequence[str]) -> int:
    """Do one command; returns the exit status. Raises ContraceError."""
    # So short a life needs no collection, and one in a forked stage would copy the memory that it shares.
    gc.disable()
    parser = _parser()
    # What stands behind -- is the container's command, whatever it looks like.
    end = words.index("--") if "--" in words else len(words)
    try:
        options = parser.parse_args(words[:end])
    except SystemExit:  # --help
        return ExitCode.OK
    options.command = list(words[end + 1 :])
    if options.command and options.verb != "run":
        raise UsageError(f"contrace runtime {options.verb} takes no command")
    if options.verb is None:
        parser.print_help(sys.stderr)
        return ExitCode.USAGE
    result: int = VERBS[options.verb](options)
    return result


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="contrace runtime",
        description="Run a container from an OCI bundle, without a container manager:\n"
        "by the steps that runc takes, in their order.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands", parser_class=_Parser)

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=text, description=text)
        if name != "spec":
            one.add_argument("--state-dir", metavar="DIR", help="where containers are remembered")
        return one

    run = verb("run", "Make a container, wait for its end, remove it.")
    run.add_argument("bundle", nargs="?", metavar="BUNDLE", help="with a config.json; default: what spec writes")
    run.add_argument("--id", metavar="ID", help="the container's name; default: run-PID")
    _add_rootfs(run)
    spec = verb("spec", "Write a config.json to begin with.")
    spec.add_argument("bundle", nargs="?", default=".", metavar="BUNDLE", help="directory for it")
    create = verb("create", "Make a container up to the point where its process would begin.")
    create.add_argument("id", metavar="ID")
    create.add_argument("bundle", nargs="?", default=".", metavar="BUNDLE")
    _add_rootfs(create)
    create.add_argument("--console-socket", metavar="SOCKET", help="where the terminal is sent to, as for runc")
    run.usage = "contrace runtime run [OPTIONS] [BUNDLE] [-- COMMAND [ARGUMENT]...]"
    verb("start", "Let a created container's process begin.").add_argument("id", metavar="ID")
    verb("state", "Show a container's state in JSON.").add_argument("id", metavar="ID")
    kill = verb("kill", "Send a signal to a container's first process.")
    kill.add_argument("id", metavar="ID")
    kill.add_argument("signal", nargs="?", default="TERM", metavar="SIGNAL", help="name or number; default: TERM")
    delete = verb("delete", "Remove a container that has stopped, and everything that was made for it.")
    delete.add_argument("id", metavar="ID")
    delete.add_argument("-f", "--force", action="store_true", help="kill it first")
    return parser


def _add_rootfs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--rootfs",
        metavar="ROOT",
        help="instead of root.path: a directory, a tar, busybox, or host (the host's programs, read-only)",
    )


def _run(options: argparse.Namespace) -> int:
    from contrace.runtime import bundle, lifecycle, roots
    from contrace.runtime.state import Entry, open_directory

    read = bundle.load(options.bundle) if options.bundle else bundle.built_in(options.command or ["sh"])
    if options.bundle and options.command:
        read = bundle.with_args(read, options.command)
    root = _root(read, options.rootfs) if options.bundle else roots.choose(options.rootfs)
    entry = Entry(open_directory(options.state_dir), options.id or f"run-{os.getpid()}")
    return lifecycle.run(entry, read, root, _say)


def _root(bundle: "Bundle", wanted: str | None) -> "RootSource":
    from contrace.runtime import roots

    return roots.Directory(bundle.root) if wanted is None else roots.choose(wanted)


def _create(options: argparse.Namespace) -> int:
    from contrace.runtime import bundle, lifecycle
    from contrace.runtime.state import Entry, open_directory

    read = bundle.load(options.bundle)
    entry = Entry(open_directory(options.state_dir), options.id)
    lifecycle.create(entry, read, _root(read, options.rootfs), options.console_socket, _say)
    return ExitCode.OK


def _spec(options: argparse.Namespace) -> int:
    from contrace.runtime import bundle

    print(bundle.write(options.bundle, bundle.default()), "written; its root file system is expected in rootfs")
    return ExitCode.OK


def _start(options: argparse.Namespace) -> int:
    from contrace.runtime import lifecycle
    from contrace.runtime.state import Entry, open_directory

    lifecycle.start(Entry(open_directory(options.state_dir), options.id))
    return ExitCode.OK


def _state(options: argparse.Namespace) -> int:
    from contrace.runtime import lifecycle
    from contrace.runtime.state import Entry, open_directory

    print(lifecycle.state(Entry(open_directory(options.state_dir), options.id)).decode())
    return ExitCode.OK


def _kill(options: argparse.Namespace) -> int:
    from contrace.runtime import lifecycle
    from contrace.runtime.state import Entry, open_directory

    lifecycle.kill(Entry(open_directory(options.state_dir), options.id), _signal(options.signal))
    return ExitCode.OK


def _delete(options: argparse.Namespace) -> int:
    from contrace.runtime import lifecycle
    from contrace.runtime.state import Entry, open_directory

    lifecycle.delete(Entry(open_directory(options.state_dir), options.id), force=options.force)
    return ExitCode.OK


VERBS = {
    "run": _run,
    "spec": _spec,
    "create": _create,
    "start": _start,
    "state": _state,
    "kill": _kill,
    "delete": _delete,
}
"""Every command, by its word."""


def _signal(text: str) -> int:
    """TERM, SIGTERM or 15."""
    if text.isdecimal() and int(text) in {*signal.valid_signals()}:
        return int(text)
    try:
        return signal.Signals["SIG" + text.upper().removeprefix("SIG")]
    except KeyError:
        raise UsageError(f"no signal is named {text!r}") from None


def _say(text: str) -> None:
    print(f"contrace: {text}", file=sys.stderr)

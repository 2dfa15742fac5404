"""What the shell offers after TAB."""

import os
from collections.abc import Iterable, Iterator

from typer import Context


def calls(incomplete: str) -> Iterator[str]:
    """``--calls``: completes the last of the names between commas."""
    from contrace.syscalls.abi import abis_of, names
    from contrace.syscalls.specs import GROUPS

    before, comma, begun = incomplete.rpartition(",")
    known = {name for abi in abis_of(os.uname().machine)[:1] for name in names(abi)}
    for name in (*GROUPS, "all", *sorted(known)):
        if name.startswith(begun):
            yield f"{before}{comma}{name}"


def targets(incomplete: str) -> Iterator[str]:
    """TARGET: the stacks of managers, and the names of the processes that run here."""
    from contrace.capture.targets import STACKS, running

    names = {name for process in running() for name in process.names}
    yield from _plain((*STACKS, *sorted(names - set(STACKS))), incomplete)


def containers(incomplete: str) -> Iterator[str]:
    """``--container``: the names of the containers that run here; their ids where they have none, or one is begun."""
    from contrace.capture.containers import containers as running

    found = running()
    names = {name for container in found for name in container.names or (container.short_id,)}
    ids = {container.short_id if len(incomplete) <= len(container.short_id) else container.id for container in found}
    yield from _plain(sorted(names | ids if incomplete else names), incomplete)


def _plain(names: Iterable[str], begun: str) -> Iterator[str]:
    """Those that begin so. A name is its owner's to choose: what is not plain does not get into a command line."""
    for name in names:
        if name.startswith(begun) and name and name.isprintable() and not set(name) & set(" :'\"$`\\"):
            yield name


def traces(incomplete: str) -> Iterator[str]:
    """FILE: trace files and the directories on the way to them."""
    folder, name = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(name) and (entry.name.endswith(".ctrace") or entry.is_dir()):
            yield os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "")


def demos(incomplete: str) -> Iterator[str]:
    """NAME: the demos."""
    from contrace.runtime.demos import DEMOS

    yield from (name for name in DEMOS if name.startswith(incomplete))


def runtime(ctx: Context, incomplete: str) -> Iterator[str]:
    """The words of ``runtime``: its commands, then directories that may be bundles."""
    from contrace.cli.container import VERBS

    if not ctx.params.get("words"):
        yield from (verb for verb in VERBS if verb.startswith(incomplete))
        return
    folder, name = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(name) and entry.is_dir():
            yield os.path.join(folder, entry.name) + "/"

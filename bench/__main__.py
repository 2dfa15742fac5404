"""``python -m bench [NAME]... [OPTIONS]``: run measurements and print their tables."""

import argparse
import os
from importlib import import_module

from bench.plan import Plan

NAMES = (
    "start",
    "processes",
    "docker_run",
    "born",
    "attach",
    "storm",
    "bystander",
    "runtime",
    "feed",
    "tui",
    "live_tui",
)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure contrace beside no tracer, strace and bpftrace."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--backend", default="ebpf", help="contrace's, for all that attach [ebpf]")
    parser.add_argument("--without", action="append", default=[], metavar="COLUMN", help="leave a column out")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed contrace has its byte code
    plan = Plan(options.rounds, options.backend, frozenset(options.without))
    for name in options.names or NAMES:
        import_module(f"bench.{name}").main(plan)


if __name__ == "__main__":
    main()

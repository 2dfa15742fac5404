"""``python -m bench [NAME]... [--rounds N]``: run measurements and print their tables."""

import argparse
import os
from importlib import import_module

NAMES = ("start", "processes", "docker_run", "born", "runtime")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure contrace beside strace.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed contrace has its byte code
    for name in options.names or NAMES:
        import_module(f"bench.{name}").main(options.rounds)


if __name__ == "__main__":
    main()

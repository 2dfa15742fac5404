"""``contrace`` and ``python -m contrace``.

``--version`` is answered here, and ``runtime`` begun, before typer is imported: that alone would take longer than all
the rest of it.
"""

import os
import signal
import sys

from contrace import __version__


def main() -> int:
    """Run the command line; returns the exit status (``contrace.errors.ExitCode``, or the command's own)."""
    if sys.argv[1:] == ["--version"]:
        print(f"contrace {__version__}")
        return 0
    try:
        if sys.argv[1:2] == ["runtime"]:
            from contrace.cli.container import main as runtime
            from contrace.cli.report import reported

            status = reported(lambda: runtime(sys.argv[2:]))
            os._exit(status)  # taking Python apart in good order would take a tenth of the whole
        from contrace.cli.main import main as run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # during the imports: nothing has begun
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())

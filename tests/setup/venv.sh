#!/bin/bash
# Makes the virtual environment DIR with a Python that contrace runs on.
#   venv.sh DIR
# The first suitable of python3 and python3.X, newest first; as root on Debian a missing python3-venv is installed.
set -eu

dir=$1

suitable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

find_python() { # prints the first suitable one, one with ensurepip if there is any
    local candidate
    for candidate in python3 python3.{20..11}; do
        if suitable "$candidate" && can_make_venv "$candidate"; then echo "$candidate"; return; fi
    done
    for candidate in python3 python3.{20..11}; do
        if suitable "$candidate"; then echo "$candidate"; return; fi
    done
}

# A half-made or outdated environment is made anew; one whose Python still runs is kept.
if suitable "$dir/bin/python" && "$dir/bin/python" -m pip --version >/dev/null 2>&1; then exit 0; fi

python=$(find_python)
if [ -z "$python" ] || ! can_make_venv "$python"; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
        python=$(find_python)
    fi
fi
if [ -z "$python" ]; then
    echo "contrace needs Python 3.11 or newer, and there is none here. On Debian 12, Ubuntu 24.04 or newer, as root:" >&2
    echo "    apt-get install python3 python3-venv" >&2
    exit 1
fi
if ! can_make_venv "$python"; then
    echo "$python cannot make virtual environments here: its modules venv and ensurepip are a package of their own." >&2
    echo "On Debian and Ubuntu, as root:" >&2
    echo "    apt-get install python3-venv" >&2
    exit 1
fi
rm -rf "$dir"
"$python" -m venv "$dir"

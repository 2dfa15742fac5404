#!/bin/bash
# The Debian packages that the tests use: as root installs those that are missing, else says which they are.
# Nothing that is installed here is started: the tests run private daemons of their own.
set -eu

wanted=(
    python3-venv
    containerd docker.io runc crun podman netavark uidmap   # real container managers and runtimes
    bubblewrap busybox-static                               # another runtime; the whole content of the test images
    strace gcc libc6-dev                                    # the notation's yardstick; the small C programs that it is measured with
    iproute2 iptables util-linux procps tmux
    python3-bpfcc
)
case $(uname -m) in
    x86_64) wanted+=(gcc-multilib libc6-dev-i386) ;;        # i386 programs
esac
# Only in distributions where the client is a package of its own.
sometimes=(docker-cli)

if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system: tests for which something is missing will be skipped. They use: ${wanted[*]}" >&2
    exit 0
fi

missing() { # prints those of the packages that are not installed
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done
}

mapfile -t need < <(missing "${wanted[@]}")
if ! command -v docker >/dev/null; then need+=("${sometimes[@]}"); fi
if [ ${#need[@]} = 0 ]; then exit 0; fi

if [ "$(id -u)" != 0 ]; then
    echo "Tests for which something is missing will be skipped. For all of them, as root:" >&2
    echo "    apt-get install --no-install-recommends ${need[*]}" >&2
    exit 0
fi

# invoke-rc.d and deb-systemd-invoke ask this file before they start a service (101: not allowed).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
available=()
for name in "${need[@]}"; do
    if apt-cache policy "$name" | grep -q 'Candidate: [0-9]'; then available+=("$name"); else echo "not in this distribution: $name" >&2; fi
done
echo "installing: ${available[*]}"
apt-get install -y -qq --no-install-recommends "${available[@]}" >/dev/null

#!/bin/bash
# The main job on any machine, without a container manager: unshare(1) starts a process in new namespaces, under `contrace run`.
#   demo.sh CONTRACE
set -eu

contrace=$1
user=()
if [ "$(id -u)" != 0 ]; then user=(--user --map-root-user); fi
born='hostname box; echo "I am pid $$ on $(hostname), and I see these processes:"; ps -o pid,args 2>/dev/null || ls -d /proc/[0-9]*'
command=(unshare "${user[@]}" --pid --mount --uts --ipc --net --fork --mount-proc /bin/sh -c "$born")

if ! unshare "${user[@]}" --pid --mount --uts --ipc --net --fork --mount-proc true 2>/dev/null; then
    echo "This machine does not let you make new namespaces (unshare --pid --mount --uts --ipc --net ${user[*]} fails):" >&2
    unshare "${user[@]}" --pid --mount --uts --ipc --net --fork --mount-proc true || true
    echo "Run make demo as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)." >&2
    exit 1
fi

file=$(mktemp -u "${TMPDIR:-/tmp}/contrace-demo-XXXXXX.ctrace")
echo "\$ contrace run -o $file -- ${command[*]@Q}" >&2
"$contrace" run -o "$file" -- "${command[@]}"
cat >&2 <<END

The trace is in $file. Look at it again, in other ways:
    $contrace show $file
    $contrace show $file --format strace
    $contrace show $file call:unshare,clone
    $contrace doctor
END

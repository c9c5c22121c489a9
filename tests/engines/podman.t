#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# podman on rt: with a root, a state and events of its own, in a mount namespace of its own; the
# image is imported from a folder, no registry is needed. TAP.
set -u
RT=${RT:?name the runtime}

if [ -z "${INSIDE-}" ]; then
    [ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root" && exit 0; }
    for p in podman conmon busybox; do
        command -v $p >/dev/null || { echo "1..0 # SKIP $p is not installed" && exit 0; }
    done
    INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi

W=$(mktemp -d /tmp/rt-podman.XXXXXX)
NAME=rtp$$
mount -t tmpfs none /run
mkdir -p /run/lock "$W/rootfs/bin" "$W/rootfs/tmp"
# The runtime may lie anywhere; a name of its own keeps podman's table of runtimes simple.
cp "$RT" "$W/rt"
cat >"$W/containers.conf" <<C
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime_supports_json = ["rt", "$W/rt"]
C
export CONTAINERS_CONF=$W/containers.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1

p() {
    podman --root "$W/root" --runroot "$W/run" --tmpdir "$W/tmp" --events-backend file \
        --storage-driver vfs --cgroup-manager cgroupfs --runtime "$W/rt" "$@"
}

cleanup() {
    p rm -f -a -t 0 >/dev/null 2>&1
    umount -l "$W/root/vfs" 2>/dev/null
    rm -rf "$W"
}
trap cleanup EXIT

n=0 failed=0
# is NAME EXPECTED SCRIPT: its standard output is what is expected.
is() {
    local name=$1 expected=$2 got
    n=$((n + 1))
    got=$(timeout 60 bash -c "$3" 2>"$W/err" </dev/null)
    if [ "$got" = "$expected" ]; then
        echo "ok $n - $name"
    else
        failed=$((failed + 1))
        echo "not ok $n - $name"
        printf '%s\n' "expected: $expected" "got: $got" "$(cat "$W/err")" | sed 's/^/# /'
    fi
}
run() { p run --rm --net none "$@"; }
status() { "$@" >/dev/null 2>&1; echo $?; }
detached() {
    p run -d --net none --name "$NAME" img sleep 100 >/dev/null &&
        p inspect -f '{{.State.Status}}' "$NAME"
}
export -f p run status detached
mkdir -p /run/rt
export W NAME

cp /bin/busybox "$W/rootfs/bin/"
for a in sh echo cat id sleep ls true ps; do ln -s busybox "$W/rootfs/bin/$a"; done
tar -C "$W/rootfs" -c . | p import - img >/dev/null 2>&1

is "run prints its output" hello "run img echo hello"
is "the exit status is the program's" 42 "status run img sh -c 'exit 42'"
is "a missing program is 127" 127 "status run img nosuchprogram"
is "a user" 1000 "run --user 1000 img id -u"
is "input" abc "echo abc | run -i img cat"
is "a read-only root" 1 "status run --read-only img sh -c 'echo x >/x'"
is "a limit of processes" "can't fork" "run --pids-limit 1 img sh -c 'ls | cat' 2>&1 |
    grep -o \"can't fork\""
is "detached" running "detached"
is "exec" inside "p exec $NAME echo inside"
is "stop and remove" gone "p stop -t 0 $NAME >/dev/null; p rm $NAME >/dev/null
    p container exists $NAME || echo gone"
is "nothing of it is left" "" "ls /run/rt"
echo "1..$n"
[ $failed -eq 0 ]

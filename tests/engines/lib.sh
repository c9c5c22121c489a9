# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the suites beside it: private namespaces, a root file system, features and their results.
#
# A suite runs an engine of Debian's on one runtime: own root, state and socket, in mount, network
# and pid namespaces of its own; nothing global is touched, and with process 1 of the namespace all
# ends. Environment: RUNTIME (a path), ONLY and SKIP (patterns of features), T (seconds a feature
# may take), KEEP=1 (leave the work folder), V=1 (show outputs). Prints `ok NAME`,
# `not ok NAME reason` or `ok NAME # SKIP reason` for each feature.
#
#   feature NAME <<'E'        passes when the text, as a bash script with -e, ends with 0
#   text
#   E
#   prepare NAME <<'E'        the same, for what other features need: ONLY and SKIP leave it in
#
# Every feature passes after those that prepare, alone.

bail() {
    echo "Bail out! $*"
    exit 77
}

need() {
    local missing="" package
    for package; do
        dpkg-query -W "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -z "$missing" ] || bail "these packages are missing:$missing"
}

# Only ours, only when empty.
remove_cgroups() {
    local name path
    for name; do
        for path in /sys/fs/cgroup/"$name" /sys/fs/cgroup/*/"$name"; do
            [ ! -d "$path" ] || find "$path" -depth -type d -exec rmdir {} + 2>/dev/null
        done
    done
}

# isolate NAME CGROUPS SCRIPT: the script once more, inside. Its end is the end of all in there.
# The cgroup2 side shows no controllers, as where systemd sets up hybrid: crun refuses it else.
isolate() {
    [ -z "${ENGINE_INSIDE-}" ] || return 0
    [ "$(id -u)" = 0 ] || bail "needs root"
    [ -x "${RUNTIME-}" ] || bail "RUNTIME is not executable: '${RUNTIME-}'"
    RUNTIME=$(readlink -f "$RUNTIME")
    W=$(mktemp -d "/tmp/rt-engine-$1.XXXXXX")
    export RUNTIME W ENGINE_INSIDE=1
    chmod 755 "$W"
    # shellcheck disable=SC2016 # for the shell inside
    unshare -m -n -p -f --kill-child --mount-proc --propagation private bash -c '
        ip link set lo up
        mount -t tmpfs -o mode=1777 none /dev/shm
        controllers=/sys/fs/cgroup/unified/cgroup.controllers
        ! grep -q . $controllers 2>/dev/null || mount --bind /dev/null $controllers
        exec bash "$@"' iso "$3" &
    local inside=$! status
    trap 'kill -9 $inside' TERM INT HUP
    wait $inside
    status=$?
    sleep 0.5
    # shellcheck disable=SC2086 # several names
    remove_cgroups $2
    if [ -z "${KEEP-}" ]; then rm -rf "$W"; else echo "# kept $W"; fi
    exit $status
}

# mkrootfs OUT.tar
mkrootfs() {
    local w applet
    w=$(mktemp -d "$W/mk.XXXXXX")
    mkdir -p "$w"/{bin,sbin,usr/bin,usr/sbin,etc,proc,sys,dev,tmp,root,home/u,var/run,run,data,www}
    chmod 1777 "$w/tmp"
    chmod 755 "$w"
    cp /bin/busybox "$w/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$w/bin/$applet"
    done
    cat >"$w/etc/passwd" <<'P'
root:x:0:0:root:/root:/bin/sh
u:x:1000:1000:u:/home/u:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
P
    printf 'root:x:0:\nu:x:1000:\nextra:x:2000:u\nnogroup:x:65534:\n' >"$w/etc/group"
    echo hello >"$w/www/index.html"
    touch "$w/data/notexec"
    chown -R 1000:1000 "$w/home/u"
    tar -C "$w" --numeric-owner -cf "$1" .
    rm -rf "$w"
}

declare -A unable
# skipfor REASON NAME...: this machine, or this engine, cannot do these
skipfor() {
    local reason=$1 name
    shift
    for name; do unable[$name]=$reason; done
}

feature() {
    [[ -z ${ONLY-} || $1 =~ $ONLY ]] || return 0
    [[ -z ${SKIP-} || ! $1 =~ $SKIP ]] || return 0
    prepare "$1"
}

prepare() {
    local name=$1 text out status
    text=$(cat)
    if [ -n "${unable[$name]-}" ]; then
        echo "ok $name # SKIP ${unable[$name]}"
        return
    fi
    out=$(TEST=$name timeout -k 5 "${T:-60}" bash -ec "$text" 2>&1 </dev/null)
    status=$?
    [ $status != 124 ] || out="$out [no end in time]"
    if [ $status = 0 ]; then
        echo "ok $name"
    else
        echo "not ok $name $(printf %s "$out" | tr '\n\r' '  ' | tail -c 300) (exit $status)"
    fi
    [ -z "${V-}" ] || printf '%s\n' "$out" | sed 's/^/#   /'
}

# ---- for features ----

eq() { [ "$1" = "$2" ] || { echo "expected '$2', got '$1'" && return 1; }; }
has() { [[ $1 == *"$2"* ]] || { echo "expected '$2' in '$1'" && return 1; }; }
lacks() { [[ $1 != *"$2"* ]] || { echo "unexpected '$2' in '$1'" && return 1; }; }

# rc STATUS COMMAND...
rc() {
    local want=$1 status=0
    shift
    "$@" || status=$?
    [ $status = "$want" ] || { echo "expected exit $want, got $status" && return 1; }
}

until_() {
    local _
    for _ in $(seq 300); do
        eval "$1" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "never: $1"
    return 1
}

# A command on a terminal. The fifo, opened both ways, never ends.
tty_() {
    [ -p "$W/fifo" ] || mkfifo "$W/fifo"
    script -qefc "$*" /dev/null <>"$W/fifo" | tr -d '\r'
}
export -f eq has lacks rc until_ tty_

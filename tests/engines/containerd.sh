# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2086,SC2119,SC2120
# For suites of containerd, after isolate: a daemon of their own, an image, and words for ctr.

# Sockets of shims are always below /run/containerd.
mkdir -p /run/containerd
mount -t tmpfs -o mode=755 none /run/containerd
cat >"$W/config.toml" <<C
version = 2
root = "$W/root"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "/run/containerd/eng.sock"
[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "1s"
C
mkdir "$W/bin"
printf '#!/bin/sh\nexec %s "$@"\n' "$RUNTIME" >"$W/bin/runc"
chmod 755 "$W/bin/runc"
PATH=$W/bin:$PATH
containerd -c "$W/config.toml" >"$W/containerd.log" 2>&1 &
CD=$!
export CTR="ctr -a /run/containerd/eng.sock -n $NS"
export ROPT="--runtime io.containerd.runc.v2 --runc-binary $RUNTIME"
until_ "$CTR version" || bail "containerd did not start: $(tail -n 3 "$W/containerd.log")"

# An image without a registry: an archive of one layer.
mkrootfs "$W/bb.tar"
mkdir "$W/img"
mv "$W/bb.tar" "$W/img/layer.tar"
layer=$(sha256sum "$W/img/layer.tar" | cut -d' ' -f1)
cat >"$W/img/config.json" <<C
{"architecture": "amd64", "os": "linux",
 "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["/bin/sh"], "WorkingDir": "/"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
C
cat >"$W/img/manifest.json" <<C
[{"Config": "config.json", "RepoTags": ["localhost/bb:latest"], "Layers": ["layer.tar"]}]
C
tar -C "$W/img" -cf "$W/bb-image.tar" manifest.json config.json layer.tar
mkdir -p "$W/rfs" "$W/vol"
tar -C "$W/rfs" -xf "$W/img/layer.tar"
export IMG=localhost/bb:latest

# cr IMAGE-AND-OPTIONS ID COMMAND: run and remove; d: run detached
cr() { timeout -k 2 30 $CTR run --rm $ROPT "$@"; }
d() { $CTR run -d $ROPT "$@"; }
x() { timeout -k 2 30 $CTR t exec --exec-id e$RANDOM$RANDOM "$@"; }
rmc() {
    $CTR t rm -f ${1:-$TEST} >/dev/null 2>&1 || :
    $CTR c rm ${1:-$TEST}
}
st() { $CTR t ls | awk -v i=${1:-$TEST} '$1==i{print $3}'; }
pid() { $CTR t ls | awk -v i=${1:-$TEST} '$1==i{print $2}'; }
cgp() { awk -F: -v c=$1 '$2==c{print $3}' /proc/$(pid)/cgroup; }
export -f cr d x rmc st pid cgp
export CD

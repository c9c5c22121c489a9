# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For suites of Docker, after isolate: a daemon of their own, its state below one folder.

# Docker, its containerd and the shims keep sockets at paths of their own.
own_run() {
    local folder
    for folder in /run/containerd /run/docker; do
        mkdir -p $folder
        mount -t tmpfs -o mode=755 none $folder
    done
}

# config_docker FOLDER CGROUP
config_docker() {
    mkdir -p "$1/cfg"
    cat >"$1/daemon.json" <<C
{"runtimes": {"x": {"path": "$RUNTIME"}}, "default-runtime": "x", "cgroup-parent": "/$2",
 "exec-opts": ["native.cgroupdriver=cgroupfs"], "experimental": true, "live-restore": false}
C
}

# serve_docker FOLDER: becomes the daemon.
serve_docker() {
    exec dockerd --config-file "$1/daemon.json" --data-root "$1/data" --exec-root /run/docker \
        --pidfile "$1/docker.pid" -H "unix://$1/docker.sock" --storage-driver overlay2 \
        >>"$1/dockerd.log" 2>&1
}

# start_docker FOLDER: its process is in FOLDER/d.pid.
start_docker() {
    serve_docker "$1" &
    echo $! >"$1/d.pid"
}

# await_docker FOLDER: until it answers
await_docker() {
    local ask="/usr/bin/docker -H unix://$1/docker.sock version"
    until_ "$ask" || until_ "$ask" || bail "dockerd did not start: $(tail -n 3 "$1/dockerd.log")"
}
export -f serve_docker start_docker
export DOCKER_BUILDKIT=0

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NOTIFY_SOCKET: readiness from inside to the caller's service manager, sd_notify(3)."""

import os
import select
import signal
import socket
import subprocess
import time

from harness import RT, Skip, contains, equal, is_alive, main, test

PATIENCE = 20
SEND = ("use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; "
        "connect(S, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die \"$!\"; "
        "for (@ARGV) { s/,/\\n/g; send(S, $_, 0) or die \"$!\" }")


class Manager:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        self.socket.settimeout(PATIENCE)
        self.address = address

    def receive(self):
        """A message and the descriptors that came with it."""
        text, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
        return text.decode(), fds

    def silent(self):
        return not select.select([self.socket], [], [], 0)[0]

    def close(self):
        self.socket.close()


def program(b, *messages, after="true", before="true"):
    """Send the messages from inside by the host's perl; a comma stands for a new line."""
    if not os.path.exists("/usr/bin/perl"):
        raise Skip("no /usr/bin/perl")
    for folder in ("/usr", "/lib", "/lib64"):
        if os.path.isdir(folder):
            b.add_mount(folder, type="bind", source=folder, options=["rbind", "ro"])
    words = " ".join(f"'{m}'" for m in messages)
    with open(os.path.join(b.rootfs, "send.pl"), "w", encoding="utf-8") as f:
        f.write(SEND)
    b.process["args"] = ["/bin/sh", "-c",
                         f"{before}; /usr/bin/perl /send.pl {words} && {after}"]


def caller(manager):
    return {**os.environ, "NOTIFY_SOCKET": manager.address}


def pid_of(b):
    with open(f"{b.state}/{b.id}/record.json", encoding="utf-8") as f:
        return int(f.read().split('"pid":')[1].split(",")[0])


@test
def readiness_is_passed_on_in_the_foreground(b):
    m = Manager(f"{b.dir}/manager")
    program(b, "STATUS=starting", "STATUS=done,READY=1,MAINPID=1", after="exit 5")
    b.write()
    equal(b.rt("run", "--bundle", b.dir, b.id, env=caller(m)).code, 5)
    text, fds = m.receive()
    contains(text, "READY=1\nMAINPID=")
    equal(fds, [])
    assert m.silent(), m.receive()
    m.close()


@test
def what_was_said_before_the_end_is_passed_on(b):
    """The program ends before rt has read the first word."""
    m = Manager(f"{b.dir}/manager")
    program(b, "STATUS=starting", "READY=1", before="while [ ! -e /go ]; do sleep 0.05; done",
            after="exit 5")
    b.write()
    with subprocess.Popen([RT, "--root", b.state, "run", "--bundle", b.dir, b.id], env=caller(m),
                          stdin=subprocess.DEVNULL) as rt:
        while '"running"' not in b.rt("state", b.id).out and rt.poll() is None:
            time.sleep(0.02)
        pid = pid_of(b)
        rt.send_signal(signal.SIGSTOP)
        try:
            with open(os.path.join(b.rootfs, "go"), "w", encoding="utf-8"):
                pass
            while is_alive(pid):
                time.sleep(0.02)
        finally:
            rt.send_signal(signal.SIGCONT)
        equal(rt.wait(PATIENCE), 5)
    equal(m.receive()[0], f"READY=1\nMAINPID={pid}")
    m.close()


@test
def a_detached_run_waits_for_it(b):
    m = Manager(f"@rt-{b.id}")
    program(b, "READY=1", before="while [ ! -e /go ]; do sleep 0.05; done", after="sleep 60")
    b.write()
    rt = subprocess.Popen([RT, "--root", b.state, "run", "--detach", "--bundle", b.dir, b.id],
                          env=caller(m), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        rt.wait(1)
        raise AssertionError("it did not wait")
    except subprocess.TimeoutExpired:
        pass
    with open(os.path.join(b.rootfs, "go"), "w", encoding="utf-8"):
        pass
    text, _ = m.receive()
    equal(text, f"READY=1\nMAINPID={pid_of(b)}")
    text, fds = m.receive()
    equal((text, len(fds)), ("BARRIER=1", 1))
    assert rt.poll() is None, "it did not wait for the barrier"
    os.close(fds[0])
    equal(rt.wait(PATIENCE), 0)
    m.close()


@test
def start_waits_for_it(b):
    m = Manager(f"{b.dir}/manager")
    program(b, "READY=1", after="sleep 60")
    b.write()
    with open(os.path.join(b.dir, "log"), "w", encoding="utf-8") as log:
        equal(subprocess.run([RT, "--root", b.state, "create", "--bundle", b.dir, b.id],
                             env=caller(m), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             timeout=PATIENCE, check=False).returncode, 0)
    assert m.silent()
    rt = subprocess.Popen([RT, "--root", b.state, "start", b.id], env=caller(m))
    contains(m.receive()[0], f"MAINPID={pid_of(b)}")
    _, fds = m.receive()
    os.close(fds[0])
    equal(rt.wait(PATIENCE), 0)
    m.close()


@test
def the_end_of_the_program_ends_the_wait(b):
    m = Manager(f"{b.dir}/manager")
    program(b, "STATUS=never")
    b.write()
    equal(subprocess.run([RT, "--root", b.state, "run", "--detach", "--bundle", b.dir, b.id],
                         env=caller(m), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         timeout=PATIENCE, check=False).returncode, 0)
    assert m.silent(), m.receive()
    m.close()


@test
def any_user_may_report(b):
    m = Manager(f"{b.dir}/manager")
    b.process["user"] = {"uid": 1000, "gid": 1000}
    program(b, "READY=1")
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id, env=caller(m))
    equal((done.code, done.err), (0, ""))
    contains(m.receive()[0], "READY=1\n")
    m.close()


@test
def the_program_cannot_change_the_folder(b):
    m = Manager(f"{b.dir}/manager")
    b.process["args"] = ["/bin/sh", "-c", "rm /run/notify/notify.sock; touch /run/notify/x;"
                         "echo $NOTIFY_SOCKET; ls /run/notify"]
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id, env=caller(m))
    equal(done.out, "/run/notify/notify.sock\nnotify.sock\n")
    contains(done.err, "Read-only file system")
    m.close()


@test
def without_it_there_is_nothing(b):
    equal(b.output("echo ${NOTIFY_SOCKET-unset}; ls -d /run/notify 2>/dev/null || echo none"),
          "unset\nnone")


@test
def a_manager_that_is_gone_is_a_warning(b):
    program(b, "READY=1", after="exit 3")
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id,
                env={**os.environ, "NOTIFY_SOCKET": "/nonexistent/socket"})
    equal(done.code, 3)
    contains(done.err, "/nonexistent/socket")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/process/terminal, the console socket, signals and standard streams."""

import array
import fcntl
import os
import pty
import resource
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from harness import RT, contains, equal, main, test

PATIENCE = 20


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A terminal of the caller's, with rt in its foreground, as a shell would start it."""

    def __init__(self, b, *options, command=None, **kw):
        self.master, self.slave = pty.openpty()
        set_size(self.master, 33, 99)
        self.before = self.mode()
        self.text = ""
        b.process["terminal"] = True
        b.write()
        self.rt = subprocess.Popen(
            [RT, "--root", b.state, *(command or ["run", "--bundle", b.dir, *options, b.id])],
            **{"stdin": self.slave, "stdout": self.slave, "stderr": self.slave, **kw},
            start_new_session=True, preexec_fn=self.control)

    def control(self):
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, *words):
        """Read until all of the words came; what is read."""
        end = time.monotonic() + PATIENCE
        while not all(w in self.text for w in words):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], \
                f"no {words!r} in {self.text!r}"
            self.text += os.read(self.master, 65536).decode()
        return self.text

    def wait(self):
        """The exit code. What rt says last is read, so that it cannot block."""
        end = time.monotonic() + PATIENCE
        while self.rt.poll() is None:
            assert time.monotonic() < end, f"rt does not end; it said {self.text!r}"
            if select.select([self.master], [], [], 0.01)[0]:
                self.text += os.read(self.master, 65536).decode()
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536).decode()
        return self.rt.returncode

    def mode(self):
        return termios.tcgetattr(self.slave)

    def close(self):
        if self.rt.poll() is None:
            self.rt.kill()
            self.rt.wait()
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def script(b, text):
    b.process["args"] = ["/bin/sh", "-c", text]


def spawn(b, *options, **kw):
    """rt in the foreground without a terminal of its own."""
    b.write()
    return subprocess.Popen([RT, "--root", b.state, "run", "--bundle", b.dir, *options, b.id],
                            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                               "stderr": subprocess.PIPE, **kw}, text=True)


@test
def the_program_has_a_terminal(b):
    script(b, "tty; test -t 0 && test -t 1 && test -t 2 && echo all; stat -c %t:%T /dev/console;"
           "stat -c %t:%T /dev/pts/0; echo x >/dev/tty; stty size")
    with Terminal(b) as t:
        equal(t.wait(), 0)
        equal(t.text.split("\r\n"), ["/dev/pts/0", "all", "88:0", "88:0", "x", "33 99", ""])


@test
def a_program_may_close_its_terminal_for_a_while(b):
    """As inits do, which open /dev/console when they have something to say."""
    script(b, "echo one; exec <&- >&- 2>&-; sleep 0.5; echo two >/dev/console; sleep 0.3;"
              "read x </dev/console; echo got=$x >/dev/console; exit 3")
    with Terminal(b) as t:
        t.expect("two")
        t.type("hello\r")
        equal(t.wait(), 3)
        contains(t.text, "one\r\n", "two\r\n", "got=hello\r\n")


@test
def what_is_typed_arrives(b):
    script(b, "read x; echo got=$x; read y; echo then=$y; exit 3")
    with Terminal(b) as t:
        t.type("hello\r")
        t.expect("got=hello\r\n")
        t.type("wor\177rld\r")
        equal(t.wait(), 3)
        contains(t.text, "then=world\r\n")


@test
def a_new_size_is_passed_on(b):
    script(b, "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done")
    with Terminal(b) as t:
        t.expect("ready")
        set_size(t.master, 44, 111)
        equal(t.wait(), 0)
        contains(t.text, "44 111")


@test
def keys_are_signals_inside(b):
    script(b, "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done")
    with Terminal(b) as t:
        t.expect("ready")
        t.type("\3")
        equal(t.wait(), 5)
        contains(t.text, "interrupted")


@test
def the_mode_of_the_callers_terminal_is_given_back(b):
    script(b, "echo ready; read x; exit $x")
    with Terminal(b) as t:
        t.expect("ready")
        assert t.mode() != t.before, "it is not raw"
        t.type("7\r")
        equal((t.wait(), t.mode()), (7, t.before))


@test
def also_when_the_program_is_killed(b):
    script(b, "echo ready; read x; sleep 60")
    with Terminal(b) as t:
        t.expect("ready")
        b.rt("kill", b.id, "KILL")
        equal((t.wait(), t.mode()), (137, t.before))


@test
def also_when_rt_is_told_to_end(b):
    script(b, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    with Terminal(b) as t:
        t.expect("ready")
        t.rt.terminate()
        equal((t.wait(), t.mode()), (9, t.before))


@test
def a_hangup_of_the_callers_terminal_reaches_the_program(b):
    script(b, "trap 'exit 4' HUP; echo ready; while :; do sleep 0.1; done")
    with Terminal(b) as t:
        t.expect("ready")
        t.rt.send_signal(signal.SIGHUP)
        equal(t.wait(), 4)


@test
def output_is_complete(b):
    script(b, "seq 1 50000")
    with Terminal(b, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as t:
        out = t.rt.stdout.read().decode()
        equal(t.wait(), 0)
        equal(out, "".join(f"{i}\r\n" for i in range(1, 50001)))


@test
def output_is_complete_with_a_slow_reader(b):
    script(b, "seq 1 20000; exit 3")
    with Terminal(b, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as t:
        time.sleep(0.5)
        out = t.rt.stdout.read().decode()
        equal((t.wait(), out.splitlines()[-1]), (3, "20000"))


@test
def a_reader_that_stops_costs_no_memory(b):
    script(b, "yes")
    with Terminal(b, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as t:
        select.select([t.rt.stdout], [], [], PATIENCE)
        sizes = []
        for _ in range(5):
            time.sleep(0.1)
            with open(f"/proc/{t.rt.pid}/status", encoding="utf-8") as f:
                sizes += [int(line.split()[1]) for line in f if line.startswith("VmData")]
        equal(sizes, sizes[:1] * 5)
        t.rt.stdout.close()
        # As when the window of a terminal is closed: by SIGHUP, or as a write fails.
        assert t.wait() in (1, 129), t.rt.returncode


@test
def input_may_be_a_file(b):
    path = os.path.join(b.dir, "input")
    with open(path, "w", encoding="utf-8") as f:
        f.write("first\nsecond\n")
    script(b, "read x; read y; echo $y $x; stty -echo")
    with open(path, encoding="utf-8") as f, Terminal(b, stdin=f) as t:
        equal(t.wait(), 0)
        contains(t.text, "second first")


@test
def a_process_that_outlives_the_program_holds_nobody_up(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    script(b, "trap '' HUP; sleep 600 & echo done")
    with Terminal(b) as t:
        equal(t.wait(), 0)
        contains(t.text, "done")


@test
def the_terminal_belongs_to_the_user(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}
    script(b, "stat -c %u /dev/pts/0; echo open >/dev/pts/0; echo tty >/dev/tty; "
              "echo c >/dev/console")
    with Terminal(b) as t:
        equal(t.wait(), 0)
        equal(t.text.split("\r\n"), ["1000", "open", "tty", "c", ""])


@test
def in_a_user_namespace_too(b):
    b.add_namespace("user")
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    b.linux["uidMappings"] = b.linux["gidMappings"] = mapping
    b.process["user"] = {"uid": 1000, "gid": 1000}
    script(b, "tty; stat -c %u /dev/pts/0; echo c >/dev/console; stty size")
    with Terminal(b) as t:
        equal(t.wait(), 0)
        equal(t.text.split("\r\n"), ["/dev/pts/0", "1000", "c", "33 99", ""])


@test
def the_program_leads_its_session(b):
    script(b, "ps -o pid,pgid,sid,tty | head -2; cat /proc/self/stat | cut -d' ' -f4-8")
    with Terminal(b) as t:
        equal(t.wait(), 0)
        # ppid pgrp session tty_nr (136:0) and the foreground group
        contains(t.text, "1 1 1 34816 1")


@test
def in_the_background_the_callers_terminal_is_left_alone(b):
    script(b, "echo from inside; exit 6")
    b.process["terminal"] = True
    b.write()
    master, slave = pty.openpty()
    # A shell with job control: the job is not in the foreground.
    job = f"set -m; {RT} --root {b.state} run --bundle {b.dir} {b.id} & stty -a >{b.dir}/mode;" \
        "wait $!; echo code=$?"
    shell = subprocess.Popen(["bash", "-c", job], stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
    text = ""
    while "code=" not in text:
        assert select.select([master], [], [], PATIENCE)[0], f"it does not end: {text!r}"
        text += os.read(master, 65536).decode()
    shell.wait(PATIENCE)
    os.close(master)
    os.close(slave)
    contains(text, "from inside", "code=6")
    with open(os.path.join(b.dir, "mode"), encoding="utf-8") as f:
        contains(f.read(), " icanon", " echo ")


@test
def from_the_background_to_the_foreground(b):
    script(b, "echo ready; read x; echo got=$x; exit 6")
    b.process["terminal"] = True
    b.write()
    master, slave = pty.openpty()
    job = f"set -m; {RT} --root {b.state} run --bundle {b.dir} {b.id} & sleep 0.3; echo typed?;" \
        "while [ \"$(ps -o state= -p $!)\" != T ]; do sleep 0.05; done;" \
        "echo stopped; fg >/dev/null;" \
        "echo code=$?"
    shell = subprocess.Popen(["bash", "-c", job], stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
    text = ""
    for word, typed in (("typed?", "late\r"), ("stopped", ""), ("code=", "")):
        while word not in text:
            assert select.select([master], [], [], PATIENCE)[0], f"no {word} in {text!r}"
            text += os.read(master, 65536).decode()
        os.write(master, typed.encode())
    shell.wait(PATIENCE)
    os.close(master)
    os.close(slave)
    contains(text, "got=late", "code=6")


# ---- the console socket ----

class Console:
    """What an engine listens with."""

    def __init__(self, b, name="console"):
        self.path = os.path.join(b.dir, name)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        here = os.open(os.path.dirname(self.path), os.O_RDONLY)
        self.listener.bind(f"/proc/self/fd/{here}/{os.path.basename(self.path)}")
        os.close(here)
        self.listener.listen()
        self.listener.settimeout(PATIENCE)

    def receive(self):
        """The master, the text beside it, and whether the connection ends then."""
        conn, _ = self.listener.accept()
        conn.settimeout(PATIENCE)
        fds = array.array("i")
        text, control, _, _ = conn.recvmsg(4096, socket.CMSG_SPACE(4 * 4))
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[:len(data) - len(data) % 4])
        equal(len(fds), 1)
        return fds[0], text, conn.recv(1) == b""

    def close(self):
        self.listener.close()


def read_all(master):
    text = ""
    while True:
        assert select.select([master], [], [], PATIENCE)[0], f"nothing after {text!r}"
        try:
            piece = os.read(master, 65536)
        except OSError:
            return text
        text += piece.decode()
        if not piece:
            return text


def started(b, *options):
    """create with a console, and start: the master."""
    console = Console(b, *options)
    b.process["terminal"] = True
    b.create("--console-socket", console.path)
    master, text, ends = console.receive()
    assert 0 < len(text) < 64 and ends, (text, ends)
    equal(b.rt("start", b.id).code, 0)
    console.close()
    return master


@test
def the_console_socket_gets_the_terminal(b):
    b.process["consoleSize"] = {"height": 22, "width": 77}
    script(b, "stty size; read x; echo got=$x; exit 5")
    master = started(b)
    os.write(master, b"hello\r")
    contains(read_all(master), "22 77\r\n", "got=hello\r\n")
    os.close(master)


@test
def a_detached_run_uses_it_too(b):
    console = Console(b)
    b.process["terminal"] = True
    script(b, "tty")
    b.write()
    equal(subprocess.run([RT, "--root", b.state, "run", "--detach", "--bundle", b.dir,
                          "--console-socket", console.path, b.id], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode, 0)
    master, _, _ = console.receive()
    equal(read_all(master), "/dev/pts/0\r\n")
    os.close(master)


@test
def its_path_may_be_long(b):
    script(b, "tty")
    master = started(b, "/".join(["a-folder-with-a-long-name"] * 8) + "/console")
    equal(read_all(master), "/dev/pts/0\r\n")
    os.close(master)


@test
def closing_the_terminal_hangs_up(b):
    script(b, "trap 'echo hung up >/hup; exit' HUP; echo ready; while :; do sleep 0.1; done")
    master = started(b)
    text = ""
    while "ready" not in text:
        text += os.read(master, 4096).decode()
    os.close(master)
    end = time.monotonic() + PATIENCE
    while not os.path.exists(os.path.join(b.rootfs, "hup")):
        assert time.monotonic() < end, "no SIGHUP"
        time.sleep(0.05)


@test
def nothing_else_holds_the_terminal(b):
    script(b, "sleep 60")
    console = Console(b)
    b.process["terminal"] = True
    b.create("--console-socket", console.path)
    master, _, _ = console.receive()
    console.close()
    equal(b.rt("start", b.id).code, 0)
    b.rt("kill", b.id, "KILL")
    read_all(master)  # ends, as the last slave is closed
    os.close(master)


@test
def a_wrong_console_socket_fails_early(b):
    b.process["terminal"] = True
    b.write()
    done = b.rt("create", "--bundle", b.dir, "--console-socket", f"{b.dir}/nothing", b.id)
    assert done.code != 0
    contains(done.err, f"{b.dir}/nothing", "No such file")
    b.leaves_nothing()


@test
def terminal_and_socket_must_fit(b):
    for terminal, command, socket_path in (
            (True, ("create",), None), (True, ("run", "--detach"), None),
            (False, ("create",), "s"), (False, ("run",), "s"), (True, ("run",), "s")):
        b.process["terminal"] = terminal
        b.write()
        option = ["--console-socket", f"{b.dir}/{socket_path}"] if socket_path else []
        done = b.rt(*command, "--bundle", b.dir, *option, b.id)
        assert done.code != 0, (terminal, command, socket_path)
        contains(done.err, "console socket")
        b.leaves_nothing()


@test
def without_a_devpts_there_is_no_terminal(b):
    b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] != "devpts"]
    b.process["terminal"] = True
    err = b.refused("devpts")
    contains(err, "/dev/pts")


@test
def a_multiplexer_of_the_image_is_not_used(b):
    b.config["mounts"] = [m for m in b.config["mounts"] if not m["destination"].startswith("/dev")]
    os.makedirs(os.path.join(b.rootfs, "dev/pts"))
    os.mkfifo(os.path.join(b.rootfs, "dev/pts/ptmx"))
    b.process["terminal"] = True
    b.refused("devpts")


@test
def a_size_without_a_terminal_is_ignored(b):
    b.process["consoleSize"] = {"height": 22, "width": 77}
    equal(b.run("exit 3").code, 3)


# ---- exec ----

def waiting(b):
    """A container that runs without a terminal."""
    b.process["args"] = ["/bin/sleep", "60"]
    b.create()
    equal(b.rt("start", b.id).code, 0)


@test
def exec_gets_a_terminal_of_its_own(b):
    waiting(b)
    inside = "tty; stty size; read x; echo got=$x; exit 4"
    with Terminal(b, command=["exec", "--tty", b.id, "sh", "-c", inside]) as t:
        t.expect("33 99")
        t.type("hello\r")
        equal((t.wait(), t.mode()), (4, t.before))
        contains(t.text, "/dev/pts/0\r\n", "got=hello\r\n")


@test
def exec_uses_a_console_socket(b):
    waiting(b)
    console = Console(b)
    equal(subprocess.run([RT, "--root", b.state, "exec", "--tty", "--detach", "--console-socket",
                          console.path, b.id, "tty"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode, 0)
    master, _, ends = console.receive()
    equal((read_all(master), ends), ("/dev/pts/0\r\n", True))
    os.close(master)
    console.close()


@test
def exec_passes_signals_on(b):
    waiting(b)
    inside = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    p = subprocess.Popen([RT, "--root", b.state, "exec", b.id, "sh", "-c", inside],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    equal(p.stdout.readline(), "ready\n")
    p.terminate()
    p.communicate(timeout=PATIENCE)
    equal(p.returncode, 5)


# ---- without a terminal ----

@test
def streams_are_passed_through(b):
    script(b, "cat; echo error >&2")
    p = spawn(b, stdin=subprocess.PIPE)
    out, err = p.communicate("a\0\33b\n" * 10, timeout=PATIENCE)
    equal((p.returncode, out, err), (0, "a\0\33b\n" * 10, "error\n"))


@test
def closed_streams_are_null_inside(b):
    script(b, "for i in 0 1 2; do readlink /proc/self/fd/$i; done >/fds; ls /proc/self/fd >>/fds")
    b.write()
    command = f"exec {RT} --root {b.state} run --bundle {b.dir} {b.id} <&- >&- 2>&-"
    equal(subprocess.run(["sh", "-c", command], timeout=PATIENCE, check=False).returncode, 0)
    with open(os.path.join(b.rootfs, "fds"), encoding="utf-8") as f:
        # readlink itself has its stdout in the file
        equal(f.read().split(), ["/dev/null", "/fds", "/dev/null", "0", "1", "2", "3"])


@test
def signals_are_passed_on(b):
    for name in ("TERM", "INT", "HUP", "USR1", "USR2", "QUIT", "CONT"):
        script(b, f"trap 'echo {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done")
        p = spawn(b)
        equal((name, p.stdout.readline()), (name, "ready\n"))
        p.send_signal(getattr(signal, "SIG" + name))
        out, _ = p.communicate(timeout=PATIENCE)
        equal((name, p.returncode, out), (name, 5, name + "\n"))


@test
def ends_of_children_are_seen_where_the_caller_ignores_them(b):
    script(b, "exit 7")
    p = spawn(b, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
              restore_signals=False)
    p.communicate(timeout=PATIENCE)
    equal(p.returncode, 7)


@test
def a_death_by_signal_is_told(b):
    for number in (9, 6, 11):
        b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
        equal((number, b.run(f"kill -{number} $$").code), (number, 128 + number))


@test
def exit_codes_are_those_of_the_program(b):
    for code in (0, 1, 2, 126, 127, 128, 255):
        equal(b.run(f"exit {code}").code, code)


@test
def a_reader_that_is_gone_is_the_programs_affair(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    script(b, "yes")
    p = spawn(b)
    p.stdout.close()
    p.wait(PATIENCE)
    equal(p.returncode, 128 + signal.SIGPIPE)


@test
def create_and_start_leave_nobody_behind(b):
    """rt is not the parent: the program goes to whoever collects orphans here."""
    script(b, "sleep 60")
    b.create()
    equal(b.rt("start", b.id).code, 0)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if b.state in words:
            found.append((pid, words))
    equal(found, [])


@test
def the_limit_of_open_files_does_not_hinder_a_terminal(b):
    script(b, "ulimit -n; tty")
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 4, "hard": 4}]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard > 4
    with Terminal(b) as t:
        equal(t.wait(), 0)
        equal(t.text.split("\r\n")[:2], ["4", "/dev/pts/0"])


if __name__ == "__main__":
    main()

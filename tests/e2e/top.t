#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rt top: the plain table, and the live one on a terminal: keys, size, what it leaves behind."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness
from harness import DEADLINE, contains, equal, main, test


def held(b, script="sleep 1000"):
    b.process["args"] = ["/bin/sh", "-c", script]
    b.create()
    equal(b.rt("start", b.id).code, 0)


def table(text):
    """Rows of the plain table as dictionaries, by container."""
    lines = text.splitlines()
    names = lines[0].split()
    return {line.split()[0]: dict(zip(names, line.split())) for line in lines[1:]}


class Terminal:
    """rt top on a terminal of its own."""

    def __init__(self, b, *options, rows=10, columns=100):
        self.master, self.slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen(
            [harness.RT, "--root", b.state, "top", *options], stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, start_new_session=True)

    def size(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def read(self, seconds=0.1):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], max(end - time.monotonic(), 0))[0]:
                self.text += os.read(self.master, 65536).decode()

    def until(self, words):
        end = time.monotonic() + DEADLINE
        while words not in self.text and time.monotonic() < end:
            self.read()
        contains(self.text, words)

    def frame(self):
        """The next whole one."""
        self.text = ""
        self.until("\033[J")
        while not (found := re.search(r"\033\[H(.*?)\033\[J", self.text, re.S)):
            self.text = self.text[self.text.rindex("\033[J") + 3:]
            self.until("\033[J")
        return found[1]

    def settles(self, rows, columns, good):
        """Frames of another size may be on their way when the terminal changes."""
        self.size(rows, columns)
        os.kill(self.process.pid, signal.SIGWINCH)
        end = time.monotonic() + DEADLINE
        while not good(frame := self.frame()):
            assert time.monotonic() < end, frame

    def press(self, keys):
        self.text = ""
        os.write(self.master, keys.encode())

    def ends(self, code):
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        equal(self.process.returncode, code)
        self.read(0.2)

    def is_restored(self):
        equal(termios.tcgetattr(self.slave), self.before)
        contains(self.text, "\033[?25h", "\033[?1049l")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def with_terminal(f):
    def inner(b):
        held(b)
        t = Terminal(b, "--interval", "200ms")
        try:
            t.until(b.id)
            f(b, t)
        finally:
            t.close()
    inner.__name__ = f.__name__
    return inner


@test
def a_plain_table(b):
    b.linux["resources"] = {"memory": {"limit": 64 << 20}}
    held(b, "while :; do :; done")
    done = b.rt("top")
    equal((done.code, done.err), (0, ""))
    row = table(done.out)[b.id]
    equal((row["STATUS"], row["PIDS"], row["LIMIT"]), ("running", "1", "64M"))
    assert float(row["CPU%"]) > 0, row
    assert "\033" not in done.out


@test
def no_containers(b):
    done = b.rt("top", "--interval", "1ms")
    equal((done.code, len(done.out.splitlines())), (0, 1))


@test
def stopped_ones_are_left_out(b):
    held(b, "true")
    end = time.monotonic() + DEADLINE
    while "stopped" not in b.rt("state", b.id).out and time.monotonic() < end:
        time.sleep(0.05)
    equal(table(b.rt("top", "--interval", "1ms").out), {})


@test
def options(b):
    contains(b.rt("top", "--sort", "x").err, "--sort", "expected cpu")
    contains(b.rt("top", "--interval", "x").err, "--interval")
    for by in ("cpu", "memory", "processes", "I/O", "name"):
        equal(b.rt("top", "--once", "--interval", "1ms", "--sort", by).code, 0)


@test
@with_terminal
def q_leaves_and_puts_all_back(_b, t):
    contains(t.text, "\033[?1049h", "CONTAINER", "by cpu")
    t.press("q")
    t.ends(0)
    t.is_restored()


@test
@with_terminal
def control_c_leaves_too(_b, t):
    t.press("\x03")
    t.ends(0)
    t.is_restored()


@test
@with_terminal
def a_signal_puts_all_back(_b, t):
    t.text = ""
    t.process.send_signal(signal.SIGTERM)
    t.ends(0)
    t.is_restored()


@test
@with_terminal
def keys_change_the_order(_b, t):
    for key, name in (("m", "memory"), ("p", "processes"), ("i", "I/O"), ("n", "name"),
                      ("c", "cpu")):
        t.press(key)
        t.until(f"by {name} ")
    t.press("\033[A")
    t.until("by cpu ")


@test
@with_terminal
def no_line_is_wider_than_the_terminal(b, t):
    plain = re.compile(r"\033\[[?0-9]*[A-Za-z]")
    t.settles(10, 40, lambda frame: all(len(x) <= 40 for x in plain.sub("", frame).split("\r\n")))
    contains(t.frame(), b.id)


@test
@with_terminal
def rows_that_do_not_fit_are_dropped(_b, t):
    t.settles(2, 80, lambda frame: frame.count("\r\n") == 1)


@test
@with_terminal
def a_container_that_ends_goes_from_the_table(b, t):
    equal(b.rt("delete", "--force", b.id).code, 0)
    t.text = ""
    t.until("0 containers")


if __name__ == "__main__":
    main()

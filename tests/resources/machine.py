# SPDX-License-Identifier: Apache-2.0
"""What the machine has: where each controller lives, the files of a container's cgroup, a disk of
our own, the unit in systemd; and the record of what a run has covered.

The layout is read from the mount table: v1 (one hierarchy per controller), v2, or hybrid (both).
A controller is on v1 where its hierarchy is mounted, else on v2 where the root has it."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import harness  # noqa: E402  pylint: disable=wrong-import-position
from harness import MANAGER, Skip  # noqa: E402  pylint: disable=wrong-import-position

LOGS = os.environ.get("RT_RESULTS", os.path.join(HERE, "..", "..", "build", "test-logs",
                                                 "resources"))
V2_NAME = {"blkio": "io"}
V1, V2 = {}, None  # mount point by controller; the mount point of v2


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read().strip()


def write(text, *parts):
    with open(os.path.join(*parts), "w", encoding="utf-8") as f:
        f.write(text)


def until(condition, seconds=60):
    """Wait for something that happens for sure, but nobody tells when."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def find_mounts():
    v2 = None
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split()[:3]
        at = left.split()[4]
        if kind == "cgroup":
            for word in options.split(","):
                V1.setdefault(word, at)
        elif kind == "cgroup2" and at.startswith("/sys/fs/cgroup"):
            v2 = at
    return v2


V2 = find_mounts()
KERNEL = ".".join(os.uname().release.split(".")[:2])
LAYOUT = "v1" if not V2 else "v2" if "/sys/fs/cgroup" == V2 else "hybrid"


def is_here(controller):
    """v1 has a mount that names it; v2's root lists it."""
    return backend(controller) is not None


def backend(controller):
    if controller in V1:
        return "v1"
    if V2 and (controller == "devices" or controller == "freezer" or
               V2_NAME.get(controller, controller) in read(V2, "cgroup.controllers").split()):
        return "v2"
    return None


def hierarchies():
    """Mount points of all of them."""
    return sorted({*V1.values(), *([V2] if V2 else [])})


class Cgroup:
    """The directories in which a process is, as the kernel says."""

    def __init__(self, pid):
        self.paths = {}
        for line in read("/proc", str(pid), "cgroup").splitlines():
            _, names, path = line.split(":", 2)
            for name in names.split(","):
                self.paths[name] = path

    def dir(self, controller):
        if controller in V1:
            return V1[controller] + self.paths[controller]
        return V2 + self.paths[""]

    def read(self, controller, file):
        return read(self.dir(controller), file)

    def all(self):
        names = set(self.paths) & set(V1)
        return sorted({self.dir(n) for n in names} | ({V2 + self.paths[""]} if V2 else set()))


class Created:
    """A container that waits (or, with start, runs a script) until the end of the block."""

    def __init__(self, b, resources, script="sleep 1000", start=False):
        self.b, self.start = b, start
        b.linux["resources"] = resources
        b.process["args"] = ["/bin/sh", "-c", script]

    def __enter__(self):
        self.b.create()
        self.pid = json.loads(self.b.rt("state", self.b.id).out)["pid"]
        self.cgroup = Cgroup(self.pid)
        if self.start:
            done = self.b.rt("start", self.b.id)
            assert done.code == 0, f"start: {done.err}"
        return self

    def __exit__(self, *_):
        self.b.rt("delete", "--force", self.b.id)

    def update(self, what):
        """By options (a list) or by a JSON document."""
        if isinstance(what, list):
            return self.b.rt("update", *what, self.b.id)
        file = os.path.join(self.b.dir, "resources.json")
        with open(file, "w", encoding="utf-8") as f:
            json.dump(what, f)
        return self.b.rt("update", "--resources", file, self.b.id)


def is_rt():
    """Are the words of messages ours to check?"""
    return os.path.basename(harness.RT).startswith("rt")


# ---- systemd ----

def unit_of(b):
    """The scope that cgroupsPath SLICE:PREFIX:NAME stands for."""
    _, prefix, name = b.linux["cgroupsPath"].split(":")
    return f"{prefix}-{name}.scope"


def unit_property(b, name):
    done = subprocess.run(["systemctl", "show", "--property", name, "--value", unit_of(b)],
                          capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


# ---- what a container leaves ----

def traces(b):
    """Cgroups, units and state folders with the container's name."""
    found = []
    for m in hierarchies():
        found += glob.glob(f"{m}/**/*{b.id}*", recursive=True)
    if os.path.isdir(b.state):
        found += [os.path.join(b.state, f) for f in os.listdir(b.state)]
    if MANAGER == "systemd":
        done = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend",
                               f"*{b.id}*"], capture_output=True, text=True, check=True, timeout=30)
        found += done.stdout.split("\n")[:-1]
    return found


# ---- a disk ----

def load_module(name):
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", name], check=False)


class Disk:
    """A loop device of our own, with a scheduler that knows weights where there is one."""

    def __init__(self, b, megabytes=64, scheduler=None):
        self.file = os.path.join(b.dir, "disk")
        with open(self.file, "wb") as f:
            f.truncate(megabytes << 20)
        self.scheduler, self.former = scheduler, None

    def __enter__(self):
        load_module("loop")
        done = subprocess.run(["losetup", "--find", "--show", self.file], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise Skip(f"no loop device: {done.stderr.strip()}")
        self.path = done.stdout.strip()
        self.queue = os.path.join("/sys/block", os.path.basename(self.path), "queue")
        try:
            self.number = read(self.queue, "../dev")
            self.major, self.minor = map(int, self.number.split(":"))
            if self.scheduler:
                self.schedule()
        except BaseException:
            self.__exit__()
            raise
        return self

    def schedule(self):
        load_module(self.scheduler)
        words = read(self.queue, "scheduler")
        if self.scheduler not in re.findall(r"[\w-]+", words):
            raise Skip(f"the kernel has no {self.scheduler} scheduler")
        self.former = re.search(r"\[([\w-]+)\]", words)[1]
        write(self.scheduler, self.queue, "scheduler")

    def __exit__(self, *_):
        if self.former:
            write(self.former, self.queue, "scheduler")
        subprocess.run(["losetup", "--detach", self.path], check=True)


# ---- the record ----

class Record:
    """Which knob was seen on which layout and manager: a JSON file per run, which tests/resources/
    table reads. Without the folder of the logs nothing is written."""

    def __init__(self, suite):
        self.rows = []
        name = f"{suite}-{LAYOUT}-{MANAGER}-{KERNEL}-{os.path.basename(harness.RT)}.json"
        self.path = os.path.join(LOGS, name)

    def add(self, knob, result, reason=""):
        self.rows.append({"knob": knob, "layout": LAYOUT, "manager": MANAGER, "kernel": KERNEL,
                          "runtime": os.path.basename(harness.RT), "result": result,
                          "reason": reason})

    def save(self):
        try:
            os.makedirs(LOGS, exist_ok=True)
            with open(self.path, "w", encoding="utf-8") as f:
                json.dump(self.rows, f, indent=1)
        except OSError as x:
            print(f"# no record: {x}")

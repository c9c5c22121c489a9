# SPDX-License-Identifier: Apache-2.0
"""What the host shows of containers: processes, mounts, cgroups. Everything a runtime leaves behind
is found by one of two marks: it descends from us, as we are the subreaper, or its name holds a tag
of ours."""

import ctypes
import errno
import os
import re
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans of the runtime become our children, as they do below an engine's monitor."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def until(question, seconds=20):
    """Asks until the answer is true; the last answer. The time is a deadline, never a pause."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.004)


def read(path):
    """A file's text, "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            return f.read()
    except OSError:
        return ""


def lines(path):
    return read(path).splitlines()


# --- processes ----------------------------------------------------------------------------------

def stat(pid):
    """(state, parent, start time) of a process, or None."""
    text = read(f"/proc/{pid}/stat")
    fields = text[text.rfind(")") + 1:].split()
    return (fields[0], int(fields[1]), int(fields[19])) if len(fields) > 19 else None


def alive(pid):
    """Is there such a process, and is it more than a zombie?"""
    s = stat(pid)
    return bool(s) and s[0] not in "ZX"


def descendants():
    """Pids of all processes below us, zombies too."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (s := stat(name)):
            children.setdefault(s[1], []).append(int(name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def command(pid):
    text = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    return f"process {pid} ({text or read(f'/proc/{pid}/comm').strip()})"


def reap(pid):
    """Collect a child if it has ended: its wait status, or None."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return status if done else None


def reap_orphans(keep):
    for pid in descendants():
        if pid not in keep and (s := stat(pid)) and s[0] == "Z" and s[1] == os.getpid():
            reap(pid)


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def namespace(kind, pid="self"):
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError as e:
        return errno.errorcode[e.errno]


# --- mounts -------------------------------------------------------------------------------------

def mounts(pid="self"):
    """Mount points in order, as (point, file system, options)."""
    found = []
    for line in lines(f"/proc/{pid}/mountinfo"):
        fields = line.split()
        dash = fields.index("-")
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
        found.append((point, fields[dash + 1], set(fields[5].split(","))))
    return found


def mounts_with(tag):
    return {point for point, _, _ in mounts() if tag in point}


# --- cgroups ------------------------------------------------------------------------------------

def hierarchies():
    """Mount point → name of each cgroup hierarchy that is visible: its controllers, "" for v2."""
    found = {}
    for line in lines("/proc/self/mountinfo"):
        fields = line.split()
        dash = fields.index("-")
        kind, options = fields[dash + 1], fields[dash + 3]
        if kind not in ("cgroup", "cgroup2") or not os.path.exists(fields[4] + "/cgroup.procs"):
            continue
        words = [w for w in options.split(",") if w not in ("rw", "ro", "xattr", "clone_children")]
        found[fields[4]] = ",".join(words) if kind == "cgroup" else ""
    return found


def cgroups_with(tag):
    """Folders of cgroups whose path holds a tag, the deepest first."""
    found = []
    for point in hierarchies():
        for folder, names, _ in os.walk(point):
            found += [f"{folder}/{n}" for n in names if tag in n or tag in folder]
    return sorted(set(found), key=lambda p: -p.count("/"))


def cgroup_paths(pid):
    """Name of a hierarchy → path of a process in it, as /proc/PID/cgroup says."""
    return {name: path for _, name, path in
            (line.split(":", 2) for line in lines(f"/proc/{pid}/cgroup"))}


def freezer(name):
    """(file, value that freezes, value that thaws) for a cgroup path, or None."""
    for point, controllers in hierarchies().items():
        if "freezer" in controllers.split(","):
            return f"{point}{name}/freezer.state", "FROZEN", "THAWED"
    for point, controllers in hierarchies().items():
        if controllers == "":
            return f"{point}{name}/cgroup.freeze", "1", "0"
    return None


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)

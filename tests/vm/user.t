#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers of a user without root who has a systemd of their own, and with it a delegated cgroup:
limits by files and by scopes of that systemd. For `tests/vm/run user:tests/vm/user.t`."""

import json
import os
import pwd
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402  pylint: disable=wrong-import-position
from harness import Skip, contains, equal, main, test  # noqa: E402

TOP = "/sys/fs/cgroup"
CONTROLLERS = ("cpu", "memory", "pids")
LIMITS = {"memory": {"limit": 67108864}, "cpu": {"quota": 50000, "period": 100000},
          "pids": {"limit": 42}}
FILES = {"memory.max": "67108864", "cpu.max": "50000 100000", "pids.max": "42"}


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read().strip()


def write(text, *parts):
    with open(os.path.join(*parts), "w", encoding="utf-8") as f:
        f.write(text)


def cgroup_of(pid):
    return read("/proc", str(pid), "cgroup").rpartition("0::")[2]


def needs_delegation():
    """The cgroup that was delegated to us: empty but for a leaf, it may pass its controllers on."""
    if os.geteuid() == 0 or "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        raise Skip("needs a user with a systemd of their own")
    own = cgroup_of("self")
    if own.endswith("/leaf"):
        return own[:-len("/leaf")]
    if not os.path.exists(f"{TOP}/cgroup.controllers") or not os.access(f"{TOP}{own}", os.W_OK):
        raise Skip("no cgroup v2 is delegated to this user")
    os.mkdir(f"{TOP}{own}/leaf")
    for pid in read(TOP + own, "cgroup.procs").split():
        write(pid, f"{TOP}{own}/leaf/cgroup.procs")
    write(" ".join("+" + c for c in CONTROLLERS), f"{TOP}{own}/cgroup.subtree_control")
    return own


def rootless(b):
    """A user namespace in which we are root; what needs the network is left to the host."""
    needs_delegation()
    b.linux["namespaces"] = [{"type": t} for t in ("user", "pid", "ipc", "uts", "mount", "cgroup")]
    for kind, number in (("uid", os.geteuid()), ("gid", os.getegid())):
        b.linux[f"{kind}Mappings"] = [{"containerID": 0, "hostID": number, "size": 1}]
    b.linux["cgroupsPath"] = f"{needs_delegation()}/{b.id}"


def by_systemd(b):
    """The same, as a scope of the user's systemd: its unit."""
    rootless(b)
    harness.GLOBALS[:] = ["--systemd-cgroup"]
    b.linux["cgroupsPath"] = f"user.slice:rt:{b.id}"
    return f"rt-{b.id}.scope"


def show(unit, name):
    return subprocess.run(["systemctl", "--user", "show", "--value", "-p", name, unit], check=True,
                          capture_output=True, text=True).stdout.strip()


def started(b, script="sleep 1000"):
    b.process["args"] = ["/bin/sh", "-c", script]
    b.create()
    done = b.rt("start", b.id)
    equal((done.code, done.err), (0, ""))
    return json.loads(b.rt("state", b.id).out)["pid"]


def has_limits(pid, expected):
    equal({f: read(TOP + cgroup_of(pid), f) for f in expected}, expected)


# ---- by files ----

@test
def template_of_spec_runs(b):
    rootless(b)
    equal(b.rt("spec", "--rootless", "--bundle", b.dir).code, 0)
    with open(f"{b.dir}/config.json", encoding="utf-8") as f:
        b.config = json.load(f)
    b.process["terminal"] = False
    b.process["env"] = ["PATH=/bin"]
    equal(b.output("id -u"), "0")


@test
def limits_are_in_the_delegated_cgroup(b):
    rootless(b)
    b.linux["resources"] = LIMITS
    pid = started(b)
    equal(cgroup_of(pid), b.linux["cgroupsPath"])
    has_limits(pid, FILES)
    done = b.rt("update", "--memory", "33554432", "--pids-limit", "17", b.id)
    equal((done.code, done.err), (0, ""))
    has_limits(pid, {"memory.max": "33554432", "pids.max": "17", "cpu.max": "50000 100000"})


@test
def out_of_memory_is_felt(b):
    rootless(b)
    b.linux["resources"] = {"memory": {"limit": 16777216, "swap": 16777216}}
    equal(b.run("exec tail -c 100000000 /dev/zero").code, 137)


@test
def exec_is_in_the_cgroup_and_a_pause_holds(b):
    rootless(b)
    pid = started(b)
    equal(b.rt("exec", b.id, "cat", "/proc/self/cgroup").out, "0::/\n")
    equal(b.rt("pause", b.id).code, 0)
    contains(read(TOP + cgroup_of(pid), "cgroup.events"), "frozen 1")
    equal(b.rt("resume", b.id).code, 0)
    contains(read(TOP + cgroup_of(pid), "cgroup.events"), "frozen 0")


@test
def nothing_is_left(b):
    rootless(b)
    directory = TOP + cgroup_of(started(b, "sleep 1000 & sleep 1000"))
    equal(b.rt("delete", "--force", b.id).code, 0)
    assert not os.path.exists(directory), f"left: {directory}"
    b.leaves_nothing()


@test
def cgroup_of_somebody_else_is_refused(b):
    rootless(b)
    b.linux["cgroupsPath"] = f"/system.slice/{b.id}"
    b.linux["resources"] = LIMITS
    b.refused("/system.slice", "ermission denied")


@test
def subordinate_ids(b):
    """newuidmap(1) maps what /etc/subuid gives us."""
    rootless(b)
    name = pwd.getpwuid(os.geteuid()).pw_name
    first = [line.split(":")[1] for line in read("/etc/subuid").splitlines()
             if line.split(":")[0] == name]
    if not first:
        raise Skip("no subordinate ids")
    for kind in ("uid", "gid"):
        b.linux[f"{kind}Mappings"].append(
            {"containerID": 1, "hostID": int(first[0]), "size": 1000})
    b.process["user"] = {"uid": 33, "gid": 33}
    out = b.output("id -u; id -g; cat /proc/self/uid_map").split()
    equal(out, ["33", "33", "0", str(os.geteuid()), "1", "1", first[0], "1000"])


# ---- by the user's systemd: last, as rt stays told ----

@test
def scope_of_the_users_systemd(b):
    unit = by_systemd(b)
    b.linux["resources"] = LIMITS
    pid = started(b)
    assert cgroup_of(pid).endswith("/" + unit), cgroup_of(pid)
    contains(cgroup_of(pid), f"/user@{os.geteuid()}.service/")
    has_limits(pid, FILES)
    equal((show(unit, "MemoryMax"), show(unit, "TasksMax")), ("67108864", "42"))
    done = b.rt("update", "--memory", "33554432", b.id)
    equal((done.code, done.err), (0, ""))
    equal(show(unit, "MemoryMax"), "33554432")
    has_limits(pid, {"memory.max": "33554432"})
    equal(b.rt("delete", "--force", b.id).code, 0)
    equal(show(unit, "LoadState"), "not-found")


@test
def exec_is_in_the_scope(b):
    by_systemd(b)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "cgroup"]
    pid = started(b)
    done = b.rt("exec", b.id, "cat", "/proc/self/cgroup")
    equal((done.code, done.out.strip()), (0, f"0::{cgroup_of(pid)}"))


main(root=False)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The life of a container's cgroup: where it is, whom it leaves alone, and that it goes with all
that is in it."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import (LAYOUT, MANAGER, V1, V2, Created, backend, harness,  # noqa: E402
                     hierarchies, is_rt, read, traces, unit_of, unit_property, until, write)
from harness import Skip, contains, equal, main, test  # noqa: E402

M = 1 << 20


def by_rt():
    """What depends on rt's own rules; another runtime may well take what these refuse, up to the
    root of the hierarchy."""
    if MANAGER != "cgroupfs":
        raise Skip("systemd makes the cgroup")
    if not is_rt():
        raise Skip("not said by the specification")


def by_systemd():
    if MANAGER != "systemd":
        raise Skip("rt makes the cgroup")


def mount_of(controller):
    return V1[controller] if backend(controller) == "v1" else V2


def main_mount():
    """The hierarchy in which a container's processes are found."""
    return V2 if LAYOUT == "v2" else mount_of("freezer")


def below_mounts(c):
    """Paths of a container, below the mount points of the hierarchies."""
    return {d[len(m):] for d in c.cgroup.all() for m in hierarchies() if d.startswith(m + "/")}


# ---- the path ----

@test
def absolute_path_is_below_every_mount_point(b):
    by_rt()
    b.linux["cgroupsPath"] = f"/rt-{b.id}"
    with Created(b, {}) as c:
        equal(below_mounts(c), {f"/rt-{b.id}"})
    equal(traces(b), [])


@test
def nested_path_is_made_and_removed(b):
    by_rt()
    b.linux["cgroupsPath"] = f"/rt-{b.id}/a/./b//c/"
    with Created(b, {"pids": {"limit": 9}}) as c:
        equal(below_mounts(c), {f"/rt-{b.id}/a/b/c"})
        if backend("pids"):
            equal(c.cgroup.read("pids", "pids.max"), "9")
    equal(traces(b), [])


@test
def parent_in_use_stays(b):
    """Of two containers below a common parent, that was made for the first."""
    by_rt()
    other = type(b)()
    try:
        b.linux["cgroupsPath"] = f"/rt-test-{b.id}/one"
        other.linux["cgroupsPath"] = f"/rt-test-{b.id}/two"
        with Created(b, {}):
            two = Created(other, {})
            two.__enter__()
        equal(os.path.isdir(f"{main_mount()}/rt-test-{b.id}/one"), False)
        equal(os.path.isdir(f"{main_mount()}/rt-test-{b.id}/two"), True)
        two.__exit__()
    finally:
        other.close()
        for m in hierarchies():
            if os.path.isdir(f"{m}/rt-test-{b.id}"):
                os.rmdir(f"{m}/rt-test-{b.id}")  # the first's, left as it was in use
    equal(traces(b), [])


@test
def no_path_is_named_after_the_container(b):
    del b.linux["cgroupsPath"]
    with Created(b, {}) as c:
        assert all(b.id in p for p in below_mounts(c)), below_mounts(c)
    equal(traces(b), [])


@test
def relative_path_is_stable(b):
    by_rt()
    b.linux["cgroupsPath"] = f"rt-test-{b.id}/x"
    seen = []
    for _ in range(2):
        with Created(b, {}) as c:
            seen.append(c.cgroup.all())
    equal(seen[0], seen[1])
    assert all(d.endswith(f"/rt-test-{b.id}/x") for d in seen[0]), seen
    equal(traces(b), [])


@test
def path_upwards_is_refused(b):
    by_rt()
    for path in ("..", "/..", "../x", "/rt-x/..", "/rt-x/../y", "rt-x/../../y"):
        b.linux["cgroupsPath"] = path
        b.refused("/linux/cgroupsPath", "upwards")
    for path in ("/", "//", "/.", "./"):
        b.linux["cgroupsPath"] = path
        b.refused("/linux/cgroupsPath", "root of the hierarchy")
    b.linux["cgroupsPath"] = "/rt-x\ny"
    b.refused("/linux/cgroupsPath", "one line")
    b.leaves_nothing()


@test
def path_out_of_the_hierarchy_is_refused(b):
    """Another file system on the way, in a mount namespace of its own, with a symbolic link."""
    by_rt()
    top = f"{main_mount()}/rt-test-{b.id}"
    os.mkdir(top)
    outside = os.path.join(b.dir, "outside")
    os.mkdir(outside)
    mount = f"mount -t tmpfs none {top} && ln -s {outside} {top}/link && mkdir {top}/dir && " \
        "exec \"$@\""
    try:
        for name in ("link/x", "link", "dir/x", "dir"):
            b.linux["cgroupsPath"] = f"/rt-test-{b.id}/{name}"
            b.process["args"] = ["/bin/true"]
            b.write()
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                   mount, "sh", harness.RT, "--root", b.state, "run", "--bundle",
                                   b.dir, b.id], capture_output=True, text=True, check=False,
                                  stdin=subprocess.DEVNULL, timeout=60)
            assert done.returncode != 0, f"{name} was accepted"
            contains(done.stderr, "cgroup", f"/rt-test-{b.id}/")
            equal(os.listdir(outside), [])
    finally:
        os.rmdir(top)
    equal(traces(b), [])
    b.leaves_nothing()


# ---- what is there already ----

@test
def cgroup_that_was_there_stays_as_it_was(b):
    """Also its settings, but for those that are asked for."""
    by_rt()
    if not backend("pids") or not backend("memory"):
        raise Skip("no controller pids or memory")
    paths = {c: f"{mount_of(c)}/rt-{b.id}" for c in ("pids", "memory")}
    for d in set(paths.values()):
        if LAYOUT == "v2":
            write("+pids +memory", V2, "cgroup.subtree_control")
        os.mkdir(d)
    limit = "memory.max" if backend("memory") == "v2" else "memory.limit_in_bytes"
    try:
        write("55", paths["pids"], "pids.max")
        write(str(200 * M), paths["memory"], limit)
        with Created(b, {"memory": {"limit": 100 * M}}) as c:
            equal(c.cgroup.read("pids", "pids.max"), "55")
            equal(c.cgroup.read("memory", limit), str(100 * M))
        equal(read(paths["pids"], "pids.max"), "55")
        equal(sorted(traces(b)), sorted(set(paths.values())))
    finally:
        for d in set(paths.values()):
            os.rmdir(d)


@test
def frozen_cgroup_is_refused(b):
    by_rt()
    if not backend("freezer"):
        raise Skip("no controller freezer")
    top = f"{mount_of('freezer')}/rt-test-{b.id}"
    os.mkdir(top)
    b.linux["cgroupsPath"] = f"/rt-test-{b.id}/x"
    file, on, off = ("cgroup.freeze", "1", "0") if backend("freezer") == "v2" else \
        ("freezer.state", "FROZEN", "THAWED")
    try:
        write(on, top, file)
        b.refused("/linux/cgroupsPath", "frozen", "thaw")
        equal(os.path.isdir(f"{top}/x"), False)
        write(off, top, file)
        equal(b.output("echo ran"), "ran")
    finally:
        os.rmdir(top)
    equal(traces(b), [])


@test
def cgroup_with_a_process_below_is_refused(b):
    by_rt()
    top = f"{main_mount()}/rt-{b.id}"
    os.makedirs(f"{top}/below")
    with subprocess.Popen(["sleep", "1000"]) as other:
        try:
            write(str(other.pid), top, "below/cgroup.procs")
            b.refused("/linux/cgroupsPath", "has processes already")
            equal(read(top, "below/cgroup.procs"), str(other.pid))
            equal(b.rt("delete", "--force", b.id).code, 0)
            equal(read(top, "below/cgroup.procs"), str(other.pid))
        finally:
            other.kill()
            other.wait()
            os.rmdir(f"{top}/below")
            os.rmdir(top)
    equal(traces(b), [])


@test
def cgroup_of_another_with_the_same_name_stays(b):
    """Ours was removed behind our back, and somebody else has the name now."""
    by_rt()
    with Created(b, {}) as c:
        dirs = c.cgroup.all()
        os.kill(c.pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{c.pid}/exe"))
        until(lambda: all(not read(d, "cgroup.procs") for d in dirs))
        for d in dirs:
            os.rmdir(d)
            os.mkdir(d)
        try:
            done = b.rt("delete", b.id)
            equal((done.code, done.err), (0, ""))
            equal([d for d in dirs if not os.path.isdir(d)], [])
        finally:
            for d in dirs:
                os.rmdir(d)
    equal(traces(b), [])


# ---- the end ----

@test
def cgroups_that_the_container_made_go(b):
    b.add_namespace("cgroup")
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup")
    place = "/sys/fs/cgroup" if LAYOUT == "v2" else "/sys/fs/cgroup/pids"
    if LAYOUT != "v2" and "pids" not in V1:
        raise Skip("no controller pids")
    with Created(b, {}, f"mkdir -p {place}/a/b/c {place}/d && sleep 1000 & wait",
                 start=True) as c:
        own = c.cgroup.dir("pids")
        until(lambda: os.path.isdir(f"{own}/a/b/c") and os.path.isdir(f"{own}/d"))
    equal(traces(b), [])


@test
def lingering_processes_go(b):
    """Without a pid namespace nothing else ends them; some in cgroups of their own."""
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    b.add_namespace("cgroup")
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup")
    place = "/sys/fs/cgroup" if LAYOUT == "v2" else "/sys/fs/cgroup/freezer"
    script = f"""mkdir {place}/a
sleep 1234 & echo $! >{place}/a/cgroup.procs
sleep 1234 & echo $! >/tmp/pids
: >/tmp/done; wait"""
    with Created(b, {}, script, start=True) as c:
        own = c.cgroup.dir("freezer")
        until(lambda: os.path.exists(f"{b.rootfs}/tmp/done"))
        pids = (read(own, "cgroup.procs") + "\n" + read(own, "a/cgroup.procs")).split()
        equal(len(pids), 3)
    equal([p for p in pids if os.path.exists(f"/proc/{p}/exe")], [])
    equal(traces(b), [])


@test
def those_that_outlive_init_go(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    with Created(b, {}, "sleep 1234 & echo $! >/tmp/pid; exit 3", start=True) as c:
        until(lambda: not os.path.exists(f"/proc/{c.pid}/exe"))
        pid = read(b.rootfs, "tmp/pid")
        equal(os.path.exists(f"/proc/{pid}/exe"), True)
        done = b.rt("delete", b.id)
        equal((done.code, done.err), (0, ""))
        equal(os.path.exists(f"/proc/{pid}/exe"), False)
    equal(traces(b), [])


@test
def delete_finds_the_cgroup_gone(b):
    by_rt()
    with Created(b, {}) as c:
        dirs = c.cgroup.all()
        os.kill(c.pid, signal.SIGKILL)
        until(lambda: all(not read(d, "cgroup.procs") for d in dirs))
        for d in dirs:
            os.rmdir(d)
        done = b.rt("delete", b.id)
        equal((done.code, done.err), (0, ""))
    equal(traces(b), [])


# ---- systemd ----

@test
def limits_outlive_a_reload(b):
    """systemd writes the files again, from what it was told."""
    by_systemd()
    with Created(b, {"memory": {"limit": 64 * M}, "pids": {"limit": 20},
                     "cpu": {"quota": 30000, "period": 60000, "shares": 512}}) as c:
        equal(c.update({"memory": {"limit": 96 * M}, "pids": {"limit": 30}}).code, 0)
        names = {"memory": ("memory.max", "memory.limit_in_bytes"), "pids": ("pids.max",),
                 "cpu": ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")}

        def limits():
            return {f: c.cgroup.read(k, f) for k, files in names.items() for f in files
                    if os.path.exists(f"{c.cgroup.dir(k)}/{f}")}
        before = limits()
        equal(before["pids.max"], "30")
        subprocess.run(["systemctl", "daemon-reload"], check=True, timeout=60)
        equal(limits(), before)
    equal(traces(b), [])


@test
def scope_is_in_its_slice(b):
    by_systemd()
    b.linux["cgroupsPath"] = f"rt_test-sub.slice:rt:{b.id}"
    with Created(b, {}) as c:
        equal(unit_property(b, "Slice"), "rt_test-sub.slice")
        equal(unit_property(b, "ActiveState"), "active")
        for p in below_mounts(c):
            equal(p, f"/rt_test.slice/rt_test-sub.slice/{unit_of(b)}")
    equal(traces(b), [])
    subprocess.run(["systemctl", "stop", "rt_test.slice"], check=True, timeout=60)


@test
def scope_that_systemd_stops_can_be_deleted(b):
    by_systemd()
    with Created(b, {}, start=True):
        subprocess.run(["systemctl", "kill", "--signal=KILL", unit_of(b)], check=True, timeout=60)
        until(lambda: '"stopped"' in b.rt("state", b.id).out)
        done = b.rt("delete", b.id)
        equal((done.code, done.err), (0, ""))
    equal(traces(b), [])


main()

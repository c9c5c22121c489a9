#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A limit that cannot be set: the message names the property, the file, the kernel's word and what
to do; a failing create leaves nothing, a failing update everything as it was."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cases  # noqa: E402  pylint: disable=wrong-import-position
from machine import (LAYOUT, MANAGER, V2, Created, Disk, backend, harness,  # noqa: E402
                     load_module, traces, until, write)
from rows import ROWS, same, snapshot  # noqa: E402  pylint: disable=wrong-import-position
from harness import Skip, contains, equal, main, test  # noqa: E402

M = cases.M
NO_DISK = {"blockIO": {"throttleReadBpsDevice": [{"major": 250, "minor": 250, "rate": 1}]}}


def needs(*controllers):
    for c in controllers:
        if not backend(c):
            raise Skip(f"no controller {c}")


def file_of(name):
    """The first file of a row of the table, on the version that is here."""
    row = ROWS[name]
    return row.alternatives(row.backend())[-1][0]


def refused_twice(b, resources, *words):
    """By create, which leaves nothing, and by update, which changes nothing. In one line each."""
    b.linux["resources"] = resources
    b.refused(*words)
    equal(traces(b), [])
    with Created(b, {"pids": {"limit": 77}} if backend("pids") else {}) as c:
        before = snapshot(c)
        done = c.update(resources)
        assert done.code != 0, "update accepted it"
        # What is wrong in the document itself is told by its place there.
        below = "/linux/resources" if "resources.json:" in done.err else ""
        contains(done.err, *(w.removeprefix(below) for w in words))
        assert len(done.err.strip().splitlines()) == 1, done.err
        same(snapshot(c), before)


# ---- what the kernel refuses ----

@test
def cpus_that_the_host_has_not(b):
    needs("cpuset")
    refused_twice(b, {"cpu": {"cpus": "4000"}}, "/linux/resources/cpu/cpus", '"4000"',
                  "cpuset.cpus", "the host")


@test
def memory_nodes_that_the_host_has_not(b):
    needs("cpuset")
    refused_twice(b, {"cpu": {"mems": "900"}}, "/linux/resources/cpu/mems", '"900"',
                  "cpuset.mems", "the host")


@test
def list_of_cpus_that_is_none(b):
    needs("cpuset")
    refused_twice(b, {"cpu": {"cpus": "first"}}, "/linux/resources/cpu/cpus", '"first"',
                  "a list like 0-3")
    with Created(b, {}) as c:
        before = snapshot(c)
        done = c.update(["--cpuset-cpus", "first"])
        assert done.code != 0, "it was accepted"
        contains(done.err, "/cpu/cpus", "first")
        same(snapshot(c), before)


@test
def quota_below_a_millisecond(b):
    needs("cpu")
    refused_twice(b, {"cpu": {"quota": 10, "period": 100000}}, "/linux/resources/cpu/quota",
                  file_of("cpu.quota"), "Invalid argument", "have to fit")


@test
def burst_above_the_quota(b):
    needs("cpu")
    refused_twice(b, {"cpu": {"quota": 30000, "burst": 40000}}, "/linux/resources/cpu/burst",
                  "above the quota")
    with Created(b, {"cpu": {"quota": 30000}}) as c:
        before = snapshot(c)
        for what in ({"cpu": {"burst": 40000}}, ["--cpu-burst", "40000"]):
            done = c.update(what)
            assert done.code != 0, "it was accepted"
            contains(done.err, "/linux/resources/cpu/burst", file_of("cpu.burst"),
                     "Invalid argument", "have to fit")
            same(snapshot(c), before)


@test
def disk_that_is_not_there(b):
    needs("blkio")
    refused_twice(b, NO_DISK, "/linux/resources/blockIO/throttleReadBpsDevice", "250:250",
                  file_of("throttle_read_bps_device"), "No such device", "disks that exist")


@test
def weight_on_a_disk_without_the_scheduler(b):
    needs("blkio")
    load_module("bfq")
    with Disk(b) as disk:
        what = {"blockIO": {"weightDevice": [{"major": disk.major, "minor": disk.minor,
                                              "weight": 300}]}}
        refused_twice(b, what, "/linux/resources/blockIO/weightDevice", disk.number, "weight")


@test
def weight_out_of_range(b):
    refused_twice(b, {"blockIO": {"weight": 5}}, "/linux/resources/blockIO/weight", "10 to 1000")


@test
def size_of_pages_that_is_not_there(b):
    needs("hugetlb")
    refused_twice(b, {"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]},
                  "/linux/resources/hugepageLimits", "hugetlb.3MB.", "No such file")


@test
def size_of_pages_that_is_a_path(b):
    refused_twice(b, {"hugepageLimits": [{"pageSize": "../../x", "limit": 1}]},
                  "/linux/resources/hugepageLimits", "a size like 2MB")


@test
def network_device_that_is_not_there(b):
    needs("net_prio")
    if backend("net_prio") != "v1":
        raise Skip("of cgroup v1 only")
    refused_twice(b, {"network": {"priorities": [{"name": "none0", "priority": 1}]}},
                  "/linux/resources/network/priorities", "none0", "net_prio.ifpriomap",
                  "No such device")


@test
def swap_below_memory(b):
    refused_twice(b, {"memory": {"limit": 64 * M, "swap": M}}, "/linux/resources/memory/swap",
                  "memory and swap together")


@test
def swappiness_above_its_range(b):
    if backend("memory") != "v1":
        raise Skip("of cgroup v1 only")
    b.linux["resources"] = {"memory": {"swappiness": 500}}
    b.refused("/linux/resources/memory/swappiness")
    equal(traces(b), [])


@test
def realtime_beyond_the_parents(b):
    needs("cpu")
    with Created(b, {}) as c:
        if not os.path.exists(f"{c.cgroup.dir('cpu')}/cpu.rt_runtime_us"):
            raise Skip("no realtime groups")
    refused_twice(b, {"cpu": {"realtimeRuntime": 999999}}, "/linux/resources/cpu/realtimeRuntime",
                  "cpu.rt_runtime_us", "Invalid argument")


# ---- unified ----

def needs_v2(b, file=None):
    """A file that is there in any container, but for that it is of v2."""
    if LAYOUT != "v2":
        raise Skip("of cgroup v2 only")
    if file:
        with Created(b, {}) as c:
            if not os.path.exists(f"{c.cgroup.dir('memory')}/{file}"):
                raise Skip(f"the kernel has no {file}")


@test
def unified_value_that_the_kernel_refuses(b):
    needs_v2(b, "memory.high")
    refused_twice(b, {"unified": {"memory.high": "much"}}, "/linux/resources/unified", '"much"',
                  "memory.high", "Invalid argument")


@test
def unified_file_that_is_not_there(b):
    needs_v2(b)
    refused_twice(b, {"unified": {"memory.nothing": "1"}}, "/linux/resources/unified",
                  "memory.nothing", "No such file")


@test
def unified_file_that_moves_processes(b):
    for name in ("cgroup.procs", "cgroup.threads"):
        refused_twice(b, {"unified": {name: "0"}}, "/linux/resources/unified", name)


@test
def unified_file_elsewhere(b):
    for name in ("../cgroup.freeze", "/etc/passwd", "..", ""):
        refused_twice(b, {"unified": {name: "0"}}, "/linux/resources/unified",
                      "the name of a file")


# ---- controllers ----

def in_own_namespace(b, leaf, *command):
    """Below a cgroup that has no controllers, and is the root of what is seen: in a leaf of it, or
    in the root itself."""
    outer = f"{V2}/rt-test-{b.id}"
    top = f"{outer}/top"
    os.makedirs(top)
    enter = "mkdir /sys/fs/cgroup/leaf && echo $$ >/sys/fs/cgroup/leaf/cgroup.procs && " \
        if leaf else ""
    inner = "umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && " \
        f"{enter}exec \"$@\""
    if not leaf:
        for d in (V2, outer):
            write("+cpuset +memory", d, "cgroup.subtree_control")
    try:
        return harness.Result(subprocess.run(
            ["sh", "-c", f"echo $$ >{top}/cgroup.procs && exec unshare --cgroup --mount "
             f"--propagation private sh -c '{inner}' sh \"$@\"", "sh", *command],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL))
    finally:
        left = [d for d, _, _ in os.walk(outer, topdown=False)]
        for d in left:
            os.rmdir(d)
        b.left = [d for d in left if d not in (outer, top, f"{top}/leaf")]


def run_there(b, leaf, resources):
    if LAYOUT != "v2" or MANAGER != "cgroupfs":
        raise Skip("needs cgroup v2 without a manager")
    b.linux["resources"] = resources
    b.process["args"] = ["/bin/true"]
    b.write()
    return in_own_namespace(b, leaf, harness.RT, "--root", b.state, "run", "--bundle", b.dir, b.id)


@test
def controller_that_is_not_passed_on(b):
    done = run_there(b, True, {"hugepageLimits": [{"pageSize": cases.page_size(), "limit": 0}]})
    assert done.code != 0
    contains(done.err, "/linux/resources/hugepageLimits", "controller hugetlb",
             "/sys/fs/cgroup", "cgroup.subtree_control", "Delegate=hugetlb")
    equal(b.left, [])
    b.leaves_nothing()


@test
def controller_of_a_cgroup_with_processes(b):
    """cgroups(7), "no internal processes": what is for domains only cannot be passed on, and with
    the others no process can be below."""
    done = run_there(b, False, {"memory": {"limit": 64 * M}})
    assert done.code != 0
    contains(done.err, "/linux/resources/memory/limit", "controller memory",
             "cgroup.subtree_control", "busy", "sub-cgroup")
    equal(b.left, [])
    done = run_there(b, False, {"cpu": {"cpus": "0"}})
    assert done.code != 0
    contains(done.err, "holds processes", "sub-cgroup")
    equal(b.left, [])
    b.leaves_nothing()


@test
def no_room_above(b):
    """Being born in a cgroup of v2 counts, also for those above."""
    if LAYOUT != "v2" or MANAGER != "cgroupfs":
        raise Skip("needs cgroup v2 without a manager")
    top = f"{V2}/rt-test-{b.id}"
    os.mkdir(top)
    try:
        write("+pids", V2, "cgroup.subtree_control")
        write("0", top, "pids.max")
        b.linux["cgroupsPath"] = f"/rt-test-{b.id}/below"
        b.refused("Resource temporarily unavailable", "pids.max")
        equal(os.path.isdir(f"{top}/below"), False)
    finally:
        os.rmdir(top)
    equal(traces(b), [])


# ---- all or nothing ----

def much(disk, scale):
    """A value of every kind that can be set here."""
    r = {}
    if backend("memory"):
        r["memory"] = {"limit": 64 * M * scale, "swap": 96 * M * scale,
                       "reservation": 16 * M * scale}
    if backend("cpu"):
        r["cpu"] = {"shares": 512 * scale, "quota": 20000 * scale, "period": 40000 * scale,
                    "burst": 5000 * scale}
    if backend("cpuset"):
        r.setdefault("cpu", {}).update({"cpus": cases.cpus(scale), "mems": "0"})
    if backend("pids"):
        r["pids"] = {"limit": 30 * scale}
    if backend("hugetlb"):
        r["hugepageLimits"] = [{"pageSize": cases.page_size(), "limit": (1 << 30) * scale}]
    if backend("blkio") and disk:
        r["blockIO"] = {k: [{"major": disk.major, "minor": disk.minor, "rate": 1000000 * scale}]
                        for k in ("throttleReadBpsDevice", "throttleWriteIOPSDevice")}
    if backend("memory") == "v1":
        r["memory"].update({"swappiness": 10 * scale, "disableOOMKiller": scale == 2})
    if backend("net_cls") == "v1":
        r["network"] = {"classID": scale}
    if backend("net_prio") == "v1":
        r.setdefault("network", {})["priorities"] = [{"name": "lo", "priority": scale}]
    return r


def with_disk(b, f):
    try:
        with Disk(b) as disk:
            f(disk)
    except Skip:
        f(None)


def spoil_middle(r):
    r.setdefault("blockIO", {}).setdefault("throttleReadBpsDevice", []).append(
        {"major": 250, "minor": 250, "rate": 1})


def spoil_end(r):
    if LAYOUT == "v2":
        r["unified"] = {"memory.high": "much"}
    else:
        r["rdma"] = {"none0": {"hcaHandles": 1}}


@test
def update_that_fails_midway_changes_nothing(b):
    needs("blkio")

    def check(disk):
        for first, then in ((1, 2), (2, 1)):
            with Created(b, much(disk, first)) as c:
                before = snapshot(c)
                for spoil in (spoil_middle, spoil_end):
                    bad = much(disk, then)
                    spoil(bad)
                    assert c.update(bad).code != 0, f"{spoil.__name__}: it was accepted"
                    same(snapshot(c), before)
                good = c.update(much(disk, then))
                equal((good.code, good.err), (0, ""))
                assert snapshot(c) != before, "nothing changes at all"
    with_disk(b, check)


@test
def update_of_an_unlimited_container_that_fails_changes_nothing(b):
    needs("blkio")

    def check(disk):
        with Created(b, {}) as c:
            before = snapshot(c)
            bad = much(disk, 1)
            spoil_end(bad)
            assert c.update(bad).code != 0, "it was accepted"
            same({k: v for k, v in snapshot(c).items() if k in before}, before)
    with_disk(b, check)


@test
def create_that_fails_midway_leaves_nothing(b):
    needs("blkio")

    def check(disk):
        for spoil in (spoil_middle, spoil_end):
            b.linux["resources"] = much(disk, 1)
            spoil(b.linux["resources"])
            b.refused()
            equal(traces(b), [])
    with_disk(b, check)


# ---- memory in use ----

FILL = """dd if=/dev/zero of=/mnt/f bs=1M count=32 2>/dev/null
: >/mnt/done
exec sleep 1000"""


def filled(b):
    """A container with 32 MiB in a tmpfs, as nothing else cannot be written back."""
    needs("memory")
    b.add_mount("/mnt", type="tmpfs", source="tmpfs")
    return Created(b, {"memory": {"limit": 256 * M, "swap": 256 * M}}, FILL, start=True)


def wait_full(c):
    until(lambda: os.path.exists(f"/proc/{c.pid}/root/mnt/done"))


@test
def limit_below_usage_is_refused_on_demand(b):
    with filled(b) as c:
        wait_full(c)
        before = snapshot(c)
        for limits in ({"limit": 8 * M}, {"limit": 8 * M, "swap": 8 * M}):
            done = c.update({"memory": {**limits, "checkBeforeUpdate": True}})
            assert done.code != 0, "it was accepted"
            contains(done.err, "/linux/resources/memory/", "more than")
            same(snapshot(c), before)
        assert os.path.exists(f"/proc/{c.pid}/root"), "it was killed"
        done = c.update({"memory": {"limit": 128 * M, "swap": 128 * M, "checkBeforeUpdate": True}})
        equal((done.code, done.err), (0, ""))


@test
def limit_below_usage_is_refused_by_v1(b):
    if backend("memory") != "v1":
        raise Skip("cgroup v2 takes it and kills")
    with filled(b) as c:
        wait_full(c)
        before = snapshot(c)
        done = c.update({"memory": {"limit": 8 * M}})
        assert done.code != 0, "it was accepted"
        contains(done.err, "/linux/resources/memory/limit", "memory.limit_in_bytes", "busy",
                 "use more")
        same(snapshot(c), before)


# ---- options ----

@test
def options_that_are_no_numbers(b):
    with Created(b, {}) as c:
        before = snapshot(c)
        for option in ("--memory", "--pids-limit", "--cpu-quota", "--blkio-weight"):
            for value in ("", "x", "1x", "99999999999999999999", "0x"):
                done = c.update([option, value])
                assert done.code != 0, f"{option} {value!r} was accepted"
                contains(done.err, option)
        same(snapshot(c), before)


main()

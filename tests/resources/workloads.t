#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload per controller that feels its limit, and does not where there is none. What is
measured is the kernel's work by its own figures, never the speed of the runtime."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cases  # noqa: E402  pylint: disable=wrong-import-position
from machine import Created, backend, is_rt, read, traces, until, write  # noqa: E402
from harness import Skip, contains, equal, main, test  # noqa: E402

M = cases.M
BIG = "head -c 100000000 /dev/zero | tail -c 100000000"  # keeps all that in memory


def needs(controller, version=None):
    if not backend(controller):
        raise Skip(f"no controller {controller}")
    if version and backend(controller) != version:
        raise Skip(f"{controller} is not on {version}")


def with_python(b):
    """The host's interpreter, for what a shell cannot do."""
    b.add_mount("/usr", type="bind", source="/usr", options=["rbind", "ro"])
    os.mkdir(f"{b.rootfs}/usr")
    for name in ("lib", "lib64"):
        os.symlink(f"usr/{name}", f"{b.rootfs}/{name}")


def python(b, text):
    b.process["args"] = ["/usr/bin/python3", "-c", text]


def run_python(b, resources, text, *options):
    b.linux["resources"] = resources
    with_python(b)
    python(b, text)
    b.write()
    return b.rt("run", "--bundle", b.dir, *options, b.id)


# ---- memory ----

@test
def memory_beyond_the_limit_kills(b):
    needs("memory")
    b.linux["resources"] = {"memory": {"limit": 16 * M, "swap": 16 * M}}
    done = b.run("exec tail -c 100000000 /dev/zero")
    equal(done.code, 137)
    if is_rt():
        contains(done.err, "out of memory")
    equal(traces(b), [])


@test
def memory_within_the_limit_does_not(b):
    needs("memory")
    b.linux["resources"] = {"memory": {"limit": 400 * M, "swap": 400 * M}}
    done = b.run(BIG + " | wc -c")
    equal((done.code, done.out, done.err), (0, "100000000\n", ""))


@test
def one_process_of_several_is_killed(b):
    """The container goes on, and the kernel has counted it."""
    needs("memory")
    b.linux["resources"] = {"memory": {"limit": 16 * M, "swap": 16 * M}}
    done = b.run(f"sh -c '{BIG}' >/dev/null; echo then $?")
    contains(done.out, "then 137")
    equal(done.code, 0)


# Page faults of the program itself wait; those of the kernel, in a read, fail.
TOUCH = """
m = bytearray(100000000)
for i in range(0, len(m), 4096):
    m[i] = 1
"""


@test
def without_the_oom_killer_a_process_waits(b):
    needs("memory", "v1")
    with_python(b)
    resources = {"memory": {"limit": 32 * M, "swap": 32 * M, "disableOOMKiller": True}}
    with Created(b, resources, f"/usr/bin/python3 -c '{TOUCH}' && : >/tmp/done; sleep 1000",
                 start=True) as c:
        until(lambda: "under_oom 1" in c.cgroup.read("memory", "memory.oom_control"))
        equal(os.path.exists(f"{b.rootfs}/tmp/done"), False)
        done = c.update({"memory": {"limit": 400 * M, "swap": 400 * M}})
        equal((done.code, done.err), (0, ""))
        until(lambda: os.path.exists(f"{b.rootfs}/tmp/done"))


# ---- pids ----

BOMB = """
import os, time
made, refused = 0, 0
while refused < 200:
    try:
        if os.fork() == 0:
            time.sleep(1000)
        made += 1
    except BlockingIOError:
        refused += 1
print(made, flush=True)
"""


@test
def fork_bomb_stops(b):
    needs("pids")
    done = run_python(b, {"pids": {"limit": 20}}, BOMB)
    equal((done.code, done.out), (0, "19\n"))
    equal(traces(b), [])


@test
def fork_bomb_counts_with_those_who_exec(b):
    needs("pids")
    with Created(b, {"pids": {"limit": 3}}, "sleep 1000 & sleep 1000 & wait", start=True) as c:
        until(lambda: c.cgroup.read("pids", "pids.current") == "3")
        # Joining is not counted on v1, forking is.
        forks = ["exec", b.id, "/bin/sh", "-c", "(/bin/true); echo forked"]
        done = b.rt(*forks)
        assert done.code != 0 and "forked" not in done.out, "a fourth process was let in"
        equal(b.rt("update", "--pids-limit", "10", b.id).code, 0)
        done = b.rt(*forks)
        equal((done.code, done.out, done.err), (0, "forked\n", ""))


# ---- cpu ----

SPIN = "while :; do :; done"


def cpu_seconds(c):
    if backend("cpuacct") == "v1":
        return int(c.cgroup.read("cpuacct", "cpuacct.usage")) / 1e9
    lines = dict(x.split() for x in c.cgroup.read("cpu", "cpu.stat").splitlines())
    return int(lines["usage_usec"]) / 1e6


def share_of_a_core(c, seconds):
    """The clock is read outside of what is counted. Time that a virtual machine's processor was
    not there is counted to whoever ran."""
    start = time.monotonic()
    before = cpu_seconds(c)
    time.sleep(seconds)
    used = cpu_seconds(c) - before
    return used / (time.monotonic() - start)


@test
def quota_of_a_fifth_is_a_fifth(b):
    """A busy machine may give less, a processor that stops more, so of several tries one has to
    come near."""
    needs("cpu")
    with Created(b, {"cpu": {"quota": 20000, "period": 100000}}, SPIN, start=True) as c:
        shares = []
        while not any(0.15 <= s <= 0.25 for s in shares) and len(shares) < 8:
            shares.append(share_of_a_core(c, 3))
        assert 0.15 <= shares[-1] <= 0.25, f"shares: {shares}"
        equal(b.rt("update", "--cpu-quota", "60000", b.id).code, 0)
        more = []
        while not any(0.35 <= s <= 0.65 for s in more) and len(more) < 8:
            more.append(share_of_a_core(c, 3))
        assert 0.35 <= more[-1] <= 0.65, f"shares: {more}"


class Rivals:
    """Two containers that spin on one CPU, in cgroups beside each other."""

    def __init__(self, b, first, second):
        self.other = type(b)()
        self.one = Created(b, {"cpu": {"cpus": "0", **first}}, SPIN, start=True)
        self.two = Created(self.other, {"cpu": {"cpus": "0", **second}}, SPIN, start=True)

    def __enter__(self):
        try:
            return self.one.__enter__(), self.two.__enter__()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.two.__exit__()
        self.one.__exit__()
        self.other.close()


def ratio(one, two, good):
    """Of their times in four seconds; of several tries one has to be good."""
    got = []
    while not any(good(x) for x in got) and len(got) < 6:
        before = cpu_seconds(one), cpu_seconds(two)
        time.sleep(4)
        got.append((cpu_seconds(one) - before[0]) / max(cpu_seconds(two) - before[1], 1e-6))
    assert good(got[-1]), f"{got}"


@test
def shares_divide_a_cpu(b):
    needs("cpu")
    needs("cpuset")
    with Rivals(b, {"shares": 4096}, {"shares": 512}) as (one, two):
        # 8 by shares, 313 to 58 by the weights that v2 has for them
        low, high = (4, 16) if backend("cpu") == "v1" else (2.5, 11)
        ratio(one, two, lambda got: low < got < high)


@test
def idle_gets_what_is_left(b):
    needs("cpu")
    needs("cpuset")
    with Rivals(b, {}, {"idle": 1}) as (one, two):
        ratio(one, two, lambda got: got > 20)


# ---- cpuset ----

def allowed(c):
    lines = read("/proc", str(c.pid), "status").splitlines()
    return next(x.split()[1] for x in lines if x.startswith("Cpus_allowed_list"))


@test
def cpus_pin(b):
    needs("cpuset")
    if len(os.sched_getaffinity(0)) < 2 or os.cpu_count() < 2:
        raise Skip("one CPU")
    with Created(b, {"cpu": {"cpus": "1", "mems": "0"}}, SPIN, start=True) as c:
        equal(allowed(c), "1")
        on = set()
        for _ in range(20):
            on.add(read("/proc", str(c.pid), "stat").rsplit(")", 1)[1].split()[36])
            time.sleep(0.02)
        equal(on, {"1"})
        equal(b.rt("update", "--cpuset-cpus", "0", b.id).code, 0)
        until(lambda: allowed(c) == "0")
        equal(b.rt("exec", b.id, "/bin/grep", "Cpus_allowed_list", "/proc/self/status").out.split(),
              ["Cpus_allowed_list:", "0"])


# ---- huge pages ----

MAP = """
import mmap
size, n = {size}, {n}
m = mmap.mmap(-1, size * n, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000 | {more})
for i in range(n):
    m[i * size] = 1
print("touched", flush=True)
"""
NO_RESERVE = 0x4000


class HugePages:
    """Four free ones. They are the machine's: without any, some are made only where it says that
    it is there for tests."""

    def __enter__(self):
        size = cases.page_size()
        kb = int(size[:-2]) * (1024 if size.endswith("MB") else 1)
        self.bytes = kb << 10
        self.pool = f"/sys/kernel/mm/hugepages/hugepages-{kb}kB"
        if not os.path.isdir(self.pool):
            raise Skip("the kernel has no huge pages")
        self.before = read(self.pool, "nr_hugepages")
        if int(read(self.pool, "free_hugepages")) < 4:
            if "RT_MACHINE_FOR_TESTS" not in os.environ:
                raise Skip("no free huge pages, and the machine is not ours (RT_MACHINE_FOR_TESTS)")
            write(str(int(self.before) + 4), self.pool, "nr_hugepages")
        if int(read(self.pool, "free_hugepages")) < 4:
            raise Skip("no free huge pages")
        return self

    def __exit__(self, *_):
        if read(self.pool, "nr_hugepages") != self.before:
            write(self.before, self.pool, "nr_hugepages")


def map_pages(b, pages, limit, more):
    limits = [{"pageSize": cases.page_size(), "limit": limit * pages.bytes}]
    return run_python(b, {"hugepageLimits": limits},
                      MAP.format(size=pages.bytes, n=3, more=more))


@test
def huge_pages_beyond_the_limit_are_a_bus_error(b):
    needs("hugetlb")
    with HugePages() as pages:
        done = map_pages(b, pages, 2, NO_RESERVE)
        equal((done.code, done.out), (128 + 7, ""))


@test
def huge_pages_beyond_the_limit_cannot_be_reserved(b):
    needs("hugetlb")
    with HugePages() as pages:
        done = map_pages(b, pages, 2, 0)
        equal((done.code, done.out), (1, ""))
        contains(done.err, "Cannot allocate memory")


@test
def huge_pages_within_the_limit_can_be_used(b):
    needs("hugetlb")
    with HugePages() as pages:
        done = map_pages(b, pages, 3, 0)
        equal((done.code, done.out, done.err), (0, "touched\n", ""))


# ---- freezer ----

@test
def frozen_container_makes_no_progress(b):
    needs("freezer")
    with Created(b, {}, SPIN, start=True) as c:
        until(lambda: cpu_seconds(c) > 0.05)
        equal(b.rt("pause", b.id).code, 0)
        before = cpu_seconds(c)
        time.sleep(0.5)
        equal(cpu_seconds(c), before)
        equal(b.rt("resume", b.id).code, 0)
        until(lambda: cpu_seconds(c) > before)


# ---- network ----

@test
def class_and_priorities_are_read_inside(b):
    needs("net_cls", "v1")
    needs("net_prio", "v1")
    b.add_namespace("cgroup")
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup", options=["ro"])
    b.linux["resources"] = {"network": {"classID": 0x10002,
                                        "priorities": [{"name": "lo", "priority": 6}]}}
    got = b.output("cd /sys/fs/cgroup; cat net_cls/net_cls.classid net_prio/net_prio.ifpriomap")
    contains(got.splitlines(), "65538", "lo 6")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rt events: figures against the kernel's own files, events when memory ran out, the end."""

import glob
import json
import os
import signal
import subprocess
import time

import harness
from harness import DEADLINE, GLOBALS, Skip, contains, equal, main, test

ROOT = "/sys/fs/cgroup"


def folder(b, controller, file):
    """The container's directory that has this file."""
    name = b.linux["cgroupsPath"].split(":")[-1].lstrip("/")
    for found in glob.glob(f"{ROOT}/**/*{name}*/{file}", recursive=True):
        if f"/{controller}" in found or "cgroup.controllers" in os.listdir(os.path.dirname(found)):
            return os.path.dirname(found)
    raise Skip(f"no {controller} controller here")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


def held(b, script="sleep 1000"):
    b.process["args"] = ["/bin/sh", "-c", script]
    b.create()
    equal(b.rt("start", b.id).code, 0)


def stats(b):
    done = b.rt("events", "--stats", b.id)
    equal((done.code, done.err), (0, ""))
    equal(len(done.out.splitlines()), 1)
    event = json.loads(done.out)
    equal((event["type"], event["id"]), ("stats", b.id))
    return event["data"]


class Stream:
    """rt events in the background; its lines so far."""

    def __init__(self, b, *options):
        self.path = f"{b.dir}/events"
        with open(self.path, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen([harness.RT, "--root", b.state, "events", *options,
                                             b.id], stdin=subprocess.DEVNULL, stdout=out)

    def lines(self):
        return [json.loads(line) for line in read(self.path).splitlines(True)
                if line.endswith("\n")]

    def until(self, condition):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if condition(self.lines()):
                return
            time.sleep(0.05)
        raise AssertionError(f"it did not come: {[x['type'] for x in self.lines()]}")

    def close(self):
        self.process.kill()
        self.process.wait()


@test
def cpu_time_is_what_was_used(b):
    held(b, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done >/tmp/done; sleep 1000")
    while not os.path.exists(f"{b.rootfs}/tmp/done"):
        time.sleep(0.05)
    usage = stats(b)["cpu"]["usage"]
    try:
        kernel = int(read(folder(b, "cpuacct", "cpuacct.usage"), "cpuacct.usage"))
        equal(sum(usage["percpu"]), usage["total"])
    except Skip:
        text = read(folder(b, "cpu", "cpu.stat"), "cpu.stat")
        kernel = int(dict(line.split() for line in text.splitlines())["usage_usec"]) * 1000
    assert 0 < usage["total"] <= kernel, (usage, kernel)
    assert kernel - usage["total"] < 500_000_000, (usage, kernel)


def numbers(text):
    """"0-2,5" as [0, 1, 2, 5]"""
    ends = [part.split("-") for part in text.strip().split(",") if part]
    return [n for e in ends for n in range(int(e[0]), int(e[-1]) + 1)]


@test
def cpus_and_memory_nodes(b):
    held(b)
    found = stats(b)
    try:
        where, file = folder(b, "cpuset", "cpuset.effective_cpus"), "cpuset.cpus"
    except Skip:
        where, file = folder(b, "cpuset", "cpuset.cpus.effective"), "cpuset.cpus.effective"
    cpus = numbers(read(where, file))
    assert cpus, "the kernel says none"
    equal(found["cpuset"]["cpus"], cpus)
    equal(found["cpuset"]["mems"], numbers(read(where, file.replace(".cpus", ".mems"))))
    if file == "cpuset.cpus":
        equal(found["cpuset"]["sched_relax_domain_level"],
              int(read(where, "cpuset.sched_relax_domain_level")))
        parts = found["cpu"]["usage"]
        equal([len(parts["percpu_user"]), len(parts["percpu_kernel"])], [len(parts["percpu"])] * 2)


@test
def memory_and_its_limit(b):
    b.linux["resources"] = {"memory": {"limit": 64 << 20}}
    b.add_mount("/dev/shm", type="tmpfs", source="tmpfs")
    held(b, "dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo done >/tmp/done; "
            "sleep 1000")
    while not os.path.exists(f"{b.rootfs}/tmp/done"):
        time.sleep(0.05)
    data = stats(b)["memory"]
    equal(data["usage"]["limit"], 64 << 20)
    assert 20 << 20 <= data["usage"]["usage"] < 64 << 20, data["usage"]
    assert data["raw"]["shmem"] >= 20 << 20, data["raw"]


@test
def processes_are_counted(b):
    b.linux["resources"] = {"pids": {"limit": 17}}
    held(b, "sleep 1000 & sleep 1000 & sleep 1000 & wait")
    end = time.monotonic() + DEADLINE
    while stats(b)["pids"]["current"] != 4 and time.monotonic() < end:
        time.sleep(0.05)
    equal(stats(b)["pids"], {"current": 4, "limit": 17})


@test
def a_quota_throttles(b):
    b.linux["resources"] = {"cpu": {"quota": 5000, "period": 100000}}
    held(b, "while :; do :; done")
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        throttling = stats(b)["cpu"]["throttling"]
        if throttling.get("throttledPeriods", 0) > 2:
            break
        time.sleep(0.1)
    assert throttling["periods"] >= throttling["throttledPeriods"] > 2, throttling
    assert throttling["throttledTime"] > 0, throttling


@test
def pressure(b):
    held(b)
    data = stats(b)
    if not glob.glob(f"{ROOT}/**/cpu.pressure", recursive=True):
        raise Skip("the kernel does not count pressure")
    equal(sorted(data["cpu"]["psi"]), ["full", "some"])
    equal(sorted(data["cpu"]["psi"]["some"]), ["avg10", "avg300", "avg60", "total"])


@test
def the_stream_comes_at_an_interval_and_ends_with_the_container(b):
    held(b)
    events = Stream(b, "--interval", "100ms")
    try:
        events.until(lambda lines: len(lines) >= 4)
        equal({x["type"] for x in events.lines()}, {"stats"})
        equal(b.rt("kill", b.id, "KILL").code, 0)
        equal(events.process.wait(DEADLINE), 0)
    finally:
        events.close()


@test
def one_that_is_killed_for_memory_is_an_event(b):
    b.linux["resources"] = {"memory": {"limit": 32 << 20, "swap": 32 << 20}}
    held(b)
    events = Stream(b, "--interval", "1h")
    try:
        events.until(lambda lines: len(lines) == 1)
        done = b.rt("exec", b.id, "sh", "-c", "head -c 200000000 /dev/zero | tail")
        contains(str(done.code), "137")
        events.until(lambda lines: lines[-1]["type"] == "oom")
        equal(events.lines()[-1], {"type": "oom", "id": b.id})
    finally:
        events.close()


@test
def a_kill_that_takes_the_kernel_a_while_is_an_event(b):
    """Before it kills it looks at each process and writes a line about it; v1 tells the watch
    even before that. (On v2 a few are enough: a slow console takes long for many.)"""
    many = 300 if os.path.exists(f"{ROOT}/memory/memory.limit_in_bytes") else 20
    b.linux["resources"] = {"memory": {"limit": 256 << 20, "swap": 256 << 20}}
    held(b, f"for i in $(seq {many}); do sleep 1000 & done; echo done >/tmp/done; wait")
    while not os.path.exists(f"{b.rootfs}/tmp/done"):
        time.sleep(0.05)
    events = Stream(b, "--interval", "1h")
    try:
        events.until(lambda lines: len(lines) == 1)
        for _ in range(3):
            before = len(events.lines())
            equal(b.rt("exec", b.id, "sh", "-c", "head -c 2000000000 /dev/zero | tail").code, 137)
            events.until(lambda lines, n=before: len(lines) > n)
        equal({x["type"] for x in events.lines()[1:]}, {"oom"})
    finally:
        events.close()


@test
def the_last_kill_is_told_before_the_end(b):
    b.linux["resources"] = {"memory": {"limit": 32 << 20, "swap": 32 << 20}}
    held(b, "while [ ! -e /tmp/go ]; do sleep 0.1; done; exec head -c 200000000 /dev/zero | "
            "exec tail")
    events = Stream(b, "--interval", "1h")
    try:
        events.until(lambda lines: len(lines) == 1)
        with open(f"{b.rootfs}/tmp/go", "w", encoding="utf-8"):
            pass
        equal(events.process.wait(DEADLINE), 0)
        equal(events.lines()[-1]["type"], "oom")
    finally:
        events.close()


def told_of_what_has_gone(b, end):
    """What the stream says of a container that ends, and whose cgroup goes, while it is stopped."""
    if not glob.glob(f"{ROOT}/memory/memory.limit_in_bytes"):
        raise Skip("cgroup v2 does not tell once the cgroup is gone")
    b.linux["resources"] = {"memory": {"limit": 32 << 20, "swap": 32 << 20}}
    b.process["args"] = ["/bin/sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; "
                                          "exec head -c 200000000 /dev/zero | exec tail"]
    b.write()
    with subprocess.Popen([harness.RT, *GLOBALS, "--root", b.state, "run", "--bundle", b.dir,
                           b.id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as run:
        while '"running"' not in b.rt("state", b.id).out and run.poll() is None:
            time.sleep(0.02)
        events = Stream(b, "--interval", "1h")
        try:
            events.until(lambda lines: len(lines) == 1)
            time.sleep(0.1)  # between its first line and its wait
            events.process.send_signal(signal.SIGSTOP)
            end()
            run.wait(DEADLINE)
            events.process.send_signal(signal.SIGCONT)
            equal(events.process.wait(DEADLINE), 0)
            return [x["type"] for x in events.lines()][1:]
        finally:
            events.close()


@test
def the_last_kill_is_told_although_the_cgroup_is_gone(b):
    def run_out():
        with open(f"{b.rootfs}/tmp/go", "w", encoding="utf-8"):
            pass
    equal(told_of_what_has_gone(b, run_out), ["oom"])


@test
def another_end_is_no_kill_for_memory(b):
    equal(told_of_what_has_gone(b, lambda: b.rt("kill", b.id, "KILL")), [])


@test
def a_container_that_does_not_run(b):
    contains(b.rt("events", "nobody").err, "nobody")
    held(b)
    b.rt("kill", b.id, "KILL")
    end = time.monotonic() + DEADLINE
    while json.loads(b.rt("state", b.id).out)["status"] != "stopped":
        assert time.monotonic() < end
    done = b.rt("events", "--stats", b.id)
    equal(done.code, 1)
    contains(done.err, "container not running")


@test
def intervals(b):
    held(b)
    for bad in ("", "x", "5", "0", "-5s", "5x", "1s2", "5sm", ".", "1us"):
        done = b.rt("events", "--stats", "--interval", bad, b.id)
        equal((bad, done.code), (bad, 0 if bad == "5" else 1))
        if bad != "5":
            contains(done.err, "--interval", bad)
    for good in ("1m30s", "0.5s", "100ms", "1h"):
        equal(b.rt("events", "--stats", "--interval", good, b.id).code, 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup: the container as a scope of systemd. Where systemd does not run, what is said
then. Limits are in tests/resources, which runs with both managers."""

import json
import os
import re
import subprocess
import time

import harness
from harness import Skip, contains, equal, main, test

harness.GLOBALS[:] = ["--systemd-cgroup"]
PROPERTY = "org.systemd.property."


def has_systemd():
    return os.path.exists("/run/systemd/private")


def scope(b, slice_name="system.slice"):
    """The bundle becomes a scope of its own; its unit's name."""
    if not has_systemd():
        raise Skip("systemd does not run here")
    b.linux["cgroupsPath"] = f"{slice_name}:rt:{b.id}"
    return f"rt-{b.id}.scope"


def show(unit, name):
    return subprocess.run(["systemctl", "show", "--value", "-p", name, unit], check=True,
                          capture_output=True, text=True).stdout.strip()


def is_loaded(unit):
    return show(unit, "LoadState") == "loaded"


def gone(unit):
    """systemd collects a unit a moment after its cgroup is empty."""
    for _ in range(200):
        if not is_loaded(unit):
            return True
        time.sleep(0.05)
    return False


def held(b):
    """A container that runs until it is killed; its pid."""
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    return json.loads(b.rt("state", b.id).out)["pid"]


def cgroups_of(pid):
    """Path by hierarchy; v2's only where it is mounted, as /proc has it in any case."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        found = dict(line.strip().split(":", 2)[1:] for line in f)
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        if " - cgroup2 " not in f.read():
            found.pop("", None)
    return found


def own_line(groups):
    return groups.get("name=systemd", groups.get(""))


@test
def without_systemd_it_says_so(b):
    if has_systemd():
        raise Skip("systemd runs here")
    b.linux["cgroupsPath"] = "system.slice:rt:x"
    contains(b.refused("systemd", "--cgroup-manager cgroupfs"), "is systemd process 1 here?")
    b.leaves_nothing()


@test
def the_helper_stays_until_init_has_joined(b):
    """A scope without a process is removed. Where init is not born in it, the host has to wait."""
    scope(b)
    b.write()
    rows = {line.split()[-1]: yes for yes, line in re.findall(
        r"^(yes|-)\s+((?:host|init)(?: -> host)?\s+\S+)", b.rt("explain", b.dir).out, re.M)}
    equal((rows["release_helper"], rows["ready"]), ("yes", rows["join_cgroup"]))


@test
def the_container_is_a_scope(b):
    unit = scope(b)
    pid = held(b)
    equal(own_line(cgroups_of(pid)).split("/")[-2:], ["system.slice", unit])
    equal(show(unit, "ActiveState"), "active")
    equal(show(unit, "Delegate"), "yes")
    equal(show(unit, "CollectMode"), "inactive-or-failed")
    equal(show(unit, "Slice"), "system.slice")


@test
def it_is_in_each_hierarchy(b):
    unit = scope(b)
    for kind, path in cgroups_of(held(b)).items():
        assert path.endswith("/" + unit), f"{kind}: {path}"


@test
def only_the_container_is_inside(b):
    unit = scope(b)
    pid = held(b)
    path = own_line(cgroups_of(pid))
    base = "/sys/fs/cgroup"
    for sub in ("", "/systemd"):
        if os.path.isdir(f"{base}{sub}{path}"):
            with open(f"{base}{sub}{path}/cgroup.procs", encoding="utf-8") as f:
                equal(f.read().split(), [str(pid)])
            return
    raise AssertionError(f"no directory for {unit}")


@test
def a_slice_is_a_path(b):
    unit = scope(b, "rttest-a-b.slice")
    path = own_line(cgroups_of(held(b)))
    equal(path.split("/")[-4:],
          ["rttest.slice", "rttest-a.slice", "rttest-a-b.slice", unit])
    equal(b.rt("delete", "--force", b.id).code, 0)
    subprocess.run(["systemctl", "stop", "rttest.slice"], check=True)


@test
def no_path_is_the_default_slice(b):
    scope(b)
    del b.linux["cgroupsPath"]
    equal(own_line(cgroups_of(held(b))).split("/")[-2:], ["system.slice", f"rt-{b.id}.scope"])


@test
def bad_paths(b):
    scope(b)
    for bad in ("/a/b", "a.slice:b", "a:b:c", "a.slice:b:../c", "a--b.slice:b:c", "a.slice:b:"):
        b.linux["cgroupsPath"] = bad
        contains(b.refused("/linux/cgroupsPath", bad), "SLICE:PREFIX:NAME")


@test
def annotations_are_properties(b):
    unit = scope(b)
    b.config["annotations"] = {
        PROPERTY + "Description": "'of the annotation'",
        PROPERTY + "TimeoutStopSec": "7.5",
        PROPERTY + "After": "['basic.target']",
    }
    held(b)
    equal(show(unit, "Description"), "of the annotation")
    contains(show(unit, "TimeoutStopUSec"), "7.5")
    contains(show(unit, "After"), "basic.target")


@test
def bad_annotations(b):
    unit = scope(b)
    for name, value, word in (("Description", "no quotes", "quotes"),
                              ("Descr-iption", "'x'", "letters"),
                              ("TimeoutStopSec", "'x'", "seconds"),
                              ("PIDs", "[1]", "cgroupsPath")):
        b.config["annotations"] = {PROPERTY + name: value}
        b.refused("/annotations/" + PROPERTY + name, word)
    for name, value in (("NoSuchThing", "'x'"), ("TasksMax", "'many'")):
        b.config["annotations"] = {PROPERTY + name: value}
        b.refused("systemd", "/annotations", "right names")
    b.leaves_nothing()
    assert gone(unit)


@test
def a_unit_that_is_there_is_refused(b):
    unit = scope(b)
    subprocess.run(["systemd-run", "--quiet", "--scope", "--unit", unit, "sh", "-c",
                    "sleep 1000 >/dev/null 2>&1 &"], check=True)
    try:
        contains(b.refused("/linux/cgroupsPath", unit), "systemctl status")
        equal(show(unit, "ActiveState"), "active")
    finally:
        subprocess.run(["systemctl", "stop", unit], check=True)
    assert gone(unit)


@test
def a_failed_unit_of_the_name_is_no_hindrance(b):
    unit = scope(b)
    b.config["annotations"] = {PROPERTY + "CollectMode": "'inactive'",
                               PROPERTY + "RuntimeMaxSec": "1"}
    pid = held(b)
    for _ in range(200):
        if show(unit, "ActiveState") == "failed" or not os.path.exists(f"/proc/{pid}"):
            break
        time.sleep(0.05)
    b.config["annotations"] = {}
    equal(b.rt("delete", "--force", b.id).code, 0)
    assert gone(unit)
    equal(b.output("echo again"), "again")


@test
def nothing_is_left(b):
    unit = scope(b)
    equal(b.output("echo hello"), "hello")
    assert gone(unit)
    pid = held(b)
    path = own_line(cgroups_of(pid))
    equal(b.rt("delete", "--force", b.id).code, 0)
    assert gone(unit)
    found = subprocess.run(["find", "/sys/fs/cgroup", "-name", os.path.basename(path)],
                           capture_output=True, text=True, check=True).stdout
    equal(found, "")


@test
def sub_cgroups_of_the_container_go_too(b):
    unit = scope(b)
    b.add_namespace("cgroup")
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup", options=["rw"])
    b.process["args"] = ["/bin/sh", "-c", "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do "
                         "mkdir -p $d/inner/deep 2>/dev/null; done; sleep 1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    equal(b.rt("delete", "--force", b.id).code, 0)
    assert gone(unit)
    left = subprocess.run(["find", "/sys/fs/cgroup", "-name", unit], capture_output=True,
                          text=True, check=True).stdout
    equal(left, "")


@test
def exec_is_inside_too(b):
    unit = scope(b)
    held(b)
    done = b.rt("exec", b.id, "cat", "/proc/self/cgroup")
    equal((done.code, done.err), (0, ""))
    with open(f"{b.dir}/log", "w", encoding="utf-8") as log:
        subprocess.run([harness.RT, "--root", b.state, "exec", "--detach", "--pid-file",
                        f"{b.dir}/pid", b.id, "sleep", "1000"], check=True, stdout=log,
                       stderr=log, stdin=subprocess.DEVNULL)
    with open(f"{b.dir}/pid", encoding="utf-8") as f:
        for kind, path in cgroups_of(f.read()).items():
            assert path.endswith("/" + unit), f"{kind}: {path}"


@test
def limits_outlive_a_reload(b):
    unit = scope(b)
    b.linux["resources"] = {"memory": {"limit": 128 << 20}, "pids": {"limit": 50}}
    held(b)
    equal((show(unit, "MemoryMax"), show(unit, "TasksMax")), (str(128 << 20), "50"))
    equal(b.rt("update", "--memory", str(64 << 20), "--pids-limit", "60", b.id).code, 0)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    equal((show(unit, "MemoryMax"), show(unit, "TasksMax")), (str(64 << 20), "60"))
    done = b.rt("exec", b.id, "sh", "-c", "echo >/dev/null && echo works")
    equal((done.out, done.err), ("works\n", ""))


@test
def a_failing_update_changes_no_property(b):
    unit = scope(b)
    b.linux["resources"] = {"memory": {"limit": 128 << 20}, "pids": {"limit": 50}}
    held(b)
    resources = {"pids": {"limit": 60}, "hugepageLimits": [{"pageSize": "3MB", "limit": 0}]}
    done = b.rt("update", "--resources", "-", b.id, stdin=None, input=json.dumps(resources))
    assert done.code != 0
    equal(show(unit, "TasksMax"), "50")


@test
def a_limit_of_one_process_lets_it_start(b):
    scope(b)
    b.linux["resources"] = {"pids": {"limit": 1}}
    b.process["args"] = ["/bin/true"]
    b.write()
    done = b.run()
    equal((done.code, done.err), (0, ""))


@test
def features_say_so(b):
    features = json.loads(b.rt("features").out)
    cgroup = features["linux"]["cgroup"]
    equal((cgroup["systemd"], cgroup["systemdUser"]), (True, True))
    assert PROPERTY in features["potentiallyUnsafeConfigAnnotations"]


if __name__ == "__main__":
    main()

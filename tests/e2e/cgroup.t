#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/linux/cgroupsPath and /linux/resources: as the files of the cgroup say on the host, and as felt
inside. The layout of the machine, and v2 alone in a mount namespace."""

import glob
import json
import os
import signal
import subprocess
import time

import harness
from harness import Skip, contains, equal, main, test

ROOT = "/sys/fs/cgroup"
V2_ALONE = ["unshare", "-m", "--propagation", "private", "sh", "-c",
            f"mount -t cgroup2 none {ROOT} && exec \"$@\"", "sh"]


def is_v2():
    return os.path.exists(f"{ROOT}/cgroup.controllers")


def v1(controller):
    """The mount point of a controller of v1."""
    for line in open("/proc/self/mountinfo", encoding="utf-8"):
        left, right = line.split(" - ")
        kind, _, options = right.split()[:3]
        if kind == "cgroup" and controller in options.split(","):
            return left.split()[4]
    raise Skip(f"no v1 hierarchy with {controller}")


def hierarchies():
    """Mount points of all hierarchies."""
    if is_v2():
        return [ROOT]
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [line.split()[4] for line in f if " - cgroup" in line]


def path_of(b):
    return b.linux["cgroupsPath"].lstrip("/")


def directories(b):
    return [d for d in (os.path.join(m, path_of(b)) for m in hierarchies()) if os.path.isdir(d)]


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read().strip()


def write(text, *parts):
    with open(os.path.join(*parts), "w", encoding="utf-8") as f:
        f.write(text)


def file_of(b, controller, file):
    return read(v1(controller), path_of(b), file)


def limits(b, **resources):
    b.linux["resources"] = resources


class Started:
    """A container whose process sleeps, until the end of the block."""

    def __init__(self, b, script="sleep 100"):
        self.b = b
        b.process["args"] = ["/bin/sh", "-c", script]

    def __enter__(self):
        b = self.b
        b.write()
        for step in (["create", "--bundle", b.dir, b.id], ["start", b.id]):
            # The container keeps the output open: a pipe would never end.
            done = subprocess.run([harness.RT, "--root", b.state, *step], timeout=30, check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=open(f"{b.dir}/said", "w", encoding="utf-8"))
            equal((done.returncode, read(b.dir, "said")), (0, ""))
        return self

    def __exit__(self, *_):
        self.b.rt("delete", "--force", self.b.id)


def same_as_asked(b, controller, file, value):
    with Started(b):
        equal(file_of(b, controller, file), str(value))


# ---- the path ----

@test
def absolute_path_starts_at_every_mount_point(b):
    with Started(b):
        equal(sorted(directories(b)), sorted(os.path.join(m, path_of(b)) for m in hierarchies()))
    equal(directories(b), [])


@test
def process_is_in_all_of_them(b):
    inside = b.output("cat /proc/self/cgroup").splitlines()
    equal([line for line in inside if not line.endswith(b.linux["cgroupsPath"])],
          ["0::/"] if not is_v2() and "0::/" in inside else [])


def run_where(b, moves, words=("run",)):
    """With cgroups mounted elsewhere, in a mount namespace of its own."""
    return subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", moves + '\nexec "$@"', "sh",
         harness.RT, "--root", b.state, *words, "--bundle", b.dir, b.id], capture_output=True,
        text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


@test
def hierarchies_are_found_at_other_places_too(b):
    """One of them elsewhere, under the name of another, or behind a link."""
    if is_v2():
        raise Skip("v2 alone has one place")
    freezer, pids = v1("freezer"), v1("pids")
    b.process["args"] = ["/bin/cat", "/proc/self/cgroup"]
    b.write()
    os.makedirs(f"{b.dir}/freezer")
    os.makedirs(f"{b.dir}/all")
    for moves in (f"mount --bind {freezer} {b.dir}/freezer; mount -t tmpfs none {freezer}",
                  f"mount --bind {freezer} {b.dir}/freezer; mount --bind {pids} {freezer}",
                  f"""mount --rbind {ROOT} {b.dir}/all; mount -t tmpfs none {ROOT}
                  for h in {b.dir}/all/*; do
                      [ ! -L "$h" ] || continue
                      n={ROOT}/$(basename "$h")
                      [ "$n" != {freezer} ] || n={ROOT}/another
                      mkdir "$n"
                      mount --bind "$h" "$n"
                  done
                  umount -R {b.dir}/all
                  ln -s another {freezer}"""):
        done = run_where(b, moves)
        equal((done.returncode, done.stderr), (0, ""))
        equal([line for line in done.stdout.splitlines()
               if line.split(":")[1] in ("freezer", "pids")
               and not line.endswith(b.linux["cgroupsPath"])], [])
        equal(directories(b), [])


@test
def v2_elsewhere_beside_v1_is_found_for_a_limit(b):
    unified = f"{ROOT}/unified"
    if is_v2() or not os.path.exists(f"{unified}/cgroup.controllers"):
        raise Skip("no v2 hierarchy beside those of v1")
    if "hugetlb" not in read(unified, "cgroup.controllers").split():
        raise Skip("it has no controller of its own to limit with")
    limits(b, hugepageLimits=[{"pageSize": "2MB", "limit": 2097152}])
    b.process["args"] = ["/bin/true"]
    b.write()
    os.makedirs(f"{b.dir}/v2")
    done = run_where(b, f"mount --bind {unified} {b.dir}/v2; mount -t tmpfs none {unified}")
    equal((done.returncode, done.stderr), (0, ""))


@test
def in_a_cgroup_namespace_paths_begin_at_its_root(b):
    """What /proc/self/cgroup says there is no path below the host's mounts."""
    if is_v2():
        raise Skip("v2 alone has one place")
    freezer = v1("freezer")
    del b.linux["cgroupsPath"]
    b.process["args"] = ["/bin/true"]
    b.write()
    top, inner = f"{freezer}/rt-test-{b.id}", f"rt-test-{b.id}/inner"
    os.makedirs(f"{freezer}/{inner}")
    try:
        done = run_where(b, f"""echo $$ >{top}/tasks
            set -- unshare -C sh -c 'echo $$ >{freezer}/{inner}/tasks; exec "$@"' sh "$@"
            """, ("run", "--keep"))
        equal((done.returncode, done.stderr), (0, ""))
        with open(f"{b.state}/{b.id}/record.json", encoding="utf-8") as f:
            where = [part.split(":")[-2] for part in json.load(f)["cgroup"].split()
                     if part.endswith(":freezer")]
        equal(where, [f"{freezer}/{b.id}"])
        equal(b.rt("delete", "--force", b.id).code, 0)
    finally:
        for d in (f"{freezer}/{inner}", top):
            os.rmdir(d)
    equal(glob.glob(f"{freezer}/inner"), [])


@test
def missing_parents_are_made_and_removed(b):
    b.linux["cgroupsPath"] = f"/rt-test-{b.id}/a/b"
    with Started(b):
        equal(len(directories(b)), len(hierarchies()))
    equal(glob.glob(f"{ROOT}/*/rt-test-{b.id}"), [])


@test
def relative_path_is_the_same_place_each_time(b):
    b.linux["cgroupsPath"] = f"rt-test-{b.id}"
    first = b.output("cat /proc/self/cgroup")
    contains(first, f"/rt-test-{b.id}")
    equal(b.output("cat /proc/self/cgroup"), first)


@test
def without_a_path_the_id_is_it(b):
    del b.linux["cgroupsPath"]
    contains(b.output("cat /proc/self/cgroup"), f"/{b.id}")


@test
def path_upwards_is_refused(b):
    b.linux["cgroupsPath"] = "/rt-test/../x"
    b.refused("/linux/cgroupsPath", "upwards")
    b.leaves_nothing()


@test
def cgroup_with_a_process_is_refused_and_left_alone(b):
    with subprocess.Popen(["sleep", "100"]) as other:
        d = os.path.join(v1("pids") if not is_v2() else ROOT, path_of(b))
        os.makedirs(d)
        try:
            write(str(other.pid), d, "cgroup.procs")
            b.refused("processes already")
            equal(read(d, "cgroup.procs"), str(other.pid))
            equal(directories(b), [d])
        finally:
            other.kill()
            other.wait()
            os.rmdir(d)
    b.leaves_nothing()


@test
def frozen_cgroup_is_refused(b):
    d = os.path.join(v1("freezer"), path_of(b))
    os.makedirs(d)
    try:
        write("FROZEN", d, "freezer.state")
        b.refused("frozen")
        equal(directories(b), [d])
    finally:
        os.rmdir(d)


@test
def cgroup_that_was_there_stays(b):
    d = os.path.join(v1("memory"), path_of(b))
    os.makedirs(d)
    try:
        equal(b.output("echo ran"), "ran")
        equal(directories(b), [d])
    finally:
        os.rmdir(d)


# ---- namespace and mount ----

@test
def cgroup_namespace_starts_at_the_containers_own(b):
    b.add_namespace("cgroup")
    for line in b.output("cat /proc/self/cgroup").splitlines():
        equal(line.split(":", 2)[2], "/")


@test
def cgroup_mount_shows_the_containers_own(b):
    b.add_namespace("cgroup")
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup",
                options=["ro", "nosuid", "noexec", "nodev"])
    limits(b, pids={"limit": 27})
    equal(b.output("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null || true"),
          "27")


# ---- limits ----

@test
def memory_limit(b):
    limits(b, memory={"limit": 67108864})
    same_as_asked(b, "memory", "memory.limit_in_bytes", 67108864)


@test
def memory_and_swap(b):
    limits(b, memory={"limit": 67108864, "swap": 134217728, "reservation": 33554432})
    with Started(b):
        equal(file_of(b, "memory", "memory.memsw.limit_in_bytes"), "134217728")
        equal(file_of(b, "memory", "memory.soft_limit_in_bytes"), "33554432")


@test
def swappiness(b):
    v1("memory")
    limits(b, memory={"swappiness": 7})
    same_as_asked(b, "memory", "memory.swappiness", 7)


@test
def no_oom_killer(b):
    v1("memory")
    limits(b, memory={"disableOOMKiller": True})
    with Started(b):
        contains(file_of(b, "memory", "memory.oom_control"), "oom_kill_disable 1")


@test
def out_of_memory_is_felt(b):
    limits(b, memory={"limit": 16777216, "swap": 16777216})
    done = b.run("exec tail -c 100000000 /dev/zero")
    equal(done.code, 137)


@test
def swap_below_memory_is_refused(b):
    limits(b, memory={"limit": 67108864, "swap": 1048576})
    b.refused("/linux/resources/memory/swap")
    equal(directories(b), [])


@test
def cpu_shares_quota_period(b):
    limits(b, cpu={"shares": 333, "quota": 30000, "period": 60000})
    with Started(b):
        equal(file_of(b, "cpu", "cpu.shares"), "333")
        equal(file_of(b, "cpu", "cpu.cfs_quota_us"), "30000")
        equal(file_of(b, "cpu", "cpu.cfs_period_us"), "60000")


@test
def cpu_burst_and_idle(b):
    limits(b, cpu={"quota": 30000, "burst": 10000, "idle": 1})
    with Started(b):
        equal(file_of(b, "cpu", "cpu.cfs_burst_us"), "10000")
        equal(file_of(b, "cpu", "cpu.idle"), "1")


@test
def burst_above_the_quota_is_refused(b):
    limits(b, cpu={"quota": 30000, "burst": 40000})
    b.refused("/linux/resources/cpu/burst")
    equal(directories(b), [])
    b.leaves_nothing()


@test
def cpus_and_memory_nodes(b):
    limits(b, cpu={"cpus": "0", "mems": "0"})
    with Started(b):
        equal(file_of(b, "cpuset", "cpuset.cpus"), "0")
        equal(file_of(b, "cpuset", "cpuset.mems"), "0")
    contains(b.output("grep Cpus_allowed_list /proc/self/status"), "\t0")


@test
def cpus_that_do_not_exist_are_refused(b):
    limits(b, cpu={"cpus": "4000"})
    b.refused("/linux/resources/cpu/cpus")
    equal(directories(b), [])


@test
def number_of_processes(b):
    limits(b, pids={"limit": 3})
    same_as_asked(b, "pids", "pids.max", 3)
    done = b.run("sleep 3 & sleep 3 & sleep 3 & sleep 3 & wait")
    contains(done.err.lower() + done.out.lower(), "fork")


@test
def one_process_is_enough_for_init(b):
    limits(b, pids={"limit": 1})
    b.process["args"] = ["/bin/echo", "alone"]
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id)
    equal((done.code, done.out), (0, "alone\n"))


@test
def unlimited_processes(b):
    limits(b, pids={"limit": -1})
    same_as_asked(b, "pids", "pids.max", "max")


@test
def throttled_disk(b):
    disk = next((d for d in glob.glob("/sys/block/[vsn]*") if os.path.exists(f"{d}/device")), None)
    if not disk:
        raise Skip("no disk")
    major, minor = map(int, read(disk, "dev").split(":"))
    limits(b, blockIO={"throttleReadBpsDevice": [
        {"major": major, "minor": minor, "rate": 1048576}]})
    same_as_asked(b, "blkio", "blkio.throttle.read_bps_device", f"{major}:{minor} 1048576")


@test
def disk_that_is_not_there_is_refused(b):
    limits(b, blockIO={"throttleReadBpsDevice": [{"major": 250, "minor": 250, "rate": 1}]})
    b.refused("/linux/resources/blockIO/throttleReadBpsDevice", "250:250", "No such device")
    equal(directories(b), [])
    b.leaves_nothing()


@test
def file_of_a_controller_that_v1_has_is_refused_in_unified(b):
    v1("memory")
    limits(b, unified={"memory.high": "100000000"})
    b.refused("unified", "memory.high")
    equal(directories(b), [])


@test
def unified_key_with_a_slash_is_refused(b):
    limits(b, unified={"../cgroup.procs": "0"})
    b.refused("/linux/resources/unified")
    equal(directories(b), [])


# ---- devices ----

KMSG = "mknod /dev/k c 1 11 || exit 1; (: </dev/k) 2>/dev/null && echo open || echo no"


def may_make_nodes(b):
    caps = ["CAP_MKNOD", "CAP_SYSLOG"]
    b.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}


@test
def devices_are_denied_by_default(b):
    may_make_nodes(b)
    equal(b.output(KMSG), "no")


@test
def usual_devices_are_allowed(b):
    limits(b, devices=[{"allow": False, "access": "rwm"}])
    equal(b.output("echo x >/dev/null && head -c1 /dev/zero >/dev/null && echo fine"), "fine")


@test
def allowed_device_can_be_read(b):
    may_make_nodes(b)
    limits(b, devices=[{"allow": False, "access": "rwm"},
                       {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rm"}])
    equal(b.output(KMSG), "open")


@test
def all_devices_can_be_allowed(b):
    may_make_nodes(b)
    limits(b, devices=[{"allow": True, "access": "rwm"}])
    equal(b.output(KMSG), "open")


# ---- the end ----

@test
def frozen_container_is_killed(b):
    with Started(b):
        write("FROZEN", v1("freezer"), path_of(b), "freezer.state")
        done = b.rt("delete", "--force", b.id)
        equal((done.code, done.err), (0, ""))
        equal(directories(b), [])


@test
def sub_cgroups_are_removed(b):
    with Started(b):
        for d in directories(b):
            os.makedirs(f"{d}/x/y/z")
    equal(directories(b), [])


@test
def processes_without_a_pid_namespace_end_with_the_container(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    with Started(b, "sleep 1234 & sleep 1234 & wait"):
        pids = []
        deadline = time.monotonic() + 20
        while len(pids) < 3 and time.monotonic() < deadline:
            pids = read(directories(b)[0], "cgroup.procs").split()
        equal(len(pids), 3)
    equal(directories(b), [])
    equal([p for p in pids if os.path.exists(f"/proc/{p}/exe")], [])


# ---- v2 alone ----

def only_beside_v1():
    if is_v2():
        raise Skip("the whole machine is so")
    if not os.path.exists(f"{ROOT}/unified/cgroup.controllers"):
        raise Skip("no v2 hierarchy beside those of v1")


def alone(b, script):
    """Run with v2 alone; only where the machine has another layout."""
    only_beside_v1()
    b.process["args"] = ["/bin/sh", "-c", script]
    b.write()
    done = subprocess.run([*V2_ALONE, harness.RT, "--root", b.state, "run", "--bundle", b.dir,
                           b.id], capture_output=True, text=True, timeout=30, check=False,
                          stdin=subprocess.DEVNULL)
    return harness.Result(done)


def left_in_v2(b):
    return glob.glob(f"{ROOT}/unified/{path_of(b)}")


@test
def v2_process_is_in_its_cgroup(b):
    done = alone(b, "cat /proc/self/cgroup")
    contains(done.out, f"0::/{path_of(b)}\n")
    equal((done.code, left_in_v2(b)), (0, []))


@test
def v2_devices_are_denied_by_default(b):
    may_make_nodes(b)
    equal(alone(b, KMSG).out, "no\n")


@test
def v2_allowed_device_can_be_read(b):
    may_make_nodes(b)
    limits(b, devices=[{"allow": False, "access": "rwm"},
                       {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rm"}])
    equal(alone(b, KMSG).out, "open\n")


@test
def v2_missing_controller_is_named(b):
    only_beside_v1()
    if "pids" in read(ROOT, "unified/cgroup.controllers").split():
        raise Skip("it is not missing")
    limits(b, pids={"limit": 5})
    done = alone(b, "true")
    equal(done.code == 0, False)
    contains(done.err, "/linux/resources/pids/limit", "controller pids")
    equal(left_in_v2(b), [])


@test
def v2_setting_of_v1_is_refused(b):
    limits(b, memory={"swappiness": 10})
    done = alone(b, "true")
    equal(done.code == 0, False)
    contains(done.err, "/linux/resources/memory/swappiness")
    equal(left_in_v2(b), [])


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
@test
def kernel_memory_by_option_is_set_or_refused(b):
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    if is_v2():
        done = b.rt("update", "--kernel-memory-tcp", "1M", b.id)
        equal(done.code, 1)
        contains(done.err, "/memory/kernelTCP", "no counterpart")
        return
    equal(b.rt("update", "--kernel-memory-tcp", "1M", b.id).code, 0)
    equal(file_of(b, "memory", "memory.kmem.tcp.limit_in_bytes"), str(1 << 20))
    done = b.rt("update", "--kernel-memory", "64M", b.id)
    if done.code:
        contains(done.err, "/memory/kernel")
    else:
        equal(file_of(b, "memory", "memory.kmem.limit_in_bytes"), str(64 << 20))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rt exec: what the process shares with its container, containers that cannot have one, commands
that cannot be run."""

import json
import os
import resource
import signal
import subprocess
import time

from execs import CANNOT, by_document, detached, document, first, inside, popen, read, refused, \
    running, sleeper, status, stopped, until
from harness import DEADLINE, Skip, contains, equal, main, test


# ---- what it shares with the container ----

@test
def all_namespaces_are_the_containers(b):
    for kind in ("cgroup", "time"):
        if os.path.exists(f"/proc/self/ns/{kind}"):
            b.add_namespace(kind)
    running(b)
    pid, init = sleeper(b), first(b)
    for ns in sorted(os.listdir(f"/proc/{init}/ns")):
        equal((ns, os.readlink(f"/proc/{pid}/ns/{ns}")), (ns, os.readlink(f"/proc/{init}/ns/{ns}")))
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    equal(os.stat(f"/proc/{pid}/root").st_ino, os.stat(f"/proc/{init}/root").st_ino)


@test
def namespaces_that_the_container_has_not_are_not_left(b):
    b.linux["namespaces"] = [{"type": "mount"}]
    running(b)
    pid, init = sleeper(b), first(b)
    for ns in sorted(os.listdir(f"/proc/{init}/ns")):
        equal((ns, os.readlink(f"/proc/{pid}/ns/{ns}")), (ns, os.readlink(f"/proc/{init}/ns/{ns}")))
    equal(os.readlink(f"/proc/{pid}/ns/pid"), os.readlink("/proc/self/ns/pid"))
    os.kill(pid, signal.SIGKILL)


@test
def a_namespace_that_the_container_joined_by_path(b):
    with subprocess.Popen(["unshare", "--uts", "sh", "-c", "echo; exec sleep 1000"],
                          stdout=subprocess.PIPE) as holder:
        try:
            holder.stdout.readline()
            uts = f"/proc/{holder.pid}/ns/uts"
            b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "uts"]
            b.add_namespace("uts", path=uts)
            running(b)
            equal(inside(b, "readlink /proc/self/ns/uts"), os.readlink(uts))
        finally:
            holder.kill()


@test
def limits_are_the_containers(b):
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    b.process["oomScoreAdj"] = 500
    b.process["user"]["umask"] = 0o27
    running(b)
    equal(inside(b, "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask").split(),
          ["100", "200", "500", "0027"])


@test
def limits_of_a_document_are_its_own(b):
    """What it leaves out is the caller's, not the container's: the document is the process."""
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    b.process["oomScoreAdj"] = 500
    running(b)
    limits = [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}]
    equal(by_document(b, "ulimit -Sn; ulimit -Hn", rlimits=limits).split(), ["50", "60"])
    equal(by_document(b, "cat /proc/self/oom_score_adj", oomScoreAdj=600), "600")
    hard = str(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    equal(by_document(b, "ulimit -Hn; cat /proc/self/oom_score_adj").split(),
          [hard, read("/proc/self/oom_score_adj").strip()])


@test
def the_filter_is_the_containers(b):
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18}]}
    running(b)
    equal(status(b, "Seccomp"), "2")
    contains(by_document(b, "mkdir /tmp/x 2>&1 || true"), "ross-device")


@test
def the_bundle_is_not_read_again(b):
    b.process["env"].append("WHICH=first")
    running(b)
    for text in ('{"process": {"args": ["x"], "cwd": "/", "env": ["WHICH=second"]}}', "rubbish"):
        with open(f"{b.dir}/config.json", "w", encoding="utf-8") as f:
            f.write(text)
        equal(inside(b, "echo $WHICH"), "first")
    os.unlink(f"{b.dir}/config.json")
    equal(inside(b, "echo $WHICH"), "first")
    equal(by_document(b, "echo works"), "works")


@test
def the_folder_of_the_bundle_may_be_gone(b):
    running(b)
    os.rename(f"{b.dir}/rootfs", f"{b.dir}/elsewhere")
    os.unlink(f"{b.dir}/config.json")
    equal(inside(b, "echo works"), "works")


# ---- processors ----

def affinity(b, *options):
    return inside(b, "grep ^Cpus_allowed_list: /proc/self/status", *options).split()[1]


@test
def processors_that_a_command_ends_on(b):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skip("there is one processor only")
    b.process["execCPUAffinity"] = {"initial": str(cpus[0]), "final": str(cpus[1])}
    running(b)
    equal(affinity(b), str(cpus[1]))
    equal(os.sched_getaffinity(first(b)), set(cpus))
    equal(by_document(b, "grep ^Cpus_allowed_list: /proc/self/status",
                      execCPUAffinity={"final": f"{cpus[0]}"}).split()[1], str(cpus[0]))


@test
def processors_that_a_command_begins_on(b):
    """The kernel decides whether they survive the change of the cgroup: since 6.2 they do."""
    cpus = sorted(os.sched_getaffinity(0))
    b.process["execCPUAffinity"] = {"initial": str(cpus[0])}
    running(b)
    assert os.sched_getaffinity(sleeper(b)) in ({cpus[0]}, set(cpus))
    path = document(b, args=["/bin/true"], execCPUAffinity={"initial": "60000"})
    refused(b, "execCPUAffinity/initial", "60000", options=("--process", path), command=())


@test
def processors_that_are_none(b):
    running(b)
    for value in ("x", "5-3", "0-", "-1", "0;1", "99999999"):
        path = document(b, args=["/bin/true"], execCPUAffinity={"final": value})
        refused(b, "execCPUAffinity", value, options=("--process", path), command=())


# ---- cgroups ----

def cgroups(pid):
    """{controllers or "": path}, of what the container may have been put into"""
    rows = (line.split(":", 2) for line in read(f"/proc/{pid}/cgroup").splitlines())
    return {controllers: path for _, controllers, path in rows}


def folders(b):
    """{controllers or "": folder} of the container's cgroups that this machine has mounted."""
    found = {}
    for controllers, path in cgroups(first(b)).items():
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if not controllers else (
                f"/sys/fs/cgroup/{controllers}",):
            if b.id in path and os.path.exists(f"{root}{path}/cgroup.procs"):
                found[controllers] = root + path
    if not found:
        raise Skip("the container has no cgroup here")
    return found


@test
def cgroups_are_the_containers(b):
    running(b)
    equal(cgroups(sleeper(b)), cgroups(first(b)))


@test
def a_cgroup_below_the_containers(b):
    running(b)
    controllers, folder = sorted(folders(b).items())[-1]
    os.mkdir(f"{folder}/below")
    where = f"{controllers.split(',')[0]}:below" if controllers else "below"
    pid = sleeper(b, "--cgroup", where)
    expected = dict(cgroups(first(b)))
    expected[controllers] += "/below"
    equal(cgroups(pid), expected)
    equal(b.rt("delete", "--force", b.id).code, 0)
    equal(os.path.exists(folder), False)


@test
def cgroups_that_are_none(b):
    running(b)
    controllers = sorted(folders(b))[-1]
    prefix = controllers.split(",")[0] + ":" if controllers else ""
    refused(b, "/missing", "o such file", options=("--cgroup", f"{prefix}missing"))
    for where in ("..", "../..", "below/../..", "/.."):
        refused(b, "--cgroup", "upwards", prefix + where, options=("--cgroup", prefix + where))
    refused(b, "--cgroup", "nonsense:x", "no such controller", options=("--cgroup", "nonsense:x"))


@test
def the_containers_own_cgroup_by_name(b):
    running(b)
    folders(b)
    equal(cgroups(sleeper(b, "--cgroup", "/")), cgroups(first(b)))


# ---- containers in other states ----

@test
def a_container_that_is_only_created(b):
    """As with runc and crun: what prepares it may be done by an exec."""
    b.process["args"] = ["/bin/cat", "/tmp/made"]
    b.create()
    inside(b, "echo before >/tmp/made")
    equal(json.loads(b.rt("state", b.id).out)["status"], "created")
    equal(b.rt("start", b.id).code, 0)
    until("its output", lambda: "before" in read(f"{b.dir}/log"))


@test
def a_container_that_has_stopped(b):
    stopped(b)
    refused(b, "not running")
    refused(b, "not running", options=("--process", document(b, args=["/bin/true"])), command=())
    contains(detached(b, b.id, "/bin/true", code=CANNOT), "not running")


@test
def a_container_that_does_not_exist(b):
    refused(b, "does not exist", name="nobody")
    running(b)
    equal(b.rt("delete", "--force", b.id).code, 0)
    refused(b, "does not exist")
    for name in ("../etc", "a/b", ""):
        done = b.rt("exec", name, "/bin/true")
        equal((name, done.code, done.out), (name, CANNOT, ""))


@test
def a_paused_container(b):
    running(b)
    equal(b.rt("pause", b.id).code, 0)
    refused(b, "paused")
    with popen(b, "--ignore-paused", b.id, "/bin/echo", "thawed") as p:
        try:
            time.sleep(0.2)
            equal(p.poll(), None)
        finally:
            equal(b.rt("resume", b.id).code, 0)
        out, err = p.communicate(timeout=DEADLINE)
    equal((p.returncode, out, err), (0, "thawed\n", ""))


def ended(p):
    """What became of an exec whose container was killed: it was killed too, or says why not."""
    err = p.communicate(timeout=DEADLINE)[1]
    if p.returncode != 137:
        equal((p.returncode, len(err.splitlines())), (CANNOT, 1))
        assert "container not running" in err or "does not exist" in err, err


@test
def a_paused_container_that_is_deleted(b):
    running(b)
    equal(b.rt("pause", b.id).code, 0)
    with popen(b, "--ignore-paused", b.id, "/bin/sleep", "1000") as p:
        time.sleep(0.2)
        equal(b.rt("delete", "--force", b.id).code, 0)
        ended(p)


@test
def a_container_that_dies_meanwhile(b):
    running(b)
    with popen(b, b.id, "/bin/sh", "-c", "echo in; sleep 1000") as p:
        equal(p.stdout.readline(), "in\n")
        equal(b.rt("kill", b.id, "KILL").code, 0)
        p.communicate(timeout=DEADLINE)
    equal(p.returncode, 137)


@test
def a_container_that_dies_at_any_moment(b):
    for moment in range(8):
        running(b)
        commands = [popen(b, b.id, "/bin/sleep", "1000") for _ in range(3)]
        time.sleep(moment * 0.004)
        equal(b.rt("kill", b.id, "KILL").code, 0)
        for p in commands:
            ended(p)
        equal(b.rt("delete", "--force", b.id).code, 0)
        b.leaves_nothing()


# ---- commands that cannot be run ----

@test
def commands_that_are_none(b):
    for name, mode in (("plain", 0o644), ("script", 0o755), ("rubbish", 0o755)):
        path = f"{b.rootfs}/etc/{name}"
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/no/interpreter\n" if name == "script" else "\x7fELF rubbish")
        os.chmod(path, mode)
    running(b)
    for name, words in (
            ("nope", 'exec: "nope": executable file not found in $PATH'),
            ("/no/file", 'exec: "/no/file": stat /no/file: no such file or directory'),
            ("/etc/plain", 'exec: "/etc/plain": permission denied'),
            ("/etc", 'exec: "/etc": is a directory: permission denied'),
            ("/etc/script", "no such file or directory"),
            ("/etc/rubbish", "exec format error"),
            ("/etc/plain/x", "not a directory")):
        done = b.rt("exec", b.id, name)
        equal((name, done.code, done.out), (name, CANNOT, ""))
        contains(done.err, words)


@test
def commands_that_the_user_may_not_run(b):
    os.makedirs(f"{b.rootfs}/secret", 0o700)
    os.link(f"{b.rootfs}/bin/busybox", f"{b.rootfs}/secret/true")
    b.process["capabilities"] = {}
    running(b)
    equal(b.rt("exec", b.id, "/secret/true").code, 0)
    refused(b, "permission denied", options=("--user", "7:7"), command=("/secret/true",))


@test
def nothing_to_run(b):
    running(b)
    done = b.rt("exec", b.id)
    equal((done.code, done.out), (CANNOT, ""))
    contains(done.err, "no command", "usage")
    equal(b.rt("exec").code != 0, True)
    refused(b, "no command", "usage", command=("",))


@test
def errors_are_in_the_log_of_the_engine(b):
    running(b)
    log = os.path.join(b.dir, "log.json")
    done = b.rt("--log", log, "--log-format", "json", "exec", b.id, "nosuch")
    equal(done.code, CANNOT)
    line = json.loads(read(log).splitlines()[-1])
    equal(line["level"], "error")
    contains(line["msg"], 'exec: "nosuch": executable file not found in $PATH')


@test
def a_failed_command_leaves_nothing(b):
    running(b)
    before = sorted(os.listdir(os.path.join(b.state, b.id)))
    for options, command in (((), "nosuch"), (("--cwd", "/missing"), "/bin/true"),
                             (("--user", "7"), "/bin/false")):
        assert b.rt("exec", *options, b.id, command).code != 0
    equal(sorted(os.listdir(os.path.join(b.state, b.id))), before)
    equal(json.loads(b.rt("ps", "--format", "json", b.id).out), [first(b)])


main()

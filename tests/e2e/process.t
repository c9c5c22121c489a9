#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/process, /linux/sysctl, personality and memoryPolicy: as the program sees them."""

import os
import resource
import signal
import stat
import subprocess

from harness import RT, Skip, contains, equal, main, test

CAPS = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
MASK = format(1 << 0 | 1 << 5 | 1 << 7, "016x")
NONE = format(0, "016x")


def caps(b, **sets):
    b.process["capabilities"] = sets


def cap_sets(b):
    out = b.output("grep ^Cap /proc/self/status")
    return {line.split()[0][3:-1]: line.split()[1] for line in out.splitlines()}


def quiet(b, *args):
    """The container inherits these streams: a pipe would stay open as long as it lives."""
    return subprocess.run([RT, "--root", b.state, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30,
                          check=False).returncode


@test
def capabilities_of_root_are_exact(b):
    caps(b, bounding=CAPS, permitted=CAPS, effective=CAPS)
    equal(cap_sets(b), {"Inh": NONE, "Prm": MASK, "Eff": MASK, "Bnd": MASK, "Amb": NONE})


@test
def capabilities_of_a_user_need_ambient(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}
    caps(b, bounding=CAPS, permitted=CAPS, effective=CAPS, inheritable=CAPS)
    equal(cap_sets(b), {"Inh": MASK, "Prm": NONE, "Eff": NONE, "Bnd": MASK, "Amb": NONE})


@test
def ambient_capabilities_reach_a_user(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}
    caps(b, bounding=CAPS, permitted=CAPS, effective=CAPS, inheritable=CAPS, ambient=CAPS)
    equal(cap_sets(b), {"Inh": MASK, "Prm": MASK, "Eff": MASK, "Bnd": MASK, "Amb": MASK})


@test
def inheritable_capabilities_need_not_be_bounding(b):
    caps(b, bounding=[], inheritable=CAPS)
    got = cap_sets(b)
    equal((got["Inh"], got["Bnd"]), (MASK, NONE))


@test
def no_capabilities_at_all(b):
    caps(b)
    equal(cap_sets(b), {s: NONE for s in ("Inh", "Prm", "Eff", "Bnd", "Amb")})


@test
def unknown_capability_is_a_warning(b):
    caps(b, bounding=CAPS + ["CAP_FLY"], permitted=CAPS + ["CAP_FLY"], effective=CAPS)
    done = b.run("grep CapEff /proc/self/status")
    equal((done.code, done.out.split()[1]), (0, MASK))
    contains(done.err, "CAP_FLY", "unknown")
    equal(done.err.count("CAP_FLY"), 1)


@test
def ambient_without_inheritable_is_a_warning(b):
    caps(b, bounding=CAPS, permitted=CAPS, effective=CAPS, ambient=["CAP_KILL"])
    done = b.run("grep CapAmb /proc/self/status")
    equal((done.code, done.out.split()[1]), (0, NONE))
    contains(done.err, "CAP_KILL", "ambient")


@test
def the_ambient_set_of_engines_is_no_warning(b):
    caps(b, bounding=CAPS, permitted=CAPS, effective=CAPS, ambient=CAPS)
    done = b.run("grep CapAmb /proc/self/status")
    equal((done.code, done.out.split()[1], done.err), (0, NONE, ""))


@test
def capability_that_the_host_lacks_is_a_warning(b):
    with open("/proc/self/status", encoding="ascii") as f:
        bounding = int(next(x for x in f if x.startswith("CapBnd")).split()[1], 16)
    if bounding & 1 << 24:
        raise Skip("this host has CAP_SYS_RESOURCE")
    caps(b, bounding=CAPS + ["CAP_SYS_RESOURCE"], permitted=CAPS + ["CAP_SYS_RESOURCE"])
    done = b.run("grep CapPrm /proc/self/status; grep CapBnd /proc/self/status")
    equal((done.code, done.out.split()[3]), (0, MASK))
    contains(done.err, "CAP_SYS_RESOURCE", "cannot grant")


@test
def user_and_groups(b):
    b.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}
    equal(b.output("id -u; id -g; id -G"), "1000\n1001\n1001 5 7")


@test
def supplementary_groups_of_the_caller_are_gone(b):
    equal(b.output("grep ^Groups: /proc/self/status"), "Groups:")


@test
def umask_as_given(b):
    b.process["user"]["umask"] = 0o27
    equal(b.output("umask"), "0027")


@test
def umask_absent_is_the_callers(b):
    old = os.umask(0o35)
    try:
        equal(b.output("umask"), "0035")
    finally:
        os.umask(old)


@test
def no_new_privileges(b):
    equal(b.output("grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t0")
    b.process["noNewPrivileges"] = True
    equal(b.output("grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1")


@test
def rlimits_equal_the_request(b):
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
                            {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                            {"type": "RLIMIT_STACK", "soft": 1 << 20, "hard": 1 << 21}]
    out = b.output("cat /proc/self/limits").splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in out}
    equal(limits["Max open files"], ["100", "200"])
    equal(limits["Max core file size"], ["0", "0"])
    equal(limits["Max stack size"], [str(1 << 20), str(1 << 21)])


@test
def very_few_descriptors_still_start(b):
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 4, "hard": 4}]
    equal(b.output("ulimit -n"), "4")


@test
def very_few_descriptors_still_create_and_start(b):
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 4, "hard": 4}]
    b.process["args"] = ["/bin/true"]
    b.write()
    for command in (("create", "--bundle", b.dir, b.id), ("start", b.id)):
        equal((command[0], quiet(b, *command)), (command[0], 0))


@test
def rlimit_equal_to_the_callers_needs_no_privilege(b):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": hard, "hard": hard}]
    equal(b.output("ulimit -Hn"), str(hard))
    assert soft <= hard


@test
def rlimit_above_the_hard_limit_is_clear(b):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    probe = subprocess.run(["sh", "-c", f"ulimit -Hn {hard + 1}"], capture_output=True, check=False)
    if probe.returncode == 0:
        raise Skip("the caller may raise limits")
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": hard + 1}]
    b.refused("RLIMIT_NOFILE", "CAP_SYS_RESOURCE")


@test
def oom_score_adj(b):
    b.process["oomScoreAdj"] = 500
    equal(b.output("cat /proc/self/oom_score_adj"), "500")


@test
def oom_score_adj_absent_is_the_callers(b):
    with open("/proc/self/oom_score_adj", encoding="ascii") as f:
        equal(b.output("cat /proc/self/oom_score_adj"), f.read().strip())


@test
def environment_order_and_duplicates(b):
    b.process["env"] = ["PATH=/bin", "A=1", "B=2", "A=3", "HOME=/x"]
    b.process["args"] = ["/bin/env"]
    equal(b.run().out.splitlines(), ["PATH=/bin", "B=2", "A=3", "HOME=/x"])


@test
def home_out_of_passwd(b):
    with open(os.path.join(b.rootfs, "etc/passwd"), "w", encoding="ascii") as f:
        f.write("root:x:0:0::/root:/bin/sh\nbroken\n" + "x" * 9000 +
                "\nu:x:1000:1::/home/u:/bin/sh")
    equal(b.output("echo $HOME"), "/root")
    b.process["user"]["uid"] = 1000
    equal(b.output("echo $HOME"), "/home/u")
    b.process["user"]["uid"] = 1001
    equal(b.output("echo $HOME"), "/")
    b.process["env"].append("HOME=")
    b.process["user"]["uid"] = 1000
    equal(b.output("echo $HOME"), "/home/u")


@test
def home_is_not_waited_for(b):
    os.mkfifo(os.path.join(b.rootfs, "etc/passwd"))
    equal(b.output("echo $HOME"), "/")


class Three:
    """A pipe as descriptor 3."""

    def __enter__(self):
        r, self.w = os.pipe()
        if r != 3:
            os.dup2(r, 3)
            os.close(r)
        return 3

    def __exit__(self, *_):
        os.close(3)
        if self.w != 3:
            os.close(self.w)


@test
def passed_sockets(b):
    b.process["args"] = ["/bin/env"]
    with Three() as fd:
        out = b.run(None, pass_fds=(fd,),
                    env=dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="web")).out
    contains(out, "LISTEN_FDS=1\n", "LISTEN_PID=1\n", "LISTEN_FDNAMES=web\n")


@test
def passed_sockets_without_a_pid_namespace(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    with Three() as fd:
        out = b.output("echo $LISTEN_PID $$", pass_fds=(fd,),
                       env=dict(os.environ, LISTEN_FDS="1"))
    equal(out.split()[0], out.split()[1])


@test
def only_stdio_is_inherited(b):
    r, w = os.pipe()
    try:
        out = b.output("ls /proc/self/fd", pass_fds=(r, w))
    finally:
        os.close(r)
        os.close(w)
    equal(out.split(), ["0", "1", "2", "3"])  # 3 is the directory that ls reads


@test
def preserved_descriptors(b):
    with Three() as fd:
        out = b.output("ls /proc/self/fd", "--preserve-fds", "1", pass_fds=(fd,))
    equal(out.split(), ["0", "1", "2", "3", "4"])


@test
def preserved_descriptor_that_is_not_open(b):
    b.write()
    done = b.rt("run", "--preserve-fds", "30", "--bundle", b.dir, b.id)
    assert done.code != 0
    contains(done.err, "not open")


@test
def own_descriptor_is_never_preserved(b):
    b.write()
    log = os.path.join(b.dir, "log")
    done = b.rt("--log", log, "run", "--preserve-fds", "1", "--bundle", b.dir, b.id)
    assert done.code != 0, "the log was passed to the container"


@test
def cwd_is_made(b):
    b.process["cwd"] = "/made/for/it"
    equal(b.output("pwd; stat -c '%a %u' ."), "/made/for/it\n755 0")


@test
def cwd_outside_is_refused(b):
    for fd in range(3, 25):
        b.process["cwd"] = f"/proc/self/fd/{fd}"
        done = b.run("ls /bin/busybox && cat /proc/self/mountinfo >/dev/null; pwd")
        assert done.code != 0, f"{b.process['cwd']}: {done.out}"


@test
def cwd_that_only_root_may_enter(b):
    path = os.path.join(b.rootfs, "secret")
    os.mkdir(path, 0o700)
    b.process["cwd"] = "/secret"
    b.process["user"]["uid"] = 1000
    equal(b.output("/bin/echo in"), "in")


@test
def program_errors_are_worded_for_engines(b):
    for name, text in (("nope", 'exec: "nope": executable file not found in $PATH'),
                       ("/x/y", 'exec: "/x/y": stat /x/y: no such file or directory'),
                       ("/etc", 'exec: "/etc": is a directory'),
                       ("/etc/plain", 'exec: "/etc/plain": permission denied')):
        with open(os.path.join(b.rootfs, "etc/plain"), "w", encoding="ascii") as f:
            f.write("text")
        b.process["args"] = [name]
        b.write()
        done = b.rt("run", "--bundle", b.dir, b.id)
        assert done.code != 0, name
        contains(done.err, text)
        if name == "/etc":
            contains(done.err, "permission denied")


@test
def program_is_found_in_path(b):
    os.mkdir(os.path.join(b.rootfs, "opt"))
    for where, mode in (("etc", 0o644), ("opt", 0o755)):
        path = os.path.join(b.rootfs, where, "tool")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\necho {where}\n")
        os.chmod(path, mode)
    b.process["env"] = ["PATH=/none:/etc:/opt"]
    b.process["args"] = ["tool"]
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id)
    equal((done.code, done.out), (0, "opt\n"))
    b.process["cwd"] = "/opt"
    b.process["args"] = ["./tool"]
    b.write()
    equal(b.rt("run", "--bundle", b.dir, b.id).out, "opt\n")


@test
def program_that_cannot_be_executed(b):
    for text, hint in (("\x7fELF rubbish", "exec format error"),
                       ("#!/no/such/interpreter\n", "interpreter")):
        path = os.path.join(b.rootfs, "bin/bad")
        with open(path, "w", encoding="latin1") as f:
            f.write(text)
        os.chmod(path, 0o755)
        b.process["args"] = ["/bin/bad"]
        b.write()
        done = b.rt("run", "--bundle", b.dir, b.id)
        assert done.code != 0
        contains(done.err, "/bin/bad", hint)


@test
def signals_are_reset(b):
    old = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        b.process["args"] = ["/bin/grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"]
        out = b.run(None, restore_signals=False).out
    finally:
        signal.signal(signal.SIGUSR1, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    equal([line.split()[1] for line in out.splitlines()], [NONE, NONE])


@test
def scheduler_and_io_priority(b):
    b.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}
    b.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
    stat_line = b.output("cat /proc/self/stat").rsplit(")", 1)[1].split()
    equal((stat_line[16], stat_line[38]), ("7", "3"))


@test
def scheduler_fifo(b):
    b.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 5}
    if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
        b.linux["resources"] = {"cpu": {"realtimePeriod": 1000000, "realtimeRuntime": 1000}}
    stat_line = b.output("cat /proc/self/stat").rsplit(")", 1)[1].split()
    equal((stat_line[37], stat_line[38]), ("5", "1"))


@test
def scheduler_that_makes_no_sense(b):
    b.process["scheduler"] = {"policy": "SCHED_OTHER", "priority": 5}
    b.refused("scheduler", "priority")


@test
def affinity_of_the_caller_is_undone(b):
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        raise Skip("there is one CPU")
    os.sched_setaffinity(0, {min(cpus)})
    try:
        equal(b.output("nproc"), str(len(cpus)))
    finally:
        os.sched_setaffinity(0, cpus)


@test
def personality_of_32_bits(b):
    b.linux["personality"] = {"domain": "LINUX32"}
    equal(b.output("uname -m"), "i686")


@test
def memory_policy(b):
    b.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    done = b.run("head -1 /proc/self/numa_maps")
    if "CONFIG_NUMA" in done.err or "No such file" in done.err:
        raise Skip("the kernel is built without NUMA")
    contains(done.out, "bind:0")


@test
def memory_policy_that_makes_no_sense(b):
    b.linux["memoryPolicy"] = {"mode": "MPOL_BIND"}
    b.refused("memoryPolicy", "nodes")
    b.linux["memoryPolicy"] = {"mode": "MPOL_LOCAL", "nodes": "0"}
    b.refused("memoryPolicy", "nodes")


@test
def sysctls_with_both_separators(b):
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel/shmmni": "123",
                         "net/ipv4/conf/lo/forwarding": "0"}
    b.add_mount("/sys", type="sysfs", source="sysfs")
    equal(b.output("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni"), "1\n123")


@test
def sysctl_of_the_host_is_refused(b):
    for name, word in (("kernel.panic", "host"), ("vm.swappiness", "host"),
                       ("kernel.hostname", "hostname"), ("net.ipv4../../kernel/panic", "sysctl"),
                       ("kernel.shmmaxx", "host")):
        b.linux["sysctl"] = {name: "1"}
        b.refused(word)


@test
def sysctl_without_its_namespace_is_refused(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    b.refused("net.ipv4.ip_forward", "network namespace")
    b.add_namespace("network", path="/proc/self/ns/net")
    b.refused("net.ipv4.ip_forward", "network namespace")


@test
def stdio_belongs_to_the_user(b):
    b.process["user"]["uid"] = 1000
    equal(b.output("stat -L -c %u /proc/self/fd/1"), "1000")
    equal(b.output("echo x >/dev/stdout"), "x")
    with open("/dev/null", "rb") as f:
        equal(os.fstat(f.fileno()).st_uid, 0)


@test
def a_file_as_stdout_keeps_its_owner(b):
    b.process["user"]["uid"] = 1000
    path = os.path.join(b.dir, "log")
    b.process["args"] = ["/bin/echo", "x"]
    b.write()
    with open(path, "w", encoding="ascii") as f:
        subprocess.run([RT, "--root", b.state, "run", "--bundle", b.dir, b.id],
                       stdin=subprocess.DEVNULL, stdout=f, timeout=30, check=True)
    with open(path, encoding="ascii") as f:
        equal((f.read(), os.fstat(f.fileno()).st_uid), ("x\n", 0))
    assert stat.S_ISREG(os.stat(path).st_mode)


def in_user_namespace(b):
    b.add_namespace("user")
    for ids in ("uidMappings", "gidMappings"):
        b.linux[ids] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for folder, _, _ in os.walk(b.rootfs):
        os.chown(folder, 100000, 100000)
    os.chmod(b.dir, 0o755)


@test
def user_namespace_keeps_what_needs_the_host(b):
    in_user_namespace(b)
    b.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    b.process["oomScoreAdj"] = 500
    equal(b.output("id -G; cat /proc/self/oom_score_adj; stat -L -c %u /proc/self/fd/1"),
          "1000 5\n500\n1000")


@test
def user_namespace_grants_what_the_host_lacks(b):
    in_user_namespace(b)
    caps(b, bounding=["CAP_SYS_RESOURCE"], permitted=["CAP_SYS_RESOURCE"])
    equal(cap_sets(b)["Bnd"], format(1 << 24, "016x"))


@test
def id_without_a_mapping_is_refused(b):
    in_user_namespace(b)
    b.process["user"]["uid"] = 70000
    b.refused("70000", "mapping")


@test
def session_is_its_own(b):
    equal(b.output("cut -d' ' -f6 /proc/1/stat"), "1")


@test
def keyring_is_its_own(b):
    b.process["args"] = ["/bin/cat", "/proc/keys"]
    b.write()
    out = b.rt("run", "--bundle", b.dir, b.id)
    if out.code != 0:
        raise Skip("no /proc/keys")
    contains(out.out, f"_ses.{b.id}")
    other = b.rt("run", "--no-new-keyring", "--bundle", b.dir, f"{b.id}-other")
    equal((other.code, f"_ses.{b.id}-other" in other.out), (0, False))


@test
def an_annotation_keeps_the_callers_groups(b):
    keep = "run.oci.keep_original_groups"
    setpriv = ["setpriv", "--groups", "0,7,4242"]
    b.process["args"] = ["/bin/id", "-G"]

    def groups():
        b.write()
        done = subprocess.run([*setpriv, RT, "--root", b.state, "run", "--bundle", b.dir, b.id],
                              capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert "4242" not in groups()
    b.config["annotations"] = {keep: "1"}
    assert {"7", "4242"} <= groups()
    b.process["user"]["additionalGids"] = [5]
    b.refused("/annotations/" + keep, "additionalGids")


@test
def annotations_for_what_rt_does_not_do(b):
    for key, instead in (("run.oci.seccomp.receiver", "listenerPath"),
                         ("run.oci.seccomp.plugins", "listenerPath"),
                         ("run.oci.seccomp_bpf_data", "linux.seccomp"),
                         ("run.oci.pidfd_receiver", "--pidfd-socket"),
                         ("run.oci.systemd.force_cgroup_v1", "mounts"),
                         ("run.oci.systemd.subgroup", "scope"),
                         ("run.oci.delegate-cgroup", "sub-cgroup"),
                         ("run.oci.handler", "handler"),
                         ("module.wasm.image/variant", "handler")):
        b.config["annotations"] = {key: "x"}
        b.refused("/annotations/" + key, instead)
    b.config["annotations"] = {"run.oci.systemd.subgroup": "", "org.example.other": "x"}
    equal(b.output("echo fine"), "fine")


main()

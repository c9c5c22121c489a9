#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real distribution's root file system: an interactive terminal session, a python program, all
properties at once, a hundred containers at a time. The root file system is made by debootstrap
once and kept in $RT_CACHE (/var/cache/rt-tests)."""

import ast
import json
import os
import pty
import select
import shutil
import subprocess
import time

from harness import RT, Skip, contains, equal, main, test

CACHE = os.environ.get("RT_CACHE", "/var/cache/rt-tests")
ROOTFS = os.path.join(CACHE, "bookworm")


def rootfs():
    if os.path.exists(f"{ROOTFS}/.complete"):
        return ROOTFS
    if not shutil.which("debootstrap"):
        raise Skip("debootstrap is not installed")
    shutil.rmtree(ROOTFS, ignore_errors=True)
    os.makedirs(CACHE, exist_ok=True)
    done = subprocess.run(["debootstrap", "--variant=minbase", "--include=python3-minimal",
                           "bookworm", ROOTFS], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"debootstrap failed: {done.stdout[-200:]}")
    with open(f"{ROOTFS}/.complete", "w", encoding="utf-8"):
        pass
    return ROOTFS


def distro(b):
    b.config["root"] = {"path": rootfs(), "readonly": True}
    b.process["env"] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                        "TERM=xterm", "COLOUR=blue"]
    b.add_mount("/tmp", type="tmpfs", source="tmpfs", options=["mode=1777"])
    b.add_mount("/dev/shm", type="tmpfs", source="shm", options=["mode=1777", "size=1m"])


class Terminal:
    """A person at a terminal."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)
        self.seen = ""

    def wait_for(self, text):
        end = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < end, f"no {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:
                    assert text in self.seen, f"ended without {text!r}: {self.seen!r}"

    def type(self, line):
        self.seen = ""
        os.write(self.fd, line.encode() + b"\n")

    def status(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@test
def interactive_bash_session(b):
    distro(b)
    b.process.update({"terminal": True, "args": ["/bin/bash", "--norc", "-i"],
                      "consoleSize": {"height": 40, "width": 120}})
    b.write()
    t = Terminal([RT, "--root", b.state, "run", "--bundle", b.dir, b.id])
    t.wait_for("# ")
    t.type("tty; echo $((6*7))")
    t.wait_for("42")
    contains(t.seen, "/dev/pts/0")
    t.type("python3 -c 'import sys; print(sys.stdin.isatty())'")
    t.wait_for("True")
    t.type("sleep 100")
    time.sleep(0.3)
    os.write(t.fd, b"\x03")
    t.type("echo back")
    t.wait_for("back\r\n")
    t.type("exit 7")
    equal(t.status(), 7)
    b.leaves_nothing()


@test
def a_python_program_sees_what_was_configured(b):
    distro(b)
    program = (
        "import os\n"
        "print({'env': os.environ['COLOUR'], 'uid': os.getuid(), 'gid': os.getgid(),"
        "'groups': os.getgroups(), 'cwd': os.getcwd(), 'pid': os.getpid(),"
        "'nofile': [x for x in open('/proc/self/limits') if 'open files' in x][0].split()[3:5],"
        "'host': os.uname().nodename,"
        "'umask': os.umask(0), 'fds': sorted(map(int, os.listdir('/proc/self/fd')))[:3]})\n")
    b.config["hostname"] = "snake"
    b.process.update({
        "args": ["python3", "-c", program], "cwd": "/tmp",
        "user": {"uid": 1000, "gid": 1001, "additionalGids": [5, 1002], "umask": 0o27},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
    })
    seen = ast.literal_eval(b.output(None))
    equal(seen, {"env": "blue", "uid": 1000, "gid": 1001, "groups": [5, 1001, 1002]
                 if 1001 in seen["groups"] else [5, 1002], "cwd": "/tmp", "pid": 1,
                 "nofile": ["100", "200"], "host": "snake", "umask": 0o27, "fds": [0, 1, 2]})


@test
def every_property_at_once(b):
    distro(b)
    source = os.path.join(b.dir, "data")
    os.mkdir(source)
    log = os.path.join(b.dir, "hooks.log")
    hook = [{"path": "/bin/sh", "args": ["sh", "-c", f"echo $KIND >> {log}"], "env": ["KIND=x"],
             "timeout": 10}]
    for kind in ("user", "cgroup", "time"):
        b.add_namespace(kind)
    ids = [{"containerID": 0, "hostID": 0, "size": 65536}]
    caps = ["CAP_KILL", "CAP_CHOWN"]
    b.config.update({
        "hostname": "all", "domainname": "example", "annotations": {"org.example.a": "b"},
        "hooks": {k: hook for k in ("prestart", "createRuntime", "poststart", "poststop")},
    })
    b.add_mount("/mnt", source=source, options=["bind", "ro", "nosuid", "nodev", "rslave"])
    b.add_mount("/sys", type="sysfs", source="sysfs", options=["ro", "nosuid"])
    b.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup", options=["ro"])
    b.add_mount("/dev/mqueue", type="mqueue", source="mqueue", options=["nosuid"])
    b.process.update({
        "noNewPrivileges": True, "oomScoreAdj": 100,
        "capabilities": {k: caps for k in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
        "scheduler": {"policy": "SCHED_BATCH", "nice": 5},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6},
    })
    b.process["user"] = {"uid": 10, "gid": 11, "additionalGids": [12], "umask": 63}
    b.linux.update({
        "uidMappings": ids, "gidMappings": ids,
        "timeOffsets": {"boottime": {"secs": 86400}},
        "maskedPaths": ["/proc/kcore", "/sys/firmware"], "readonlyPaths": ["/proc/sys"],
        "rootfsPropagation": "rprivate", "sysctl": {"net.ipv4.ip_forward": "1",
                                                     "kernel.msgmax": "9000"},
        "personality": {"domain": "LINUX"},
        "resources": {
            "memory": {"limit": 64 << 20}, "cpu": {"shares": 512, "quota": 50000, "period": 100000},
            "pids": {"limit": 50},
            "devices": [{"allow": False, "access": "rwm"}],
        },
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO",
                                  "errnoRet": 38}]},
    })
    got = b.output("id; hostname; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; "
                   "nice; umask; mkdir /tmp/x 2>&1; grep NoNewPrivs /proc/self/status; "
                   "cat /proc/self/oom_score_adj; cut -d. -f1 /proc/uptime")
    lines = got.splitlines()
    contains(lines[0], "uid=10", "gid=11", "groups=11", "12")
    equal(lines[1:6], ["all", "1", "9000", "5", "0077"])
    contains(lines[6], "Function not implemented")
    contains(lines[7], "1")
    equal(lines[8], "100")
    assert int(lines[9]) > 86400
    with open(log, encoding="utf-8") as f:
        equal(f.read().split(), ["x"] * 4)
    b.leaves_nothing()


@test
def a_hundred_containers_at_the_same_time(b):
    distro(b)
    b.process["args"] = ["/bin/sleep", "1000"]
    del b.linux["cgroupsPath"]
    b.write()
    ids = [f"{b.id}-{i}" for i in range(100)]
    rt = [RT, "--root", b.state]
    try:
        running = [subprocess.Popen(rt + ["run", "-d", "--bundle", b.dir, i],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for i in ids]
        equal([p.wait() for p in running], [0] * 100)
        states = json.loads(b.rt("list", "-f", "json").out)
        equal(sorted(s["id"] for s in states), sorted(ids))
        equal({s["status"] for s in states}, {"running"})
        equal(len({s["pid"] for s in states}), 100)
    finally:
        for i in ids:
            subprocess.run(rt + ["delete", "--force", i], check=False, capture_output=True)
    b.leaves_nothing()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container of a user without root: `rt spec --rootless`, then run, without any set-up."""

import errno
import json
import os
import shutil
import subprocess
import time

from harness import DEADLINE, RT, Result, Skip, contains, equal, main, test
from listener import Listener

USER = 42042


NAME = "rt-e2e-user"


def run(argv, folder):
    return Result(subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE,
                                 check=False, cwd=folder, stdin=subprocess.DEVNULL))


class User:
    """Somebody with nothing but a folder."""

    def __init__(self, b):
        if "ASAN_OPTIONS" in os.environ:
            raise Skip("the address sanitizer needs rt where it lies, which a user may not reach")
        if subprocess.run(["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups",
                           "unshare", "-U", "true"], capture_output=True, check=False).returncode:
            raise Skip("users may not make user namespaces here")
        os.chmod(b.dir, 0o755)
        shutil.copy(RT, f"{b.dir}/rt")
        os.mkdir(f"{b.dir}/xdg")
        subprocess.run(["chown", "-R", f"{USER}:{USER}", b.dir], check=True)
        self.b = b

    def command(self, *args):
        return ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "env",
                "-i", "PATH=/usr/bin:/bin", f"XDG_RUNTIME_DIR={self.b.dir}/xdg",
                f"{self.b.dir}/rt", *args]

    def rt(self, *args):
        return run(self.command(*args), self.b.dir)

    def rt_with_ids(self, *args):
        """The same where /etc/subuid and /etc/subgid grant this user 1000 ids from 100000 on."""
        files = {"subuid": f"{NAME}:100000:1000\n", "subgid": f"{NAME}:100000:1000\n",
                 "passwd": f"root:x:0:0::/:/bin/sh\n{NAME}:x:{USER}:{USER}::/:/bin/sh\n",
                 "group": f"root:x:0:\n{NAME}:x:{USER}:\n"}
        binds = ""
        for name, text in files.items():
            with open(f"{self.b.dir}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(f.name, 0o644)
            binds += f"mount --bind {f.name} /etc/{name} && "
        return run(["unshare", "-m", "--propagation", "private", "sh", "-c",
                    binds + 'exec "$@"', "sh", *self.command(*args)], self.b.dir)

    def configure(self, change):
        path = f"{self.b.dir}/config.json"
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        change(config)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)

    def bundle(self, script):
        equal(self.rt("spec", "--rootless").code, 0)
        path = f"{self.b.dir}/config.json"
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        config["process"]["terminal"] = False
        config["process"]["args"] = ["/bin/sh", "-c", script]
        config["process"]["env"] = ["PATH=/bin"]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)


@test
def the_template_runs_as_it_is(b):
    user = User(b)
    user.bundle("id -u; cat /proc/self/uid_map; echo x >/dev/null && echo writable")
    done = user.rt("run", "mine")
    equal((done.code, done.err), (0, ""))
    contains(done.out, "0\n", str(USER), "writable")
    equal(os.listdir(f"{b.dir}/xdg/rt"), [])


@test
def sys_is_read_only(b):
    user = User(b)
    user.bundle("for f in /sys/fs/cgroup /sys/kernel; do mkdir $f/x 2>&1; done; true")
    done = user.rt("run", "mine")
    equal(done.out.count("Read-only file system"), 2)


@test
def exec_believes_no_proc_of_the_container(b):
    """Without root rt takes its own executable out of reach inside the container. What is called
    /proc/self/exe there may be anything."""
    user = User(b)
    user.bundle("exec sleep 60")
    for name in ("exe", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8"):
        os.makedirs(os.path.dirname(f"{b.rootfs}/proc/self/{name}"), exist_ok=True)
        shutil.copy("/bin/busybox", f"{b.rootfs}/proc/self/{name}")

    def change(config):
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/proc"]
        config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
        config["root"]["readonly"] = False  # of a read-only file system nothing is to be feared
    user.configure(change)
    equal(subprocess.call(user.command("run", "--detach", "mine"), cwd=b.dir,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL), 0)
    done = user.rt("exec", "mine", "/bin/echo", "inside")
    user.rt("delete", "--force", "mine")
    equal((done.code, done.out, done.err), (0, "inside\n", ""))


@test
def create_start_state_delete(b):
    user = User(b)
    user.bundle("exit 0")
    equal(subprocess.call(
        ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "env",
         f"XDG_RUNTIME_DIR={b.dir}/xdg", f"{b.dir}/rt", "create", "mine"], cwd=b.dir,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0)
    contains(user.rt("state", "mine").out, '"created"')
    equal(user.rt("start", "mine").code, 0)
    equal(user.rt("delete", "--force", "mine").code, 0)
    contains(user.rt("state", "mine").err, "does not exist")


@test
def a_listener_gets_the_descriptor(b):
    user = User(b)
    user.bundle("mkdir /tmp/x; true")
    path = f"{b.dir}/config.json"
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    for nnp in (False, True):
        config["process"]["noNewPrivileges"] = nnp
        config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": f"{b.dir}/agent",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        agent = Listener(f"{b.dir}/agent", errno.EXDEV)
        os.chmod(f"{b.dir}/agent", 0o777)
        done = user.rt("run", "mine")
        agent.finish()
        os.unlink(f"{b.dir}/agent")
        equal(done.code, 0)
        contains(done.err, "cross-device")
        equal([(m["fds"], n) for m, n in agent.messages], [(["seccompFd"], 1)])


@test
def more_ids_than_one_need_the_helpers(b):
    user = User(b)
    user.bundle("true")
    path = f"{b.dir}/config.json"
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["linux"]["uidMappings"][0]["size"] = 1000
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = user.rt("run", "mine")
    assert done.code != 0
    contains(done.err, "/linux/", "newuidmap" if "newuidmap" in done.err else "newgidmap")


@test
def exec_adds_a_process(b):
    user = User(b)
    user.bundle("exec >/dev/null 2>&1; sleep 1000")
    equal(user.rt("run", "--detach", "held").code, 0)
    done = user.rt("exec", "held", "sh", "-c", "id -u; grep CapBnd /proc/self/status; exit 3")
    equal((done.code, done.err), (3, ""))
    inside = user.rt("exec", "held", "grep", "CapBnd", "/proc/1/status").out
    contains(done.out, "0\n", inside)
    equal(user.rt("delete", "--force", "held").code, 0)


@test
def a_listener_of_an_exec(b):
    user = User(b)
    user.bundle("sleep 1000")
    user.configure(lambda c: c["linux"].update({"seccomp": {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": f"{b.dir}/agent",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}}))
    for begin in (lambda: start_in_the_background(b, user),
                  lambda: contains(user.rt("exec", "mine", "mkdir", "/tmp/x").err, "cross-device")):
        agent = Listener(f"{b.dir}/agent", errno.EXDEV)
        os.chmod(f"{b.dir}/agent", 0o777)
        begin()
        agent.finish()
        os.unlink(f"{b.dir}/agent")
        equal([n for _, n in agent.messages], [1])
    equal(user.rt("delete", "--force", "mine").code, 0)


def map_many(config):
    for kind in ("uidMappings", "gidMappings"):
        config["linux"][kind] = [{"containerID": 0, "hostID": USER, "size": 1},
                                 {"containerID": 1, "hostID": 100000, "size": 1000}]


def need_helpers():
    for name in ("newuidmap", "newgidmap"):
        if not shutil.which(name):
            raise Skip(f"{name} is not installed")
    for name in ("subuid", "subgid"):
        if not os.path.exists(f"/etc/{name}"):
            raise Skip(f"there is no /etc/{name} to cover for the test")


@test
def many_ids_by_the_helpers(b):
    need_helpers()
    user = User(b)
    user.bundle("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -G; cat /proc/self/setgroups;"
                "touch /tmp/made && stat -c %u:%g /tmp/made")

    def change(config):
        map_many(config)
        config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
        config["root"]["readonly"] = False
    user.configure(change)
    done = user.rt_with_ids("run", "mine")
    lines = [["0", str(USER), "1"], ["1", "100000", "1000"]]
    equal((done.err, [x.split() for x in done.out.splitlines()]),
          ("", lines + lines + [["5"], ["6", "7"], ["allow"], ["5:6"]]))
    st = os.stat(f"{b.rootfs}/tmp/made")
    equal((st.st_uid, st.st_gid), (100004, 100005))


@test
def ids_that_are_not_granted(b):
    need_helpers()
    user = User(b)
    user.bundle("true")

    def change(config):
        map_many(config)
        config["linux"]["uidMappings"][1]["hostID"] = 200000
    user.configure(change)
    done = user.rt_with_ids("run", "mine")
    assert done.code != 0
    contains(done.err, "/linux/uidMappings", "newuidmap", "/etc/subuid")
    equal(os.listdir(f"{b.dir}/xdg/rt"), [])


@test
def groups_cannot_be_set_with_one_id(b):
    user = User(b)
    user.bundle("cat /proc/self/setgroups")
    equal(user.rt("run", "mine").out, "deny\n")
    user.configure(lambda c: c["process"]["user"].update({"additionalGids": [0]}))
    done = user.rt("run", "mine")
    assert done.code != 0
    contains(done.err, "additionalGids", "denies setgroups")


def processes_of(b):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                found += [pid] if f"IN={b.id}".encode() in f.read() else []
        except OSError:
            pass
    return found


def start_in_the_background(b, user):
    with open(f"{b.dir}/log", "w", encoding="utf-8") as log:
        equal(subprocess.call(user.command("run", "--detach", "mine"), cwd=b.dir, stdout=log,
                              stderr=log, stdin=subprocess.DEVNULL), 0)


@test
def killed_without_a_cgroup_nothing_stays(b):
    user = User(b)
    user.bundle("(trap '' TERM; sleep 1000) & (setsid sleep 1000) & sleep 1000")
    user.configure(lambda c: c["process"]["env"].append(f"IN={b.id}"))
    start_in_the_background(b, user)
    wait_for(lambda: len(processes_of(b)) >= 3)
    equal(user.rt("kill", "mine", "KILL").code, 0)
    wait_for(lambda: not processes_of(b))
    wait_for(lambda: '"stopped"' in user.rt("state", "mine").out)
    equal(user.rt("delete", "mine").code, 0)
    start_in_the_background(b, user)
    wait_for(lambda: len(processes_of(b)) >= 3)
    equal(user.rt("delete", "--force", "mine").code, 0)
    equal(processes_of(b), [])


def wait_for(what):
    end = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


@test
def root_in_a_user_namespace_is_not_root(b):
    user = User(b)
    user.bundle("echo inside; ls -d /sys/fs/cgroup")
    path = f"{b.dir}/config.json"
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] != "user"]
    for key in ("uidMappings", "gidMappings"):
        config["linux"].pop(key, None)
    config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup",
                             "source": "cgroup", "options": ["ro"]})
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    done = subprocess.run(
        ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "env", "-i",
         "PATH=/usr/bin:/bin", f"XDG_RUNTIME_DIR={b.dir}/xdg", "unshare", "-Urm", f"{b.dir}/rt",
         "run", "mine"], capture_output=True, text=True, timeout=DEADLINE, check=False,
        cwd=b.dir, stdin=subprocess.DEVNULL)
    equal((done.returncode, done.stderr), (0, ""))
    contains(done.stdout, "inside", "/sys/fs/cgroup")
    equal(os.listdir(f"{b.dir}/xdg/rt"), [])


if __name__ == "__main__":
    main()

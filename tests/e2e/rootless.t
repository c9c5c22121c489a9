#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container of a user without root: `rt spec --rootless`, then run, without any set-up."""

import errno
import json
import os
import shutil
import subprocess

from harness import DEADLINE, RT, Result, Skip, contains, equal, main, test
from listener import Listener

USER = 42042


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

    def rt(self, *args):
        return Result(subprocess.run(
            ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "env", "-i",
             "PATH=/usr/bin:/bin", f"XDG_RUNTIME_DIR={self.b.dir}/xdg", f"{self.b.dir}/rt", *args],
            capture_output=True, text=True, timeout=DEADLINE, check=False, cwd=self.b.dir,
            stdin=subprocess.DEVNULL))

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


if __name__ == "__main__":
    main()

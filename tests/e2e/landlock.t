#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The annotation rt.landlock: what the container's processes may do at most, landlock(7)."""

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys

from harness import RT, Skip, contains, equal, main, test


def version():
    features = json.loads(subprocess.run([RT, "features"], capture_output=True, text=True,
                                         check=True).stdout)
    return int(features["annotations"]["rt.landlock.abi"])


def confine(b, needs, **rights):
    if version() < needs:
        raise Skip(f"Landlock has version {version()} here, needed is {needs}")
    b.process["noNewPrivileges"] = True
    b.config["annotations"] = {"rt.landlock": json.dumps(rights)}


PROGRAMS = {"read": ["/"], "execute": ["/bin"]}


@test
def reading(b):
    confine(b, 3, read=["/etc"], execute=["/bin"])
    for d in ("etc", "mnt"):
        with open(f"{b.rootfs}/{d}/file", "w", encoding="utf-8") as f:
            f.write(d)
    out = b.run("cat /etc/file; cat /mnt/file; ls /mnt; ls /etc")
    contains(out.out, "etc", "file")
    equal(out.err.count("Permission denied"), 2)
    assert "mnt" not in out.out, out.out


@test
def writing(b):
    confine(b, 3, write=["/tmp", "/etc/one"], **PROGRAMS)
    for name in ("one", "two"):
        with open(f"{b.rootfs}/etc/{name}", "w", encoding="utf-8") as f:
            f.write("before")
    b.run("echo after >/etc/one; echo after >/etc/two; true >/etc/two; mkdir /etc/d; rm /etc/one; "
          "ln -s x /mnt/l; mkdir /tmp/d && echo x >/tmp/d/f && touch /tmp/g; rm /tmp/g")
    with open(f"{b.rootfs}/etc/one", encoding="utf-8") as f:
        equal(f.read(), "after\n")
    with open(f"{b.rootfs}/etc/two", encoding="utf-8") as f:
        equal(f.read(), "before")
    equal(os.listdir(f"{b.rootfs}/mnt"), [])
    equal(os.listdir(f"{b.rootfs}/tmp"), ["d"])


@test
def renaming_between_folders(b):
    confine(b, 3, write=["/tmp", "/mnt"], **PROGRAMS)
    equal(b.output("mkdir /tmp/a /tmp/b; echo x >/tmp/a/f; ln /tmp/a/f /mnt/f && cat /mnt/f"), "x")


@test
def executing(b):
    confine(b, 3, read=["/"], write=["/dev"], execute=["/bin"])
    os.mkdir(f"{b.rootfs}/mnt/links")
    os.symlink("../../bin/busybox", f"{b.rootfs}/mnt/links/echo")
    subprocess.run(["cp", "/bin/busybox", f"{b.rootfs}/mnt/echo"], check=True)
    out = b.run("/mnt/echo copied; /mnt/links/echo linked; /bin/echo plain")
    contains(out.out, "linked", "plain")
    contains(out.err, "/mnt/echo: Permission denied")


@test
def the_program_itself_needs_leave(b):
    confine(b, 3, read=["/"], execute=["/mnt"])
    done = b.run("true")
    assert done.code != 0
    contains(done.err, "/bin/sh", "ermission denied")


@test
def nothing_listed_is_nothing_allowed(b):
    confine(b, 3, read=[], execute=["/bin"])
    contains(b.run("ls /").err, "Permission denied")


@test
def ports(b):
    confine(b, 4, bindTcp=[7001], connectTcp=[7002])
    out = b.run("nc -l -p 7001 </dev/null & sleep 0.3; nc -l -p 7003 2>&1; "
                "nc 127.0.0.1 7001 </dev/null 2>&1; nc 127.0.0.1 7002 </dev/null 2>&1; "
                "kill %1").out.lower()
    contains(out, "bind: permission denied", "(127.0.0.1): permission denied",
             "(127.0.0.1): connection refused")


@test
def only_what_is_named_is_confined(b):
    confine(b, 4, connectTcp=[])
    equal(b.output("echo x >/etc/new; cat /etc/new"), "x")


@test
def signals_stay_inside(b):
    confine(b, 6, scoped=["signal"])
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    with subprocess.Popen(["sleep", "1000"]) as outside:
        out = b.run(f"kill -0 {outside.pid}; sleep 1000 & kill $! && echo own")
        outside.kill()
    contains(out.out, "own")
    contains(out.err, "not permitted")


@test
def abstract_sockets_stay_inside(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
    name = f"rt-e2e-{os.getpid()}"
    subprocess.run(["cp", "/usr/bin/perl", f"{b.rootfs}/bin/perl"], check=True)
    for lib in ("/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu"):
        if not os.path.exists(lib):
            raise Skip("perl of this machine lies elsewhere")
    os.makedirs(f"{b.rootfs}/lib64")
    os.makedirs(f"{b.rootfs}/lib/x86_64-linux-gnu")
    for path in ("/lib64", "/lib/x86_64-linux-gnu"):
        b.add_mount(path, type="bind", source=path, options=["bind", "ro"])
    connect = (f'/bin/perl -e \'socket(S,1,1,0); connect(S, pack("Sa*",1,"\\0{name}")) '
               'or die "$!\\n"; print "connected\\n"\'')
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        equal(b.output(connect), "connected")
        confine(b, 6, scoped=["abstractUnixSocket"])
        contains(b.run(connect).err, "not permitted")


@test
def exec_is_confined_too(b):
    confine(b, 3, write=["/tmp"], **PROGRAMS)
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    equal(b.rt("exec", b.id, "touch", "/tmp/yes").code, 0)
    contains(b.rt("exec", b.id, "touch", "/etc/no").err, "Permission denied")
    process = {"cwd": "/", "args": ["/bin/true"], "user": {"uid": 0, "gid": 0}}
    with open(f"{b.dir}/process.json", "w", encoding="utf-8") as f:
        json.dump(process, f)
    done = b.rt("exec", "--process", f"{b.dir}/process.json", b.id)
    assert done.code != 0
    contains(done.err, "rt.landlock", "noNewPrivileges")


@test
def another_user_and_a_filter(b):
    confine(b, 3, write=["/tmp"], **PROGRAMS)
    b.process["user"] = {"uid": 1000, "gid": 1000}
    b.process["capabilities"] = {}
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["landlock_restrict_self", "landlock_create_ruleset"],
         "action": "SCMP_ACT_KILL_PROCESS"}]}
    equal(b.output("touch /tmp/x && echo yes"), "yes")


@test
def mounting_is_over(b):
    confine(b, 3, write=["/"], **PROGRAMS)
    b.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in
                                 ("bounding", "effective", "permitted")}
    contains(b.run("mount -t tmpfs none /mnt").err, "ermission denied")


@test
def a_place_that_is_not_there_is_a_warning(b):
    confine(b, 3, write=["/nowhere"], **PROGRAMS)
    done = b.run("echo in")
    equal((done.code, done.out), (0, "in\n"))
    contains(done.err, "/nowhere")


@test
def what_cannot_be_meant_is_refused(b):
    confine(b, 1, red=["/"])
    b.refused("rt.landlock", "red", "unknown key")
    confine(b, 1, read="/")
    b.refused("rt.landlock", "/read")
    confine(b, 1, read=["tmp"])
    b.refused("rt.landlock", "/read/0", "absolute")
    confine(b, 1, bindTcp=[70000])
    b.refused("rt.landlock", "bindTcp/0", "70000")
    confine(b, 1, scoped=["everything"])
    b.refused("rt.landlock", "everything")
    b.config["annotations"] = {"rt.landlock": "read=/"}
    b.refused("rt.landlock")
    confine(b, 3, read=["/"])
    b.process["noNewPrivileges"] = False
    b.refused("rt.landlock", "noNewPrivileges")
    b.leaves_nothing()


@test
def what_the_kernel_has_not_yet(b):
    confine(b, 1, read=["/etc"], execute=["/bin"], scoped=["signal"], bestEffort=True)
    done = b.run("ls /mnt; echo on")
    equal((done.code, done.out), (0, "on\n"))
    contains(done.err, "Permission denied")
    if version() < 6:
        contains(done.err, "scopes cannot be confined here")
        confine(b, 1, scoped=["signal"])
        b.refused("rt.landlock", "scopes cannot be confined", "bestEffort")
    else:
        assert "cannot be confined" not in done.err, done.err


def without_landlock(error):
    """For a process before its exec: landlock_create_ruleset(2) fails, as by such a kernel."""
    load_number, is_it, give, allow = 0x20, 0x15, 0x06, 0x7fff0000
    code = struct.pack("=" + "HBBI" * 4, load_number, 0, 0, 0, is_it, 0, 1, 444, give, 0, 0,
                       0x50000 | error, give, 0, 0, allow)

    def load():
        program = ctypes.create_string_buffer(code)
        libc = ctypes.CDLL(None, use_errno=True)
        fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(program)))
        if libc.prctl(22, 2, ctypes.byref(fprog), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")
    return load


@test
def a_kernel_without_it(b):
    if sys.maxsize < 2**32:
        raise Skip("the filter that stands for such a kernel is for 64 bits")
    b.process["noNewPrivileges"] = True
    for error in (errno.ENOSYS, errno.EOPNOTSUPP):
        kernel = {"preexec_fn": without_landlock(error)}
        b.config["annotations"] = {"rt.landlock": json.dumps({"read": ["/"]})}
        done = b.run("echo in", **kernel)
        assert done.code != 0, done.out
        contains(done.err, "rt.landlock", "no Landlock", "CONFIG_SECURITY_LANDLOCK")
        b.config["annotations"] = {"rt.landlock": json.dumps({"read": [], "bestEffort": True})}
        done = b.run("ls -d /bin", **kernel)
        equal((done.code, done.out), (0, "/bin\n"))
        contains(done.err, "cannot be confined")
        equal(json.loads(b.rt("features", **kernel).out)["annotations"]["rt.landlock.abi"], "0")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the runtime writes to /proc, labels and sysctls, must not land elsewhere. There need be no
AppArmor here: the test has the runtime believe so, and looks where it writes."""

import contextlib
import json
import os
import subprocess

from security import main, row

PROFILE = "rt-test-profile"
FAKE = "self/attr/exec"  # below what stands for /proc


@contextlib.contextmanager
def apparmor():
    """The runtime finds AppArmor enabled. In our own mount namespace."""
    subprocess.run(["mount", "-t", "tmpfs", "fake", "/sys/module"], check=True)
    try:
        os.makedirs("/sys/module/apparmor/parameters")
        with open("/sys/module/apparmor/parameters/enabled", "w", encoding="ascii") as f:
            f.write("Y\n")
        yield
    finally:
        subprocess.run(["umount", "/sys/module"], check=True)


def fake_proc(c):
    """A volume that looks like what a label is written to."""
    volume = os.path.join(c.dir, "volume")
    for name in (FAKE, "self/attr/apparmor/exec", "thread-self/attr/exec"):
        os.makedirs(os.path.join(volume, os.path.dirname(name)), exist_ok=True)
        c.write_file(os.path.join(volume, name), "")
    return volume


def label_in(folder):
    for top, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(top, name), encoding="utf-8") as f:
                text = f.read()
            if PROFILE in text:
                return f"{name} in place of /proc's has {text!r}"
    return None


@row("CVE-2019-16884")
def volume_over_proc(c):
    volume = fake_proc(c)
    c.process["apparmorProfile"] = PROFILE
    bind = {"type": "bind", "source": volume, "options": ["bind"]}
    with apparmor():
        for destinations in (["/proc"], ["/proc/self"], ["/proc", "/proc/"]):
            c.without_mount("/proc", "/proc/self", "/proc/")
            if destinations[0] != "/proc":
                c.config["mounts"].insert(0, {"destination": "/proc", "type": "proc"})
            for d in destinations:
                c.add_mount(d, **bind)
            c.run("true")
            found = label_in(volume)
            if found:
                return found
    return None


@row("covered-proc")
def volume_on_a_link_to_proc(c):
    """A volume's place is a symlink of the image to a part of /proc."""
    volume = os.path.join(c.dir, "volume")
    os.mkdir(volume)
    c.write_file(f"{volume}/mark", "of the volume")
    c.image_link("data", "proc")
    for below in ("sys", "self", "tty"):
        c.config["mounts"] = [m for m in c.config["mounts"] if "/data" not in m["destination"]]
        c.add_mount(f"/data/{below}", type="bind", source=volume, options=["bind"])
        done = c.run(f"cat /proc/{below}/mark /proc/1/mark")
        if "of the volume" in done.out:
            return f"/proc/{below} is the volume"
    return None


def in_running(c, prepare):
    """A container that has put up its own /proc; then an exec with a profile."""
    c.running(prepare + "; touch /ready; exec sleep 60")
    path = os.path.join(c.dir, "process.json")
    c.write_file(path, json.dumps({
        "cwd": "/", "args": ["/bin/true"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
        "apparmorProfile": PROFILE}))
    assert c.appears("ready"), "the container could not prepare"
    with apparmor():
        c.rt("exec", "--process", path, c.id)


@row("label-handle", userns=False)
def proc_of_the_container(c):
    os.chmod(c.rootfs, 0o777)
    os.mkdir(c.inside("real"))
    in_running(c, "mount -t proc none /real; mount -t tmpfs none /proc; "
                  "mkdir -p /proc/self/attr/apparmor; : >/proc/self/attr/exec; "
                  ": >/proc/self/attr/apparmor/exec")
    return label_in(f"/proc/{c.pid()}/root/proc")


@row("CVE-2025-62596", userns=False)
def another_file_of_proc(c):
    """The fake /proc has a real file of /proc bound where the label goes, so that to look at the
    type of its file system does not help."""
    c.config["linux"]["namespaces"].append({"type": "cgroup"})
    os.mkdir(c.inside("real"))
    os.chmod(c.rootfs, 0o777)
    in_running(c, "mount -t proc none /real; mount -t tmpfs none /proc; "
                  "mkdir -p /proc/self/attr/apparmor /proc/self/task/1/attr; "
                  "for f in exec apparmor/exec; do : >/proc/self/attr/$f; "
                  "mount -o bind /real/sys/kernel/domainname /proc/self/attr/$f; done")
    done = c.exec("/bin/cat", "/real/sys/kernel/domainname")
    return f"domainname is {done.out!r}" if PROFILE in done.out else None


@row("CVE-2025-52881")
def sysctl_elsewhere(c):
    """Between the mounts and the writing of sysctls another container exchanges what is there: a
    hook does so here, at the worst of times."""
    hook = os.path.join(c.dir, "hook")
    target = f"{c.rootfs}/proc/sys/net/ipv4"
    c.write_file(hook, f"#!/bin/sh\nmount -t tmpfs none {target} && "
                       f"ln -s /proc/sys/kernel/domainname {target}/ip_forward\n")
    os.chmod(hook, 0o755)
    c.config["hooks"] = {"createContainer": [{"path": hook}]}
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    done = c.run("cat /proc/sys/kernel/domainname")
    assert not c.is_rt or done.code == 0, done.err
    return "the sysctl is in domainname" if done.out.strip() == "1" else None


@row("moved-proc", rootless=False)
def proc_moved_before_masks(c):
    """The root file system is shared: when /proc and /sys stand, and before masks are made, the
    directories get other names on the host, where they are but directories. A hook does so."""
    hook = os.path.join(c.dir, "hook")
    c.write_file(hook, f"#!/bin/sh\ncd {c.rootfs}\nfor d in proc sys; do mv $d seen-$d; "
                       "mkdir -m 755 $d $d/kernel; : >$d/keys; done\n")
    os.chmod(hook, 0o755)
    c.config["hooks"] = {"createRuntime": [{"path": hook}]}
    c.add_mount("/sys", type="sysfs", source="sysfs", options=["ro"])
    c.linux["maskedPaths"] = ["/proc/keys", "/sys/kernel"]
    c.linux["readonlyPaths"] = ["/proc/sys"]
    done = c.run("wc -c </seen-proc/keys; ls /seen-sys/kernel | wc -l; "
                 "grep -c ' /seen-proc/sys ro' /proc/self/mountinfo /seen-proc/self/mountinfo")
    lines = done.out.split()
    if not lines or not os.path.isdir(c.inside("seen-proc")):
        assert not c.is_rt, done.err
        return None
    return f"no masks: {done.out}" if lines[:2] != ["0", "0"] or ":1" not in done.out else None


@row("confined-check")
def nearly_unconfined(c):
    """Without AppArmor only the very word may be ignored."""
    for name in ("unconfined_rt", "unconfined (enforce)", "unconfined//child", "unconfined\n"):
        c.process["apparmorProfile"] = name
        done = c.run("echo runs")
        if "runs" in done.out:
            return f"profile {name!r} was ignored"
    return None


if __name__ == "__main__":
    main()

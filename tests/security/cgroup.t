#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host's cgroups, names that become paths there, and annotations. A cgroup of the test stands
beside the container's for all that is not the container's."""

import contextlib
import json
import os
import re
import shutil

from security import Skip, USER, main, row


def cgroups():
    """[(mount point, file system type)]"""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        lines = [x.split() for x in f]
    return [(w[4], w[w.index("-") + 1]) for w in lines if w[w.index("-") + 1].startswith("cgroup")]


@contextlib.contextmanager
def victim(c, mount_point, owner=0):
    """A cgroup of the host, to be left alone."""
    path = os.path.join(mount_point, f"{c.id}-victim")
    try:
        os.mkdir(path)
    except OSError as x:
        raise Skip(f"no cgroup can be made in {mount_point}: {x.strerror}") from x
    try:
        for name in (".", "cgroup.procs"):
            os.chown(os.path.join(path, name), owner, owner)
        yield path
    finally:
        mounts = {m for m, _ in cgroups()}
        for other in mounts:  # a runtime that was led here has made it everywhere
            for top, _, _ in os.walk(os.path.join(other, os.path.basename(path)), topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(top)
        for above in {os.path.dirname(m) for m in mounts} - mounts:  # and files where no cgroup is
            shutil.rmtree(os.path.join(above, os.path.basename(path)), ignore_errors=True)


def some_cgroup():
    found = cgroups()
    if not found:
        raise Skip("no cgroups are mounted")
    v1 = [m for m, kind in found if kind == "cgroup" and "pids" in m]
    return v1[0] if v1 else found[0][0]


def unified():
    found = [m for m, kind in cgroups() if kind == "cgroup2"]
    if not found:
        raise Skip("no cgroup2 is mounted")
    return found[0]


@row("CVE-2023-25809", userns=False)
def cgroups_of_a_user(c):
    """A container of a user without root and without a cgroup namespace sees the host's /sys: what
    the user may write there, the container may not."""
    where = some_cgroup()
    options = {"rbind ro": ["rbind", "ro", "nosuid"], "ro": ["rbind", "nosuid", "ro", "rprivate"]}
    for words, opts in options.items():
        with victim(c, where, USER) as path:
            c.without_mount("/sys", "/sys/fs/cgroup")
            c.linux["namespaces"] = [n for n in c.linux["namespaces"]
                                     if n["type"] != "network"]
            c.add_mount("/sys", type="none", source="/sys", options=opts)
            script = f"mkdir {path}/made && echo made"
            if c.runtime.name == "naive":
                c.add_mount("/sys/fs/cgroup", type="cgroup", source="cgroup", options=["ro"])
                done = c.run(script)
            else:
                done = c.run_as_user(script)
            if os.path.isdir(f"{path}/made"):
                return f"{words}: wrote to {path}"
            assert not c.is_rt or "Read-only" in done.err, done.err
    return None


@row("page-size-path")
def names_of_settings(c):
    mount_point = unified()
    for key in ("cgroup.max.depth", "cgroup.max.descendants"):
        with victim(c, mount_point) as path:
            before = read(f"{path}/{key}")
            name = f"{c.id}-victim"
            for resources in ({"unified": {f"../{name}/{key}": "7"}},
                              {"unified": {f"./../{name}/{key}": "7"}},
                              {"hugepageLimits": [{"pageSize": f"/../../{name}/{key}/",
                                                   "limit": 7}]},
                              {"rdma": {f"../{name}": {"hcaHandles": 3}}}):
                c.linux["resources"] = resources
                done = c.run("echo runs")
                if read(f"{path}/{key}") != before:
                    return f"{resources} set {key}"
                if c.is_rt and "unified" in resources and "runs" in done.out:
                    return f"{resources} was ignored"
    return None


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@row("identifier")
def names_of_containers(c):
    """The id is one component of a path and one word of a log."""
    c.write()
    os.mkdir(c.state)
    with c.watching_outside() as changed:
        for name in ("../outside/made", "a/../../outside/made", "..", ".", "/tmp/x", "x\ny", "x y",
                     "x" * 1100):
            done = c.rt("create", "--bundle", c.dir, name)
            if c.is_rt and done.code == 0:
                return f"id {name!r} was taken"
            hit = changed()
            c.rt("delete", "--force", name)
            if hit:
                return hit
    mount_point = some_cgroup()
    with victim(c, mount_point) as path:
        for where in (f"/x/../{c.id}-victim/in", f"../{c.id}-victim/in", f"/../{c.id}-victim/in"):
            c.linux["cgroupsPath"] = where
            done = c.run("cat /proc/self/cgroup")
            if c.is_rt and f"{c.id}-victim/in" in done.out:
                return f"cgroupsPath {where} led to {path}"
    return None


@row("exec-cgroup", rootless=False)
def other_cgroup(c):
    mount_point = some_cgroup()
    with victim(c, mount_point) as path:
        c.running()
        for sub in (f"../{c.id}-victim", f"/../{c.id}-victim", f"pids:../{c.id}-victim",
                    f"x/../../{c.id}-victim", "..", "/"):
            done = c.exec("/bin/cat", "/proc/self/cgroup", options=["--cgroup", sub])
            if f"{c.id}-victim" in done.out:
                return f"--cgroup {sub} led to {path}"
            own = c.linux["cgroupsPath"]
            if c.is_rt and done.code == 0 and sub != "/" and own not in done.out:
                return f"--cgroup {sub} left {own}: {done.out}"
    return None


def is_refused(c, key):
    c.config["annotations"] = {key: "1"}
    done = c.run("true")
    return done.code != 0 and key in done.err


@row("CVE-2024-3154")
def listed_annotations(c):
    """What the program knows of annotations it lists as unsafe, or refuses."""
    with open(c.runtime.file, "rb") as f:
        text = f.read().decode("latin1")
    known = set(re.findall(r"\b(?:run\.oci\.[a-z0-9_.-]*[a-z0-9]|org\.systemd\.property\.)", text))
    done = c.rt("features")
    listed = []
    if done.code == 0:
        listed = json.loads(done.out).get("potentiallyUnsafeConfigAnnotations", [])
    missing = sorted(k for k in known if not is_listed(k, listed) and not is_refused(c, k))
    assert not c.is_rt or known, "no annotation is known"
    return f"not listed: {missing}" if missing else None


def is_listed(key, listed):
    return any(key == x or (x.endswith(".") and key.startswith(x)) for x in listed)


if __name__ == "__main__":
    main()

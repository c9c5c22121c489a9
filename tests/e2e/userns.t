#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""User namespaces: id maps, joined ones, id-mapped mounts; and time offsets, user_namespaces(7)."""

import os
import subprocess

from harness import RT, Skip, contains, equal, main, test


def maps(*lines):
    return [dict(zip(("containerID", "hostID", "size"), line)) for line in lines]


def userns(b, *lines):
    b.add_namespace("user")
    b.linux["uidMappings"] = b.linux["gidMappings"] = maps(*lines)
    os.chmod(b.dir, 0o755)


class Holder:
    """A user namespace of somebody else's, and what it owns."""

    def __init__(self, *extra):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            ["unshare", "-U", *extra, "sh", "-c", "echo made; read go; echo on; exec sleep 1000"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline(), "made\n")
        self.pid = self.process.pid

    def map(self, *lines):
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/{self.pid}/{kind}", "w", encoding="utf-8") as f:
                f.write("".join("%d %d %d\n" % line for line in lines))
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), "on\n")
        return self

    def path(self, kind):
        return f"/proc/{self.pid}/ns/{kind}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def words(text):
    return [line.split() for line in text.splitlines()]


@test
def maps_are_written_line_by_line(b):
    userns(b, (0, 100000, 1000), (1000, 0, 1), (2000, 200000, 10))
    out = b.output("cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups")
    lines = [["0", "100000", "1000"], ["1000", "0", "1"], ["2000", "200000", "10"]]
    equal(words(out), lines + lines + [["allow"]])


@test
def what_root_inside_makes_is_its_hosts_outside(b):
    userns(b, (0, 100000, 1000))
    os.chown(f"{b.rootfs}/mnt", 100000, 100000)
    equal(b.output("touch /mnt/a; stat -c %u:%g /mnt/a; id -u"), "0:0\n0")
    st = os.stat(f"{b.rootfs}/mnt/a")
    equal((st.st_uid, st.st_gid), (100000, 100000))


@test
def users_and_groups_inside(b):
    userns(b, (0, 100000, 2000))
    b.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6]}
    equal(b.output("id -u; id -g; id -G"), "1000\n1001\n1001 5 6")
    b.process["user"] = {"uid": 2000, "gid": 0}
    b.refused("process.user", "2000", "no mapping")
    b.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [5000]}
    b.refused("additionalGids", "no mapping")


@test
def without_root_inside(b):
    userns(b, (1000, 100000, 1))
    b.process["user"] = {"uid": 1000, "gid": 1000}
    equal(b.output("id -u; cat /proc/self/uid_map").split(), ["1000", "1000", "100000", "1"])
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    equal(b.rt("exec", b.id, "id", "-u").out, "1000\n")


@test
def maps_are_needed_and_sound(b):
    b.add_namespace("user")
    b.refused("Mappings")
    b.linux["uidMappings"] = b.linux["gidMappings"] = maps((0, 0, 0))
    b.refused("Mappings")
    b.linux["uidMappings"] = b.linux["gidMappings"] = maps((0, 1000, 10), (5, 2000, 10))
    b.refused("Mappings")
    b.linux["uidMappings"] = maps((0, 100000, 1))
    del b.linux["gidMappings"]
    b.refused("gidMappings")
    b.leaves_nothing()


@test
def a_joined_one(b):
    with Holder().map((0, 100000, 1000)) as holder:
        b.add_namespace("user", path=holder.path("user"))
        os.chmod(b.dir, 0o755)
        equal(os.readlink(holder.path("user")), b.output("readlink /proc/self/ns/user"))
        b.config["hostname"] = "inside"
        equal(b.output("hostname; hostname other && hostname; id -u"), "inside\nother\n0")
        b.linux["uidMappings"] = b.linux["gidMappings"] = maps((0, 100000, 1000))
        equal(words(b.output("cat /proc/self/uid_map")), [["0", "100000", "1000"]])


@test
def joined_with_what_it_owns(b):
    with Holder("-u", "-n").map((0, 100000, 1000)) as holder:
        os.chmod(b.dir, 0o755)
        b.linux["namespaces"] = [{"type": t} for t in ("pid", "ipc", "mount")]
        for kind, name in (("user", "user"), ("uts", "uts"), ("network", "net")):
            b.add_namespace(kind, path=holder.path(name))
        out = b.output("readlink /proc/self/ns/uts; readlink /proc/self/ns/net; hostname joined")
        equal(out.split(), [os.readlink(holder.path("uts")), os.readlink(holder.path("net"))])


@test
def exec_enters_it(b):
    userns(b, (0, 100000, 2000))
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    done = b.rt("exec", "--user", "1000:1001", b.id, "sh", "-c",
                "id -u; id -g; cat /proc/self/uid_map")
    equal(done.out.split(), ["1000", "1001", "0", "100000", "2000"])


def mapped_source(b, owner):
    source = f"{b.dir}/source"
    os.makedirs(f"{source}/sub")
    for path in (source, f"{source}/f", f"{source}/sub"):
        if path.endswith("f"):
            with open(path, "w", encoding="utf-8") as f:
                f.write("x")
        os.chown(path, owner, owner)
    return source


@test
def a_mount_mapped_like_the_container(b):
    userns(b, (0, 100000, 2000))
    source = mapped_source(b, 7)
    b.add_mount("/mnt", source=source, options=["bind"])
    equal(b.output("stat -c %u /mnt/f"), "65534")
    b.config["mounts"][-1]["options"] = ["bind", "idmap"]
    done = b.run("stat -c %u /mnt/f; touch /mnt/new; stat -c %u /mnt/new")
    if "idmap" in done.err and "nvalid" in done.err:
        raise Skip("the file system of /tmp has no id mappings")
    equal(done.out.split(), ["7", "0"])
    equal(os.stat(f"{source}/new").st_uid, 0)


@test
def a_mount_with_a_map_of_its_own(b):
    userns(b, (0, 100000, 2000))
    source = mapped_source(b, 7)
    own = maps((7, 100042, 1))
    b.add_mount("/mnt", source=source, options=["bind", "idmap"], uidMappings=own, gidMappings=own)
    equal(b.output("stat -c %u:%g /mnt/f"), "42:42")


@test
def mapped_with_and_without_what_is_mounted_below(b):
    source = mapped_source(b, 7)
    below = f"{source}/sub"
    script = f"mount -t tmpfs -o uid=7,mode=755 none {below} && touch {below}/g && " \
             f"chown 7:7 {below}/g && exec \"$@\""
    own = maps((7, 42, 1))
    for option, expected in (("idmap", "42 7"), ("ridmap", "42 42")):
        b.config["mounts"] = b.config["mounts"][:3]
        b.add_mount("/mnt", source=source, options=["rbind", option], uidMappings=own,
                    gidMappings=own)
        b.process["args"] = ["/bin/sh", "-c", "echo $(stat -c %u /mnt/f /mnt/sub/g)"]
        b.write()
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script,
                               "sh", RT, "--root", b.state, "run", "--bundle", b.dir, b.id],
                              capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if option == "ridmap" and "id mapped mounts" in done.stderr:
            raise Skip("tmpfs has no id mappings, as before Linux 6.3")
        equal((done.stdout.strip(), done.stderr), (expected, ""))


@test
def time_is_set_off(b):
    b.add_namespace("time")
    b.linux["timeOffsets"] = {"boottime": {"secs": 864000, "nanosecs": 5},
                              "monotonic": {"secs": -1}}
    out = b.output("cat /proc/self/timens_offsets; cat /proc/uptime")
    equal(words(out)[:2], [["monotonic", "-1", "0"], ["boottime", "864000", "5"]])
    assert float(words(out)[2][0]) > 864000, out
    userns(b, (0, 100000, 2000))
    equal(words(b.output("cat /proc/self/timens_offsets")),
          [["monotonic", "-1", "0"], ["boottime", "864000", "5"]])


@test
def time_of_a_joined_namespace_cannot_be_set_off(b):
    b.add_namespace("time", path="/proc/self/ns/time")
    b.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    b.refused("/linux/timeOffsets")
    del b.linux["timeOffsets"]
    b.linux["namespaces"].pop()
    with subprocess.Popen(["unshare", "-T", "--boottime", "1000000", "sleep", "1000"]) as holder:
        path = f"/proc/{holder.pid}/ns/time_for_children"
        offsets = ""
        while "1000000" not in offsets and holder.poll() is None:
            with open(f"/proc/{holder.pid}/timens_offsets", encoding="utf-8") as f:
                offsets = f.read()
        b.add_namespace("time", path=path)
        out = b.output("cat /proc/self/timens_offsets")
        holder.kill()
    contains(out, "1000000")


main()

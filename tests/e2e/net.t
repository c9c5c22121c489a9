#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The loopback device and /linux/netDevices. The host's part is played by a network namespace of
this test's own."""

import ctypes
import json
import os
import shutil
import subprocess

from harness import Skip, contains, equal, main, test

CLONE_NEWNET = 0x40000000


def ip(*args):
    done = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(args)}: {done.stderr}"
    return done.stdout


def links():
    return [d["ifname"] for d in json.loads(ip("-j", "link"))]


def pair(b):
    """Two devices that are connected, named for this container; undone by the next call."""
    if not shutil.which("ip"):
        raise Skip("no ip")
    for name in links():
        if name.startswith("rte"):
            subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)
    if subprocess.run(["ip", "link", "add", "rte0", "type", "veth", "peer", "name", "rte1"],
                      capture_output=True, check=False).returncode:
        raise Skip("this kernel has no veth")
    b.linux["netDevices"] = {"rte0": {}}
    return "rte0", "rte1"


def addresses(text):
    return [line.split()[1] for line in text.splitlines() if line.strip().startswith("inet")]


@test
def the_loopback_device_is_up(b):
    out = b.output("ip addr show lo")
    contains(out, "UP,LOWER_UP", "127.0.0.1/8")
    assert "UP" not in ip("-o", "link", "show", "up"), "a device of the host was changed"


@test
def without_a_namespace_it_is_left_alone(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
    assert ",UP" not in b.output("ip link show lo")


@test
def in_a_named_namespace_it_is_left_alone(b):
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 60"],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    for n in b.linux["namespaces"]:
        if n["type"] == "network":
            n["path"] = f"/proc/{holder.pid}/ns/net"
    try:
        assert ",UP" not in b.output("ip link show lo")
    finally:
        holder.kill()
        holder.wait()


@test
def a_device_moves_with_its_addresses(b):
    name, _ = pair(b)
    ip("addr", "add", "10.9.8.7/24", "brd", "+", "dev", name)
    ip("addr", "add", "10.9.8.9/24", "dev", name)
    ip("addr", "add", "10.7.0.1", "peer", "10.7.0.2/32", "dev", name)
    ip("link", "set", name, "mtu", "1400", "address", "02:00:00:11:22:33")
    b.linux["netDevices"] = {name: {"name": "eth7"}}
    out = b.output("ip addr show eth7")
    equal(sorted(a for a in addresses(out) if ":" not in a), ["10.7.0.1", "10.9.8.7/24",
                                                              "10.9.8.9/24"])
    contains(out, "UP", "mtu 1400", "02:00:00:11:22:33", "brd 10.9.8.255", "peer 10.7.0.2/32")


@test
def the_name_may_stay(b):
    name, _ = pair(b)
    contains(b.output(f"ip link show {name}"), "UP")


@test
def several_devices_move(b):
    one, two = pair(b)
    b.linux["netDevices"] = {one: {"name": "a0"}, two: {"name": "b0"}}
    out = b.output("ip -o link")
    contains(out, " a0", " b0")
    equal([n for n in links() if n != "lo"], [])


@test
def it_is_there_before_the_program_and_hooks(b):
    name, _ = pair(b)
    b.config["hooks"] = {"createContainer": [
        {"path": "/bin/sh", "env": ["PATH=/usr/sbin:/sbin:/usr/bin:/bin"],
         "args": ["sh", "-c", f"ip -o link show up >{b.dir}/links"]}]}
    equal(b.run("true").code, 0)
    with open(f"{b.dir}/links", encoding="utf-8") as f:
        contains(f.read(), f" {name}@")


@test
def a_template_finds_a_free_name(b):
    one, two = pair(b)
    b.linux["netDevices"] = {one: {"name": "eth%d"}, two: {"name": "eth%d"}}
    contains(b.output("ip -o link"), " eth0", " eth1")


@test
def a_name_that_is_taken_is_an_error(b):
    name, other = pair(b)
    b.linux["netDevices"] = {name: {"name": "lo"}}
    b.refused(f"/linux/netDevices/{name}", "lo already")
    b.linux["netDevices"] = {name: {"name": "x0"}, other: {"name": "x0"}}
    b.refused("/linux/netDevices", "x0")
    equal(sorted(links()), sorted(["lo", name, other]))
    b.leaves_nothing()


@test
def a_device_that_is_not_there_is_an_error(b):
    pair(b)
    b.linux["netDevices"] = {"rte-none": {}}
    b.refused("/linux/netDevices/rte-none", "no network device")
    b.leaves_nothing()


@test
def a_bad_name_is_an_error(b):
    name, _ = pair(b)
    for bad in ("a/b", "sixteen-bytes-xx", "a b", "a%s", ".."):
        b.linux["netDevices"] = {name: {"name": bad}}
        b.refused(f"/linux/netDevices/{name}", bad)


@test
def a_namespace_of_its_own_is_needed(b):
    pair(b)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
    b.refused("/linux/netDevices", "network namespace")


@test
def a_failed_creation_gives_the_devices_back(b):
    name, other = pair(b)
    ip("addr", "add", "10.9.8.7/24", "dev", name)
    ip("link", "set", name, "up")
    b.linux["netDevices"] = {name: {"name": "eth0"}, other: {}}
    b.process["args"] = ["/nonexistent"]
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id)
    assert done.code != 0
    contains(done.err, "/nonexistent")
    equal(sorted(links()), sorted(["lo", name, other]))
    contains(ip("addr", "show", name), "10.9.8.7/24", ",UP")
    assert ",UP" not in ip("link", "show", other)
    b.leaves_nothing()


@test
def a_device_goes_into_a_named_namespace(b):
    name, _ = pair(b)
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 60"],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    for n in b.linux["namespaces"]:
        if n["type"] == "network":
            n["path"] = f"/proc/{holder.pid}/ns/net"
    b.linux["netDevices"] = {name: {"name": "eth0"}}
    try:
        contains(b.output("ip -o link"), " eth0@")
        # It is the namespace's now, also when the container is gone.
        done = subprocess.run(["nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip", "-o", "link"],
                              capture_output=True, text=True, check=True)
        contains(done.stdout, " eth0@")
        assert name not in links()
    finally:
        holder.kill()
        holder.wait()


@test
def a_device_goes_into_a_user_namespace_too(b):
    name, _ = pair(b)
    b.add_namespace("user")
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    b.linux["uidMappings"] = b.linux["gidMappings"] = mapping
    ip("addr", "add", "10.9.8.7/24", "dev", name)
    for path in (b.dir, b.rootfs):
        os.chmod(path, 0o755)
    contains(b.output(f"ip addr show {name} && ip link set {name} down"), "10.9.8.7/24")


@test
def exec_is_not_concerned(b):
    name, _ = pair(b)
    b.process["args"] = ["/bin/sleep", "60"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    done = b.rt("exec", b.id, "ip", "-o", "link", "show", name)
    equal((done.code, done.err), (0, ""))
    contains(done.out, f" {name}@")


if __name__ == "__main__":
    if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise SystemExit(f"unshare: {os.strerror(ctypes.get_errno())}")
    main()

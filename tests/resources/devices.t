#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Device rules and limits of block I/O, felt inside: on v1 as devices.list has them, on v2 by the
program that is attached to the cgroup."""

import ctypes
import errno
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import Created, Disk, backend, is_rt  # noqa: E402

from harness import Skip, contains, equal, main, test  # noqa: E402

DENY = {"allow": False, "access": "rwm"}
CAPS = {k: ["CAP_MKNOD", "CAP_DAC_OVERRIDE"] for k in ("bounding", "effective", "permitted")}
OPEN = """
import errno, json, os, sys
ways = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
def can(kind, major, minor, way):
    path = "/tmp/node"
    if os.path.exists(path):
        os.unlink(path)
    try:
        os.mknod(path, (0o060000 if kind == "b" else 0o020000) | 0o666, os.makedev(major, minor))
        if way != "m":
            os.close(os.open(path, ways[way] | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError as x:
        return errno.errorcode[x.errno]
    return "yes"
print(json.dumps([can(*q) for q in json.loads(sys.argv[1])]))
"""


def allow(kind=None, major=None, minor=None, access="rwm", to=True):
    rule = {"allow": to, "access": access}
    for key, value in (("type", kind), ("major", major), ("minor", minor)):
        if value is not None:
            rule[key] = value
    return rule


def deny(*args, **kw):
    return allow(*args, to=False, **kw)


def with_python(b):
    b.add_mount("/usr", type="bind", source="/usr", options=["rbind", "ro"])
    os.makedirs(f"{b.rootfs}/usr", exist_ok=True)
    for name in ("lib", "lib64"):
        if not os.path.lexists(f"{b.rootfs}/{name}"):
            os.symlink(f"usr/{name}", f"{b.rootfs}/{name}")


def prepare(b, rules):
    if not os.path.exists(f"{b.rootfs}/usr"):
        with_python(b)
    b.process["capabilities"] = CAPS
    b.linux["resources"] = {"devices": rules} if rules is not None else {}


def ask(b, rules, *questions):
    """What a container with these rules can do: "yes" or the error, by (type, major, minor,
    way)."""
    prepare(b, rules)
    b.process["args"] = ["/usr/bin/python3", "-c", OPEN, json.dumps(questions)]
    b.write()
    done = b.rt("run", "--bundle", b.dir, b.id)
    equal((done.code, done.err), (0, ""))
    return json.loads(done.out)


def check(b, rules, expected):
    got = dict(zip(expected, ask(b, rules, *expected)))
    equal(got, expected)


# ---- rules ----

@test
def what_no_rule_allows_is_denied(b):
    with Disk(b) as d:
        for rules in (None, [], [DENY]):
            check(b, rules, {("b", d.major, d.minor, "r"): "EPERM",
                             ("b", d.major, d.minor, "w"): "EPERM",
                             ("c", 1, 1, "r"): "EPERM", ("c", 10, 237, "r"): "EPERM"})


@test
def usual_devices_are_there(b):
    usual = [("c", 1, n, "rw") for n in (3, 5, 7, 8, 9)]
    check(b, [DENY], {q: "yes" for q in usual})
    # No terminal is there, and no devpts beside the node: later errors than that of a denial.
    equal(ask(b, [DENY], ("c", 5, 0, "rw"), ("c", 5, 2, "rw")), ["ENXIO", "ENOENT"])


@test
def nodes_can_be_made_of_what_cannot_be_opened(b):
    check(b, [DENY], {("c", 1, 1, "m"): "yes", ("b", 250, 250, "m"): "yes"})


@test
def reading_and_writing_are_apart(b):
    with Disk(b) as d:
        dev = ("b", d.major, d.minor)
        check(b, [DENY, allow(*dev, access="r")],
              {(*dev, "r"): "yes", (*dev, "w"): "EPERM", (*dev, "rw"): "EPERM"})
        check(b, [DENY, allow(*dev, access="w")],
              {(*dev, "r"): "EPERM", (*dev, "w"): "yes", (*dev, "rw"): "EPERM"})
        check(b, [DENY, allow(*dev, access="rw")],
              {(*dev, "r"): "yes", (*dev, "w"): "yes", (*dev, "rw"): "yes"})
        check(b, [DENY, allow(*dev, access="r"), allow(*dev, access="w")], {(*dev, "rw"): "yes"})


@test
def wildcards(b):
    with Disk(b) as d:
        dev = ("b", d.major, d.minor)
        for rule in (allow("b", d.major, -1), allow("b", d.major), allow("b"), allow("b", -1, -1),
                     allow("b", None, d.minor), allow("a"), allow()):
            check(b, [DENY, rule], {(*dev, "rw"): "yes"})
        for rule in (allow("c", d.major, -1), allow("b", d.major + 1), allow("c"),
                     allow("b", d.major, d.minor + 1), allow("b", None, d.minor + 1)):
            check(b, [DENY, rule], {(*dev, "r"): "EPERM"})


@test
def later_rules_win(b):
    with Disk(b) as d:
        dev = ("b", d.major, d.minor)
        check(b, [DENY, allow(*dev), deny(*dev)], {(*dev, "r"): "EPERM"})
        check(b, [DENY, deny(*dev), allow(*dev)], {(*dev, "r"): "yes"})
        check(b, [allow(*dev), DENY], {(*dev, "r"): "EPERM"})
        check(b, [DENY, allow(*dev), deny(*dev, access="w")],
              {(*dev, "r"): "yes", (*dev, "w"): "EPERM"})
        check(b, [allow(), deny(*dev)], {(*dev, "r"): "EPERM", ("c", 10, 237, "m"): "yes"})
        check(b, [DENY, allow(), deny(*dev, access="w")],
              {(*dev, "r"): "yes", (*dev, "w"): "EPERM"})


@test
def a_hole_in_a_wildcard(b):
    """cgroup v1 keeps a list of exceptions of one kind only: what it cannot express is refused, and
    never half in force."""
    with Disk(b) as d:
        dev = ("b", d.major, d.minor)
        rules = [DENY, allow("b", d.major, -1), deny(*dev)]
        if backend("devices") == "v2":
            check(b, rules, {(*dev, "r"): "EPERM"})
        elif is_rt():
            prepare(b, rules)
            b.refused("/linux/resources/devices/2", "one by one")
        else:
            raise Skip("what another runtime makes of it is open")


@test
def devices_of_the_config_can_be_used(b):
    """linux.devices makes the node; the rule lets it be opened."""
    with Disk(b) as d:
        b.linux["devices"] = [{"path": "/dev/disk", "type": "b", "major": d.major, "minor": d.minor,
                               "fileMode": 0o660}]
        prepare(b, [DENY, allow("b", d.major, d.minor)])
        equal(b.output("dd if=/dev/zero of=/dev/disk bs=512 count=1 2>/dev/null && echo written"),
              "written")
        prepare(b, [DENY])
        contains(b.output("dd if=/dev/disk bs=512 count=1 2>&1 || true"), "not permitted")


@test
def a_second_process_is_bound_too(b):
    with Disk(b) as d:
        prepare(b, [DENY])
        dev = (("b", d.major, d.minor, "r"), ("c", 1, 3, "rw"))
        with Created(b, b.linux["resources"], start=True):
            done = b.rt("exec", "--cap", "CAP_MKNOD", b.id, "/usr/bin/python3", "-c", OPEN,
                        json.dumps(dev))
            equal((json.loads(done.out), done.err), (["EPERM", "yes"], ""))


@test
def update_leaves_the_rules(b):
    with Disk(b) as d:
        dev = ("b", d.major, d.minor)
        prepare(b, [DENY, allow(*dev, access="r")])
        with Created(b, b.linux["resources"], start=True) as c:
            for what in ({"devices": [DENY], "pids": {"limit": 50}}, {"pids": {"limit": 60}}):
                equal(c.update(what).code, 0)
                done = b.rt("exec", "--cap", "CAP_MKNOD", b.id, "/usr/bin/python3", "-c", OPEN,
                            json.dumps(((*dev, "r"), (*dev, "w"))))
                equal((json.loads(done.out), done.err), (["yes", "EPERM"], ""))


# ---- what the kernel has ----

@test
def list_of_v1(b):
    if backend("devices") != "v1":
        raise Skip("of cgroup v1 only")
    rules = [DENY, allow("c", 10, 237, access="r"), allow("b", 7, access="rw")]
    with Created(b, {"devices": rules}) as c:
        lines = c.cgroup.read("devices", "devices.list").splitlines()
        for line in ("c 10:237 r", "b 7:* rw", "c 1:3 rwm", "c 136:* rwm", "b *:* m", "c *:* m"):
            assert line in lines, f"no {line} in {lines}"
        assert "a *:* rwm" not in lines
    with Created(b, {"devices": [allow()]}) as c:
        equal(c.cgroup.read("devices", "devices.list"), "a *:* rwm")


class Query(ctypes.Structure):
    """union bpf_attr of BPF_PROG_QUERY, linux/bpf.h"""
    _fields_ = [("target_fd", ctypes.c_uint32), ("attach_type", ctypes.c_uint32),
                ("query_flags", ctypes.c_uint32), ("attach_flags", ctypes.c_uint32),
                ("prog_ids", ctypes.c_uint64), ("prog_cnt", ctypes.c_uint32),
                ("padding", ctypes.c_uint32 * 16)]


def programs(directory):
    """How many device programs are attached to a cgroup."""
    if os.uname().machine not in ("x86_64", "aarch64"):
        raise Skip("the number of bpf(2) here")
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    ids = (ctypes.c_uint32 * 64)()
    fd = os.open(directory, os.O_RDONLY)
    try:
        q = Query(target_fd=fd, attach_type=6, prog_ids=ctypes.addressof(ids), prog_cnt=64)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(number, 16, ctypes.byref(q), ctypes.sizeof(q)) < 0:
            raise Skip(f"bpf: {errno.errorcode[ctypes.get_errno()]}")
        return q.prog_cnt
    finally:
        os.close(fd)


@test
def program_of_v2(b):
    """One, also after updates: programs would add up."""
    if backend("devices") != "v2":
        raise Skip("of cgroup v2 only")
    with Created(b, {"devices": [DENY, allow("c", 10, 237)]}) as c:
        equal(programs(c.cgroup.dir("devices")), 1)
        equal(c.update({"pids": {"limit": 50}, "devices": [DENY]}).code, 0)
        equal(programs(c.cgroup.dir("devices")), 1)


# ---- block I/O ----

def write_megabytes(b, d, n, **rate):
    """Seconds that a direct writer needs, as its kernel says."""
    b.linux["devices"] = [{"path": "/dev/disk", "type": "b", "major": d.major, "minor": d.minor,
                           "fileMode": 0o660}]
    prepare(b, [DENY, allow("b", d.major, d.minor)])
    b.linux["resources"]["blockIO"] = {
        k: [{"major": d.major, "minor": d.minor, "rate": v}] for k, v in rate.items()}
    begin = time.monotonic()
    b.output(f"dd if=/dev/zero of=/dev/disk bs=64k count={n * 16} oflag=direct 2>/dev/null; echo")
    return time.monotonic() - begin


@test
def writer_is_slowed(b):
    """The bound from below is one that a busy machine only makes easier to keep; that it is the
    limit shows in the same writer with others, one of reading and one of a higher rate."""
    if not backend("blkio"):
        raise Skip("no controller blkio")
    with Disk(b) as d:
        slow = write_megabytes(b, d, 6, throttleWriteBpsDevice=2 << 20)
        assert slow > 2, f"6 MiB at 2 MiB/s took {slow:.2f} s"
        slow = write_megabytes(b, d, 6, throttleWriteIOPSDevice=32)
        assert slow > 2, f"96 writes at 32/s took {slow:.2f} s"
        free = min(write_megabytes(b, d, 6, throttleReadBpsDevice=2 << 20,
                                   throttleWriteBpsDevice=1 << 40) for _ in range(3))
        assert free < slow, f"{free:.2f} s without a limit, {slow:.2f} s with one"


main()

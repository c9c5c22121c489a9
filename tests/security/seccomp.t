#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Filters that hold what they promise. `agent call` makes a system call and prints its errno."""

import os
import platform
import socket

from security import Skip, main, row

# getpgid, getsid, times: nothing needs them on the way to the program
NUMBERS = {"x86_64": (121, 124, 100), "aarch64": (155, 156, 153)}
GETPGID32 = 132
X32 = 0x40000000


def numbers():
    if platform.machine() not in NUMBERS:
        raise Skip(f"the numbers of {platform.machine()} are not listed here")
    return NUMBERS[platform.machine()]


def deny(name, errno, **kw):
    return {"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": errno, **kw}


def profile(c, *rules, **kw):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(rules), **kw}


def calls(c, *lines):
    """What each call came to, as a list of words."""
    done = c.run("; ".join(f"/bin/agent {line} || echo killed $?" for line in lines))
    assert not c.is_rt or done.code == 0, f"{done.code} {done.err}{done.out}"
    return done.out.split("\n")[:-1]


@row("CVE-2017-18367")
def conditions_of_one_rule(c):
    """Denied if the first argument is 1 and the second is 2, not if one of them is."""
    c.agent()
    pgid, _, _ = numbers()
    profile(c, deny("getpgid", 71, args=[
        {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
        {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]))
    found = calls(c, *(f"call {pgid} {a}" for a in ("1 2", "1 0", "0 2", "0 0")))
    return None if found == ["71", "0", "0", "0"] else f"{found}"


@row("filter-key")
def values_of_similar_rules(c):
    """Each rule has its own errno, and so has the same profile but for that in another container.
    """
    c.agent()
    pgid, sid, times = numbers()
    for first in (71, 72):
        profile(c, deny("getpgid", first), deny("getsid", 73), deny("times", 74))
        found = calls(c, f"call {pgid}", f"call {sid}", f"call {times}")
        if found != [str(first), "73", "74"]:
            return f"{found}"
    return None


@row("other-abi")
def other_architectures(c):
    """A call of 32-bit programs is denied as well where its architecture is listed, and is the end
    of the program where it is not; x32 likewise."""
    c.agent()
    pgid, _, _ = numbers()
    if platform.machine() != "x86_64":
        raise Skip("only x86_64 has other architectures' calls here")
    native = ["SCMP_ARCH_X86_64"]
    for listed in ([*native, "SCMP_ARCH_X86", "SCMP_ARCH_X32"], native, []):
        profile(c, deny("getpgid", 71), architectures=listed)
        plain, old, x32 = calls(c, f"call {pgid}", f"call32 {GETPGID32}", f"call {pgid | X32}")
        if plain != "71" or old == "0" or x32 == "0":
            return f"with {listed}: {plain}, 32 bits {old}, x32 {x32}"
        if "SCMP_ARCH_X86" in listed and old not in ("71", "killed 139"):
            return f"32 bits: {old}"
    return None


@row("exec-filter")
def filter_of_exec(c):
    c.agent()
    pgid, _, _ = numbers()
    profile(c, deny("getpgid", 71))
    c.running()
    done = c.exec("/bin/agent", "call", str(pgid))
    return None if done.out == "71\n" else f"{done.out}{done.err}"


def listening(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    os.chmod(path, 0o777)
    s.listen()
    s.setblocking(False)
    return s


def was_called(s):
    try:
        s.accept()[0].close()
        return True
    except BlockingIOError:
        return False


@row("notify-socket")
def socket_of_the_image(c):
    """A socket in the image has the path of the listener's: the filter's descriptor must not go
    there."""
    path = os.path.join(c.dir, "listener")
    os.makedirs(c.inside(c.dir))
    with listening(path) as own, listening(c.inside(path)) as foreign:
        profile(c, {"names": ["swapon"], "action": "SCMP_ACT_NOTIFY"}, listenerPath=path)
        done = c.run("true")
        if was_called(foreign):
            return "the listener of the image was called"
        assert not c.is_rt or (done.code == 0 and was_called(own)), done.err
    return None


if __name__ == "__main__":
    main()

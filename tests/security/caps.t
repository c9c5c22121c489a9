#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inheritable capabilities, which a program of another user would gain by its file capabilities:
nobody has them who has not asked for them."""

import json
import os

from security import main, row

CAPS = ["CAP_NET_RAW", "CAP_KILL"]


def inheritable(status):
    """The mask of a line of /proc/PID/status, in words if it is not empty."""
    words = status.split()
    mask = int(words[words.index("CapInh:") + 1], 16) if "CapInh:" in words else 0
    return f"inheritable: {mask:x}" if mask else None


def give(c):
    c.process["capabilities"] = {k: CAPS for k in ("bounding", "effective", "permitted")}


@row("CVE-2022-24769", rootless=False)
def template(c):
    folder = os.path.join(c.dir, "template")
    os.mkdir(folder)
    if c.runtime.name != "naive":
        done = c.rt("spec", cwd=folder)
        assert done.code == 0, done.err
        with open(f"{folder}/config.json", encoding="utf-8") as f:
            caps = json.load(f)["process"]["capabilities"]
        if caps.get("inheritable"):
            return f"the template has {caps['inheritable']}"
        c.process["capabilities"] = caps
    return inheritable(c.run("grep CapInh /proc/self/status").out)


def by_exec(c, *options):
    give(c)
    c.running()
    done = c.exec("/bin/grep", "CapInh", "/proc/self/status", options=options)
    assert not c.is_rt or done.code == 0, done.err
    return inheritable(done.out)


@row("CVE-2022-27650")
def plain_exec(c):
    return by_exec(c)


@row("CVE-2022-29162")
def exec_with_more(c):
    return by_exec(c, "--cap", "CAP_NET_ADMIN", "--cap", "CAP_SYS_TIME")


@row("CVE-2025-27612")
def exec_by_document(c):
    """The document has no set of inheritable capabilities, or an empty one."""
    path = os.path.join(c.dir, "process.json")
    give(c)
    c.running()
    for extra in ({}, {"inheritable": []}):
        document = {"cwd": "/", "args": ["/bin/grep", "CapInh", "/proc/self/status"],
                    "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
                    "capabilities": {**c.process["capabilities"], **extra}}
        c.write_file(path, json.dumps(document))
        done = c.rt("exec", "--process", path, c.id)
        assert not c.is_rt or done.code == 0, done.err
        if inheritable(done.out):
            return inheritable(done.out)
    return None


@row("no-capabilities")
def nothing_said(c):
    """A bundle that says nothing of capabilities gives none, a document of exec those of the
    container."""
    del c.process["capabilities"]
    done = c.run("grep CapEff /proc/self/status")
    if "CapEff:\t0000000000000000" not in done.out:
        return f"run: {done.out}"
    path = os.path.join(c.dir, "process.json")
    give(c)
    c.running()
    c.write_file(path, json.dumps({"cwd": "/", "args": ["/bin/grep", "Cap", "/proc/self/status"],
                                   "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}))
    done = c.rt("exec", "--process", path, c.id)
    wanted = f"{1 << 13 | 1 << 5:016x}"
    return None if done.out.count(wanted) == 3 else f"exec: {done.out}"


if __name__ == "__main__":
    main()

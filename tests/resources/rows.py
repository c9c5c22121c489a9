# SPDX-License-Identifier: Apache-2.0
"""src/cgroup/knobs.def as the tests read it."""

import os
import re

import cases
from machine import LAYOUT, backend, read

DEF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "cgroup",
                   "knobs.def")
FILES = r'\("?([^")]*?)"?, \w+\)'  # of a version: V1("first|second", conversion)
ROW = re.compile(r'^(KNOB|LIST)\((\w+), (?:(\w+), )?"([^"]+)", (\w+),\s+V1' + FILES +
                 r',\s+V2' + FILES + r',\s+SD\("?([^")]+)"?\)', re.M)


class Row:
    def __init__(self, m):
        self.name = f"{m[2]}.{m[3]}" if m[1] == "KNOB" else m[2]
        self.pointer = m[4]
        self.controller = {"IO": "blkio", "NONE": ""}.get(m[5], m[5].lower())
        self.files = {"v1": m[6], "v2": m[7]}
        self.unit = m[8]

    def backend(self):
        """The version that this row's controller is of here, or None."""
        if self.controller:
            return backend(self.controller)
        return "v2" if LAYOUT == "v2" else "v1"

    def alternatives(self, kind):
        """A list of lists: of each, the first file that exists is taken."""
        return [g.replace("%s", cases.page_size()).split("|")
                for g in self.files[kind].split(",")]


def rows():
    text = re.sub(r"/\*.*?\*/", "", read(DEF), flags=re.S)
    found = [Row(m) for m in ROW.finditer(text)]
    assert len(found) == len(re.findall(r"^(?:KNOB|LIST)\(", text, re.M)), "a row was not read"
    return {r.name: r for r in found}


ROWS = rows()


def same(got, expected):
    """Two snapshots."""
    differing = [f"{f}: {expected.get(f)!r} became {got.get(f)!r}"
                 for f in sorted({*got, *expected}) if got.get(f) != expected.get(f)]
    assert not differing, "\n".join(differing)


def effective(d, name):
    """A cpuset of v2 that says nothing has what its parent has, and cannot go back to saying
    nothing while it has processes (validate_change in kernel/cgroup/cpuset.c)."""
    return f"{name}.effective" if os.path.exists(f"{d}/{name}.effective") else name


def snapshot(c):
    """All files of the table in all directories of a container."""
    names = {f for r in ROWS.values() for kind in ("v1", "v2") if r.files[kind] not in ("none", "*")
             for g in r.alternatives(kind) for f in g} | {"devices.list", "memory.high"}
    found = {}
    for d in c.cgroup.all():
        for n in names:
            if os.path.exists(f"{d}/{n}"):
                # Of huge pages the first is what a new cgroup has, and reads "max" once written.
                text = read(d, effective(d, n))
                text = "max" if text == "9223372036854771712" else text
                # Exceptions in whatever order they were made, systemd has its own.
                found[f"{d}/{n}"] = "\n".join(sorted(text.splitlines()))
    assert found
    return found

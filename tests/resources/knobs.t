#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every row of src/cgroup/knobs.def, as the kernel's files say after create and after each way to
update; with systemd also as its unit says. What has no counterpart here is refused, and nothing is
left of it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cases  # noqa: E402  pylint: disable=wrong-import-position
from machine import (LAYOUT, MANAGER, Created, Disk, Record, harness, is_rt,  # noqa: E402
                     load_module, read, traces, unit_property)
from rows import ROWS, same, snapshot  # noqa: E402  pylint: disable=wrong-import-position
from harness import Skip, contains, equal, main, test  # noqa: E402

record = Record("knobs")


@test
def every_row_has_a_case(_):
    equal(sorted(cases.CASES), sorted(ROWS))


# ---- one knob ----

class Run:
    """One case on this machine."""

    def __init__(self, b, row, disk=None):
        self.b, self.row, self.disk = b, row, disk
        self.case = cases.CASES[row.name]
        self.kind = row.backend()
        self.steps = [(self.of(s.what), self.of(s.expected[self.kind or "v2"]), self.of(s.unit))
                      for s in self.case["steps"]]

    def of(self, value):
        return value(self.disk) if callable(value) and self.disk else value

    def refused(self, *words):
        """At create, with nothing left; and at update, with nothing changed."""
        what = self.steps[0][0]
        self.b.linux["resources"] = what
        said = self.b.refused(*(words if is_rt() else ()))
        equal(traces(self.b), [])
        with Created(self.b, {}) as c:
            before = snapshot(c)
            done = c.update(what)
            assert done.code != 0, "update accepted it"
            if is_rt():
                contains(done.err, *words)
            same(snapshot(c), before)
        return said

    def files(self, c, expected):
        """Of each group of alternatives the one that is there; without any, []."""
        d = c.cgroup.dir(self.row.controller)
        if self.row.files[self.kind] == "*":
            return sorted(expected)
        groups = self.row.alternatives(self.kind)
        return [f for f in (next((f for f in g if os.path.exists(f"{d}/{f}")), None)
                            for g in groups) if f]

    def seen(self, c, expected):
        for file in self.files(c, expected):
            value = expected[file] if isinstance(expected, dict) else expected
            text = c.cgroup.read(self.row.controller, file)
            good = value(text) if callable(value) else str(value) in text.splitlines()
            assert good, f"{file}: {text!r}, expected {value!r}"

    def unit_seen(self, unit):
        for name, value in (unit or {}).items() if MANAGER == "systemd" else ():
            equal(unit_property(self.b, name), str(value))

    def is_missing(self):
        """Does the kernel lack the file?"""
        with Created(self.b, {}) as c:
            d = c.cgroup.dir(self.row.controller)
            on = self.kind == "v1" or self.row.controller in ("cpu", "memory", "blkio", "pids")
            return on and not self.files(c, {}) and os.path.isdir(d)

    def all_steps(self):
        with Created(self.b, self.steps[0][0]) as c:
            for i, (what, expected, unit) in enumerate(self.steps):
                done = c.update(what) if i else None
                assert not done or (done.code, done.err) == (0, ""), f"update {what}: {done.err}"
                self.seen(c, expected)
                self.unit_seen(unit)

    def check(self):
        """What is to be recorded: a result and its reason."""
        pointer = f"/linux/resources{self.row.pointer}"
        expected = self.steps[0][1]
        if self.kind is None:
            return self.no_controller(pointer)
        if expected is None:
            self.refused(pointer)
            return "refused", f"cgroup {self.kind} has no counterpart"
        if expected == cases.FINE or self.row.name == "memory.use_hierarchy" and self.is_missing():
            with Created(self.b, self.steps[0][0]) as c:
                equal(c.update(self.steps[1][0]).code, 0)
            return "ok", "always so"
        if self.case["refusal"] and (self.is_missing() or not self.is_kept()):
            self.refused(pointer, self.case["refusal"])
            return "skip", f"this kernel: {self.case['refusal']}; refused so"
        if self.row.files[self.kind] != "*" and self.is_missing():
            self.refused(pointer, "No such file", self.row.alternatives(self.kind)[0][0])
            return "skip", f"this kernel has no {self.row.files[self.kind]}; refused so"
        if self.row.name == "cpu.realtime_runtime" and not self.has_realtime():
            self.refused(pointer, "Invalid argument")
            return "skip", "the parent has no realtime; refused so"
        self.all_steps()
        return "ok", ""

    def has_realtime(self):
        """Has the parent any that it could give away?"""
        with Created(self.b, {}) as c:
            return read(c.cgroup.dir("cpu"), "..", "cpu.rt_runtime_us") != "0"

    def no_controller(self, pointer):
        """It is nowhere: beside hierarchies of v1 one could be mounted, which the message says."""
        name = self.row.controller
        self.refused(pointer, *([] if LAYOUT == "v2" else [name]))
        if LAYOUT == "v2" and self.row.files["v2"] == "none":
            return "refused", "cgroup v2 has no counterpart"
        return "skip", f"no controller {name} here; refused so"

    def is_kept(self):
        """Does the kernel keep a value that we write ourselves?"""
        if self.row.name == "rdma":
            return False
        with Created(self.b, {}) as c:
            file = os.path.join(c.cgroup.dir(self.row.controller), self.files(c, {})[0])
            try:
                with open(file, "w", encoding="utf-8") as f:
                    f.write(str(64 * cases.M))
            except OSError:
                return False
            return read(file) == str(64 * cases.M)


def of_knob(row):
    def run(b):
        disk = cases.CASES[row.name]["disk"]
        if row.controller == "blkio" and row.backend() == "v1":
            load_module("bfq")  # which has the only weights there
        try:
            if disk:
                with Disk(b, scheduler=None if disk == "any" else disk) as d:
                    result, reason = Run(b, row, d).check()
            else:
                result, reason = Run(b, row).check()
        except Skip as s:
            record.add(row.name, "skip", str(s))
            raise
        except Exception as x:
            record.add(row.name, "failed", str(x))
            raise
        record.add(row.name, result, reason)
        if result == "skip":
            raise Skip(reason)
    run.__name__ = f"knob_{row.name}"
    return run


for _row in ROWS.values():
    if _row.name in cases.CASES:
        test(of_knob(_row))

print(f"# {LAYOUT}, {MANAGER}, {harness.RT}")
try:
    main()
finally:
    record.save()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many containers one after the other leave as many cgroups, processes and mounts as there were.
RT_CYCLES says how many, 200 without it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import Created, hierarchies, read, traces  # noqa: E402
from harness import equal, main, test  # noqa: E402

CYCLES = int(os.environ.get("RT_CYCLES", "200"))


def ours():
    """Directories of this process's tests, in all hierarchies."""
    return sorted(os.path.join(top, d) for m in hierarchies() for top, dirs, _ in os.walk(m)
                  for d in dirs if f"e2e-{os.getpid()}-" in d)


def own_mounts():
    return [x for x in read("/proc/self/mountinfo").splitlines() if "rt-e2e-" in x]


@test
def cycles_leave_nothing(b):
    limits = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}, "cpu": {"shares": 512}}
    equal(ours(), [])
    mounts = own_mounts()
    for i in range(CYCLES):
        with Created(b, limits, start=i % 2 == 0):
            pass
        left = traces(b) if i % 50 == 0 else []
        assert not left, f"cycle {i} left {left}"
    equal(ours(), [])
    equal(own_mounts(), mounts)


@test
def cycles_of_run_leave_nothing(b):
    for _ in range(CYCLES // 4):
        equal(b.output("echo ran"), "ran")
    equal(ours(), [])


main()

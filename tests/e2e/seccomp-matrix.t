#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the filter says of system calls, each operator, value and action, and each number of the
profile that engines ship, against a reading of the rules one by one. probe.c asks from inside."""

import errno
import itertools
import json
import os
import platform
import re
import shutil
import subprocess

from harness import Skip, equal, main, test

HERE = os.path.dirname(os.path.abspath(__file__))
PROFILE = "/usr/share/containers/seccomp.json"
HEADERS = "/usr/include/x86_64-linux-gnu/asm/unistd_{}.h"
CAPABILITIES = {"CAP_" + c for c in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE").split()}
ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
ENDS = "signal 31"
# By strictness, as in seccomp(2).
RANK = ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", ERRNO,
        "SCMP_ACT_LOG", ALLOW]
MOST = 2**64 - 1


def compile_probe(b):
    if platform.machine() != "x86_64":
        raise Skip("the probe knows the calls of x86_64")
    if not shutil.which("cc"):
        raise Skip("there is no compiler")
    out = f"{b.rootfs}/bin/probe"
    done = subprocess.run(["cc", "-static", "-O1", "-o", out, f"{HERE}/probe.c"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"no static program can be built: {done.stderr[-200:]}")


def ask(b, profile, questions):
    """What the filter says of each (abi, number, six arguments)."""
    signed = [(abi, nr, *(a - 2**64 if a >= 2**63 else a for a in args))
              for abi, nr, args in questions]
    b.linux["seccomp"] = profile
    b.process["noNewPrivileges"] = True
    b.process["args"] = ["/bin/probe"]
    b.write()
    with open(f"{b.dir}/questions", "w+", encoding="utf-8") as f:
        f.write("".join(" ".join(map(str, q)) + "\n" for q in signed))
        f.seek(0)
        done = b.rt("run", "--bundle", b.dir, b.id, stdin=f)
    equal((done.code, done.err), (0, ""))
    return done.out.splitlines()


# ---- the meaning of a profile ----

def holds(cond, args):
    a, v, two = args[cond["index"]], cond["value"], cond.get("valueTwo", 0)
    return {"NE": a != v, "LT": a < v, "LE": a <= v, "EQ": a == v, "GE": a >= v, "GT": a > v,
            "MASKED_EQ": a & v == two}[cond["op"].removeprefix("SCMP_CMP_")]


def said(action, number):
    if action in ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD"):
        return ENDS
    if action == "SCMP_ACT_TRAP":
        return "trap 0"
    if action == ERRNO:
        return f"errno {number}"
    return "allow"


def number_of(entry, key="errnoRet"):
    return entry.get(key, errno.EPERM)


def meaning(profile, name, args):
    """An entry without conditions; else the strictest whose conditions all hold; else None."""
    default = (profile["defaultAction"], number_of(profile, "defaultErrnoRet"))
    entries = [e for e in profile["syscalls"] if name in e["names"]
               and (e["action"], number_of(e)) != default]
    plain = [e for e in entries if not e.get("args")]
    held = [e for e in entries if e.get("args") and all(holds(c, args) for c in e["args"])]
    held.sort(key=lambda e: RANK.index(e["action"]))
    return next((said(e["action"], number_of(e)) for e in plain + held), None)


# ---- operators, values, actions ----

VALUES = (0, 1, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 5 * 2**32, 2**63, MOST)
OPERATORS = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
GETPPID, GETUID = 110, 102


def around(*values):
    """Values and their neighbours."""
    return sorted({(v + d) % 2**64 for v in values for d in (-1, 0, 1)})


def compare(b, profile, questions, names):
    answers = ask(b, profile, questions)
    equal(len(answers), len(questions))
    for (abi, nr, args), got in zip(questions, answers):
        want = meaning(profile, names[nr], args) or said(profile["defaultAction"],
                                                         number_of(profile, "defaultErrnoRet"))
        assert got == want, f"abi {abi} call {nr} {[hex(a) for a in args]}: {got}, not {want}"


def condition(index, op, value, two=0):
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": two}


@test
def operators_and_values(b):
    compile_probe(b)
    for i, (op, value) in enumerate(itertools.product(OPERATORS, VALUES)):
        index = i % 6
        two = value & 0x5_0000_0005
        profile = {"defaultAction": ALLOW, "syscalls": [
            {"names": ["getppid"], "action": ERRNO, "errnoRet": 99,
             "args": [condition(index, op, value, two)]}]}
        questions = []
        for a in around(*VALUES, two):
            args = [7] * 6
            args[index] = a
            questions.append((64, GETPPID, args))
        compare(b, profile, questions, {GETPPID: "getppid"})


@test
def actions_of_rules_and_defaults(b):
    compile_probe(b)
    names = {GETPPID: "getppid", GETUID: "getuid"}
    for action in RANK:
        for value in (None, 1, 95, 4095):
            if value is not None and action != ERRNO:
                continue
            entry = {"names": ["getppid"], "action": action, "args": [condition(0, "EQ", 5)]}
            if value is not None:
                entry["errnoRet"] = value
            questions = [(64, nr, [a, 0, 0, 0, 0, 0]) for nr in names for a in (5, 6)]
            compare(b, {"defaultAction": ALLOW, "syscalls": [entry]}, questions, names)


@test
def a_default_for_the_rest(b):
    """All that rt, libc and the probe need is allowed, and getuid, newer calls than that fail."""
    compile_probe(b)
    numbers = calls("64")
    allowed = [n for n in numbers if n not in ("getppid", "getpgid")]
    for number in (None, 7):
        profile = {"defaultAction": ERRNO, "syscalls": [{"names": allowed, "action": ALLOW}]}
        if number:
            profile["defaultErrnoRet"] = number
        fails = f"errno {number or errno.EPERM}"
        answers = ask(b, profile, [(64, n, [0] * 6) for n in
                                   (GETPPID, GETUID, numbers["getpgid"], 600, 2**32 - 1)])
        equal(answers, [fails, "allow", fails, f"errno {errno.ENOSYS}", fails])


@test
def several_rules_for_one_call(b):
    compile_probe(b)
    one = {"names": ["getppid"], "action": ERRNO, "errnoRet": 11,
           "args": [condition(0, "GE", 10), condition(1, "LT", 20)]}
    two = {"names": ["getppid"], "action": "SCMP_ACT_TRAP", "args": [condition(2, "NE", 0)]}
    three = {"names": ["getppid"], "action": ERRNO, "errnoRet": 33,
             "args": [condition(0, "MASKED_EQ", 1, 1)]}
    questions = [(64, GETPPID, [a, c, d, 0, 0, 0]) for a in (9, 10, 11) for c in (19, 20)
                 for d in (0, 1)]
    for rules in itertools.permutations((one, two, three)):
        profile = {"defaultAction": ALLOW, "syscalls": list(rules)}
        compare(b, profile, questions, {GETPPID: "getppid"})
    profile["syscalls"].append({"names": ["getppid"], "action": ERRNO, "errnoRet": 44})
    equal(set(ask(b, profile, questions)), {"errno 44"})


# ---- each number of the profile that engines ship ----

def calls(kind):
    """Numbers by name, as the kernel's headers have them."""
    path = HEADERS.format(kind)
    if not os.path.exists(path):
        raise Skip(f"no {path}")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found = re.findall(r"^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$", text, re.M)
    bit = 0x40000000 if kind == "x32" else 0
    return {name: int(n) + bit for name, n in found}


def resolve():
    """The profile for amd64 and the capabilities that engines give by default."""
    if not os.path.exists(PROFILE):
        raise Skip(f"no {PROFILE} of an engine")
    with open(PROFILE, encoding="utf-8") as f:
        whole = json.load(f)
    profile = {k: whole[k] for k in ("defaultAction", "defaultErrnoRet") if k in whole}
    profile["architectures"] = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    profile["syscalls"] = []
    for entry in whole["syscalls"]:
        includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
        if "amd64" not in includes.get("arches", ["amd64"]) or \
                not set(includes.get("caps", [])) <= CAPABILITIES or \
                set(excludes.get("caps", [])) & CAPABILITIES:
            continue
        kept = {k: entry[k] for k in ("names", "action", "args", "errnoRet")
                if entry.get(k) is not None}
        profile["syscalls"].append(kept)
    return profile


def each_number(b, default):
    profile = resolve()
    if default:
        profile["defaultErrnoRet"] = default
    fails = f"errno {profile['defaultErrnoRet']}"
    newer = f"errno {errno.ENOSYS}"
    for abi, kind in ((64, "64"), (64, "x32"), (32, "32")):
        names = {n: name for name, n in calls(kind).items()}
        named = {n for e in profile["syscalls"] for n in e["names"]}
        newest = max(n for n, name in names.items() if name in named)
        first = 0x40000000 if kind == "x32" else 0
        numbers = sorted(n for n in names if n <= newest) + list(range(first + 600, first + 610))
        cut = MOST if kind == "64" else 2**32 - 1  # x32 counts as an ABI of 32 bits
        for value in (0, 8, 9, 16, 0x20000, 0x7e020000, MOST):
            args = [value & cut] * 6
            answers = ask(b, profile, [(abi, n, args) for n in numbers])
            if abi == 32 and answers[0].startswith("signal 11"):
                break  # a kernel without calls of 32 bits
            equal(len(answers), len(numbers))
            for n, got in zip(numbers, answers):
                want = newer if n not in names else meaning(profile, names[n], args) or fails
                assert got == want, f"{kind}: {names.get(n, n)} {value:#x}: {got}, not {want}"


@test
def each_number_of_the_profile_of_engines(b):
    compile_probe(b)
    each_number(b, None)


@test
def each_number_when_the_default_is_a_refusal(b):
    compile_probe(b)
    each_number(b, errno.EPERM)


main()

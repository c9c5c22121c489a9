# SPDX-License-Identifier: Apache-2.0
"""What the tests of rt exec share."""

import json
import os
import subprocess

from harness import DEADLINE, GLOBALS, RT, contains, equal, until

CANNOT = 255  # what rt and runc exit with when the command was not run; crun: 1


def running(b, *args):
    b.process["args"] = list(args or ("/bin/sleep", "1000"))
    b.create()
    equal(b.rt("start", b.id).code, 0)


def inside(b, script, *options, **kw):
    done = b.rt("exec", *options, b.id, "/bin/sh", "-c", script, **kw)
    equal((done.code, done.err), (0, ""))
    return done.out.strip()


def refused(b, *words, options=(), command=("/bin/true",), name=None):
    """The command does not run; one line says why."""
    done = b.rt("exec", *options, name or b.id, *command)
    contains(done.err, *words)
    equal((done.code, done.out, len(done.err.splitlines())), (CANNOT, "", 1))


def document(b, **members):
    """A file for --process."""
    path = os.path.join(b.dir, "process.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, **members}, f)
    return path


def by_document(b, script, **members):
    done = b.rt("exec", "--process", document(b, args=["/bin/sh", "-c", script], **members), b.id)
    equal((done.code, done.err), (0, ""))
    return done.out.strip()


def detached(b, *args, code=0, **kw):
    """exec with streams that are no pipes: what is detached keeps them. What rt said."""
    with open(os.path.join(b.dir, "said"), "w+", encoding="utf-8") as said:
        done = subprocess.run([RT, *GLOBALS, "--root", b.state, "exec", "--detach", *args],
                              stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                              timeout=DEADLINE, check=False, **kw)
        said.seek(0)
        text = said.read()
    equal((done.returncode, text if code == 0 else ""), (code, ""))
    return text


def sleeper(b, *options):
    """The pid of a process that was added."""
    path = os.path.join(b.dir, "pid")
    detached(b, *options, "--pid-file", path, b.id, "/bin/sleep", "1000")
    return int(read(path))


def popen(b, *args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([RT, *GLOBALS, "--root", b.state, "exec", *args], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def first(b):
    """The pid of the container's own process."""
    return json.loads(b.rt("state", b.id).out)["pid"]


def stopped(b):
    running(b)
    equal(b.rt("kill", b.id, "KILL").code, 0)
    until("it stops", lambda: '"stopped"' in b.rt("state", b.id).out)


def status(b, key, *options, user=None):
    """A line of /proc/self/status."""
    options += ("--user", user) if user else ()
    return inside(b, f"grep ^{key}: /proc/self/status", *options).split(":", 1)[1].strip()

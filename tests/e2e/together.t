#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several commands on one container at the same time."""

import fcntl
import json
import os
import subprocess
import threading
import time

from harness import DEADLINE, GLOBALS, RT, contains, equal, is_alive, main, test, until


def popen(b, *words, **kw):
    kw = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE,
          "text": True, **kw}
    return subprocess.Popen([RT, *GLOBALS, "--root", b.state, *words], **kw)


def quietly(b, *words):
    """Its exit code. Nothing waits for who may hold its output."""
    with popen(b, *words, stderr=subprocess.DEVNULL) as p:
        return p.wait(DEADLINE)


def status(b):
    done = b.rt("state", b.id)
    return json.loads(done.out)["status"] if done.code == 0 else "none"


def gate(b, kind):
    """A hook that says that it is there and waits for leave to go on."""
    volume = os.path.join(b.dir, "vol")
    os.makedirs(volume)
    os.chmod(volume, 0o777)
    b.add_mount("/vol", type="bind", source=volume, options=["bind"])
    place = "/vol" if kind == "startContainer" else volume
    script = f": >{place}/here; while [ ! -e {place}/go ]; do sleep 0.02; done"
    b.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", script],
                                 "env": ["PATH=/bin:/usr/bin"]}]}

    def arrive():
        until("the hook", lambda: os.path.exists(f"{volume}/here"))

    def leave():
        with open(f"{volume}/go", "w", encoding="utf-8"):
            pass
    return arrive, leave


def folder(b):
    """As it is between the first two system calls of a creation, or the last two of a removal."""
    path = os.path.join(b.state, b.id)
    os.makedirs(path)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


LOOKING = (["state"], ["ps"], ["events", "--stats"], ["pause"], ["resume"], ["kill"],
           ["exec", "/bin/true"])


def look(b, words):
    return b.rt(*words[:1], *[w for w in words[1:] if w[0] == "-"], b.id,
                *[w for w in words[1:] if w[0] != "-"])


@test
def a_container_without_a_record_that_is_locked_does_not_exist(b):
    fd = folder(b)
    fcntl.flock(fd, fcntl.LOCK_EX)
    for words in LOOKING:
        done = look(b, words)
        assert done.code > 0, (words, done.code, done.out)
        contains(done.err, f"container {b.id} does not exist")
    equal(json.loads(b.rt("list", "--format", "json").out), [])
    os.close(fd)


@test
def one_without_a_record_whose_creator_died_can_be_deleted(b):
    os.close(folder(b))
    for words in LOOKING[1:]:
        done = look(b, words)
        assert done.code > 0, (words, done.code, done.out)
        contains(done.err, "not running")
    done = b.rt("update", "--pids-limit", "5", b.id)
    equal((done.code, "not running" in done.err), (1, True))
    equal(status(b), "stopped")
    equal(b.rt("delete", b.id).code, 0)
    b.leaves_nothing()


@test
def exec_where_all_but_the_folder_is_removed(b):
    b.process["args"] = ["/bin/true"]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    until("it ends", lambda: status(b) == "stopped")
    os.unlink(f"{b.state}/{b.id}/config.json")
    contains(b.rt("exec", b.id, "/bin/true").err, "container not running")


@test
def delete_waits_for_a_start_and_is_refused_then(b):
    arrive, leave = gate(b, "startContainer")
    b.process["args"] = ["/bin/sleep", "1000"]
    b.create()
    with popen(b, "start", b.id) as start:
        arrive()
        with popen(b, "delete", b.id) as delete:
            time.sleep(0.2)
            equal(delete.poll(), None)
            leave()
            equal(start.wait(DEADLINE), 0)
            _, err = delete.communicate(timeout=DEADLINE)
    equal(delete.returncode, 1)
    contains(err, "not stopped: running", "--force")
    equal(status(b), "running")


@test
def pause_leaves_alone_what_is_not_running_yet(b):
    arrive, leave = gate(b, "createRuntime")
    b.process["args"] = ["/bin/sleep", "1000"]
    b.write()
    with popen(b, "create", "--bundle", b.dir, b.id, stderr=subprocess.DEVNULL) as create:
        arrive()
        equal(status(b), "creating")
        done = b.rt("pause", b.id)
        leave()
        equal((create.wait(DEADLINE), done.code), (0, 1))
    contains(done.err, "container not running")
    done = b.rt("pause", b.id)
    equal(done.code, 1)
    contains(done.err, "only created", "start it first")
    equal((b.rt("start", b.id).code, status(b)), (0, "running"))


@test
def forced_deletions_all_succeed(b):
    b.process["args"] = ["/bin/sleep", "1000"]
    b.write()
    for _ in range(8):
        equal(quietly(b, "run", "--detach", "--bundle", b.dir, b.id), 0)
        several = [popen(b, "delete", "--force", b.id) for _ in range(4)]
        equal([(p.communicate(timeout=DEADLINE)[1], p.returncode) for p in several],
              [("", 0)] * 4)
        b.leaves_nothing()


@test
def what_runs_in_the_foreground_can_be_changed_and_removed(b):
    b.process["args"] = ["/bin/sleep", "1000"]
    b.write()
    with popen(b, "run", "--bundle", b.dir, b.id) as run:
        until("it runs", lambda: status(b) == "running")
        done = b.rt("update", "--pids-limit", "50", b.id)
        assert done.code == 0 or "in use" not in done.err, done.err
        done = b.rt("delete", "--force", b.id)
        equal((done.code, done.err), (0, ""))
        _, err = run.communicate(timeout=DEADLINE)
        equal((run.returncode, err), (137, ""))
    b.leaves_nothing()


@test
def looking_disturbs_neither_creation_nor_removal(b):
    """None of the commands crashes, none breaks a creation, and what has just been created is
    never called stopped."""
    b.process["args"] = ["/bin/sleep", "1000"]
    b.write()
    over, said, seen = threading.Event(), set(), []

    def poll(words):
        while not over.is_set():
            done = look(b, words)
            said.add((words[0], done.code, done.err))

    def watch():
        while not over.is_set():
            seen.append(status(b))

    asked = (*LOOKING[1:3], LOOKING[-1], ["update", "--pids-limit=50"])
    threads = [threading.Thread(target=poll, args=(x,)) for x in asked]
    threads.append(threading.Thread(target=watch))
    for t in threads:
        t.start()
    try:
        for _ in range(10):
            equal(quietly(b, "run", "--detach", "--bundle", b.dir, b.id), 0)
            equal(status(b), "running")
            equal(quietly(b, "delete", "--force", b.id), 0)
    finally:
        over.set()
        for t in threads:
            t.join()
    answers = ("not running", "does not exist", "still being created")
    equal([x for x in said if x[1] not in (0, 137) and not any(a in x[2] for a in answers)], [])
    assert seen
    b.leaves_nothing()


@test
def a_kill_wins_over_a_pause(b):
    """On cgroup v1 a frozen process does not take SIGKILL."""
    b.process["args"] = ["/bin/sleep", "1000"]
    for i in range(25):
        b.create()
        equal(b.rt("start", b.id).code, 0)
        pid = json.loads(b.rt("state", b.id).out)["pid"]
        with popen(b, "pause", b.id) as pause:
            time.sleep(i % 5 * 0.001)
            equal(b.rt("kill", b.id, "KILL").code, 0)
            pause.communicate(timeout=DEADLINE)
        until("it ends", lambda p=pid: not is_alive(p))
        equal(b.rt("delete", "--force", b.id).code, 0)


if __name__ == "__main__":
    main()

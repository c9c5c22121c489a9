# SPDX-License-Identifier: Apache-2.0
"""L1 to L12: what `state` and the state on the input of hooks say."""

import json
import os
import re

import host
from harness import HOOKS, Mismatch, assertion, equal, expect

WORDS = {"creating", "created", "running", "stopped"}
# The members that the specification's state-schema.json knows: type, and whether it is required.
SCHEMA = {"ociVersion": (str, True), "id": (str, True), "status": (str, True),
          "pid": (int, False), "bundle": (str, True), "annotations": (dict, False)}


def check_schema(state, extra_status=()):
    for name, (kind, required) in SCHEMA.items():
        expect(name in state or not required, f"{name} is there", state)
        if name in state:
            right = isinstance(state[name], kind) and not isinstance(state[name], bool)
            expect(right or (name == "annotations" and state[name] is None),
                   f"{name} is a {kind.__name__}", state[name])
    expect(state["status"] in WORDS | set(extra_status), f"status is one of {sorted(WORDS)}",
           state["status"])
    expect(state.get("pid", 0) >= 0, "pid is not negative", state["pid"])
    for key, value in (state.get("annotations") or {}).items():
        expect(key and isinstance(value, str), "annotations are strings", {key: value})


def stages(t, visit):
    """Call visit(box) while a container is created, running and stopped."""
    box = t.box().created()
    visit(box)
    box.start().works()
    box.line(0)
    visit(box)
    box.stop()
    visit(box)


def tree(folder):
    """Everything in a folder with its content and its time of change."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(place, name)
            s = os.lstat(path)
            text = host.read(path) if os.path.isfile(path) else ""
            found[path] = (s.st_mode, s.st_mtime_ns, text)
    return found


@assertion("L1", "state without an id fails")
def state_without_id(t):
    t.run("state").fails("no id")


@assertion("L2", "state of an unknown id fails and says that it does not exist")
def state_of_unknown(t):
    for others in (False, True):
        if others:
            t.box().created()
        r = t.run("state", "no-such-container").fails("unknown id")
        expect("does not exist" in r.said, "the message holds `does not exist`", r.said)


@assertion("L3", "the output is valid by the state schema")
def state_is_valid(t):
    stages(t, lambda box: check_schema(box.state()))


@assertion("L4", "ociVersion, id, status, absolute bundle and pid are there")
def state_members(t):
    box = t.box()
    box.config["ociVersion"] = "1.0.2"
    box.write()
    # A relative bundle on the command line is absolute in the state.
    t.run("create", "--bundle", "bundle", box.id, cwd=box.dir, stdout=open(box.output, "ab"),
          ).works()
    for status in ("created", "running"):
        state = box.state()
        expect(re.match(r"\d+\.\d+\.\d+", state.get("ociVersion", "")), "ociVersion is a SemVer",
               state)
        equal(state.get("id"), box.id, "id")
        equal(state.get("status"), status, "status")
        equal(state.get("bundle"), box.bundle, "bundle")
        box.init = state.get("pid", 0)
        expect(host.alive(box.init), f"pid is a process while {status}", state)
        if status == "created":
            box.start().works()
            box.line(0)
    if state["ociVersion"] == "1.0.0":
        t.note("ociVersion is 1.0.0, with a config.json of 1.0.2")


@assertion("L5", "created: the process is there and has not run the payload")
def created_state(t):
    box = t.box(["/bin/probe", "append", "/seen/ran", "payload", "wait"])
    box.share_seen()
    box.created()
    equal(box.status(), "created", "status after create")
    expect(host.alive(box.init), "pid is a process", host.stat(box.init))
    exe = os.readlink(f"/proc/{box.init}/exe")
    expect(not exe.endswith("/bin/probe"), "the payload is not executed before start", exe)
    expect(not os.path.exists(box.seen_path("ran")), "the payload does nothing before start", "ran")
    box.start().works()
    expect(box.wait_seen("ran"), "the payload runs after start", "nothing")


@assertion("L6", "running only after the payload is executed, and until it exits")
def running_state(t):
    box = t.box(["/bin/probe", "see", "until", "/seen/end", "exit", "0"])
    box.hook("startContainer", body=": >$d/in-hook; while [ ! -e $d/go ]; do sleep 0.01; done")
    box.created()
    start = box.starting()
    expect(box.wait_seen("in-hook"), "the startContainer hook runs", lambda: start.finish(0.1))
    early = [box.status() for _ in range(3)]
    box.touch("go")
    start.finish().works()
    box.line(0)
    equal(box.status(), "running", "status of a running payload")
    box.touch("end")
    box.wait_end()
    equal(box.status(), "stopped", "status after its exit")
    expect("running" not in early, "not `running` while a startContainer hook runs", early)


@assertion("L7", "stopped after exit: also as a zombie, and after its pid is used again")
def stopped_state(t):
    box = t.box(["/bin/probe", "see", "until", "/seen/end", "exit", "0"])
    box.share_seen()
    box.started()
    box.touch("end")
    host.until(lambda: (host.stat(box.init) or "Z")[0] == "Z")
    expect(host.stat(box.init), "we are the parent of an orphaned container", "it is gone")
    equal(box.status(), "stopped", "status of a zombie")
    host.reap(box.init)
    equal(box.status(), "stopped", "status of a collected process")
    impostor(t, box.init)
    equal(box.status(), "stopped", "status when another process has the pid")


def impostor(t, pid):
    """Another process with a pid that a container had. It is the test's, until the test ends."""
    out = t.path("impostor")
    with open(out, "wb") as f:
        helper = t.probe("become", str(pid), stdin=-1, stdout=f)
    host.until(lambda: host.read(out).endswith("\n"))
    got = json.loads(host.read(out))
    if got["errno"]:
        raise Mismatch(f"pid {pid} can be used again", got)
    t.helpers.append(Borrowed(pid))
    return helper


class Borrowed:
    """A process that a helper of ours made, so that it counts as ours."""

    def __init__(self, pid):
        self.pid = pid

    def kill(self):
        host.kill(self.pid)

    def wait(self):
        """Its parent, the helper, collects it."""


@assertion("L8", "early hooks see the status creating")
def creating_state(t):
    box = t.box()
    early = HOOKS[:3]
    for kind in early:
        box.hook(kind)
    box.created()
    equal({k: box.hook_state(k).get("status") for k in early}, {k: "creating" for k in early},
          "status on the input")


@assertion("L9", "status words are those of the specification, and paused")
def status_words(t):
    box = t.box()
    for kind in HOOKS:
        box.hook(kind)
    box.created()
    seen = {"after create": box.status()}
    box.start().works()
    box.line(0)
    seen["after start"] = box.status()
    paused = None
    if t.run("pause", box.id).ok:
        paused = box.status()
        t.run("resume", box.id).works()
    box.stop()
    seen["after exit"] = box.status()
    box.delete().works()
    seen |= {kind: box.hook_state(kind).get("status") for kind in HOOKS}
    expect(set(seen.values()) <= WORDS, f"each is one of {sorted(WORDS)}", seen)
    expect(paused in (None, "paused", "running"), "paused or running while paused", paused)


@assertion("L10", "annotations are those of config.json")
def annotations(t):
    wanted = {"org.example.one": "1", "org.example.empty": "",
              "org.example.text": "a \"b\" \\ ü\n"}
    box = t.box()
    box.config["annotations"] = dict(wanted)
    box.hook("createRuntime")
    box.created()
    equal(box.state().get("annotations"), wanted, "annotations of `state`")
    equal(box.hook_state("createRuntime").get("annotations"), wanted, "annotations of a hook")
    bare = t.box().created()
    expect(not bare.state().get("annotations"), "no annotations without annotations", bare.state())


@assertion("L11", "state changes nothing and is not held up by another command")
def state_is_harmless(t):
    box = t.box()
    gate = ": >$d/in-{0}; while [ ! -e $d/go-{0} ]; do sleep 0.01; done"
    box.hook("createRuntime", body=gate.format("create"))
    box.hook("startContainer", body=gate.format("start"))
    create = box.creating()
    expect(box.wait_seen("in-create"), "the createRuntime hook runs", lambda: create.finish(0.1))
    r = box.ask()
    expect(not r.hung, "`state` answers during create", r)
    if not r.ok:
        t.note(f"`state` fails during create: {r.said[-200:]}")
    box.touch("go-create")
    create.finish().works()
    before = tree(t.root)
    box.state()
    equal(tree(t.root), before, "files of the runtime after `state`")
    start = box.starting()
    expect(box.wait_seen("in-start"), "the startContainer hook runs", lambda: start.finish(0.1))
    expect(box.ask().ok, "`state` works during start", box.ask())
    box.touch("go-start")
    start.finish().works()
    box.line(0)
    before = tree(t.root)
    equal(box.status(), "running", "status after start")
    equal(tree(t.root), before, "files of the runtime after `state`")


@assertion("L12", "the pid in a hook's state is that of the namespace the hook runs in")
def hook_pids(t):
    box = t.box()
    outside = ("prestart", "createRuntime", "poststart")
    inside = ("createContainer", "startContainer")
    for kind in outside + inside:
        box.hook(kind)
    box.started()
    wanted = {k: box.init for k in outside} | {k: 1 for k in inside}
    equal({k: box.hook_state(k).get("pid") for k in wanted}, wanted, "pid")

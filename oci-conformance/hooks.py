# SPDX-License-Identifier: Apache-2.0
"""L71 to L84: hooks and errors."""

import json
import os

import host
from harness import HOOKS, Mismatch, assertion, equal, expect

EARLY = ("prestart", "createRuntime", "createContainer")


def failed_create(t, box, why):
    """The create fails, and the container is destroyed."""
    r = box.create()
    if r.ok:
        raise Mismatch(f"`create` fails: {why}", r)
    t.nothing_left(f"a create that failed ({why})")
    return r


@assertion("L71", "hooks run in the order of the specification, each list in its own")
def hook_order(t):
    box = t.box()
    for kind in HOOKS:
        for n in (1, 2):
            box.hook(kind, f"{kind}{n}")
    wanted = [f"{kind}{n}" for kind in HOOKS for n in (1, 2)]
    box.created()
    equal(box.order(), wanted[:6], "hooks after create")
    box.start().works()
    box.line(0)
    equal(box.order(), wanted[:10], "hooks after start")
    box.stop()
    box.delete().works()
    equal(box.order(), wanted, "hooks after delete")


def namespaces_of(box, name):
    return dict(line.split() for line in host.lines(box.seen_path(name)))


NAMESPACES = ("for n in mnt pid uts ipc net; do echo $n $(readlink /proc/self/ns/$n); done "
              ">$d/{0}.ns")


@assertion("L72", "prestart and createRuntime run in the runtime's namespaces, before the pivot")
def runtime_hooks(t):
    box = t.box()
    for kind in ("prestart", "createRuntime"):
        box.hook(kind, body=NAMESPACES.format(kind) + "; readlink /proc/$pid/ns/uts >$d/uts;"
                 " ls /proc/$pid/root >$d/" + kind + ".root")
    box.created()
    for kind in ("prestart", "createRuntime"):
        for n, link in namespaces_of(box, kind + ".ns").items():
            equal(link, os.readlink(f"/proc/self/ns/{n}"), f"{n} namespace of {kind}")
        # Before the pivot the process still has the root of the runtime.
        expect("seen" not in host.lines(box.seen_path(kind + ".root")),
               f"no pivot before {kind}", host.lines(box.seen_path(kind + ".root")))
    expect(host.read(box.seen_path("uts")).strip() != os.readlink("/proc/self/ns/uts"),
           "the container's namespaces exist when the hooks run", host.read(box.seen_path("uts")))


@assertion("L73", "createContainer runs in the container's namespaces, found in the runtime's")
def create_container(t):
    box = t.box()
    box.mount("/mnt", options=["size=64k"])
    box.hook("createContainer", body=NAMESPACES.format("inside") + "; cat /proc/self/mounts "
             ">$d/mounts; ls -d /bin/probe >$d/probe 2>&1; true")
    box.created()
    for n, link in namespaces_of(box, "inside.ns").items():
        own = link != os.readlink(f"/proc/self/ns/{n}")
        equal(own, n != "net", f"whether the {n} namespace is not the runtime's")
    mounts = [line.split()[1] for line in host.lines(box.seen_path("mounts"))]
    expect(any(m.endswith("/mnt") for m in mounts), "the mounts are there", mounts)
    expect(host.lines(box.seen_path("probe")) != ["/bin/probe"],
           "the hook still sees the files of the host", "it sees the container's")


@assertion("L74", "startContainer is looked up and run inside")
def start_container(t):
    box = t.box()
    box.hook("startContainer", body=NAMESPACES.format("inside") + "; ls /bin/probe >$d/probe")
    box.created()
    box.start().works()
    box.line(0)
    equal(host.lines(box.seen_path("probe")), ["/bin/probe"], "the container's files")
    equal(namespaces_of(box, "inside.ns")["mnt"], host.namespace("mnt", box.init),
          "mount namespace of the hook")
    # The path exists outside only.
    box = t.box()
    box.add_hook("startContainer", os.path.join(box.dir, "outside"))
    host.write(os.path.join(box.dir, "outside"), "#!/bin/sh\n")
    os.chmod(os.path.join(box.dir, "outside"), 0o755)
    r = box.create()
    if r.ok:
        r = box.start()
        if r.ok:
            t.note("start does not tell that a startContainer hook cannot be run")
            expect(host.until(lambda: box.status() in ("stopped", "unknown")),
                   "the container does not run", box.status())


@assertion("L75", "poststart and poststop run in the runtime's namespaces")
def late_hooks(t):
    box = t.box()
    for kind in ("poststart", "poststop"):
        box.hook(kind, body=NAMESPACES.format(kind))
    box.started()
    box.stop()
    box.delete().works()
    for kind in ("poststart", "poststop"):
        for n, link in namespaces_of(box, kind + ".ns").items():
            equal(link, os.readlink(f"/proc/self/ns/{n}"), f"{n} namespace of {kind}")


@assertion("L76", "a relative path of a hook is an error of create")
def relative_hook(t):
    for kind in HOOKS:
        box = t.box()
        box.add_hook(kind, "bin/true")
        failed_create(t, box, f"a relative {kind} hook")


@assertion("L77", "every hook gets the state on its input")
def state_on_input(t):
    box = t.box()
    box.config["annotations"] = {"org.example.key": "value \"quoted\""}
    for kind in HOOKS:
        box.hook(kind)
    box.started()
    box.stop()
    box.delete().works()
    for kind in HOOKS:
        state = box.hook_state(kind)
        equal(state.get("id"), box.id, f"id on the input of {kind}")
        equal(state.get("annotations"), box.config["annotations"], f"annotations for {kind}")
        for key in ("ociVersion", "status", "bundle"):
            expect(state.get(key), f"{key} on the input of {kind}", state)


@assertion("L78", "a hook that does not read its input is no failure")
def unread_input(t):
    box = t.box()
    box.config["annotations"] = {f"org.example.{i}": "x" * 1000 for i in range(200)}
    for kind in HOOKS:
        path = "/bin/true" if kind != "startContainer" else "/bin/busybox"
        box.add_hook(kind, path, args=["true"])
    box.started()
    box.stop()
    box.delete().works()


@assertion("L79", "a timeout ends a hook with its process group, and fails; 0 is invalid")
def hook_timeout(t):
    box = t.box()
    box.hook("createRuntime", body="sleep 1000 & echo $! >$d/child; wait", timeout=3)
    failed_create(t, box, "a hook that takes too long")
    child = host.read(box.seen_path("child")).strip()
    expect(child and host.until(lambda: not host.alive(int(child))),
           "the child of the hook is gone", child)
    for number in (0, -1):
        box = t.box()
        box.hook("createRuntime", timeout=number)
        failed_create(t, box, f"the timeout {number}")


@assertion("L80", "a failing early hook fails create, destroys the container and runs poststop")
def failing_early_hook(t):
    for kind in EARLY:
        box = t.box()
        box.hook(kind, "bad", "exit 3")
        box.hook("poststop", "end")
        failed_create(t, box, f"a {kind} hook failed")
        equal(box.status(), "unknown", f"status after a {kind} hook failed")
        equal(box.order(), ["bad", "end"], f"hooks that ran ({kind})")


@assertion("L81", "argv of a hook is exactly args, its environment exactly env")
def hook_environment(t):
    box = t.box()
    saved = os.path.join(box.seen, "saved")
    probe = os.path.join(t.store, "probe")
    box.add_hook("createRuntime", probe, args=["a name", "save", saved, "--", "two words", ""],
                 env=["ONE=1", "EMPTY="])
    box.add_hook("poststart", probe, args=["probe", "save", saved + "2"])
    box.started()
    seen = json.loads(host.read(saved))
    equal(seen["argv"], ["a name", "save", saved, "--", "two words", ""], "argv")
    equal(sorted(seen["env"]), ["EMPTY=", "ONE=1"], "environment")
    equal(json.loads(host.read(saved + "2"))["env"], [], "environment of a hook without env")


@assertion("L82", "an operation that fails leaves everything as before")
def failed_operations(t):
    box = t.box().started()
    before = box.state()
    for words in (("start",), ("delete",)):
        t.run(*words, box.id).fails("it runs")
    t.run("create", "--bundle", box.bundle, box.id).fails("the id is in use")
    equal(box.state(), before, "state")
    box.kill("USR1").works()
    box.line(1)


@assertion("L83", "warnings never change the flow")
def warnings(t):
    box = t.box()
    box.process["capabilities"] = {"bounding": ["CAP_OF_INVISIBILITY", "CAP_KILL"]}
    box.hook("poststop", "bad", "exit 3")
    box.started()
    box.stop()
    box.delete().works()
    equal(box.status(), "unknown", "status after delete")


@assertion("L84", "hooks inherit no descriptors but the standard streams")
def hook_descriptors(t):
    box = t.box()
    box.share_seen()
    for kind in HOOKS:
        inside = kind == "startContainer"
        probe = "/bin/probe" if inside else os.path.join(t.store, "probe")
        box.add_hook(kind, probe, args=["probe", "save",
                                        ("/seen/" if inside else box.seen + "/") + kind])
    box.started()
    box.stop()
    box.delete().works()
    for kind in HOOKS:
        fds = json.loads(host.read(box.seen_path(kind)))["fds"]
        equal(sorted(map(int, fds)), [0, 1, 2], f"descriptors of {kind}")

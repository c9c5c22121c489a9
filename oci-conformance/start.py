# SPDX-License-Identifier: Apache-2.0
"""L48 to L56: start."""

import os

import host
from harness import assertion, equal, expect


@assertion("L48", "start without an id fails")
def start_without_id(t):
    t.run("start").fails("no id")


@assertion("L49", "start in any state but created fails and changes nothing")
def start_twice(t):
    t.run("start", "no-such-container").fails("unknown id")
    box = t.box().started()
    before = box.state()
    box.start().fails("running")
    equal(box.state(), before, "state after a start that failed")
    expect(host.alive(box.init), "the payload still runs", "it has ended")
    box.stop()
    box.start().fails("stopped")
    equal(box.status(), "stopped", "status afterwards")


@assertion("L50", "exactly process.args runs, the program searched in PATH of the container")
def runs_args(t):
    words = ["probe", "see", "--", "two words", "", "*", "$HOME"]
    box = t.box(args=words)
    equal(box.said()["argv"], words, "argv of the payload")
    box = t.box(args=["no-such-program"])
    r = box.create()
    if r.ok:
        r = box.start()
    r.fails("the program is not in PATH")
    # PATH is the container's, not that of the runtime's caller.
    box = t.box(args=["probe", "see"])
    box.process["env"] = ["PATH=/elsewhere"]
    os.mkdir(os.path.join(box.rootfs, "elsewhere"))
    os.link(os.path.join(box.rootfs, "bin/probe"), os.path.join(box.rootfs, "elsewhere/probe"))
    os.unlink(os.path.join(box.rootfs, "bin/probe"))
    equal(box.said()["argv"], ["probe", "see"], "argv of the payload")


@assertion("L51", "startContainer hooks run inside, before the program, in order")
def start_container_hooks(t):
    box = t.box()
    box.hook("startContainer", "one", "hostname >/seen/host; ls / >/seen/root")
    box.hook("startContainer", "two")
    box.config["hostname"] = t.tag
    box.process["args"] = ["/bin/sh", "-c", "cp /seen/order /seen/before; exec probe wait"]
    box.created()
    equal(box.order(), [], "hooks that ran before start")
    box.start().works()
    box.line(0)
    equal(box.order(), ["one", "two"], "order of the hooks")
    equal(host.lines(box.seen_path("before")), ["one", "two"], "what the program finds done")
    equal(host.lines(box.seen_path("host")), [t.tag], "host name that a hook sees")
    expect("hooks" in host.lines(box.seen_path("root")), "the hook sees the container's root",
           host.lines(box.seen_path("root")))


def destroyed(t, box, name):
    """The container was stopped and destroyed, and its poststop hook has run."""
    expect(not host.alive(box.init), "the container is stopped", host.command(box.init))
    expect(name in box.order(), "the poststop hook has run", box.order())
    equal(box.status(), "unknown", "status of a destroyed container")


@assertion("L52", "a failing startContainer hook is an error of start and ends the container")
def failing_start_container(t):
    box = t.box()
    box.hook("startContainer", "bad", "exit 3")
    box.hook("poststop", "end")
    box.process["args"] = ["/bin/sh", "-c", "touch /seen/ran; exec probe wait"]
    box.created()
    box.start().fails("a startContainer hook failed")
    expect(not os.path.exists(box.seen_path("ran")), "the program never ran", "it ran")
    destroyed(t, box, "end")


@assertion("L53", "poststart runs after the program began and before start returns")
def poststart_order(t):
    box = t.box()
    box.hook("poststart", "after", "tr '\\0' ' ' </proc/$pid/cmdline >$d/cmdline")
    box.created()
    box.start().works()
    equal(box.order(), ["after"], "hooks that ran when start returns")
    equal(host.read(box.seen_path("cmdline")).split(), box.process["args"],
          "command line of the process when the hook runs")


@assertion("L54", "a failing poststart hook is an error of start and ends the container")
def failing_poststart(t):
    box = t.box()
    box.hook("poststart", "bad", "exit 3")
    box.hook("poststop", "end")
    box.created()
    box.start().fails("a poststart hook failed")
    destroyed(t, box, "end")


@assertion("L55", "of two starts at the same time one succeeds")
def parallel_starts(t):
    for _ in range(8):
        box = t.box().created()
        results = [r.finish() for r in [box.starting() for _ in range(3)]]
        equal(sum(r.ok for r in results), 1, "starts that succeed out of three at once")
        box.line(0)
        equal(box.status(), "running", "status afterwards")
        box.stop()
        box.delete().works()


@assertion("L56", "a failing exec of the program is an error of start")
def failing_exec(t):
    for name, text in (("format", "\x7fELF no program"), ("interpreter", "#!/no/such/program\n")):
        box = t.box(args=["/bin/" + name])
        path = os.path.join(box.rootfs, "bin", name)
        host.write(path, text)
        os.chmod(path, 0o755)
        r = box.create()
        if not r.ok:
            t.note(f"{name}: create tells it already")
            continue
        box.init = box.state().get("pid", 0)
        r = box.start()
        r.fails(f"the program cannot be executed ({name})")
        expect(r.said, "the message says why", "nothing")

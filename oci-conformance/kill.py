# SPDX-License-Identifier: Apache-2.0
"""L57 to L62: kill."""

import os
import signal

import host
from harness import Skip, assertion, equal, expect
from state import impostor


@assertion("L57", "kill without an id fails")
def kill_without_id(t):
    t.run("kill").fails("no id")


@assertion("L58", "kill of a stopped or unknown container fails, in the words engines look for")
def kill_of_stopped(t):
    r = t.run("kill", "no-such-container", "TERM").fails("unknown id")
    expect("does not exist" in r.said, "the message holds `does not exist`", r.said)
    box = t.box().started()
    box.stop()
    before = box.state()
    r = box.kill("TERM").fails("stopped")
    equal(box.state(), before, "state after a kill that failed")
    expect("container not running" in r.said, "the message holds `container not running`", r.said)


@assertion("L59", "the signal arrives at the process of a created and of a running container")
def signal_arrives(t):
    box = t.box().created()
    box.kill("KILL").works()
    status = box.wait_end()
    expect(status is not None and os.WIFSIGNALED(status), "a signal ends a created container",
           status)
    equal(os.WTERMSIG(status), signal.SIGKILL, "the signal")
    equal(box.status(), "stopped", "status afterwards")
    box = t.box().started()
    for place, name in enumerate(("TERM", "HUP", "USR1", "WINCH"), 1):
        box.kill(name).works()
        equal(box.line(place), {"signal": signal.Signals["SIG" + name]}, f"SIG{name} inside")
    # Without an argument it is SIGTERM, for the runtimes that need none.
    r = box.kill()
    if r.ok:
        equal(box.line(5), {"signal": signal.SIGTERM}, "the default signal")
    else:
        t.note("kill demands a signal")


@assertion("L60", "signal 0, real-time signals, names with and without SIG")
def signal_names(t):
    box = t.box().started()
    words = {"USR1": 10, "SIGUSR1": 10, "10": 10, "SIGWINCH": 28, "34": 34, "37": 37, "64": 64}
    for place, (word, number) in enumerate(words.items(), 1):
        box.kill(word).works()
        equal(box.line(place), {"signal": number}, f"what arrives for {word}")
    box.kill("0").works()
    box.kill("NO-SUCH-SIGNAL").fails("no signal has this name")
    box.kill("USR2").works()
    equal(box.line(len(words) + 1), {"signal": 12}, "the next signal after 0 and a wrong name")
    for word in ("RTMIN+1", "SIGRTMIN+1"):
        if not box.kill(word).ok:
            t.note(f"the name {word} is not known")
    box.stop()
    box.kill("0").fails("stopped")


@assertion("L61", "never signals a process that has got the container's pid")
def recycled_pid(t):
    box = t.box().started()
    box.stop()
    host.reap(box.init)
    impostor(t, box.init)
    for words in (("TERM",), ("KILL",), ("--all", "KILL")):
        box.kill(*words)
        expect(host.alive(box.init), f"kill {' '.join(words)} spares the process with its pid",
               "it was killed")
    box.delete().works()
    expect(host.alive(box.init), "delete spares the process with its pid", "it was killed")


@assertion("L62", "SIGKILL takes effect on a paused container")
def kill_paused(t):
    box = t.box().started()
    r = t.run("pause", box.id)
    if r.said and not r.ok and not host.freezer(""):
        raise Skip("no freezer")
    r.works()
    place, frozen, _ = host.freezer(box.cgroup)
    equal(host.until(lambda: host.read(place).strip() == frozen), True, "the container is frozen")
    box.kill("KILL").works()
    box.wait_end()
    equal(box.status(), "stopped", "status after SIGKILL")
    box.delete().works()
    t.nothing_left("delete of it")

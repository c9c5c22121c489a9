# SPDX-License-Identifier: Apache-2.0
"""L63 to L70: delete."""

import os
import subprocess
import time

import host
from harness import Mismatch, Skip, assertion, equal, expect


@assertion("L63", "delete without an id fails")
def delete_without_id(t):
    t.run("delete").fails("no id")
    t.run("delete", "no-such-container").fails("unknown id")


@assertion("L64", "delete of a running container fails and changes nothing")
def delete_running(t):
    box = t.box().started()
    before = box.state()
    box.delete().fails("running")
    equal(box.state(), before, "state after a delete that failed")
    box.kill("USR1").works()
    box.line(1)
    # Engines rely on a created container being killed and deleted; the text refuses it.
    box = t.box().created()
    r = box.delete()
    t.note(f"a created container is {'killed and deleted' if r.ok else 'refused'}")


@assertion("L65", "delete removes everything that create made")
def delete_removes(t):
    box = t.box()
    box.mount("/mnt")
    box.created()
    places = host.cgroups_with(t.tag)
    box.start().works()
    box.line(0)
    made = [make_sub(p) for p in places]
    box.stop()
    box.delete().works()
    t.nothing_left("delete")
    equal([p for p in made if p and os.path.isdir(p)], [], "sub-cgroups left")


def make_sub(place):
    """A cgroup below the container's, as one that the container had made."""
    try:
        os.mkdir(os.path.join(place, "sub"))
        return os.path.join(place, "sub")
    except OSError:
        return None


@assertion("L66", "delete leaves alone what create did not make")
def delete_spares(t):
    holder = t.helper("unshare", "--uts", "--ipc", "sleep", "1000")
    host.until(lambda: host.namespace("uts", holder.pid) != host.namespace("uts"))
    box = t.box()
    for n in box.linux["namespaces"]:
        if n["type"] in ("uts", "ipc"):
            n["path"] = f"/proc/{holder.pid}/ns/{n['type']}"
    made = existing_cgroups(box.cgroup)
    box.started()
    box.stop()
    box.delete().works()
    expect(host.alive(holder.pid), "the process whose namespaces were joined lives", "it died")
    gone = [p for p in made if not os.path.isdir(p)]
    for p in made:
        if os.path.isdir(p):
            os.rmdir(p)
    equal(gone, [], "cgroups that were there before and are gone")


def existing_cgroups(name):
    """Make the cgroup in every hierarchy, before the runtime comes to it."""
    made = []
    for point in host.hierarchies():
        place = getattr(point, "place", point) if not isinstance(point, tuple) else point[0]
        folder = place + name
        try:
            os.mkdir(folder)
            made.append(folder)
        except OSError:
            continue
        for key in ("cpuset.cpus", "cpuset.mems"):
            own, above = os.path.join(folder, key), os.path.join(place, key)
            if os.path.exists(own) and not host.read(own).strip():
                host.write(own, host.read(above).strip())
    if not made:
        raise Skip("no cgroup can be made here")
    return made


@assertion("L67", "the id can be used again")
def id_again(t):
    box = t.box()
    for _ in range(3):
        box.started()
        box.stop()
        box.delete().works()
        equal(box.status(), "unknown", "status after delete")
        os.truncate(box.output, 0)


@assertion("L68", "poststop runs after the destruction and before delete returns")
def poststop_order(t):
    box = t.box()
    box.hook("poststop", "end", f"find /sys/fs/cgroup -name '*{box.id}*' >$d/cgroups; "
                                f"ls {t.root} >$d/containers; sleep 0.2; touch $d/finished")
    box.started()
    box.stop()
    equal(box.order(), [], "hooks that ran before delete")
    box.delete().works()
    expect(os.path.exists(box.seen_path("finished")), "the hook has ended when delete returns",
           "it has not")
    equal(host.lines(box.seen_path("cgroups")), [], "cgroups that the hook finds")
    expect(box.id not in host.lines(box.seen_path("containers")),
           "the container's state is gone when the hook runs",
           host.lines(box.seen_path("containers")))


@assertion("L69", "a failing poststop hook is a warning, the others still run")
def failing_poststop(t):
    box = t.box()
    box.hook("poststop", "one")
    box.hook("poststop", "bad", "exit 3")
    box.hook("poststop", "three")
    box.started()
    box.stop()
    box.delete().works()
    equal(box.order(), ["one", "bad", "three"], "hooks that ran")
    equal(box.status(), "unknown", "status after delete")


@assertion("L70", "delete cleans up after the runtime was killed at any moment of create")
def killed_create(t):
    rounds = 40
    box = t.box()
    begin = time.monotonic()
    box.create().works()
    whole = time.monotonic() - begin
    box.delete("--force").works()
    for i in range(rounds):
        box = t.box()
        running = box.creating(start_new_session=True)
        time.sleep(whole * i / (rounds - 8))
        running.process.kill()
        running.process.wait()
        # Its own processes notice that it is gone; a second delete must find nothing to do.
        r = box.delete("--force")
        if not r.ok:
            raise Mismatch(f"delete --force works after a kill at {i}/{rounds - 8}", r)
        box.delete("--force").works()
        t.nothing_left(f"a kill at {i}/{rounds - 8} of create and delete --force")

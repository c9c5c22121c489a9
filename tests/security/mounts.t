#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images and shared volumes that lead mounts astray."""

import os

from security import compiled, main, row

MANY = 60  # mounts of one container: as many chances for a race


@row("CVE-2019-18837")
def root_as_target(c):
    """`mnt -> /` and a mount below it that would then cover the host's own."""
    c.image_link("mnt", c.outside)
    c.add_mount("/mnt/made", type="tmpfs", source="tmpfs")
    with c.watching_outside() as changed:
        c.run("true")
        return changed()


def on_decoy(c, kind):
    """Is a file system of that type on /decoy, where nothing masks it?"""
    done = c.run("cat /proc/self/mountinfo /decoy/self/mountinfo 2>/dev/null; true")
    lines = [x for x in done.out.splitlines() if " /decoy " in x and f" - {kind} " in x]
    return lines[0] if lines else None


@row("CVE-2019-19921")
def shared_proc(c):
    """The root file system is shared: its `proc` is a directory, nothing, or a symlink in turn."""
    os.rename(c.inside("proc"), c.inside("real"))
    os.mkdir(c.inside("decoy"))
    os.symlink("decoy", c.inside("link"))
    c.background(compiled("agent"), "rotate", c.inside("proc"), c.inside("real"), c.inside("link"))
    for _ in range(c.rounds(40)):
        found = on_decoy(c, "proc")
        if found:
            return found
    return None


@row("CVE-2023-27561")
def proc_is_a_link_of_the_image(c):
    c.image_link("proc", "decoy")
    os.mkdir(c.inside("decoy"))
    return on_decoy(c, "proc")


@row("CVE-2023-28642")
def sys_is_a_link_of_the_image(c):
    c.add_mount("/sys", type="sysfs", source="sysfs", options=["ro"])
    c.image_link("sys", "decoy")
    os.mkdir(c.inside("decoy"))
    return on_decoy(c, "sysfs")


@row("CVE-2025-54867")
def proc_is_a_link_to_the_host(c):
    """To a directory that exists on the host only, so that to resolve it there is to succeed."""
    c.image_link("proc", c.outside)
    done = c.run("echo runs")
    if "runs" in done.out:
        return "runs although its /proc is somewhere else"
    return None


@row("CVE-2021-30465")
def exchanged_target(c):
    """A volume that another container writes to, where each mount has a target that is a directory
    and a symlink to the host in turn. Then a mount is missing inside, as it is on the host."""
    volume = os.path.join(c.dir, "volume")
    os.makedirs(f"{volume}/dir")
    os.symlink(c.outside, f"{volume}/link")
    os.chmod(volume, 0o777)
    c.add_mount("/vol", type="bind", source=volume, options=["bind"])
    for _ in range(MANY):
        c.add_mount("/vol/dir", type="tmpfs", source="attack", options=["size=4k"])
    with c.exchanging(f"{volume}/dir", f"{volume}/link"):
        for _ in range(c.rounds(50)):
            done = c.run("grep -c ' - tmpfs attack ' /proc/self/mountinfo")
            there = done.out.strip()
            if there and int(there) < MANY and done.code <= 1:
                return f"{MANY - int(there)} of {MANY} mounts are outside"
    return None


@row("CVE-2024-45310")
def exchanged_parents(c):
    volume = os.path.join(c.dir, "volume")
    os.makedirs(f"{volume}/dir")
    os.symlink(c.outside, f"{volume}/link")
    os.chmod(volume, 0o777)
    os.chmod(c.outside, 0o777)
    c.add_mount("/vol", type="bind", source=volume, options=["bind"])
    for i in range(MANY):
        c.add_mount(f"/vol/dir/{i}/a/b", type="tmpfs", source="tmpfs", options=["size=4k"])
    with c.watching_outside() as changed, c.exchanging(f"{volume}/dir", f"{volume}/link"):
        for _ in range(c.rounds(50)):
            c.run("true")
            if changed():
                return changed()
    return None


@row("CVE-2025-24965")
def file_through_a_link(c):
    """All that a runtime makes by itself in the image, as links to the host: working directory,
    targets of binds, of notify, links of /dev."""
    os.mkdir(f"{c.dir}/dir")
    c.write_file(f"{c.dir}/file", "x")
    for name in ("etc/hostname", "run", "work", "etc/deep"):
        c.image_link(name, f"{c.outside}/{name.replace('/', '-')}")
    c.add_mount("/etc/hostname", type="bind", source=f"{c.dir}/file", options=["bind"])
    c.add_mount("/etc/deep/er", type="bind", source=f"{c.dir}/dir", options=["bind"])
    c.process["cwd"] = "/work/here"
    with c.watching_outside() as changed:
        c.run("true")
        return changed()


@row("symlink-chain")
def long_chains(c):
    """Deep, long and endless links: refused or resolved inside, without a crash."""
    for i in range(60):
        os.symlink(f"/chain{i + 1}", c.inside(f"chain{i}"))
    os.symlink(c.outside, c.inside("chain60"))
    os.symlink("/endless", c.inside("endless"))
    part = "/".join(["p" * 200] * 18)
    os.symlink("/" + part, c.inside("long"))
    for i in range(3):
        os.symlink(f"short{i + 1}", c.inside(f"short{i}"))
    os.symlink(c.outside, c.inside("short3"))
    with c.watching_outside() as changed:
        for target in ("/chain0/x", "/endless/x", "/long/" + "q" * 200 + "/x", "/short0/x",
                       "/mnt/" + "d/" * 1500):
            c.without_mount(*(m["destination"] for m in c.config["mounts"][3:]))
            c.add_mount(target, type="tmpfs", source="tmpfs")
            done = c.run("true")
            if done.code < 0 or "signal" in done.err or done.code > 128:
                return f"{target[:20]}: killed: {done.code} {done.err}"
            if done.code and len(done.err.strip().splitlines()) != 1 and c.is_rt:
                return f"{target[:20]}: {done.err}"
        return changed()


@row("copy-up", userns=False)
def exchanged_while_copied(c):
    """tmpcopyup of a directory where a root's set-user-ID program and a file of somebody else
    change places: none has the attributes of the other."""
    folder = c.inside("programs")
    os.mkdir(folder)
    for name, uid, mode in (("a", 0, 0o4755), ("b", 1000, 0o755)):
        c.write_file(f"{folder}/{name}", f"of {uid}\n")
        os.chown(f"{folder}/{name}", uid, uid)
        os.chmod(f"{folder}/{name}", mode)
    c.add_mount("/programs", type="tmpfs", source="tmpfs", options=["tmpcopyup"])
    with c.exchanging(f"{folder}/a", f"{folder}/b"):
        for _ in range(c.rounds(100)):
            done = c.run("cd /programs; for f in *; do stat -c '%u %a' $f; cat $f; done")
            if "0 4755\nof 1000" in done.out or "1000 755\nof 0" in done.out:
                return done.out
    return None


@row("late-options")
def exchanged_before_options(c):
    """The options of a mount are set in a second step, when its place leads elsewhere already."""
    volume = os.path.join(c.dir, "volume")
    lower = [os.path.join(c.dir, "lower" * 20 + str(i)) for i in range(4)]
    for d in (f"{volume}/dir", f"{volume}/other", *lower):
        os.makedirs(d)
    os.chmod(volume, 0o777)
    c.add_mount("/vol", type="bind", source=volume, options=["bind"])
    for _ in range(8):
        c.add_mount("/vol/dir", type="overlay", source="attack", options=[
            "nosuid", "nodev", "ro", "lowerdir=" + ":".join(lower)])
    with c.exchanging(f"{volume}/dir", f"{volume}/other"):
        for _ in range(c.rounds(40)):
            done = c.run("grep ' - overlay attack ' /proc/self/mountinfo")
            lines = done.out.splitlines()
            loose = [x for x in lines if not {"ro", "nosuid", "nodev"} <= set(
                x.split()[5].split(","))]
            if loose:
                return f"{len(loose)} of {len(lines)}: {loose[0]}"
    return None


@row("shm-owner")
def modes_of_new_file_systems(c):
    """A tmpfs keeps the sticky bit of the directory it covers; mqueue and shm are what was asked
    for."""
    os.chmod(c.inside("tmp"), 0o1777)
    c.add_mount("/tmp", type="tmpfs", source="tmpfs", options=["nosuid"])
    c.add_mount("/dev/shm", type="tmpfs", source="shm", options=["mode=1777", "nosuid", "nodev"])
    c.add_mount("/etc", type="tmpfs", source="tmpfs", options=["nosuid"])
    done = c.run("stat -c '%a %u %n' /tmp /dev/shm /etc")
    wanted = "1777 0 /tmp\n1777 0 /dev/shm\n755 0 /etc\n"
    return None if done.out == wanted else f"{done.out}{done.err}"


if __name__ == "__main__":
    main()

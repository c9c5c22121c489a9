#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images and volumes that lay traps in /dev."""

import os
import stat

from security import Case, compiled, main, row  # noqa: F401

MASKED = "/proc/keys"
TRAP = "content of the trap"


def trap(c):
    """A file of the image that a mask is not to be made of."""
    c.write_file(c.inside("etc/trap"), TRAP)
    c.linux["maskedPaths"] = [MASKED]


def hostile_dev(c):
    """A volume as /dev, which another container can write to."""
    volume = os.path.join(c.dir, "dev")
    os.mkdir(volume)
    os.mkdir(f"{volume}/pts")
    c.without_mount("/dev")
    c.config["mounts"].insert(1, {"destination": "/dev", "type": "bind", "source": volume,
                                  "options": ["bind"]})
    return volume


def mask_shows_trap(c):
    done = c.run(f"cat {MASKED}")
    return f"{MASKED} reads {done.out!r}" if TRAP in done.out else None


@row("CVE-2025-31133")
def null_of_the_image(c):
    trap(c)
    c.without_mount("/dev", "/dev/pts")
    c.image_link("dev/null", "/etc/trap")
    return mask_shows_trap(c)


@row("mask-source")
def null_of_a_volume(c):
    trap(c)
    os.symlink("/etc/trap", hostile_dev(c) + "/null")
    return mask_shows_trap(c)


@row("CVE-2025-62161")
def exchanged_null(c):
    trap(c)
    volume = hostile_dev(c)
    os.mknod(f"{volume}/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink("/etc/trap", f"{volume}/link")
    with c.exchanging(f"{volume}/null", f"{volume}/link"):
        for _ in range(c.rounds(50)):
            found = mask_shows_trap(c)
            if found:
                return found
    return None


@row("CVE-2025-52565")
def exchanged_pts(c):
    """The directory that devpts was mounted on gives way to one with symlinks for terminals."""
    trap(c)
    c.without_mount("/dev")
    for name in ("dev/pts", "dev/fake"):
        os.mkdir(c.inside(name))
    for i in range(9):
        os.symlink("../../etc/trap", c.inside(f"dev/fake/{i}"))
    os.symlink("ptmx", c.inside("dev/fake/ptmx"))
    with c.exchanging(c.inside("dev/pts"), c.inside("dev/fake")):
        for _ in range(c.rounds(15)):
            out, _ = c.run_on_terminal("test -c /dev/console || cat /dev/console")
            if TRAP in out:
                return f"/dev/console reads {out!r}"
    return None


@row("CVE-2026-41579")
def dev_on_the_host(c):
    c.without_mount("/dev", "/dev/pts")
    c.image_link("dev", c.outside)
    with c.watching_outside() as changed:
        c.run("true")
        return changed()


@row("CVE-2026-47766")
def listed_devices_on_the_host(c):
    c.image_link("mnt", c.outside)
    c.linux["devices"] = [
        {"path": "/mnt/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666},
        {"path": "/mnt/deep/er", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    with c.watching_outside() as changed:
        c.run("true")
        return changed()


@row("CVE-2026-88264")
def console_on_the_host(c):
    c.without_mount("/dev")
    c.image_link("dev/console", f"{c.outside}/console")
    with c.watching_outside() as changed:
        c.run_on_terminal("true")
        return changed()


@row("CVE-2026-88265")
def stream_on_the_host(c):
    """A file of the host becomes stdin, and is given to the container's user."""
    c.without_mount("/dev", "/dev/pts")
    c.image_link("dev/null", f"{c.outside}/secret")
    c.process["user"] = {"uid": 1000, "gid": 1000}
    with c.watching_outside() as changed:
        done = c.run("cat", preexec_fn=lambda: os.close(0))
        return changed() or (done.out if "secret" in done.out else None)


@row("null-owner", rootless=False)
def owner_of_null(c):
    """The caller's null device is a stream of the container, and not to be given to its user."""
    c.process["user"] = {"uid": 1000, "gid": 1000}
    try:
        c.running()
        c.exec("/bin/id", options=["--user", "1001"])
        st = os.stat("/dev/null")
        if (st.st_uid, st.st_gid, st.st_mode & 0o777) != (0, 0, 0o666):
            return f"/dev/null belongs to {st.st_uid}:{st.st_gid}"
    finally:
        os.chown("/dev/null", 0, 0)
    return None


@row("stream-type")
def regular_null(c):
    volume = hostile_dev(c)
    c.write_file(f"{volume}/null", TRAP)
    done = c.run("cat; cat <&1", preexec_fn=lambda: os.close(0))
    return f"stdin reads {done.out!r}" if TRAP in done.out else None


if __name__ == "__main__":
    main()

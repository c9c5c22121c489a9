#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users, groups and their mappings."""

import os

from security import USER, main, row, scratch

GROUP = 4242  # the user is in it, and is denied by it


@row("CVE-2014-8989", userns=False)
def group_that_denies(c):
    """Others may read the file, the group may not. A user without root, who is in it, must not get
    rid of it by a user namespace. (The stand-in is root, as a kernel of today forbids it.)"""
    path = os.path.join(scratch(), "denied")
    c.write_file(path, "secret of the group\n")
    os.chown(path, 0, GROUP)
    os.chmod(path, 0o604)
    c.add_mount("/etc/denied", type="bind", source=path, options=["bind"])
    if c.runtime.name == "naive":
        c.process["user"] = {"uid": USER, "gid": USER}
        done = c.run("cat /etc/denied")
    else:
        done = c.run_as_user("cat /proc/self/setgroups; cat /etc/denied", groups=[GROUP])
        assert not c.is_rt or done.out == "deny\n", f"{done.out}{done.err}"
    return "read what the group may not" if "secret" in done.out else None


@row("CVE-2016-3697", rootless=False)
def number_as_name(c):
    c.write_file(c.inside("etc/passwd"), "1000:x:0:0::/:/bin/sh\n0:x:7:7::/:/bin/sh\n")
    c.process["user"] = {"uid": 1000, "gid": 1000}
    done = c.run("id -u")
    if done.out.strip() != "1000":
        return f"uid 1000 is {done.out.strip()}"
    c.process["user"] = {"uid": 0, "gid": 0}
    c.running()
    done = c.exec("/bin/id", "-u", options=["--user", "1000:1000"])
    return None if done.out.strip() == "1000" else f"exec: uid 1000 is {done.out.strip()}"


@row("no-id-mappings", userns=False)
def no_mappings(c):
    c.add_namespace("user")
    done = c.run("cat /proc/self/uid_map")
    if done.code == 0 and done.out.split()[:2] == ["0", "0"]:
        return f"uid_map: {done.out.strip()}"
    for one in ("uidMappings", "gidMappings"):
        c.linux[one] = [{"containerID": 0, "hostID": 200000, "size": 1000}]
        done = c.run("cat /proc/self/uid_map /proc/self/gid_map")
        if done.code == 0 and "0          0" in done.out:
            return f"with {one} alone: {done.out.strip()}"
        del c.linux[one]
    return None


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AppArmor profiles and SELinux labels, and what is said where the kernel has neither. For SELinux
the policy has to know the types of tests/vm/guest/rttest.cil."""

import json
import os
import shutil
import subprocess

from harness import Skip, contains, equal, main, test

SELINUX = "/sys/fs/selinux"
XATTR = "security.selinux"
CURRENT = "cat /proc/self/attr/current"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read().strip("\0\n ")


def has_apparmor():
    switch = "/sys/module/apparmor/parameters/enabled"
    return os.path.exists(switch) and read(switch) == "Y"


def has_selinux():
    return os.path.exists(f"{SELINUX}/enforce")


def in_background(b, script="sleep 1000"):
    """A started container's process id."""
    b.process["args"] = ["/bin/sh", "-c", script]
    b.create()
    equal(b.rt("start", b.id).code, 0)
    return json.loads(b.rt("state", b.id).out)["pid"]


# ---- without ----

@test
def apparmor_where_there_is_none(b):
    if has_apparmor():
        raise Skip("the kernel has AppArmor")
    b.process["apparmorProfile"] = "some-profile"
    b.refused("apparmorProfile", "some-profile", "AppArmor")
    b.process["apparmorProfile"] = "unconfined"
    equal(b.output("echo y"), "y")


@test
def apparmor_in_exec_where_there_is_none(b):
    if has_apparmor():
        raise Skip("the kernel has AppArmor")
    in_background(b)
    done = b.rt("exec", "--apparmor", "some-profile", b.id, "true")
    assert done.code != 0, "it was accepted"
    contains(done.err, "some-profile", "AppArmor")


@test
def selinux_where_there_is_none(b):
    if has_selinux():
        raise Skip("the kernel has SELinux")
    b.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
    b.refused("selinuxLabel", "SELinux")


@test
def selinux_in_exec_where_there_is_none(b):
    if has_selinux():
        raise Skip("the kernel has SELinux")
    in_background(b)
    done = b.rt("exec", "--process-label", "system_u:system_r:container_t:s0", b.id, "true")
    assert done.code != 0, "it was accepted"
    contains(done.err, "SELinux")


@test
def mount_label_where_there_is_no_selinux(b):
    if has_selinux():
        raise Skip("the kernel has SELinux")
    b.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
    b.refused("mountLabel", "SELinux")


@test
def features_tell_of_both(b):
    linux = json.loads(b.rt("features").out)["linux"]
    equal((linux["apparmor"], linux["selinux"]), ({"enabled": True}, {"enabled": True}))


# ---- AppArmor ----

class Profile:
    """A loaded profile that allows what `rules` say and all files but /etc/secret."""

    def __init__(self, b, rules="capability, signal, ptrace, mount, unix, network,", word="a"):
        if not has_apparmor():
            raise Skip("no AppArmor")
        if not shutil.which("apparmor_parser"):
            raise Skip("no apparmor_parser")
        self.name = f"rt-{b.id}-{word}"
        self.text = (f"profile {self.name} flags=(attach_disconnected,mediate_deleted) "
                     f"{{ file, deny /etc/secret r, {rules} }}\n")
        with open(f"{b.rootfs}/etc/secret", "w", encoding="utf-8") as f:
            f.write("secret\n")

    def parser(self, option):
        subprocess.run(["apparmor_parser", option, "--skip-cache"], input=self.text, text=True,
                       check=True, capture_output=True)

    def __enter__(self):
        self.parser("--replace")
        return self.name

    def __exit__(self, *_):
        self.parser("--remove")


@test
def program_is_under_its_profile(b):
    with Profile(b) as name:
        b.process["apparmorProfile"] = name
        equal(b.output(CURRENT), f"{name} (enforce)")
        equal(b.output("cat /etc/secret 2>/dev/null || echo denied"), "denied")
        b.process["apparmorProfile"] = "unconfined"
        equal(b.output("cat /etc/secret"), "secret")


@test
def profile_begins_with_the_program(b):
    """What is done before it would not be allowed to the program."""
    b.config["hostname"] = "inside"
    b.add_namespace("cgroup")
    b.add_mount("/sys", type="sysfs", source="sysfs", options=["ro"])
    with Profile(b, rules="") as name:
        b.process["apparmorProfile"] = name
        b.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective",
                                                                    "permitted")}
        equal(b.output("hostname; mount -t tmpfs none /mnt 2>/dev/null || echo denied"),
              "inside\ndenied")


@test
def profile_without_new_privileges(b):
    with Profile(b) as name:
        b.process["apparmorProfile"] = name
        b.process["noNewPrivileges"] = True
        equal(b.output(CURRENT), f"{name} (enforce)")


@test
def exec_is_under_the_profile_too(b):
    with Profile(b) as name:
        b.process["apparmorProfile"] = name
        in_background(b)
        done = b.rt("exec", b.id, "/bin/sh", "-c", CURRENT)
        equal((done.code, done.out.strip()), (0, f"{name} (enforce)"))


@test
def exec_takes_a_profile_of_its_own(b):
    with Profile(b) as name, Profile(b, word="b") as other:
        b.process["apparmorProfile"] = name
        pid = in_background(b)
        done = b.rt("exec", "--apparmor", other, b.id, "/bin/sh", "-c", CURRENT)
        equal((done.code, done.out.strip()), (0, f"{other} (enforce)"))
        equal(read(f"/proc/{pid}/attr/current"), f"{name} (enforce)")


@test
def profile_that_is_not_loaded_is_refused(b):
    if not has_apparmor():
        raise Skip("no AppArmor")
    b.process["apparmorProfile"] = f"rt-{b.id}-nowhere"
    b.refused("apparmorProfile", f"rt-{b.id}-nowhere", "not loaded")
    b.leaves_nothing()


@test
def profile_stays_while_a_mount_hides_attributes(b):
    """A mount of the bundle over its /proc does not catch what is written there."""
    os.makedirs(f"{b.rootfs}/trap/self/attr/apparmor")
    for file in ("self/attr/apparmor/exec", "self/attr/exec"):
        with open(f"{b.rootfs}/trap/{file}", "w", encoding="utf-8"):
            pass
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] != "/proc"]
    os.rmdir(f"{b.rootfs}/proc")
    os.symlink("trap", f"{b.rootfs}/proc")
    with Profile(b) as name:
        b.process["apparmorProfile"] = name
        pid = in_background(b)
        equal(read(f"/proc/{pid}/attr/current"), f"{name} (enforce)")
        equal(read(f"{b.rootfs}/trap/self/attr/apparmor/exec"), "")


# ---- SELinux ----

def label(kind, role="object_r"):
    """Of a type in the test machine's policy."""
    if not has_selinux():
        raise Skip("no SELinux")
    text = f"system_u:{role}:rttest_{kind}:s0"
    try:
        with open(f"{SELINUX}/context", "w", encoding="utf-8") as f:
            f.write(text)
    except OSError:
        raise Skip(f"the policy has no type rttest_{kind}") from None
    return text


def process_label():
    return label("t", "system_r")


def needs_enforcing():
    if not has_selinux() or read(f"{SELINUX}/enforce") != "1":
        raise Skip("SELinux does not enforce")


def label_of(path):
    return os.getxattr(path, XATTR).decode().rstrip("\0")


@test
def program_has_its_label(b):
    b.process["selinuxLabel"] = process_label()
    equal(b.output(CURRENT).strip("\0"), process_label())


@test
def label_without_new_privileges(b):
    b.process["selinuxLabel"] = process_label()
    b.process["noNewPrivileges"] = True
    equal(b.output(CURRENT).strip("\0"), process_label())


@test
def exec_has_the_label_or_its_own(b):
    b.process["selinuxLabel"] = process_label()
    own = read("/proc/self/attr/current")
    in_background(b)
    for options, expected in (([], process_label()), (["--process-label", own], own)):
        done = b.rt("exec", *options, b.id, "/bin/sh", "-c", CURRENT)
        equal((done.code, done.out.strip("\0\n"), done.err), (0, expected, ""))


@test
def mounts_have_the_label(b):
    b.process["selinuxLabel"], b.linux["mountLabel"] = process_label(), label("file_t")
    pid = in_background(b)
    for path in ("/dev", "/dev/null", "/dev/pts"):
        equal((path, label_of(f"/proc/{pid}/root{path}")), (path, label("file_t")))
    contains(read(f"/proc/{pid}/mounts"), "context=")


@test
def bind_mounts_keep_theirs(b):
    label("file_t")
    os.mkdir(f"{b.dir}/source")
    before = label_of(f"{b.dir}/source")
    b.add_mount("/mnt", type="bind", source=f"{b.dir}/source", options=["bind"])
    b.linux["mountLabel"] = label("file_t")
    pid = in_background(b)
    equal(label_of(f"/proc/{pid}/root/mnt"), before)


@test
def label_that_the_policy_lacks_is_refused(b):
    label("file_t")
    b.process["selinuxLabel"] = "system_u:system_r:rttest_nowhere_t:s0"
    b.refused("selinuxLabel", "rttest_nowhere_t")
    b.leaves_nothing()


@test
def what_the_label_may_not_read_stays_shut(b):
    needs_enforcing()
    b.process["selinuxLabel"] = process_label()
    for name, kind in (("open", "file_t"), ("shut", "secret_t")):
        with open(f"{b.rootfs}/etc/{name}", "w", encoding="utf-8") as f:
            f.write(name)
        os.setxattr(f"{b.rootfs}/etc/{name}", XATTR, label(kind).encode())
    equal(b.output("cat /etc/open; cat /etc/shut 2>/dev/null || echo -denied"), "open-denied")


@test
def keyring_has_the_label(b):
    """Keys of another label are not shown to it."""
    needs_enforcing()
    b.process["selinuxLabel"] = process_label()
    contains(b.output("cat /proc/keys"), f"_ses.{b.id}")


main()

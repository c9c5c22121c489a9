#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/mounts, /root, masked and read-only paths, devices: as seen from inside."""

import os
import stat

from harness import contains, equal, main, test


def options_of(b, destination):
    """The mount options of a destination as /proc/mounts says inside."""
    for line in b.output("cat /proc/mounts").splitlines():
        f = line.split()
        if f[1] == destination:
            return f[3].split(",")
    raise AssertionError(f"{destination} is not mounted")


def host_dir(b, name, **files):
    path = os.path.join(b.dir, name)
    os.makedirs(path, exist_ok=True)
    for f, text in files.items():
        with open(os.path.join(path, f), "w", encoding="utf-8") as out:
            out.write(text)
    return path


@test
def empty_options_mean_nothing(b):
    b.add_mount("/mnt", type="bind", source=b.dir, options=["rbind", "", "ro"])
    b.add_mount("/tmp", type="tmpfs", source="tmpfs", options=["", "size=4k"])
    done = b.run("cat /proc/mounts; : >/mnt/x")
    contains(done.out, "size=4k")
    contains(done.err, "Read-only")


@test
def bind_mount_of_a_directory_shows_its_files(b):
    b.add_mount("/mnt", type="bind", source=host_dir(b, "vol", a="hello"), options=["bind"])
    equal(b.output("cat /mnt/a"), "hello")


@test
def bind_mount_of_a_file_makes_its_target(b):
    src = host_dir(b, "vol", a="hello")
    b.add_mount("/new/dir/file", source=f"{src}/a", options=["bind"])
    equal(b.output("cat /new/dir/file"), "hello")


@test
def relative_bind_source_is_relative_to_the_bundle(b):
    host_dir(b, "vol", a="hello")
    b.add_mount("/mnt", source="vol", options=["rbind"])
    equal(b.output("cat /mnt/a"), "hello")


@test
def read_only_bind_refuses_writes(b):
    b.add_mount("/mnt", source=host_dir(b, "vol"), options=["bind", "ro"])
    contains(b.run("touch /mnt/x").err, "Read-only file system")


@test
def bind_attributes_are_set(b):
    b.add_mount("/mnt", source=host_dir(b, "vol"),
                options=["bind", "nosuid", "nodev", "noexec", "noatime", "nosymfollow"])
    contains(",".join(options_of(b, "/mnt")), "nosuid", "nodev", "noexec", "noatime", "nosymfollow")


@test
def later_option_wins(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["ro", "nosuid", "rw", "suid"])
    got = options_of(b, "/mnt")
    assert "rw" in got and "nosuid" not in got, got


@test
def recursive_read_only_covers_submounts(b):
    b.add_mount("/mnt", source="/dev", options=["rbind", "rro"])
    contains(b.run("touch /mnt/shm/rt-e2e").err, "Read-only file system")


@test
def tmpfs_takes_size_and_mode(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["size=64k", "mode=1750"])
    contains(",".join(options_of(b, "/mnt")), "size=64k", "mode=1750")


@test
def tmpfs_without_mode_keeps_the_mode_of_the_directory(b):
    b.add_mount("/tmp", type="tmpfs", source="tmpfs")
    equal(b.output("stat -c %a /tmp"), "1777")


@test
def tmpcopyup_keeps_contents_owner_mode_and_links(b):
    d = os.path.join(b.rootfs, "mnt")
    os.makedirs(f"{d}/sub")
    with open(f"{d}/sub/f", "w", encoding="utf-8") as f:
        f.write("content")
    os.chmod(f"{d}/sub/f", 0o4710)
    os.chown(f"{d}/sub/f", 12, 34)
    os.chmod(f"{d}/sub/f", 0o4710)
    os.symlink("sub/f", f"{d}/link")
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup"])
    equal(b.output("cat /mnt/link; echo; stat -c '%a %u %g' /mnt/sub/f; echo x > /mnt/new"),
          "content\n4710 12 34")
    assert not os.path.exists(f"{d}/new")


@test
def tmpcopyup_makes_no_program_of_root(b):
    """An owner that the user namespace does not know becomes root: not with the set-id bits."""
    path = f"{b.rootfs}/mnt/f"
    with open(path, "w", encoding="utf-8") as f:
        f.write("x")
    os.chown(path, 12, 34)
    os.chmod(path, 0o6755)
    b.add_namespace("user")
    for ids in ("uidMappings", "gidMappings"):
        b.linux[ids] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    for folder, _, _ in os.walk(b.rootfs):
        os.chown(folder, 100000, 100000)
    os.chmod(b.dir, 0o755)
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup"])
    equal(b.output("stat -c '%a %u %g' /mnt/f"), "755 0 0")


@test
def tmpcopyup_read_only(b):
    with open(f"{b.rootfs}/mnt/f", "w", encoding="utf-8") as f:
        f.write("x")
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["tmpcopyup", "ro"])
    contains(b.run("cat /mnt/f; touch /mnt/y").err, "Read-only")


@test
def nested_mounts_in_order(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs")
    b.add_mount("/mnt/a", type="tmpfs", source="tmpfs", options=["size=64k"])
    contains(b.output("df -P /mnt/a"), "/mnt/a")


@test
def mqueue_and_sysfs(b):
    b.add_mount("/dev/mqueue", type="mqueue", source="mqueue",
                options=["nosuid", "noexec", "nodev"])
    b.add_mount("/sys", type="sysfs", source="sysfs", options=["nosuid", "noexec", "nodev", "ro"])
    contains(b.output("cat /proc/mounts"), " /dev/mqueue mqueue ", " /sys sysfs ro,")


@test
def overlay_with_long_lower_list(b):
    lowers = []
    for i in range(12):
        lowers.append(host_dir(b, f"lower-directory-with-a-long-name-{i}", **{f"f{i}": str(i)}))
    b.add_mount("/mnt", type="overlay", source="overlay", options=[f"lowerdir={':'.join(lowers)}"])
    equal(b.output("cat /mnt/f0 /mnt/f11"), "011")


@test
def silent_and_iversion_are_accepted(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs",
                options=["silent", "iversion", "nosuid", "size=64k"])
    contains(",".join(options_of(b, "/mnt")), "nosuid", "size=64k")


@test
def super_block_flags(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["sync", "dirsync", "lazytime"])
    contains(",".join(options_of(b, "/mnt")), "sync", "dirsync", "lazytime")


@test
def propagation_shared_and_unbindable(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["rshared"])
    b.add_mount("/tmp", type="tmpfs", source="tmpfs", options=["unbindable"])
    text = b.output("cat /proc/self/mountinfo")
    line = {x.split()[4]: x for x in text.splitlines()}
    contains(line["/mnt"], "shared:")
    contains(line["/tmp"], "unbindable")


@test
def rootfs_propagation_shared(b):
    b.linux["rootfsPropagation"] = "shared"
    first = [x for x in b.output("cat /proc/self/mountinfo").splitlines() if x.split()[4] == "/"]
    contains(first[0], "shared:")


@test
def remount_changes_a_mount(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs")
    b.add_mount("/mnt", type="none", source="none", options=["remount", "ro"])
    assert "ro" in options_of(b, "/mnt")


@test
def unknown_data_option_is_an_error_that_names_it(b):
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["sice=64k"])
    b.refused("/mounts/3", "sice")
    b.leaves_nothing()


@test
def missing_bind_source_is_named(b):
    b.add_mount("/mnt", source="/no/such/place", options=["bind"])
    b.refused("/mounts/3", "/no/such/place", "No such file or directory")
    b.leaves_nothing()


@test
def directory_on_a_file_says_not_a_directory(b):
    b.add_mount("/bin/sh", source="/etc", options=["bind"])
    contains(b.refused("/mounts/3").lower(), "not a directory")


@test
def mount_over_proc_is_refused_but_for_a_few(b):
    b.add_mount("/proc/sys", type="tmpfs", source="tmpfs")
    b.refused("/proc/sys")


@test
def lxcfs_style_cover_of_meminfo(b):
    src = host_dir(b, "vol", meminfo="MemTotal: 1 kB\n")
    b.add_mount("/proc/meminfo", source=f"{src}/meminfo", options=["bind"])
    equal(b.output("cat /proc/meminfo"), "MemTotal: 1 kB")


@test
def proc_as_a_symlink_is_refused(b):
    os.rmdir(f"{b.rootfs}/proc")
    os.symlink("/tmp", f"{b.rootfs}/proc")
    b.refused("/proc")


@test
def symlinks_of_the_image_stay_inside(b):
    os.symlink("/etc", f"{b.rootfs}/escape")
    b.add_mount("/escape/sub", type="tmpfs", source="tmpfs")
    before = os.path.exists("/etc/sub")
    contains(b.output("cat /proc/mounts"), " /etc/sub tmpfs")
    equal(os.path.exists("/etc/sub"), before)


@test
def read_only_root(b):
    b.config["root"]["readonly"] = True
    b.add_mount("/tmp", type="tmpfs", source="tmpfs")
    done = b.run("touch /tmp/fine && touch /x")
    contains(done.err, "Read-only file system")
    contains(done.err, "/x")


@test
def masked_paths(b):
    os.makedirs(f"{b.rootfs}/secret/deep")
    with open(f"{b.rootfs}/key", "w", encoding="utf-8") as f:
        f.write("secret")
    b.linux["maskedPaths"] = ["/secret", "/key", "/proc/kcore", "/not/there"]
    equal(b.output("ls -A /secret; cat /key; cat /proc/kcore | wc -c"), "0")
    contains(b.run("touch /secret/x").err, "Read-only")


@test
def many_masked_directories_share_one_file_system(b):
    for i in range(5):
        os.makedirs(f"{b.rootfs}/m{i}/x")
    b.linux["maskedPaths"] = [f"/m{i}" for i in range(5)]
    devs = set(b.output("stat -c %d /m0 /m1 /m2 /m3 /m4").split())
    equal(len(devs), 1)


@test
def readonly_paths(b):
    b.linux["readonlyPaths"] = ["/proc/sys", "/etc", "/not/there"]
    contains(b.run("echo 1 > /proc/sys/kernel/domainname").err, "Read-only")
    contains(b.run("touch /etc/x").err, "Read-only")


@test
def default_devices(b):
    text = b.output("stat -c '%n %a %t %T' /dev/null /dev/zero /dev/full /dev/random "
                    "/dev/urandom /dev/tty")
    equal(text, "/dev/null 666 1 3\n/dev/zero 666 1 5\n/dev/full 666 1 7\n/dev/random 666 1 8\n"
                "/dev/urandom 666 1 9\n/dev/tty 666 5 0")


@test
def device_links(b):
    equal(b.output("readlink /dev/fd; readlink /dev/stdin; readlink /dev/ptmx"),
          "/proc/self/fd\n/proc/self/fd/0\npts/ptmx")


@test
def own_devices_with_owner_and_mode(b):
    b.linux["devices"] = [
        {"path": "/dev/fuse-x", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640,
         "uid": 5, "gid": 6},
        {"path": "/dev/sub/blk", "type": "b", "major": 7, "minor": 0},
        {"path": "/opt/fifo", "type": "p", "fileMode": 0o600},
    ]
    equal(b.output("stat -c '%F %a %t %T %u %g' /dev/fuse-x /dev/sub/blk /opt/fifo"),
          "character special file 640 a e5 5 6\nblock special file 666 7 0 0 0\n"
          "fifo 600 0 0 0 0")


@test
def existing_other_device_is_an_error(b):
    os.mknod(f"{b.rootfs}/opt", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    b.linux["devices"] = [{"path": "/opt", "type": "c", "major": 1, "minor": 5}]
    b.refused("/opt")


@test
def dev_as_a_symlink_stays_inside(b):
    os.rmdir(f"{b.rootfs}/dev")
    outside = host_dir(b, "outside")
    os.symlink(outside, f"{b.rootfs}/dev")
    b.config["mounts"] = b.config["mounts"][:1]
    b.run("true")
    equal(os.listdir(outside), [])


@test
def no_pivot_runs(b):
    equal(b.output("ls /bin/busybox", "--no-pivot"), "/bin/busybox")


@test
def the_host_sees_no_mount_of_the_container(b):
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        before = f.read().count("\n")
    b.add_mount("/mnt", type="tmpfs", source="tmpfs", options=["rshared"])
    b.output("true")
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        equal(f.read().count("\n"), before)


@test
def without_a_mount_namespace_nothing_stays(b):
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "mount"]
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        before = f.read()
    equal(b.output("ls /bin/busybox"), "/bin/busybox")
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        equal(f.read().count(b.dir), before.count(b.dir))


@test
def idmapped_bind_mount(b):
    src = host_dir(b, "vol", f="x")
    os.chown(f"{src}/f", 0, 0)
    ids = [{"containerID": 0, "hostID": 1000, "size": 1}]
    b.add_mount("/mnt", source=src, options=["bind", "idmap"], uidMappings=ids, gidMappings=ids)
    equal(b.output("stat -c '%u %g' /mnt/f"), "1000 1000")


if __name__ == "__main__":
    main()

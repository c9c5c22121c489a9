# SPDX-License-Identifier: Apache-2.0
"""L13 to L47: create."""

import fcntl
import json
import os
import socket
import stat
import subprocess
import threading

import host
from harness import Mismatch, Skip, assertion, equal, expect

SEE = ["/bin/probe", "see", "wait"]


def see(t, change=None):
    """Run a container that says what it sees; `change` is called with it before."""
    box = t.box(SEE)
    if change:
        change(box)
    return box, box.said()


def refused(t, change, why):
    """A container with this change cannot be created, or at least not started, and the failed
    create leaves nothing."""
    box = t.box(SEE)
    change(box)
    r = box.create()
    if r.ok:
        raise Mismatch(f"`create` fails: {why}", r)
    t.nothing_left(f"a create that failed ({why})")


@assertion("L13", "create without a bundle or an id fails")
def create_without(t):
    t.run("create").fails("no id")
    box = t.box()
    t.run("create", "--bundle", t.path("no-such-bundle"), box.id).fails("no bundle")
    t.nothing_left("a create without a bundle")


@assertion("L14", "of several creates with one id one succeeds, and stays untouched")
def duplicate_id(t):
    box = t.box().started()
    before = box.state()
    box.write()
    t.run("create", "--bundle", box.bundle, box.id).fails("the id is in use")
    equal(box.state(), before, "state of the first container")
    expect(host.alive(box.init), "the first container runs", "it has ended")
    for _ in range(5):
        box = t.box()
        results = [r.finish() for r in [box.creating() for _ in range(3)]]
        equal(sum(r.ok for r in results), 1, "creates that succeed out of three at once")
        box.init = box.state()["pid"]
        box.start().works()
        box.stop()
        box.delete().works()


@assertion("L15", "an invalid id is refused, and nothing is made")
def invalid_ids(t):
    box = t.box()
    box.write()
    for name in ("", "a/b", "..", ".", "../up", "a b", "a\nb", "\x01", "ü"):
        t.run("create", "--bundle", box.bundle, name).fails(f"the id {name!r}")
        t.nothing_left(f"create with the id {name!r}")


@assertion("L16", "a missing or malformed config.json is an error and leaves nothing")
def malformed_config(t):
    texts = {"nothing": None, "empty": "", "truncated": '{"ociVersion": "1.0.2", "root": {"pa',
             "no object": "[1, 2]", "no JSON": "hello"}
    for name, text in texts.items():
        box = t.box()
        path = os.path.join(box.bundle, "config.json")
        if text is not None:
            host.write(path, text)
        t.run("create", "--bundle", box.bundle, box.id).fails(f"config.json: {name}")
        t.nothing_left(f"create with a config.json that is {name}")


@assertion("L17", "all but the process is applied at create, and args never run before start")
def applied_at_create(t):
    box = t.box(["/bin/probe", "append", "/seen/ran", "x", "wait"])
    box.share_seen()
    box.config["hostname"] = "applied"
    box.mount("/mnt")
    box.created()
    mounts = {m[0] for m in host.mounts(box.init)}
    expect("/mnt" in mounts, "the mount is there before start", sorted(mounts))
    name = subprocess.run(["nsenter", "-t", str(box.init), "-u", "hostname"], capture_output=True,
                          text=True, check=False)
    equal(name.stdout.strip(), "applied", "host name before start")
    expect(not os.path.exists(box.seen_path("ran")), "args have not run", "they have")
    box.start().works()
    expect(box.wait_seen("ran"), "args run after start", "they do not")


@assertion("L18", "what cannot be applied is an error, and no container is left")
def cannot_be_applied(t):
    refused(t, lambda b: b.mount("/mnt", "none", "no-such-file-system"), "unknown file system")
    refused(t, lambda b: b.bind(t.path("missing"), "/mnt"), "missing bind source")
    refused(t, lambda b: b.mount("/mnt", options=["no_such_option=1"]), "unknown option of tmpfs")
    refused(t, lambda b: b.config["root"].update(path="missing"), "missing root")


@assertion("L19", "later edits of config.json do not count")
def later_edits(t):
    box = t.box(SEE)
    box.process["env"].append("WHEN=create")
    box.hook("poststop", "first")
    box.created()
    box.process["env"][-1] = "WHEN=later"
    box.config["hooks"] = {}
    box.write()
    box.start().works()
    expect("WHEN=create" in box.line(0)["env"], "the environment is that of create",
           box.line(0)["env"])
    r = t.run("exec", box.id, "/bin/probe", "see")
    if r.ok:
        expect("WHEN=create" in json.loads(r.out)["env"], "exec too has the environment of create",
               json.loads(r.out)["env"])
    box.stop()
    box.delete().works()
    equal(box.order(), ["first"], "poststop hooks that ran")


@assertion("L20", "create without a process works, its start fails")
def without_process(t):
    box = t.box()
    del box.config["process"]
    box.create().works()
    equal(box.status(), "created", "status")
    box.start().fails("there is no process")


@assertion("L21", "create without mounts or without linux works")
def without_sections(t):
    box = t.box(["/bin/probe", "wait"])
    del box.config["mounts"]
    box.create().works()
    box.delete("--force").works()
    box = t.box(["/bin/probe", "wait"])
    box.config["mounts"] = []
    del box.config["linux"]
    box.create().works()
    box.delete("--force").works()


@assertion("L22", "unknown properties are ignored")
def unknown_properties(t):
    def change(box):
        box.config["colour"] = {"red": [1, 2.5, None, True]}
        box.process["shoe"] = 42
        box.linux["penguin"] = {"name": "tux"}
        box.config["mounts"][0]["smell"] = "none"
    see(t, change)


@assertion("L23", "invalid and unsupported values are refused")
def invalid_values(t):
    changes = {
        "namespace": lambda b: b.linux["namespaces"].append({"type": "dimension"}),
        "rlimit": lambda b: b.process.update(
            rlimits=[{"type": "RLIMIT_JOY", "soft": 1, "hard": 1}]),
        "seccomp action": lambda b: b.linux.update(seccomp={"defaultAction": "SCMP_ACT_DANCE"}),
        "seccomp architecture": lambda b: b.linux.update(
            seccomp={"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}),
        "seccomp flag": lambda b: b.linux.update(
            seccomp={"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NONE"],
                     "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}),
        "propagation": lambda b: b.linux.update(rootfsPropagation="sideways"),
        "relative cwd": lambda b: b.process.update(cwd="seen"),
        "relative hook": lambda b: b.add_hook("createRuntime", "bin/true"),
    }
    for name, change in changes.items():
        refused(t, change, name)


@assertion("L24", "a second rlimit of a type is an error")
def duplicate_rlimit(t):
    limit = {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}
    refused(t, lambda b: b.process.update(rlimits=[limit, dict(limit)]), "a duplicate rlimit")


@assertion("L25", "a second namespace of a type is an error")
def duplicate_namespace(t):
    refused(t, lambda b: b.linux["namespaces"].append({"type": "uts"}), "a duplicate namespace")


@assertion("L26", "a namespace path of the wrong type, or a relative one, is an error")
def wrong_namespace(t):
    for path in ("/proc/1/ns/ipc", "proc/1/ns/uts", "/dev/null", t.path("missing")):
        def change(box, path=path):
            for n in box.linux["namespaces"]:
                if n["type"] == "uts":
                    n["path"] = path
        refused(t, change, f"the uts namespace {path}")


@assertion("L27", "namespaces that are not listed are the caller's")
def inherited_namespaces(t):
    _, seen = see(t)
    listed = {"pid", "mnt", "ipc", "uts"}
    for name in ("pid", "mnt", "ipc", "uts", "net", "user", "cgroup"):
        same = seen["namespaces"][name] == os.readlink(f"/proc/self/ns/{name}")
        equal(same, name not in listed, f"whether the {name} namespace is the caller's")


@assertion("L28", "an unknown capability is a warning")
def unknown_capability(t):
    def change(box):
        words = ["CAP_KILL", "CAP_OF_INVISIBILITY"]
        box.process["capabilities"] = {k: words for k in ("bounding", "effective", "permitted")}
    _, seen = see(t, change)
    equal(int(seen["status"]["CapEff"], 16), 1 << 5, "effective capabilities")
    equal(int(seen["status"]["CapBnd"], 16), 1 << 5, "bounding capabilities")


@assertion("L29", "getrlimit equals the request")
def rlimits(t):
    wanted = {"NOFILE": [70, 90], "CORE": [0, 1024], "FSIZE": [1 << 20, 1 << 21], "STACK":
              [1 << 20, 1 << 22]}
    _, seen = see(t, lambda b: b.process.update(rlimits=[
        {"type": "RLIMIT_" + k, "soft": s, "hard": h} for k, (s, h) in wanted.items()]))
    equal({k: seen["rlimits"][k] for k in wanted}, wanted, "limits")


@assertion("L30", "without oomScoreAdj the caller's value is inherited")
def oom_score(t):
    t.wrap = ["choom", "-n", "321", "--"]
    _, seen = see(t)
    equal(seen["oom_score_adj"], 321, "oom_score_adj")
    _, seen = see(t, lambda b: b.process.update(oomScoreAdj=654))
    equal(seen["oom_score_adj"], 654, "oom_score_adj when it is set")


@assertion("L31", "without umask the caller's value is inherited")
def umask(t):
    t.wrap = ["sh", "-c", 'umask 0057; exec "$@"', "sh"]
    _, seen = see(t)
    equal(oct(seen["umask"]), oct(0o57), "umask")
    _, seen = see(t, lambda b: b.process["user"].update(umask=0o31))
    equal(oct(seen["umask"]), oct(0o31), "umask when it is set")


@assertion("L32", "the default devices are there, with their numbers and 0666")
def default_devices(t):
    box, _ = see(t)
    for name, numbers in {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8),
                          "urandom": (1, 9), "tty": (5, 0)}.items():
        s = os.stat(box.inside("/dev/" + name))
        expect(stat.S_ISCHR(s.st_mode), f"/dev/{name} is a character device", oct(s.st_mode))
        equal((os.major(s.st_rdev), os.minor(s.st_rdev)), numbers, f"numbers of /dev/{name}")
        equal(oct(s.st_mode & 0o777), oct(0o666), f"mode of /dev/{name}")
    expect(not os.path.lexists(box.inside("/dev/console")), "no /dev/console without a terminal",
           "it is there")
    link = os.readlink(box.inside("/dev/ptmx"))
    expect(link in ("pts/ptmx", "/dev/pts/ptmx"), "/dev/ptmx leads to pts/ptmx", link)


@assertion("L33", "/dev/fd, stdin, stdout and stderr are links")
def device_links(t):
    box, _ = see(t)
    for name, target in {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
                         "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}.items():
        equal(os.readlink(box.inside("/dev/" + name)), target, f"/dev/{name}")


@assertion("L34", "a device whose path is another file is an error")
def existing_device(t):
    def change(box):
        os.mknod(os.path.join(box.rootfs, "mnt/node"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        box.linux["devices"] = [{"path": "/mnt/node", "type": "c", "major": 1, "minor": 5}]
    refused(t, change, "another node is there")


@assertion("L35", "a device outside of /dev works")
def device_elsewhere(t):
    def change(box):
        box.linux["devices"] = [{"path": "/mnt/sub/zero", "type": "c", "major": 1, "minor": 5,
                                 "fileMode": 0o640, "uid": 3, "gid": 4}]
    box, _ = see(t, change)
    s = os.stat(box.inside("/mnt/sub/zero"))
    equal((os.major(s.st_rdev), os.minor(s.st_rdev), oct(s.st_mode & 0o777), s.st_uid, s.st_gid),
          (1, 5, oct(0o640), 3, 4), "numbers, mode and owner")


@assertion("L36", "mounts are made in their order")
def mount_order(t):
    def change(box):
        for name in ("one", "two"):
            os.makedirs(t.path(name, "sub"), exist_ok=True)
            host.write(t.path(name, "sub", "name"), name)
        box.bind(t.path("one"), "/mnt")
        box.bind(t.path("two", "sub"), "/mnt/sub")
    box, _ = see(t, change)
    equal(host.read(box.inside("/mnt/sub/name")), "two", "file in the second mount on the first")


@assertion("L37", "root.readonly makes the root read-only and no mount")
def readonly_root(t):
    box = t.box(["/bin/probe", "write", "/new", "write", "/mnt/new"])
    box.config["root"]["readonly"] = True
    box.mount("/mnt")
    box.created()
    box.start().works()
    equal(box.line(0)["errno"], "EROFS", "writing to the root")
    equal(box.line(1)["errno"], "", "writing to a mount")


@assertion("L38", "maskedPaths cannot be read, readonlyPaths not written, missing ones are skipped")
def covered_paths(t):
    box = t.box(["/bin/probe", "read", "/mnt/secret", "list", "/mnt/folder", "write", "/seen/new"])
    os.makedirs(os.path.join(box.rootfs, "mnt/folder/inner"))
    host.write(os.path.join(box.rootfs, "mnt/secret"), "secret")
    box.linux["maskedPaths"] = ["/mnt/secret", "/mnt/folder", "/no/such/path"]
    box.linux["readonlyPaths"] = ["/seen", "/no/such/path"]
    box.created()
    box.start().works()
    equal(box.line(0).get("count", 0) <= 0, True, "nothing is read from a masked file")
    equal(box.line(1).get("count", 0) <= 0, True, "a masked folder is empty")
    equal(box.line(2)["errno"], "EROFS", "writing to a read-only path")


@assertion("L39", "the payload has its standard streams and the descriptors that are passed")
def descriptors(t):
    box, seen = see(t)
    equal(sorted(map(int, seen["fds"])), [0, 1, 2], "descriptors")
    box = t.box(SEE)
    with open(t.path("passed"), "w", encoding="utf-8") as f:
        high = fcntl.fcntl(f, fcntl.F_DUPFD, 50)

        def pass_on():
            os.dup2(high, 3)
            os.dup2(high, 4)
        try:
            box.created("--preserve-fds", "2", preexec_fn=pass_on, close_fds=False)
        finally:
            os.close(high)
    box.start().works()
    equal(sorted(map(int, box.line(0)["fds"])), [0, 1, 2, 3, 4], "descriptors with two passed on")


@assertion("L40", "cgroupsPath leads to the same place each time")
def same_cgroup(t):
    for path in ("/" + t.tag + "-place", t.tag + "-relative"):
        found = []
        for _ in range(2):
            box = t.box()
            box.linux["cgroupsPath"] = path
            box.created()
            found.append(host.cgroup_paths(box.init))
            box.kill("KILL").works()
            box.wait_end()
            box.delete("--force").works()
        equal(found[1], found[0], f"cgroups of the second container with {path}")
        expect(any(t.tag in p for p in found[0].values()), "the cgroup has the name", found[0])


@assertion("L41", "a frozen or populated cgroup, where that is checked, is an error")
def unfit_cgroup(t):
    first = t.box().started()
    second = t.box()
    second.linux["cgroupsPath"] = first.cgroup
    r = second.create()
    t.note(f"a populated cgroup is {'accepted' if r.ok else 'refused'}")
    expect(host.alive(first.init), "the container that was there lives", "it died")
    if r.ok:
        second.init = second.state()["pid"]
        second.start().works()
    else:
        equal(second.status(), "unknown", "status of what was refused")
        expect(r.said, "the refusal says why", "nothing")


def net(*words, ns=None):
    argv = ["ip", *(["-n", ns] if ns else []), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


@assertion("L42", "netDevices move inside, renamed and up, with their addresses")
def net_devices(t):
    name = "rtc" + str(os.getpid() % 100000)
    # Some kernels have no dummy devices; a tap does as well.
    if subprocess.run(["ip", "link", "add", name, "type", "dummy"], capture_output=True,
                      check=False).returncode:
        net("tuntap", "add", name, "mode", "tap")
    try:
        net("addr", "add", "192.0.2.7/24", "dev", name)
        box = t.box()
        box.linux["namespaces"].append({"type": "network"})
        box.linux["netDevices"] = {name: {"name": "inner0"}}
        r = box.create()
        if not r.ok:
            raise Mismatch("`create` moves a network device", r)
        box.init = box.state()["pid"]
        done = subprocess.run(["nsenter", "-t", str(box.init), "-n", "ip", "-j", "addr"],
                              capture_output=True, text=True, check=True)
        found = {d["ifname"]: d for d in json.loads(done.stdout)}
        expect("inner0" in found, "the device has its new name inside", sorted(found))
        expect("UP" in found["inner0"]["flags"], "it is up", found["inner0"]["flags"])
        addresses = [a["local"] for a in found["inner0"]["addr_info"]]
        expect("192.0.2.7" in addresses, "its address came along", addresses)
        expect(not os.path.exists(f"/sys/class/net/{name}"), "it is gone outside", "it is there")
        box.delete("--force").works()
        expect(not os.path.exists(f"/sys/class/net/{name}"), "delete does not move it back", "")
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)


@assertion("L43", "without intelRdt no file of resctrl is opened for writing")
def no_resctrl(t):
    if not os.path.exists("/sys/fs/resctrl/schemata"):
        raise Skip("no resctrl is mounted here")
    before = os.listdir("/sys/fs/resctrl")
    times = os.stat("/sys/fs/resctrl/schemata").st_mtime_ns
    t.box().started()
    equal((os.listdir("/sys/fs/resctrl"), os.stat("/sys/fs/resctrl/schemata").st_mtime_ns),
          (before, times), "resctrl")


@assertion("L44", "consoleSize means nothing without a terminal")
def console_size(t):
    _, seen = see(t, lambda b: b.process.update(consoleSize={"height": 10, "width": 20}))
    equal(seen["terminal"], 0, "whether stdin is a terminal")


@assertion("L45", "errnoRet with an action that cannot carry it is an error")
def errno_that_cannot_be(t):
    rule = {"names": ["swapon"], "action": "SCMP_ACT_KILL", "errnoRet": 5}
    refused(t, lambda b: b.linux.update(seccomp={"defaultAction": "SCMP_ACT_ALLOW",
                                                 "syscalls": [rule]}), "errnoRet with KILL")
    refused(t, lambda b: b.linux.update(seccomp={"defaultAction": "SCMP_ACT_ALLOW",
                                                 "defaultErrnoRet": 5}), "defaultErrnoRet")


def notify_profile(box, path):
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path,
                            "listenerMetadata": "for you",
                            "syscalls": [{"names": ["swapoff"], "action": "SCMP_ACT_NOTIFY"}]}


@assertion("L46", "the seccomp listener gets one message with one descriptor, then the end")
def seccomp_listener(t):
    path = t.path("agent.sock")
    got = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)

    def serve():
        conn, _ = server.accept()
        message, ancillary, _, _ = conn.recvmsg(65536, 256)
        got.append((message, ancillary))
        got.append(conn.recv(100))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    box = t.box()
    notify_profile(box, path)
    box.created()
    box.start().works()
    thread.join(5)
    server.close()
    equal(len(got), 2, "a message and the end of the connection")
    said = json.loads(got[0][0])
    equal((said["fds"], said["metadata"], said["state"]["id"]),
          (["seccompFd"], "for you", box.id), "fds, metadata and id")
    equal(len(got[0][1]), 1, "descriptors that come with it")
    equal(got[1], b"", "what follows the message")
    box.stop()
    box.delete().works()
    refused(t, lambda b: notify_profile(b, t.path("nobody.sock")), "nobody listens")


@assertion("L47", "listenerMetadata without listenerPath is invalid")
def listener_metadata(t):
    refused(t, lambda b: b.linux.update(seccomp={
        "defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x",
        "syscalls": [{"names": ["swapoff"], "action": "SCMP_ACT_ERRNO"}]}), "no listenerPath")

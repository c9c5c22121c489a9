# SPDX-License-Identifier: Apache-2.0
"""Bundles, runs and TAP for end-to-end tests. A test is a function decorated with @test; it gets a
Bundle and asserts. RT names the runtime under test; with RT_CGROUP_MANAGER=systemd it is told to
have systemd make the cgroups."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

RT = os.environ.get("RT", "rt")
MANAGER = os.environ.get("RT_CGROUP_MANAGER", "cgroupfs")
GLOBALS = ["--systemd-cgroup"] if MANAGER == "systemd" else []
DEADLINE = int(os.environ.get("RT_DEADLINE", "30"))
APPLETS = ("sh cat ls id mount sleep true false echo hostname stat touch mkdir readlink test "
           "head env ulimit dd wc grep ps ip kill nproc umask tty stty df find sort tail cut "
           "printf mknod rm ln chmod seq date uname whoami getopt pwd sync").split()
CAPS = ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
        "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
        "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
        "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
        "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF "
        "CHECKPOINT_RESTORE").split()
_tests = []


class Skip(Exception):
    """The machine lacks what the test needs."""


def test(f):
    _tests.append(f)
    return f


def own_capabilities():
    """All that we can give, as the sets of a process: so tests need not ask for what they use."""
    with open("/proc/self/status", encoding="ascii") as f:
        mask = int(re.search(r"^CapEff:\s*(\w+)", f.read(), re.M)[1], 16)
    names = [f"CAP_{name}" for i, name in enumerate(CAPS) if mask >> i & 1]
    return {kind: names for kind in ("bounding", "effective", "permitted")}


def default_config():
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "process": {
            "cwd": "/",
            "args": ["/bin/true"],
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": own_capabilities(),
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
        ],
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")],
        },
    }


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


class Bundle:
    """One bundle in a folder of its own; `config` is written at each run."""

    count = 0

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rt-e2e-")
        self.state = os.path.join(self.dir, "state")
        self.rootfs = os.path.join(self.dir, "rootfs")
        self.config = default_config()
        Bundle.count += 1
        self.id = f"e2e-{os.getpid()}-{Bundle.count}"
        self.config["linux"]["cgroupsPath"] = \
            f"system.slice:rt:{self.id}" if MANAGER == "systemd" else f"/rt-{self.id}"
        for d in ("bin", "proc", "sys", "dev", "etc", "tmp", "mnt", "root"):
            os.makedirs(os.path.join(self.rootfs, d))
        os.chmod(os.path.join(self.rootfs, "tmp"), 0o1777)
        shutil.copy("/bin/busybox", os.path.join(self.rootfs, "bin/busybox"))
        for a in APPLETS:
            os.symlink("busybox", os.path.join(self.rootfs, "bin", a))

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def add_mount(self, destination, **kw):
        self.config["mounts"].append({"destination": destination, **kw})

    def add_namespace(self, kind, **kw):
        self.linux["namespaces"].append({"type": kind, **kw})

    def write(self):
        with open(os.path.join(self.dir, "config.json"), "w", encoding="utf-8") as f:
            json.dump(self.config, f)

    def rt(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return Result(subprocess.run([RT, *GLOBALS, "--root", self.state, *args],
                                     capture_output=True, text=True, timeout=DEADLINE,
                                     check=False, **kw))

    def run(self, script=None, *options, **kw):
        """Run a shell script inside, in the foreground."""
        if script is not None:
            self.process["args"] = ["/bin/sh", "-c", script]
        self.write()
        return self.rt("run", "--bundle", self.dir, *options, self.id, **kw)

    def create(self, *options):
        """Create and leave waiting. Its streams are files: the container holds them open."""
        self.write()
        with open(os.path.join(self.dir, "log"), "w+", encoding="utf-8") as log:
            done = subprocess.run([RT, *GLOBALS, "--root", self.state, "create", "--bundle",
                                   self.dir, *options, self.id], stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, timeout=DEADLINE, check=False)
            log.seek(0)
            text = log.read()
        assert done.returncode == 0, f"create: exit {done.returncode}: {text}"

    def output(self, script, *options, **kw):
        done = self.run(script, *options, **kw)
        assert done.code == 0, f"exit {done.code}: {done.err}{done.out}"
        return done.out.strip()

    def refused(self, *words):
        """The bundle is refused with a one-line message that has all the words."""
        done = self.run("true")
        assert done.code != 0, "it was accepted"
        for w in words:
            assert w in done.err, f"no {w!r} in {done.err!r}"
        assert len(done.err.strip().splitlines()) == 1, f"more than one line: {done.err!r}"
        return done.err

    def leaves_nothing(self):
        assert not os.path.isdir(self.state) or not os.listdir(self.state), \
            f"left: {os.listdir(self.state)}"

    def close(self):
        self.rt("delete", "--force", self.id)
        shutil.rmtree(self.dir, ignore_errors=True)


def equal(got, expected):
    assert got == expected, f"got {got!r}, expected {expected!r}"


def contains(text, *words):
    for w in words:
        assert w in text, f"no {w!r} in {text!r}"


def until(what, condition):
    """Wait for what has to happen, but nobody tells when."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.02)


def is_alive(pid):
    """Whether the process has not ended; one that nobody has collected yet has."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:  # ENOENT, or ESRCH where it ends between open and read
        return False


def _one(number, f):
    name = f.__name__.replace("_", " ")
    bundle = Bundle()
    try:
        f(bundle)
        print(f"ok {number} - {name}")
        return True
    except Skip as s:
        print(f"ok {number} - {name} # SKIP {s}")
        return True
    except Exception as x:  # pylint: disable=broad-except
        print(f"not ok {number} - {name}")
        expected = isinstance(x, AssertionError) and str(x)
        for line in (expected or traceback.format_exc()).splitlines():
            print(f"# {line}")
        return False
    finally:
        bundle.close()
        sys.stdout.flush()


def main(root=True):
    if root and os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    wanted = sys.argv[1:]
    chosen = [t for t in _tests if not wanted or any(w in t.__name__ for w in wanted)]
    good = [_one(i, t) for i, t in enumerate(chosen, 1)]
    print(f"1..{len(chosen)}")
    sys.exit(0 if all(good) else 1)

# SPDX-License-Identifier: Apache-2.0
"""Registers tests, gives each a place of its own (Lab) with containers (Box), runs the runtime with
a deadline, cleans up, and prints TAP."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import host

DEADLINE = int(os.environ.get("RT_DEADLINE", "30"))  # seconds for one command of the runtime
APPLETS = "sh cat ls mkdir readlink rm sed sleep test touch".split()
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = {}  # number → (title, function), such as 14 → ("duplicate id is refused", f)


class Skip(Exception):
    """The machine lacks what the test needs."""


class Mismatch(Exception):
    """The runtime does not do what the assertion says."""

    def __init__(self, expected, seen):
        super().__init__(expected)
        self.expected, self.seen = expected, seen


def assertion(name, title):
    def register(function):
        number = int(name[1:])
        if number in TESTS:
            raise ValueError(f"{name} is there twice")
        TESTS[number] = (title, function)
        return function
    return register


def expect(holds, expected, seen):
    """`seen` may be a function, for what is only known or only harmless once it failed."""
    if not holds:
        raise Mismatch(expected, seen() if callable(seen) else seen)


def equal(seen, expected, what):
    expect(seen == expected, f"{what}: {expected!r}", seen)


# --- commands -----------------------------------------------------------------------------------

class Result:
    """What one command came to. `said` is all that it told: stderr and the log."""

    def __init__(self, words, code, out, err, log):
        self.words, self.code, self.out = words, code, out
        self.said = (err + log).strip()

    @property
    def ok(self):
        return self.code == 0

    @property
    def hung(self):
        return self.code is None

    def __repr__(self):
        end = "ran into its deadline" if self.hung else f"exit {self.code}"
        return f"`{' '.join(map(repr_word, self.words))}`: {end}; {self.said[-500:] or 'silent'}"

    def works(self):
        expect(self.ok, f"`{self.words[0]}` exits 0", self)
        return self

    def fails(self, why):
        """It must end, with an error. A usage text counts, a signal does not."""
        expect(self.code is not None and self.code > 0, f"`{self.words[0]}` fails: {why}", self)
        return self


def repr_word(word):
    return word if word and word.isprintable() and " " not in word else repr(word)


class Running:
    """A command under way."""

    def __init__(self, words, process, files):
        self.words, self.process, self.files = words, process, files
        self.pid = process.pid

    def ended(self):
        return self.process.poll() is not None

    def finish(self, seconds=DEADLINE):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        return Result(self.words, code, *(host.read(f) for f in self.files))


class Runtime:
    """The program under test."""

    def __init__(self, path):
        self.path = path
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False,
                              timeout=DEADLINE, stdin=subprocess.DEVNULL).stdout
        self.version = said.splitlines()[0] if said else path


# --- the place of one test ----------------------------------------------------------------------

class Lab:
    """Everything of one test lies in one folder and has one tag in its name; the end of the test
    removes it and says what the runtime had left."""

    count = 0

    def __init__(self, runtime, store):
        Lab.count += 1
        self.runtime, self.store = runtime, store
        self.tag = f"rtconf-{os.getpid()}-{Lab.count}"
        self.dir = tempfile.mkdtemp(prefix=self.tag + "-", dir=store)
        self.root = self.path("root")
        self.tmp = self.path("tmp")
        os.mkdir(self.tmp)
        self.helpers, self.boxes, self.notes, self.wrap = [], [], [], []
        self.commands = 0

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def note(self, text):
        self.notes.append(text)

    def environment(self):
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": self.tmp, "TMPDIR": self.tmp, "XDG_RUNTIME_DIR": self.tmp,
                "RUNTIME_SECRET": self.tag}

    def spawn(self, *words, wrap=(), env=(), stdin=subprocess.DEVNULL, out=None, **more):
        """Start a command of the runtime. Output goes to files: a container that keeps them open
        must not keep us waiting."""
        self.commands += 1
        files = [self.path(f"{self.commands}.{end}") for end in ("out", "err", "log")]
        argv = [*self.wrap, *wrap, self.runtime.path, "--root", self.root, "--log", files[2],
                *words]
        with open(out or files[0], "ab") as o, open(files[1], "ab") as e:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                argv, stdin=stdin, stdout=more.pop("stdout", o), stderr=e,
                env={**self.environment(), **dict(env)}, **more)
        self.helpers.append(process)
        return Running(words, process, files)

    def run(self, *words, deadline=DEADLINE, **more):
        running = self.spawn(*words, **more)
        result = running.finish(deadline)
        self.helpers.remove(running.process)
        return result

    def helper(self, *argv, **more):
        """A process of the test itself, killed at its end."""
        process = subprocess.Popen(argv, **{"stdin": subprocess.DEVNULL, **more})
        self.helpers.append(process)
        return process

    def probe(self, *words, **more):
        return self.helper(os.path.join(self.store, "probe"), *words, **more)

    def box(self, args=None):
        return Box(self, args)

    # What there is at a moment, as far as it has to do with this test.

    def processes(self):
        """Processes that the runtime has left, zombies not counted."""
        keep = {p.pid for p in self.helpers}
        host.reap_orphans(keep)
        return {p for p in host.descendants() if p not in keep and host.alive(p)}

    def leaks(self):
        """Everything that is there of containers, in words."""
        found = [host.command(p) for p in sorted(self.processes())]
        found += [f"mount {m}" for m in sorted(host.mounts_with(self.tag))]
        found += [f"cgroup {c}" for c in host.cgroups_with(self.tag)]
        for place in (self.root, self.tmp):
            for folder, folders, files in os.walk(place):
                found += [f"file {folder}/{n}" for n in sorted(files)]
                found += [f"folder {folder}/{n}" for n in sorted(folders) if self.tag in n]
        return found

    def nothing_left(self, after, seconds=15):
        """The kernel and dying processes get a moment."""
        host.until(lambda: not self.leaks(), seconds)
        expect(not self.leaks(), f"nothing is left after {after}", self.leaks())

    def close(self):
        """Remove what is left of the test. Returns in words what the runtime left undeleted."""
        self.wrap = []
        for box in self.boxes:
            if os.path.exists(self.root) and os.listdir(self.root):
                box.delete("--force")
        for process in self.helpers:
            process.kill()
            process.wait()
        self.helpers.clear()
        host.until(lambda: not self.leaks(), 1)
        left = self.leaks()
        for box in self.boxes:
            box.thaw()
        for pid in self.processes():
            host.kill(pid)
        host.until(lambda: not self.processes(), 3)
        for folder in host.cgroups_with(self.tag):
            host.until(lambda f=folder: not os.path.isdir(f) or remove_cgroup(f), 2)
        for point in sorted(host.mounts_with(self.tag), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)
        if not host.mounts_with(self.tag):
            shutil.rmtree(self.dir, ignore_errors=True)
        return left


def remove_cgroup(folder):
    try:
        os.rmdir(folder)
        return True
    except OSError:
        return False


# --- one container ------------------------------------------------------------------------------

BASE = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "cwd": "/",
        "args": ["/bin/probe", "wait"],
        "env": ["PATH=/bin"],
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=1024k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    ],
    "linux": {
        "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")],
    },
}
HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Box:
    """A container: its bundle, and the commands on it. `config` is written at create."""

    def __init__(self, lab, args=None):
        self.lab = lab
        self.id = lab.tag + "-" + str(len(lab.boxes))
        self.dir = lab.path(self.id)
        self.bundle = os.path.join(self.dir, "bundle")
        self.rootfs = os.path.join(self.bundle, "rootfs")
        self.seen = os.path.join(self.dir, "seen")
        self.output = os.path.join(self.dir, "output")
        self.cgroup = "/" + self.id
        self.init = 0  # pid, once known
        self.config = copy.deepcopy(BASE)
        self.config["linux"]["cgroupsPath"] = self.cgroup
        if args:
            self.process["args"] = args
        lab.boxes.append(self)
        os.makedirs(self.seen)
        self.fill_rootfs()

    def fill_rootfs(self):
        for name in ("bin", "dev", "proc", "hooks", "seen", "mnt"):
            os.makedirs(os.path.join(self.rootfs, name))
        for name in ("busybox", "probe"):
            os.link(os.path.join(self.lab.store, name), os.path.join(self.rootfs, "bin", name))
        for name in APPLETS:
            os.symlink("busybox", os.path.join(self.rootfs, "bin", name))

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def namespaces(self, *types):
        self.linux["namespaces"] = [{"type": t} for t in types]

    def mount(self, destination, source="tmpfs", kind="tmpfs", options=()):
        self.config["mounts"].append({"destination": destination, "type": kind, "source": source,
                                      "options": list(options)})

    def bind(self, source, destination, *options):
        self.mount(destination, source, "bind", ("bind", *options))

    def share_seen(self):
        """The folder `seen` of the host is /seen in the container."""
        if not any(m["destination"] == "/seen" for m in self.config["mounts"]):
            self.bind(self.seen, "/seen")

    def hook(self, kind, name=None, body="", **fields):
        """Add a hook: a script that keeps its input in seen/NAME.state, adds its name to
        seen/order and then does `body`, where $d is the folder seen and $pid the state's pid."""
        name = name or kind
        inside = kind == "startContainer"
        self.share_seen()
        folder = os.path.join(self.rootfs, "hooks") if inside else self.dir
        text = (f"#!/bin/sh\nd={'/seen' if inside else self.seen}\ncat >$d/{name}.state\n"
                f"pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' $d/{name}.state)\n"
                f"echo {name} >>$d/order\n{body}\n")
        path = os.path.join(folder, "hook-" + name)
        host.write(path, text)
        os.chmod(path, 0o755)
        path = "/hooks/hook-" + name if inside else path
        self.add_hook(kind, path, args=["hook-" + name], env=["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                      **fields)

    def add_hook(self, kind, path, **fields):
        self.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": path, **fields})

    def order(self):
        return host.lines(self.seen_path("order"))

    def hook_state(self, name):
        """The state that a hook got on its input."""
        text = host.read(self.seen_path(name + ".state"))
        try:
            return json.loads(text)
        except ValueError:
            raise Mismatch(f"{name} gets its state as JSON", text) from None

    def seen_path(self, name):
        return os.path.join(self.seen, name)

    def touch(self, name):
        host.write(self.seen_path(name), "")

    def wait_seen(self, name, seconds=20):
        """Wait until something inside or a hook has made seen/NAME."""
        return host.until(lambda: os.path.exists(self.seen_path(name)), seconds)

    # The commands.

    def write(self):
        host.write(os.path.join(self.bundle, "config.json"), json.dumps(self.config))

    def creating(self, *options, **more):
        self.write()
        return self.lab.spawn("create", "--bundle", self.bundle, *options, self.id,
                              out=self.output, **more)

    def create(self, *options, **more):
        running = self.creating(*options, **more)
        result = running.finish()
        self.lab.helpers.remove(running.process)
        return result

    def created(self, *options, **more):
        self.create(*options, **more).works()
        self.init = self.state().get("pid", 0)
        expect(self.init, "`state` has a pid after create", self.init)
        return self

    def start(self, **more):
        return self.lab.run("start", self.id, **more)

    def starting(self, **more):
        return self.lab.spawn("start", self.id, **more)

    def started(self, *options, **more):
        """Created and started, and the payload's first line is there."""
        self.created(*options, **more)
        self.start().works()
        self.line(0)
        return self

    def kill(self, *sig):
        return self.lab.run("kill", self.id, *sig)

    def delete(self, *options, **more):
        return self.lab.run("delete", *options, self.id, **more)

    def ask(self, **more):
        return self.lab.run("state", self.id, **more)

    def state(self):
        result = self.ask().works()
        try:
            return json.loads(result.out)
        except ValueError:
            raise Mismatch("`state` prints JSON", result.out) from None

    def status(self):
        """The status word, or "unknown" where state fails."""
        result = self.ask()
        return json.loads(result.out)["status"] if result.ok else "unknown"

    def stop(self):
        """Kill the payload, and collect it as an engine would."""
        self.kill("KILL").works()
        return self.wait_end()

    def wait_end(self):
        """Wait for the container's process to end: its wait status."""
        status = host.until(lambda: (s := host.reap(self.init)) is not None and (s,), 20)
        expect(status or not host.alive(self.init), "the container's process ends",
               host.command(self.init))
        host.until(lambda: self.status() in ("stopped", "unknown"), 10)
        return status[0] if status else None

    def thaw(self):
        place = host.freezer(self.cgroup)
        if place and os.path.exists(place[0]):
            host.write(place[0], place[2])

    # What the payload says.

    def lines(self):
        """Those that are complete."""
        text = host.read(self.output)
        return [json.loads(line) for line in text.splitlines(True)
                if line.startswith("{") and line.endswith("\n")]

    def line(self, number, seconds=20):
        host.until(lambda: len(self.lines()) > number, seconds)
        expect(len(self.lines()) > number, f"the payload prints {number + 1} lines",
               host.read(self.output) or "nothing")
        return self.lines()[number]

    def said(self, number=0):
        """Run the container to its payload's line with that number, and return the line."""
        self.created()
        self.start().works()
        return self.line(number)

    def inside(self, path):
        """A path in the container, seen from here."""
        return f"/proc/{self.init}/root{path}"


# --- the run ------------------------------------------------------------------------------------

def make_store():
    """The folder of this run, with the programs that go into the containers."""
    store = tempfile.mkdtemp(prefix="oci-conformance-")
    os.chmod(store, 0o755)
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if not busybox:
        raise RuntimeError("no /bin/busybox: install busybox-static")
    shutil.copy(busybox, os.path.join(store, "busybox"))
    probe = os.path.join(store, "probe")
    if "PROBE" in os.environ:
        shutil.copy(os.environ["PROBE"], probe)
    else:
        build_probe(probe)
    return store


def build_probe(path):
    subprocess.run([os.environ.get("CC", "cc"), "-static", "-O1", "-o", path,
                    os.path.join(HERE, "probe.c")], check=True)


def comment(text):
    for line in str(text).splitlines():
        print("# " + line[:2000])


def run_one(number, place, runtime, store):
    """Run a test and print its result: "passed", "failed" or "skipped"."""
    title, function = TESTS[number]
    name = f"{place} - L{number} {title}"
    lab = Lab(runtime, store)
    trouble, begin = [], time.monotonic()
    try:
        function(lab)
        verdict = "passed"
        print(f"ok {name}")
    except Skip as e:
        verdict = "skipped"
        print(f"ok {name} # SKIP {e}")
    except Mismatch as e:
        verdict = "failed"
        trouble = ["expected: " + str(e.expected), "seen: " + describe(e.seen)]
    except Exception:  # pylint: disable=broad-except
        verdict = "failed"
        trouble = ["the test itself came to an end:", traceback.format_exc()]
    left = lab.close()
    if verdict == "failed":
        print(f"not ok {name}")
        for text in trouble + [f"left behind: {x}" for x in left[:12]]:
            comment(text)
    for text in lab.notes:
        comment("note: " + text)
    if os.environ.get("OCI_CONFORMANCE_TIMES"):
        comment(f"{time.monotonic() - begin:.2f} s")
    sys.stdout.flush()
    return verdict


def describe(seen):
    if isinstance(seen, (list, set, tuple)):
        return "\n".join(["", *(f"  {x}" for x in seen)]) if seen else "nothing"
    return str(seen)


def run(runtime, numbers):
    """All tests with these numbers as TAP; the exit status."""
    host.become_subreaper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    store = make_store()
    print("TAP version 14")
    comment(runtime.version)
    print(f"1..{len(numbers)}", flush=True)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for place, number in enumerate(numbers, 1):
            counts[run_one(number, place, runtime, store)] += 1
    finally:
        if not any(host.mounts_with(store)):
            shutil.rmtree(store, ignore_errors=True)
    print(", ".join(f"{n} {word}" for word, n in counts.items()))
    return 1 if counts["failed"] else 0

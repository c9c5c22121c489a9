# SPDX-License-Identifier: Apache-2.0
"""What the tests of this folder share. A test is an attack: a function of a Case, decorated with
@row and the name of a row of rows.def. It returns nothing when it came to nothing, and words for
what it reached otherwise. The runtime under test, RT, must never be reached. So that no attack is
one that cannot succeed, it is made on other runtimes too, and the last column of rows.def says on
which ones it must succeed.

RUNTIME=runc (crun, naive, a path) makes that one the runtime under test and leaves the others out.
RT_SECURITY_USERNS=1 gives every container a user namespace, RT_SECURITY_ROOTLESS=1 has a user
without root make it. RT_SECURITY_LONG=1 lets races run long.

All is done in mount and UTS namespaces of its own, on copies of the runtimes' programs."""

import contextlib
import glob
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))

import harness  # noqa: E402  pylint: disable=wrong-import-position
from harness import Bundle, Result, Skip  # noqa: E402,F401 pylint: disable=wrong-import-position

ROOTLESS = bool(os.environ.get("RT_SECURITY_ROOTLESS"))
USERNS = ROOTLESS or bool(os.environ.get("RT_SECURITY_USERNS"))
LONG = bool(os.environ.get("RT_SECURITY_LONG"))
USER = 42042    # somebody without root
SHIFT = USER if ROOTLESS else 200000  # where the ids of a user namespace begin on the host
AS_USER = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
KNOWN = {"runc": "runc version 1.1.5+ds1", "crun": "crun version 1.8.1"}
SUITE = os.path.basename(sys.argv[0])
_attacks = {}
_tmp = []


def row(name, userns=True, rootless=True):
    """This attack is the one of row `name`; userns=False: it is about something else than what a
    container with a user namespace has, rootless=False: than one has whom a user made."""
    def take(f):
        assert name not in _attacks, f"{name} has two attacks"
        f.skip = ("not about user namespaces" if USERNS and not userns else
                  "not about containers of users" if ROOTLESS and not rootless else None)
        _attacks[name] = f
        return f
    return take


def scratch():
    if not _tmp:
        _tmp.append(tempfile.mkdtemp(prefix="rt-security-"))
        os.chmod(_tmp[0], 0o755)
    return _tmp[0]


def compiled(name):
    """A static program of this folder."""
    out = os.path.join(scratch(), name)
    if not os.path.exists(out):
        subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", out,
                        os.path.join(HERE, name + ".c")], check=True)
    return out


# ---- runtimes ----

class Runtime:
    def __init__(self, name, path, before=()):
        self.name = name
        self.file = os.path.join(scratch(), name, os.path.basename(path))
        self.original = path
        os.makedirs(os.path.dirname(self.file), exist_ok=True)
        self.restore()
        self.argv = [*before, self.file]

    def restore(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file)
        shutil.copy(self.original, self.file)

    @property
    def is_rt(self):
        return self.name == "rt"


# crun 1.8.1 takes a tree of both versions for one of the second.
V1_ONLY = ["unshare", "-m", "--propagation", "private", "sh", "-c",
           'mount -t tmpfs none /sys/fs/cgroup/unified && exec "$@"', "sh"]


def control(name, naive="naive"):
    """A runtime to compare with, or None: only those whose weaknesses are known."""
    if name == "naive":
        return Runtime(name, os.path.join(HERE, naive) if naive == "naive" else compiled(naive))
    path = shutil.which(name)
    if not path:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    if said.splitlines()[:1] != [KNOWN[name]]:
        return None
    hybrid = name == "crun" and os.path.isdir("/sys/fs/cgroup/unified")
    return Runtime(name, path, V1_ONLY if hybrid else [])


def subject():
    wanted = os.environ.get("RUNTIME")
    if wanted in ("runc", "crun", "naive"):
        found = control(wanted)
        if not found:
            raise SystemExit(f"1..0 # SKIP {wanted} is not there in the version that is known")
        return found
    return Runtime("rt", shutil.which(wanted or harness.RT) or wanted or harness.RT)


# ---- one attack on one runtime ----

class Case(Bundle):
    """A bundle whose image the attacker has made, and beside it what he must not reach."""

    def __init__(self, runtime, must_succeed=False):
        super().__init__()
        self.runtime = runtime
        self.must_succeed = must_succeed
        self.races = False
        self.started = []
        self.outside = os.path.join(self.dir, "outside")
        os.mkdir(self.outside)
        self.write_file(os.path.join(self.outside, "secret"), "secret of the host\n")
        os.chmod(self.dir, 0o755)
        if USERNS:
            self.add_userns()
        if ROOTLESS:
            for name in (self.outside, os.path.join(self.outside, "secret")):
                os.chown(name, USER, USER)

    def add_userns(self):
        self.add_namespace("user")
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": SHIFT,
                                "size": 1 if ROOTLESS else 65536}]
        if ROOTLESS:
            self.linux.pop("cgroupsPath")

    @property
    def is_rt(self):
        return self.runtime.is_rt

    def rounds(self, few, many=None):
        """How often a race is run: a control that has to lose it once is given time for that."""
        self.races = True
        if self.must_succeed:
            return 300
        if not self.is_rt:
            return 3
        return (many or few * 20) if LONG else few

    @staticmethod
    def write_file(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def inside(self, path):
        return os.path.join(self.rootfs, path.lstrip("/"))

    def image_link(self, path, target):
        """The image has a symlink instead."""
        full = self.inside(path)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif os.path.lexists(full):
            os.unlink(full)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        os.symlink(target, full)

    def without_mount(self, *destinations):
        self.config["mounts"] = [m for m in self.config["mounts"]
                                 if m["destination"] not in destinations]

    def agent(self):
        shutil.copy(compiled("agent"), self.inside("bin/agent"))
        return self.inside("bin/agent")

    def background(self, *args, **kw):
        """A process of the attacker beside the runtime, ended with the case."""
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        # pylint: disable-next=consider-using-with
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, **kw)
        self.started.append(p)
        return p

    @contextlib.contextmanager
    def exchanging(self, one, other):
        """Both names change places all the time."""
        p = self.background(compiled("agent"), "exchange", one, other)
        try:
            yield
        finally:
            p.kill()
            p.wait()

    def write(self):
        if USERNS:
            for top, folders, files in os.walk(self.dir if ROOTLESS else self.rootfs):
                for name in [".", *folders, *files]:
                    with contextlib.suppress(FileNotFoundError):  # it may be under attack already
                        st = os.lstat(os.path.join(top, name))
                        if st.st_uid < SHIFT:
                            os.lchown(os.path.join(top, name), SHIFT + st.st_uid,
                                      SHIFT + st.st_gid)
        super().write()

    def rt(self, *args, before=(), **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("timeout", harness.DEADLINE)
        before = before or (AS_USER if ROOTLESS else [])
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            kw.setdefault("stdout", out)
            kw.setdefault("stderr", err)
            done = subprocess.run([*before, *self.runtime.argv, "--root", self.state, *args],
                                  check=False, **kw)
            out.seek(0)
            err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        return Result(done)

    def create(self, *options):
        self.write()
        done = self.rt("create", "--bundle", self.dir, *options, self.id)
        assert done.code == 0, f"create: exit {done.code}: {done.err}{done.out}"

    def running(self, script="exec sleep 60"):
        """The container lives, its process does `script`."""
        self.process["args"] = ["/bin/sh", "-c", script]
        self.create()
        done = self.rt("start", self.id)
        assert done.code == 0, f"start: exit {done.code}: {done.err}"
        time.sleep(0.1)

    def appears(self, name):
        """Wait for a file that the container makes."""
        end = time.monotonic() + harness.DEADLINE
        while not os.path.exists(self.inside(name)) and time.monotonic() < end:
            time.sleep(0.02)
        return os.path.exists(self.inside(name))

    def run_on_terminal(self, script):
        """Run a shell script with a terminal. Returns what it left in /out, its exit status."""
        self.process.update(terminal=True, args=["/bin/sh", "-c", f"({script}) >/out 2>&1"])
        os.chmod(self.rootfs, 0o777)
        path = os.path.join(self.dir, "console")
        self.write()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            s.settimeout(harness.DEADLINE)
            done = self.rt("create", "--bundle", self.dir, "--console-socket", path, self.id)
            os.unlink(path)
            if done.code:
                return "", done
            if self.runtime.name != "naive":
                _, fds, _, _ = socket.recv_fds(s.accept()[0], 100, 1)
            done = self.rt("start", self.id)
            self.wait_stopped()
        self.rt("delete", "--force", self.id)
        return self.read_out(), done

    def read_out(self):
        try:
            with open(self.inside("out"), encoding="utf-8") as f:
                return f.read()
        except OSError:
            return ""

    def wait_stopped(self):
        for _ in range(100):
            time.sleep(0.02)
            if self.runtime.name == "naive" or '"stopped"' in self.rt("state", self.id).out:
                break
        if self.runtime.name == "naive":
            time.sleep(0.2)

    def pid(self):
        """Of the container's process, on the host."""
        if self.runtime.name == "naive":
            with open(os.path.join(self.state, self.id, "pid"), encoding="ascii") as f:
                return int(f.read())
        return json.loads(self.rt("state", self.id).out)["pid"]

    def run_as_user(self, script, groups=()):
        """Run a shell script in a container of a user without root, as it is but for its user
        namespace."""
        self.without_mount("/dev/pts")
        self.linux.pop("cgroupsPath", None)
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != "user"]
        self.add_namespace("user")
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [{"containerID": 0, "hostID": USER, "size": 1}]
        self.process["args"] = ["/bin/sh", "-c", script]
        self.write()
        subprocess.run(["chown", "-R", f"{USER}:{USER}", self.dir], check=True)
        os.makedirs(f"{self.dir}/xdg", exist_ok=True)
        os.chown(f"{self.dir}/xdg", USER, USER)
        who = ["setpriv", "--reuid", str(USER), "--regid", str(USER),
               *(["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]),
               "env", f"XDG_RUNTIME_DIR={self.dir}/xdg"]
        return self.rt("run", "--bundle", self.dir, self.id, before=who)

    def exec(self, *words, options=()):
        return self.rt("exec", *options, self.id, *words)

    def outside_now(self):
        """What the attacker may not have changed."""
        return sorted((os.path.relpath(os.path.join(top, n), self.outside),
                       os.lstat(os.path.join(top, n)).st_mode,
                       os.lstat(os.path.join(top, n)).st_uid,
                       os.lstat(os.path.join(top, n)).st_size)
                      for top, folders, files in os.walk(self.outside)
                      for n in [".", *folders, *files])

    @contextlib.contextmanager
    def watching_outside(self):
        """with ... as changed: ...; changed() are words for what is different now, or None."""
        before = self.outside_now()

        def changed():
            new = [x for x in self.outside_now() if x not in before and x[0] != "."]
            return f"outside the root file system: {new[:3]}" if new else None
        yield changed

    def close(self):
        for p in self.started:
            if p.poll() is None:
                p.kill()
            p.wait()
        done = self.rt("delete", "--force", self.id)
        left = glob.glob(f"/sys/fs/cgroup{'/*' * (not V2)}/rt-{self.id}")
        subprocess.run(["rm", "-rf", self.dir], check=False)  # trees may be deep
        if self.is_rt and (done.code or left):
            return f"delete: exit {done.code}: {done.err}; left: {left}"
        return None


def try_on(runtime, attack, must_succeed):
    """("safe" | "hit" | "skip" | "error", words), for a control that lost no race "lucky"."""
    case = Case(runtime, must_succeed)
    try:
        reached = attack(case)
        verdict = (("hit", reached) if reached else
                   ("lucky", "no race lost this time") if case.races and must_succeed else
                   ("safe", ""))
    except Skip as s:
        verdict = "skip", str(s)
    except Exception as x:  # pylint: disable=broad-except
        verdict = ("error",
                   "".join(traceback.format_exception(x)[-4:]) if runtime.is_rt else str(x))
    left = case.close()
    return ("error", left) if left and verdict[0] == "safe" else verdict


# ---- the rows ----

def read_rows():
    """[(name, suite, shown by, what)]"""
    with open(os.path.join(HERE, "rows.def"), encoding="utf-8") as f:
        lines = [x for x in f.read().splitlines() if x and not x.startswith(("#", "/*", " *"))]
    return [tuple(w.strip() for w in line.split("|")) for line in lines]


def one_row(number, name, shown_by, what, under_test, controls):
    attack = _attacks.get(name)
    if not attack:
        print(f"not ok {number} - {name}: {what}\n# no attack for this row")
        return None
    if attack.skip:
        print(f"ok {number} - {name}: {what} # SKIP {attack.skip}")
        return None
    found = {r.name: try_on(r, attack, controls and r.name in shown_by.split())
             for r in [under_test, *controls]}
    verdict, words = found[under_test.name]
    lines = [f"{under_test.name}: {verdict}: {words}"] if verdict in ("hit", "error") else []
    wanted = [n for n in shown_by.split() if n in found]
    hit = [n for n in wanted if found[n][0] == "hit"]
    lines += [f"the attack must succeed on {n}, but: {': '.join(found[n])}"
              for n in wanted if n not in hit and not (hit and found[n][0] == "lucky")]
    if controls and not wanted:
        lines.append("nothing shows that this attack can succeed")
    good = not lines
    skip = f" # SKIP {words}" if verdict == "skip" and good else ""
    print(f"{'' if good else 'not '}ok {number} - {name}: {what}{skip}")
    for line in "\n".join(lines).splitlines():
        print(f"# {line}")
    if os.environ.get("RT_SECURITY_VERBOSE"):
        for n, (v, w) in found.items():
            print(f"# {n}: {v}: {w}")
    sys.stdout.flush()
    return {n: v for n, (v, w) in found.items()}


def private():
    """Nothing that happens here concerns the machine's mounts, host and domain name."""
    if os.environ.get("RT_SECURITY_PRIVATE") != str(os.getpid()):
        os.environ["RT_SECURITY_PRIVATE"] = str(os.getpid())
        os.execvp("unshare", ["unshare", "-m", "-u", "--propagation", "private",
                              sys.executable, *sys.argv])


def own_null():
    """Runtimes give streams away that are not theirs: the machine's /dev/null is not for that."""
    null = os.path.join(scratch(), "null")
    os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chmod(null, 0o666)
    subprocess.run(["mount", "--bind", null, "/dev/null"], check=True)


def run_rows(naive):
    under_test = subject()
    controls = []
    if under_test.is_rt and not USERNS:
        controls = [r for r in (control(n, naive) for n in ("runc", "crun", "naive")) if r]
    mine = [r for r in read_rows() if r[1] == SUITE and (not sys.argv[1:] or r[0] in sys.argv[1:])]
    stray = set(_attacks) - {r[0] for r in read_rows() if r[1] == SUITE}
    assert not stray, f"{stray}: not rows of rows.def"
    print(f"1..{len(mine)}")
    table = [(r[0], one_row(i, r[0], r[2], r[3], under_test, controls))
             for i, r in enumerate(mine, 1)]
    names = [under_test.name, *(r.name for r in controls)]
    print("# | row | " + " | ".join(names) + " |")
    for name, found in table:
        if found:
            print(f"# | {name} | " + " | ".join(found[n] for n in names) + " |")


def main(naive="naive"):
    """Run the rows of this file. `naive` names the program that stands in for a runtime without any
    defence."""
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        return
    private()
    try:
        own_null()
        run_rows(naive)
    finally:
        subprocess.run(["umount", "/dev/null"], check=False)
        for d in _tmp:
            shutil.rmtree(d, ignore_errors=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Running containers that wait for a process to enter, and what a process is that does."""

import os
import re
import subprocess
import sys
import time

from security import Skip, main, row

NO_PTRACE = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETUID", "CAP_SETGID",
             "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_NET_RAW"]


def watched(c, caps):
    """Processes enter while one of the container looks for descriptors that lead to the host."""
    if caps:
        c.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    os.chmod(c.rootfs, 0o777)
    c.agent()
    c.running(f"exec /bin/agent join {c.outside}/secret 60 >/out")
    for _ in range(c.rounds(30)):
        done = c.exec("/bin/true")
        if "reached" in c.read_out():
            return c.read_out()
        assert not c.is_rt or done.code == 0, done.err
    c.rt("kill", c.id, "KILL")
    return None


@row("CVE-2016-9962")
def descriptors_of_one_who_enters(c):
    return watched(c, NO_PTRACE)


@row("entering-ptrace")
def descriptors_for_a_tracer(c):
    """Nor with CAP_SYS_PTRACE, which does not stop at processes that are not dumpable."""
    return watched(c, [*NO_PTRACE, "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"])


@row("created-init", rootless=False)
def descriptors_of_one_who_waits(c):
    """A container that is created, but not started, is looked at by who is in it already."""
    c.agent()
    c.create()
    time.sleep(0.1)
    done = c.exec("/bin/agent", "look", "1", f"{c.outside}/secret")
    assert not c.is_rt or done.code in (0, 1), done.err
    return done.out if "reached" in done.out else None


@row("CVE-2024-21626")
def directory_by_descriptor(c):
    """Both at run and at exec, as working directory and as the program's path, also where the
    caller has left a descriptor open."""
    tail = f"{c.outside}/secret"
    script = f"cat .{tail} ../../../../../../../..{tail} 2>/dev/null; true"
    left = os.open("/", os.O_RDONLY)
    for fd in range(3, 24):
        c.process["cwd"] = f"/proc/self/fd/{fd}"
        done = c.run(script, pass_fds=[left])
        if "secret" in done.out:
            return f"by cwd {fd}: {done.out}"
        c.process["cwd"] = "/"
        c.process["args"] = [f"/proc/self/fd/{fd}/bin/busybox", "cat", "/etc/hostname"]
        c.write()
        done = c.rt("run", "--bundle", c.dir, c.id, pass_fds=[left])
        if done.code == 0:
            return f"by program {fd}: {done.out}"
    c.image_link("work", "/proc/self/fd/20")
    c.running()
    for fd in (*range(3, 24), -1):
        cwd = f"/proc/self/fd/{fd}" if fd > 0 else "/work"
        done = c.exec("/bin/sh", "-c", script, options=["--cwd", cwd])
        if "secret" in done.out:
            return f"exec by cwd {cwd}: {done.out}"
    os.close(left)
    return None


@row("CVE-2026-30892", rootless=False)
def number_alone(c):
    c.running()
    for user in ("1", "12345", "1:1", "0001"):
        done = c.exec("/bin/id", "-u", options=["--user", user])
        wanted = str(int(user.split(":")[0]))
        if done.code == 0 and done.out.strip() != wanted:
            return f"--user {user} is {done.out.strip()}"
        assert not c.is_rt or done.code == 0, done.err
    for user in ("", "+1", "1x", "4294967296", "-1", "1:", " 1", "0x1"):
        done = c.exec("/bin/id", "-u", options=[f"--user={user}"])
        if c.is_rt and done.code == 0:
            return f"--user '{user}' was taken, as {done.out.strip()}"
    return None


# ---- in a pid namespace of its own, where numbers can be chosen ----

def stranger_dies(state, bundle, name, argv):
    """The container's process is gone, a stranger has its number. Do signals for the container
    reach him?"""
    def rt(*words):
        return subprocess.call([*argv, "--root", state, *words], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid_file = os.path.join(bundle, "pid")
    assert rt("create", "--bundle", bundle, "--pid-file", pid_file, name) == 0, "create"
    assert rt("start", name) == 0, "start"
    with open(pid_file, encoding="ascii") as f:
        pid = int(f.read())
    os.kill(pid, 9)
    for _ in range(100):
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            break
        time.sleep(0.02)
    stranger = None
    for _ in range(200):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        # pylint: disable-next=consider-using-with
        stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
        if stranger.pid == pid:
            break
        stranger.kill()
        stranger.wait()
    else:
        return "the number could not be had again"
    for words in (["kill", name, "KILL"], ["kill", name, "TERM"], ["delete", "--force", name]):
        rt(*words)
        time.sleep(0.1)
        if stranger.poll() is not None:
            return f"stranger died by {words[0]}"
    stranger.kill()
    stranger.wait()
    return "stranger lives"


@row("pid-reuse", userns=False)
def number_of_a_stranger(c):
    if not os.path.exists("/proc/sys/kernel/ns_last_pid"):
        raise Skip("this kernel has no /proc/sys/kernel/ns_last_pid")
    c.process["args"] = ["/bin/sleep", "60"]
    c.write()
    done = subprocess.run(
        ["unshare", "-p", "-f", "--mount-proc", "--kill-child", sys.executable,
         os.path.abspath(__file__), "--stranger", c.state, c.dir, c.id, *c.runtime.argv],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    found = re.search("stranger (died.*|lives)", done.stdout)
    assert found, f"{done.stdout}{done.stderr}"
    return found[0] if "died" in found[0] else None


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stranger"]:
        print(stranger_dies(*sys.argv[2:5], sys.argv[5:]), flush=True)
        sys.exit()
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rt exec: one more process in a container, by options or by a file."""

import array
import os
import re
import signal
import socket
import subprocess

from execs import CANNOT, by_document, detached, document, inside, popen, read, refused, running, \
    sleeper, status, until
from harness import DEADLINE, Skip, contains, equal, main, test

KILL, CHOWN = 1 << 5, 1 << 0


class Server:
    """A socket at which the end of something is handed over."""

    def __init__(self, b, name):
        self.path = os.path.join(b.dir, name)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(1)
        self.socket.settimeout(DEADLINE)

    def take(self):
        """(payload, descriptor)"""
        with self.socket.accept()[0] as conn:
            payload, ancillary, _, _ = conn.recvmsg(4096, 64)
        return payload.decode(), array.array("i", ancillary[0][2])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


# ---- the command ----

@test
def streams_are_passed_through(b):
    running(b)
    done = b.rt("exec", b.id, "/bin/sh", "-c", "cat; echo error >&2", stdin=None, input="a\nb\n")
    equal((done.code, done.out, done.err), (0, "a\nb\n", "error\n"))


@test
def options_end_at_the_id(b):
    running(b)
    equal(b.rt("exec", b.id, "/bin/ls", "-d", "--", "/tmp").out, "/tmp\n")
    equal(b.rt("exec", b.id, "/bin/echo", "--tty", "-d", "--user=7").out, "--tty -d --user=7\n")


@test
def an_option_has_its_value_behind_it_or_behind_an_equals_sign(b):
    running(b)
    for words in (("--cwd", "/tmp"), ("--cwd=/tmp",), ("-cwd=/tmp",)):
        equal(b.rt("exec", *words, b.id, "/bin/pwd").out, "/tmp\n")
    for words in (("-u", "7"), ("--user=7",)):
        equal(b.rt("exec", *words, b.id, "/bin/id", "-u").out, "7\n")


@test
def status_is_that_of_the_command(b):
    running(b)
    for script, code in (("exit 0", 0), ("exit 1", 1), ("exit 126", 126), ("exit 255", 255),
                         ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -USR1 $$", 138)):
        done = b.rt("exec", b.id, "/bin/sh", "-c", script)
        equal((script, done.code, done.err), (script, code, ""))


@test
def what_the_command_leaves_behind_is_not_waited_for(b):
    running(b)
    inside(b, "sleep 1000 >/dev/null 2>&1 </dev/null & true")
    contains(inside(b, "ps"), "sleep 1000")


@test
def the_command_leads_a_session(b):
    running(b)
    pid = sleeper(b)
    equal(os.getsid(pid), pid)
    assert os.getsid(pid) != os.getsid(0)


@test
def signals_are_reset(b):
    running(b)
    old = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        out = b.rt("exec", b.id, "/bin/grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status",
                   restore_signals=False).out
    finally:
        signal.signal(signal.SIGUSR1, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    equal([int(line.split()[1], 16) for line in out.splitlines()], [0, 0])


# ---- the process in a file ----

@test
def a_document_is_the_whole_process(b):
    b.process["env"].append("OF=container")
    b.process["user"] = {"uid": 9, "gid": 9, "additionalGids": [9]}
    running(b)
    out = by_document(b, "pwd; id -u; id -g; id -G; echo $A-$OF; ulimit -n; umask", cwd="/tmp",
                      env=["PATH=/bin", "A=1"],
                      user={"uid": 5, "gid": 6, "additionalGids": [7, 8], "umask": 0o27},
                      rlimits=[{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}])
    equal(out.split(), ["/tmp", "5", "6", "6", "7", "8", "1-", "50", "0027"])


@test
def beside_a_document_options_count_for_nothing(b):
    running(b)
    path = document(b, args=["/bin/sh", "-c", "pwd; id -u; echo $A"])
    done = b.rt("exec", "--process", path, "--cwd", "/tmp", "--user", "7", "--env", "A=1", b.id,
                "/bin/false")
    equal((done.code, done.out), (0, "/\n0\n\n"))


@test
def a_document_without_capabilities_has_the_containers(b):
    b.process["capabilities"] = {s: ["CAP_KILL"] for s in ("bounding", "permitted", "effective")}
    running(b)
    equal(int(by_document(b, "grep ^CapEff: /proc/self/status").split()[1], 16), KILL)


@test
def a_document_has_capabilities_of_its_own(b):
    running(b)
    sets = {s: ["CAP_KILL"] for s in ("bounding", "permitted", "effective")}
    out = by_document(b, "grep ^CapEff: /proc/self/status", capabilities=sets)
    equal(int(out.split()[1], 16), KILL)


@test
def documents_that_are_none(b):
    running(b)
    path = os.path.join(b.dir, "none.json")
    refused(b, f"open {path}", "o such file or directory", options=("--process", path), command=())
    for text, word in (("{", "none.json:1:"), ('{"args": 7}', "/args"), ("[]", "none.json:1:")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = b.rt("exec", "--process", path, b.id)
        equal((text, done.code, done.out), (text, CANNOT, ""))
        contains(done.err, word)


@test
def a_document_without_a_command(b):
    running(b)
    for args in ([], [""]):
        done = b.rt("exec", "--process", document(b, args=args), b.id)
        equal(done.code, CANNOT)
        contains(done.err, "/args")


# ---- its terminal ----

@test
def a_terminal_reaches_a_console_socket(b):
    """As containerd and conmon ask for it."""
    running(b)
    path = document(b, args=["/bin/sh", "-c", "tty; stty size; test -t 2 && echo yes"],
                    terminal=True, consoleSize={"height": 33, "width": 99})
    with Server(b, "console.sock") as console:
        detached(b, "--process", path, "--console-socket", console.path, b.id)
        master = console.take()[1]
    text = b""
    while b"yes\r\n" not in text:
        text += os.read(master, 1000)
    os.close(master)
    equal(text.decode().split("\r\n"), ["/dev/pts/0", "33 99", "yes", ""])


@test
def terminals_that_make_no_sense(b):
    running(b)
    with Server(b, "console.sock") as console:
        contains(detached(b, "--tty", b.id, "/bin/true", code=CANNOT), "console-socket")
        contains(detached(b, "--console-socket", console.path, b.id, "/bin/true", code=CANNOT),
                 "console socket", "terminal")
        refused(b, "console socket", options=("--tty", "--console-socket", console.path))
    missing = os.path.join(b.dir, "missing.sock")
    contains(detached(b, "--tty", "--console-socket", missing, b.id, "/bin/true", code=CANNOT),
             missing)


@test
def the_containers_terminal_is_not_the_commands(b):
    b.process["terminal"] = True
    with Server(b, "console.sock") as console:
        b.process["args"] = ["/bin/sleep", "1000"]
        b.create("--console-socket", console.path)
        master = console.take()[1]
    equal(b.rt("start", b.id).code, 0)
    equal(inside(b, "tty || true"), "not a tty")
    os.close(master)


# ---- detached ----

@test
def a_detached_command_goes_on(b):
    running(b)
    pid = sleeper(b)
    contains(read(f"/proc/{pid}/cmdline"), "sleep")
    contains(inside(b, "ps"), "sleep 1000")
    assert str(pid) in b.rt("ps", "--format", "json", b.id).out


@test
def a_pid_file_is_written_in_the_foreground_too(b):
    running(b)
    path = os.path.join(b.dir, "pid")
    p = popen(b, "--pid-file", path, b.id, "/bin/cat", stdin=subprocess.PIPE)
    until("pid file", lambda: os.path.exists(path))
    pid = read(path)
    equal(re.fullmatch("[0-9]+", pid) is not None, True)
    contains(read(f"/proc/{pid}/cmdline"), "cat")
    p.communicate(timeout=DEADLINE)
    equal(p.returncode, 0)


@test
def paths_are_the_callers(b):
    running(b)
    detached(b, "--pid-file", "mine", b.id, "/bin/true", cwd=b.dir)
    assert int(read(f"{b.dir}/mine")) > 1


@test
def a_pid_file_that_cannot_be_written(b):
    running(b)
    refused(b, "/nowhere/", "o such file or directory", options=("--pid-file", "/nowhere/pid"),
            command=("/bin/touch", "/tmp/ran"))
    equal(os.path.exists(f"{b.rootfs}/tmp/ran"), False)
    equal(inside(b, "ps | grep -c [t]ouch || true"), "0")


@test
def a_detached_command_that_cannot_run(b):
    """Known to the caller, and without a pid file."""
    running(b)
    path = os.path.join(b.dir, "pid")
    contains(detached(b, "--pid-file", path, b.id, "nosuch", code=CANNOT),
             'exec: "nosuch": executable file not found in $PATH')


@test
def a_pidfd_of_the_command(b):
    running(b)
    with Server(b, "pidfd.sock") as server:
        pid = sleeper(b, "--pidfd-socket", server.path)
        payload, fd = server.take()
    contains(read(f"/proc/self/fdinfo/{fd}"), f"\nPid:\t{pid}\n")
    equal(payload, "setns")
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    os.close(fd)
    until("it ends", lambda: not os.path.exists(f"/proc/{pid}"))


# ---- directory, environment ----

@test
def directory_is_the_containers_or_its_own(b):
    b.process["cwd"] = "/etc"
    running(b)
    equal(inside(b, "pwd"), "/etc")
    equal(inside(b, "pwd", "--cwd", "/tmp"), "/tmp")


@test
def directories_that_are_none(b):
    running(b)
    refused(b, "--cwd", "absolute", "tmp", options=("--cwd", "tmp"))
    refused(b, "/bin/busybox", "not a directory", options=("--cwd", "/bin/busybox"))
    refused(b, "/bin/busybox/x", "not a directory", options=("--cwd", "/bin/busybox/x"))
    refused(b, "/missing", "no such file or directory", options=("--cwd", "/missing"))
    equal(os.path.exists(f"{b.rootfs}/missing"), False)


@test
def a_directory_is_entered_as_root_or_as_the_user(b):
    os.makedirs(f"{b.rootfs}/secret", 0o700)
    running(b)
    equal(b.rt("exec", "--cwd", "/secret", "--user", "7", b.id, "/bin/true").code, 0)
    path = document(b, args=["/bin/true"], cwd="/secret/below", user={"uid": 7, "gid": 7})
    refused(b, "/secret/below", "no such file or directory", options=("--process", path),
            command=())


@test
def environment_is_the_containers_and_more(b):
    b.process["env"] += ["A=1", "B=2"]
    running(b)
    done = b.rt("exec", "--env", "B=3", "-e", "C=x,y=z", "-e", "D=", b.id, "/bin/env")
    equal([line for line in done.out.splitlines() if line[:4] != "HOME"],
          ["PATH=/bin", "A=1", "B=3", "C=x,y=z", "D="])
    # runc passes these on as they are
    refused(b, "--env", "NAME=VALUE", "nothing", options=("--env", "nothing"))
    refused(b, "--env", "NAME=VALUE", "=x", options=("--env", "=x"))


@test
def path_of_the_option_finds_the_command(b):
    os.makedirs(f"{b.rootfs}/opt")
    os.symlink("/bin/busybox", f"{b.rootfs}/opt/uname")
    running(b)
    done = b.rt("exec", "--env", "PATH=/opt", b.id, "uname")
    equal((done.code, done.out), (0, "Linux\n"))
    refused(b, "executable file not found in $PATH", options=("--env", "PATH=/opt"),
            command=("true",))


# ---- user and capabilities ----

@test
def a_user_alone_keeps_the_containers_groups(b):
    """CVE-2026-30892: a uid alone is that uid. crun takes group 0."""
    b.process["user"] = {"uid": 1, "gid": 2, "additionalGids": [3]}
    running(b)
    equal(inside(b, "id -u; id -g; id -G"), "1\n2\n2 3")
    equal(inside(b, "id -u; id -g; id -G", "--user", "7"), "7\n2\n2 3")
    equal(inside(b, "id -u; id -g; id -G", "--user", "7:8"), "7\n8\n8 3")
    equal(inside(b, "id -u; id -g; id -G", "--user", "0:0"), "0\n0\n0 3")


@test
def home_is_the_users(b):
    with open(f"{b.rootfs}/etc/passwd", "w", encoding="utf-8") as f:
        f.write("root:x:0:0::/root:/bin/sh\nu:x:7:7::/home/u:/bin/sh\n")
    running(b)
    equal(inside(b, "echo $HOME"), "/root")
    equal(inside(b, "echo $HOME", "--user", "7"), "/home/u")
    equal(inside(b, "echo $HOME", "--user", "7", "--env", "HOME=/x"), "/x")


@test
def users_that_are_none(b):
    running(b)
    for user in ("root", "1:users", "", ":", "1:", ":1", "-1", "4294967296", "1:2:3", " 1", "0x1"):
        refused(b, "--user", f'"{user}"', options=(f"--user={user}",))
    refused(b, "--additional-gids", '"wheel"', options=("--additional-gids", "wheel"))


@test
def groups_are_added(b):
    b.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [3]}
    running(b)
    equal(inside(b, "id -G", "--additional-gids", "11", "-g", "12"), "0 3 11 12")
    equal(inside(b, "id -G", "--user", "7:8", "-g", "11"), "8 3 11")


@test
def a_capability_is_added_but_never_inheritable(b):
    """CVE-2022-29162 and CVE-2022-27650."""
    b.process["capabilities"] = {s: ["CAP_CHOWN"] for s in ("bounding", "permitted", "effective")}
    running(b)
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    equal([int(status(b, s), 16) for s in sets], [0, CHOWN, CHOWN, CHOWN, 0])
    more = CHOWN | KILL
    equal([int(status(b, s, "--cap", "CAP_KILL"), 16) for s in sets], [0, more, more, more, 0])
    equal([int(status(b, s, "-c", "CAP_KILL", user="7"), 16) for s in sets], [0, 0, 0, more, 0])


@test
def inheritable_capabilities_of_the_container_stay_as_they_are(b):
    b.process["capabilities"] = {s: ["CAP_CHOWN"] for s in ("bounding", "permitted", "effective",
                                                            "inheritable", "ambient")}
    running(b)
    out = inside(b, "grep ^Cap /proc/self/status", "--cap", "CAP_KILL", "--user", "7")
    got = {line[3:6]: int(line.split()[1], 16) for line in out.splitlines()}
    equal(got, {"Inh": CHOWN, "Prm": CHOWN, "Eff": CHOWN, "Bnd": CHOWN | KILL, "Amb": CHOWN})


@test
def an_added_capability_that_is_inheritable_reaches_a_user(b):
    b.process["capabilities"] = {s: ["CAP_CHOWN", "CAP_KILL"] for s in (
        "bounding", "permitted", "effective", "inheritable")}
    running(b)
    equal(int(status(b, "CapEff", user="7"), 16), 0)
    equal([int(status(b, s, "--cap", "CAP_KILL", user="7"), 16) for s in ("CapEff", "CapAmb")],
          [KILL, KILL])


@test
def an_unknown_capability_is_a_warning(b):
    running(b)
    for name in ("CAP_FLY", "KILL", "cap_kill"):
        done = b.rt("exec", "--cap", name, b.id, "/bin/true")
        equal(done.code, 0)
        contains(done.err, name, "unknown")


@test
def a_capability_to_a_container_without_any(b):
    b.process["capabilities"] = {}
    running(b)
    equal(int(status(b, "CapEff"), 16), 0)
    equal(int(status(b, "CapEff", "--cap", "CAP_KILL"), 16), KILL)


@test
def no_new_privileges(b):
    running(b)
    equal(status(b, "NoNewPrivs"), "0")
    equal(status(b, "NoNewPrivs", "--no-new-privs"), "1")


@test
def no_new_privileges_of_the_container(b):
    b.process["noNewPrivileges"] = True
    running(b)
    equal(status(b, "NoNewPrivs"), "1")


@test
def security_modules_that_are_missing(b):
    running(b)
    modules = "/sys/kernel/security/lsm"
    there = read(modules) if os.path.exists(modules) else ""
    if "apparmor" in there or "selinux" in there:
        raise Skip(f"this machine has {there}")
    for option, key, word in (("--apparmor", "apparmorProfile", "AppArmor"),
                              ("--process-label", "selinuxLabel", "SELinux")):
        refused(b, word, options=(option, "name"))
        path = document(b, args=["/bin/true"], **{key: "name"})
        refused(b, word, options=("--process", path), command=())


# ---- descriptors ----

class Three:
    """The write end of a pipe as descriptor 3."""

    def __enter__(self):
        self.read, w = os.pipe()
        if self.read == 3:
            self.read = os.dup(3)
        if w != 3:
            os.dup2(w, 3)
            os.close(w)
        return self

    def __exit__(self, *_):
        os.close(self.read)
        os.close(3)


@test
def descriptors_stay_outside(b):
    running(b)
    with Three():
        equal(inside(b, "ls /proc/self/fd", pass_fds=(3,)).split(), ["0", "1", "2", "3"])


@test
def preserved_descriptors_are_passed(b):
    running(b)
    with Three() as pipe:
        inside(b, "echo hello >&3", "--preserve-fds", "1", pass_fds=(3,))
        equal(os.read(pipe.read, 100), b"hello\n")


@test
def a_preserved_descriptor_that_is_not_open(b):
    running(b)
    refused(b, "not open", options=("--preserve-fds", "30"))
    for n in ("-1", "x", ""):
        equal(b.rt("exec", f"--preserve-fds={n}", b.id, "/bin/true").code != 0, True)


@test
def sockets_of_the_caller_are_not_the_commands(b):
    """They are for who makes a container; runc and crun do not pass them on either."""
    running(b)
    with Three():
        out = inside(b, "echo $LISTEN_FDS-$LISTEN_PID; ls /proc/self/fd", pass_fds=(3,),
                     env=dict(os.environ, LISTEN_FDS="1"))
    equal(out.split(), ["-", "0", "1", "2", "3"])  # 3 is the directory that ls reads


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/hooks: when, where and with what they run, and what their failure does."""

import json
import os
import signal
import subprocess
import time

from harness import RT, contains, equal, is_alive, main, test, until

ENV = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
BEFORE = ["prestart", "createRuntime", "createContainer"]
HOST = ["prestart", "createRuntime", "poststart", "poststop"]
ALL = BEFORE + ["startContainer", "poststart", "poststop"]


def hook(b, kind, script, **kw):
    """Add a hook that runs a script of the shell, with the folder /vol of both sides as $V."""
    volume = os.path.join(b.dir, "vol")
    if not os.path.isdir(volume):
        os.makedirs(volume)
        os.chmod(volume, 0o777)
        b.add_mount("/vol", type="bind", source=volume, options=["bind"])
    place = "/vol" if kind == "startContainer" else volume
    b.config.setdefault("hooks", {}).setdefault(kind, []).append(
        {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ENV + [f"V={place}"], **kw})


def said(b, name):
    path = os.path.join(b.dir, "vol", name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return f.read()


def state(b, kind):
    return json.loads(said(b, kind))


def two_commands(b):
    """create, start, wait for the end, delete."""
    b.create()
    for command in ("start",), ("delete", "--force"):
        with open(os.path.join(b.dir, "log"), "a+", encoding="utf-8") as log:
            done = subprocess.run([RT, "--root", b.state, *command, b.id], stderr=log, stdout=log,
                                  stdin=subprocess.DEVNULL, timeout=30, check=False)
            log.seek(0)
            assert done.returncode == 0, f"{command}: {log.read()}"


@test
def all_kinds_run_in_their_order(b):
    for kind in ALL:
        hook(b, kind, f"echo {kind} 1 >>$V/order")
        hook(b, kind, f"echo {kind} 2 >>$V/order")
    equal(b.run("true").code, 0)
    equal(said(b, "order").split("\n")[:-1], [f"{kind} {i}" for kind in ALL for i in (1, 2)])


@test
def kinds_run_in_their_command(b):
    for kind in ALL:
        hook(b, kind, f"echo {kind} >>$V/order")
    b.process["args"] = ["/bin/sleep", "60"]
    b.create()
    equal(said(b, "order").split(), BEFORE)
    subprocess.run([RT, "--root", b.state, "start", b.id], check=True, timeout=30,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    equal(said(b, "order").split(), BEFORE + ["startContainer", "poststart"])
    subprocess.run([RT, "--root", b.state, "delete", "--force", b.id], check=True, timeout=30,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    equal(said(b, "order").split(), ALL)


@test
def the_state_is_on_stdin(b):
    b.config["annotations"] = {"org.example.key": "a \"value\""}
    for kind in ALL:
        hook(b, kind, f"cat >$V/{kind}")
    b.process["args"] = ["/bin/sleep", "60"]
    two_commands(b)
    for kind in ALL:
        s = state(b, kind)
        equal((kind, s["ociVersion"], s["id"]), (kind, "1.0.2", b.id))
        equal((kind, s["bundle"]), (kind, b.dir))
        equal((kind, s["annotations"]), (kind, b.config["annotations"]))


@test
def the_status_fits_the_time(b):
    for kind in ALL:
        hook(b, kind, f"cat >$V/{kind}")
    b.process["args"] = ["/bin/sleep", "60"]
    two_commands(b)
    equal([state(b, kind)["status"] for kind in ALL],
          ["creating"] * 3 + ["created", "running", "stopped"])


@test
def the_pid_fits_the_namespace(b):
    for kind in ["prestart", "createRuntime", "poststart"]:
        hook(b, kind, f"cat >$V/{kind}; p=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/' $V/{kind});"
             f"grep NSpid: /proc/$p/status >$V/ns-{kind}")
    hook(b, "createContainer", "cat >$V/createContainer")
    hook(b, "startContainer", "cat >$V/startContainer")
    hook(b, "poststop", "cat >$V/poststop")
    b.process["args"] = ["/bin/sleep", "60"]
    two_commands(b)
    for kind in ["prestart", "createRuntime", "poststart"]:
        equal(said(b, f"ns-{kind}").split(), ["NSpid:", str(state(b, kind)["pid"]), "1"])
    equal(state(b, "createContainer")["pid"], 1)
    equal(state(b, "startContainer")["pid"], 1)
    equal(state(b, "poststop").get("pid", 0), 0)


@test
def arguments_and_environment_are_exact(b):
    # Not as the last command, which takes the place of the shell.
    dump = ("tr '\\0' '|' </proc/{1}/cmdline >{0}/args; tr '\\0' '|' </proc/{1}/environ >{0}/env;"
            "true")
    for kind in ALL:
        hook(b, kind, "")
        h = b.config["hooks"][kind][0]
        place = h["env"][1][2:]
        me = "self" if kind == "createContainer" else "$$"  # /proc is the host's there
        name = "sh" if kind == "startContainer" else "odd name"  # busybox goes by its name
        h["args"] = [name, "-c", dump.format(f"{place}/{kind}", me), "", "two words"]
        h["env"] = ["A=1", "B=", "PATH=/bin:/usr/bin"]
        os.makedirs(os.path.join(b.dir, "vol", kind))
    equal(b.run("true", env={**os.environ, "RT_E2E": "of the caller"}).code, 0)
    for kind in ALL:
        equal((kind, said(b, f"{kind}/args")),
              (kind, "".join(a + "|" for a in b.config["hooks"][kind][0]["args"])))
        equal((kind, said(b, f"{kind}/env")), (kind, "A=1|B=|PATH=/bin:/usr/bin|"))


@test
def without_env_the_environment_is_empty(b):
    hook(b, "createRuntime", "")
    h = b.config["hooks"]["createRuntime"][0]
    h["args"] = ["sh", "-c", f"tr '\\0' '\\n' </proc/$$/environ >{b.dir}/vol/env"]
    del h["env"]
    equal(b.run("true").code, 0)
    equal(said(b, "env"), "")


@test
def namespaces_are_those_of_the_kind(b):
    for kind in ALL:
        hook(b, kind, f"for n in mnt uts net; do readlink /proc/self/ns/$n; done >$V/{kind}")
    done = b.run("for n in mnt uts net; do readlink /proc/self/ns/$n; done")
    equal(done.code, 0)
    host = "".join(os.readlink(f"/proc/self/ns/{n}") + "\n" for n in ("mnt", "uts", "net"))
    for kind in HOST:
        equal((kind, said(b, kind)), (kind, host))
    equal(said(b, "createContainer"), done.out)
    equal(said(b, "startContainer"), done.out)


@test
def createcontainer_sees_host_files_and_the_mounts(b):
    program = os.path.join(b.dir, "program")
    with open(program, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\ngrep -c ' {b.rootfs}/proc ' /proc/self/mounts >{b.dir}/vol/found\n"
                f"test -c {b.rootfs}/dev/null && echo null >>{b.dir}/vol/found\n"
                f"mount -t tmpfs rt-e2e {b.rootfs}/mnt && touch {b.rootfs}/mnt/made\n")
    os.chmod(program, 0o755)
    hook(b, "createContainer", "true")
    b.config["hooks"]["createContainer"].append({"path": program, "env": ENV})
    equal(b.output("ls /mnt"), "made")
    equal(said(b, "found").split(), ["1", "null"])


@test
def createruntime_can_add_a_mount(b):
    hook(b, "createRuntime", "p=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); nsenter -t $p -m sh -c '"
         f"mount -t tmpfs rt-e2e {b.rootfs}/mnt && touch {b.rootfs}/mnt/made'")
    equal(b.output("ls /mnt"), "made")
    assert not os.listdir(os.path.join(b.rootfs, "mnt")), "it was made on the host"


def in_a_user_namespace(b):
    b.add_namespace("user")
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    b.linux["uidMappings"] = b.linux["gidMappings"] = mapping


@test
def in_a_user_namespace_hooks_are_its_root(b):
    for kind in ("createContainer", "startContainer"):
        hook(b, kind, f"id -u >$V/{kind}; cat /proc/self/uid_map >>$V/{kind}")
    in_a_user_namespace(b)
    os.makedirs(os.path.join(b.rootfs, "vol"))
    os.chmod(b.dir, 0o755)
    done = b.run("true")
    equal((done.code, done.err), (0, ""))
    for kind in ("createContainer", "startContainer"):
        equal((kind, said(b, kind).split()[:3]), (kind, ["0", "0", "100000"]))


@test
def a_folder_that_its_root_cannot_enter_is_a_warning(b):
    b.config["hooks"] = {"createContainer": [{"path": "/bin/true"}]}
    in_a_user_namespace(b)
    os.chmod(b.dir, 0o700)
    done = b.run("true")
    equal(done.code, 0)
    contains(done.err, b.rootfs, "not accessible")


@test
def startcontainer_runs_inside(b):
    hook(b, "startContainer", "ls / >$V/root; pwd >$V/cwd")
    equal(b.run("true").code, 0)
    contains(said(b, "root"), "bin\n", "mnt\n", "vol\n")
    assert "usr" not in said(b, "root")


@test
def a_failure_before_the_start_ends_the_creation(b):
    for kind in BEFORE:
        b.config.pop("hooks", None)
        hook(b, kind, "echo because of this >&2; exit 7")
        hook(b, kind, "echo second >>$V/second")
        hook(b, "poststop", f"cat >$V/after-{kind}")
        done = b.run("echo ran")
        assert done.code != 0, f"{kind}: it was created"
        contains(done.err, f"/hooks/{kind}/0", "status 7", "because of this")
        equal((kind, done.out, said(b, "second")), (kind, "", None))
        equal(state(b, f"after-{kind}")["status"], "stopped")
        b.leaves_nothing()


@test
def a_failing_startcontainer_hook_fails_start(b):
    hook(b, "startContainer", "echo because of this; exit 3")
    hook(b, "poststop", "cat >$V/after")
    b.process["args"] = ["/bin/touch", "/vol/ran"]
    b.create()
    done = b.rt("start", b.id)
    assert done.code != 0, "start succeeded"
    contains(done.err, "/hooks/startContainer/0", "status 3", "because of this")
    equal((said(b, "ran"), state(b, "after")["status"]), (None, "stopped"))
    b.leaves_nothing()


@test
def a_failing_poststart_hook_ends_the_container(b):
    hook(b, "poststart", "exit 3")
    hook(b, "poststop", "cat >$V/after")
    done = b.run("sleep 60")
    assert done.code != 0, "run succeeded"
    contains(done.err, "/hooks/poststart/0", "status 3")
    equal(state(b, "after")["status"], "stopped")
    b.leaves_nothing()


@test
def a_failing_poststop_hook_is_a_warning(b):
    hook(b, "poststop", "echo because of this; exit 3")
    hook(b, "poststop", "echo second >$V/second")
    done = b.run("true")
    equal((done.code, said(b, "second")), (0, "second\n"))
    contains(done.err, "/hooks/poststop/0", "status 3", "because of this")
    b.leaves_nothing()


@test
def a_program_that_is_not_there_is_named(b):
    b.config["hooks"] = {"createRuntime": [{"path": "/nonexistent/hook"}]}
    b.refused("/hooks/createRuntime/0", "/nonexistent/hook", "No such file")
    b.leaves_nothing()


@test
def a_timeout_kills_the_group(b):
    hook(b, "createRuntime", "sleep 600 & echo $! >$V/pid; wait", timeout=4)
    b.refused("/hooks/createRuntime/0", "within 4 s")
    pid = int(said(b, "pid"))
    until("the hook's child ends", lambda: not is_alive(pid))
    b.leaves_nothing()


@test
def an_interruption_ends_a_hook_that_hangs(b):
    hook(b, "createRuntime", "echo >$V/up; sleep 600")
    b.process["args"] = ["/bin/true"]
    b.write()
    rt = subprocess.Popen([RT, "--root", b.state, "run", "--bundle", b.dir, b.id],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while said(b, "up") is None and rt.poll() is None:
        time.sleep(0.01)
    rt.send_signal(signal.SIGINT)
    _, err = rt.communicate(timeout=30)
    assert rt.returncode != 0
    contains(err, "/hooks/createRuntime/0", "interrupted")
    b.leaves_nothing()


@test
def a_timeout_counts_inside_too(b):
    hook(b, "startContainer", "sleep 600", timeout=1)
    b.refused("/hooks/startContainer/0", "within 1 s")
    b.leaves_nothing()


@test
def a_background_process_holds_nobody_up(b):
    hook(b, "createRuntime", "sleep 600 & echo $! >$V/pid")
    equal(b.run("true").code, 0)
    pid = int(said(b, "pid"))
    os.kill(pid, 9)


@test
def a_hook_may_ignore_its_stdin(b):
    b.config["annotations"] = {"org.example.big": "x" * 200000}
    for kind in ALL:
        hook(b, kind, "exec <&-; true")
        hook(b, kind, "true")
    equal(b.run("true").code, 0)


@test
def a_large_state_arrives_whole(b):
    b.config["annotations"] = {"org.example.big": "x" * 3000000}
    for kind in ALL:
        hook(b, kind, f"cat >$V/{kind}")
    equal(b.run("true").code, 0)
    for kind in ALL:
        equal((kind, len(state(b, kind)["annotations"]["org.example.big"])), (kind, 3000000))


@test
def descriptors_are_stdio_only(b):
    for kind in ALL:
        hook(b, kind, f"ls -l /proc/self/fd >$V/{kind}")
    b.process["args"] = ["/bin/true"]
    b.write()
    command = f"exec {RT} --root {b.state} run --bundle {b.dir} --preserve-fds 1 {b.id} 3</dev/null"
    equal(subprocess.run(["sh", "-c", command], timeout=30, check=False).returncode, 0)
    for kind in ALL:
        # ls itself has the folder open.
        fds = sorted(int(line.split()[8]) for line in said(b, kind).splitlines()
                     if line.startswith("l"))
        equal((kind, fds), (kind, [0, 1, 2, 3]))
        assert "/dev/null" not in said(b, kind), said(b, kind)


@test
def signals_are_as_at_first(b):
    for kind in ALL:
        hook(b, kind, f"exec grep -E 'Sig(Blk|Ign)' /proc/self/status >$V/{kind}")
    equal(b.run("true").code, 0)
    for kind in ALL:
        equal((kind, said(b, kind).split()[1::2]), (kind, ["0" * 16] * 2))


@test
def annotations_send_the_output_to_files(b):
    out, err = os.path.join(b.dir, "hooks.out"), os.path.join(b.dir, "hooks.err")
    b.config["annotations"] = {"run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err}
    for kind in ALL:
        hook(b, kind, f"echo out {kind}; echo err {kind} >&2")
    b.process["args"] = ["/bin/sleep", "60"]
    two_commands(b)
    with open(out, encoding="utf-8") as f:
        equal(f.read().splitlines(), [f"out {kind}" for kind in ALL])
    with open(err, encoding="utf-8") as f:
        equal(f.read().splitlines(), [f"err {kind}" for kind in ALL])


@test
def the_debug_log_tells_of_hooks(b):
    hook(b, "createRuntime", "echo hello")
    b.process["args"] = ["/bin/true"]
    b.write()
    done = b.rt("--debug", "run", "--bundle", b.dir, b.id)
    lines = [line for line in done.err.splitlines() if "hook createRuntime 0" in line]
    equal(len(lines), 1)
    contains(lines[0], "/bin/sh", " ms", "hello")


@test
def a_relative_path_is_refused(b):
    b.config["hooks"] = {"poststop": [{"path": "bin/true"}]}
    b.refused("/hooks/poststop/0/path", "absolute")


@test
def a_timeout_is_positive(b):
    for seconds in (0, -1):
        b.config["hooks"] = {"poststop": [{"path": "/bin/true", "timeout": seconds}]}
        b.refused("/hooks/poststop/0/timeout", "positive")


if __name__ == "__main__":
    main()

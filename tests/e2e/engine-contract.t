#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What engines rely on between their calls: pipes, the console socket, the pid file, exec."""

import array
import ctypes
import json
import os
import socket
import subprocess
import threading

from harness import DEADLINE, RT, Skip, contains, equal, main, test


class Console:
    """The engine's end of --console-socket."""

    def __init__(self, b):
        self.path = os.path.join(b.dir, "console.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)

    def take(self):
        conn, _ = self.server.accept()
        payload, ancillary, _, _ = conn.recvmsg(64, 64)
        return payload, array.array("i", ancillary[0][2])[0]


@test
def create_with_a_terminal_leaves_the_callers_pipes_alone(b):
    """An engine reads the output of create to its end while the container waits."""
    console = Console(b)
    b.process.update({"terminal": True, "args": ["/bin/tty"]})
    b.write()
    done = subprocess.run([RT, "--root", b.state, "create", "--bundle", b.dir, "--console-socket",
                           console.path, "--pid-file", f"{b.dir}/pid", b.id], capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE, check=False)
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""))
    payload, master = console.take()
    assert 0 < len(payload) < 64, payload
    with open(f"{b.dir}/pid", encoding="utf-8") as f:
        equal(int(f.read()), json.loads(b.rt("state", b.id).out)["pid"])
    equal(b.rt("start", b.id).code, 0)
    contains(os.read(master, 100).decode(), "/dev/pts/0")


@test
def state_prints_json_alone(b):
    b.process["args"] = ["/bin/sleep", "100"]
    b.process["capabilities"] = {"bounding": ["CAP_NO_SUCH"]}
    b.create()
    done = b.rt("state", b.id)
    equal(done.err, "")
    state = json.loads(done.out)
    equal((state["status"], state["id"], state["bundle"]), ("created", b.id, b.dir))


@test
def json_log_has_level_msg_and_time(b):
    log = os.path.join(b.dir, "log.json")
    done = b.rt("--log", log, "--log-format", "json", "start", "nobody")
    equal(done.code, 1)
    contains(done.err, "does not exist")
    with open(log, encoding="utf-8") as f:
        line = json.loads(f.read().splitlines()[-1])
    equal(line["level"], "error")
    contains(line["msg"], "does not exist")
    contains(line["time"], "T", "Z")


# A machine's /run/systemd/journal/socket or /dev/log, in a mount namespace of its own.
WITH_LOG = """mount -t tmpfs none /run && mount -t tmpfs none /dev &&
mkdir -p "${1%/*}" && : >"$1" && mount --bind "$2" "$1" && shift 2 && exec "$@" """


def logged(b, machine_log, *words):
    """(what came, what rt printed)"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(f"{b.dir}/log.sock")
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", WITH_LOG,
                               "sh", machine_log, s.getsockname(), RT, "--root", b.state, *words],
                              capture_output=True, text=True, timeout=DEADLINE, check=False,
                              cwd=b.dir)
        s.settimeout(DEADLINE)
        return s.recv(4096).decode(), done


@test
def journald_gets_errors(b):
    came, done = logged(b, "/run/systemd/journal/socket", "--log", "journald:web", "state",
                        "nobody")
    equal(came.splitlines()[:2], ["PRIORITY=3", "SYSLOG_IDENTIFIER=web"])
    contains(came, "MESSAGE=", "does not exist")
    contains(done.stderr, "does not exist")
    equal((done.returncode, done.stdout), (1, ""))


@test
def syslog_gets_errors(b):
    came, done = logged(b, "/dev/log", "--log", "syslog:", "state", "nobody")
    equal(came[:7], "<27>rt[")
    contains(came, "does not exist")
    contains(done.stderr, "does not exist")


@test
def a_log_that_is_not_there(b):
    done = b.rt("--log", "journal:web", "state", "nobody", cwd=b.dir)
    equal(done.code, 1)
    contains(done.err, '"journal:web" is no destination', "journald:ID")
    contains(b.rt("--log", "/nowhere/log", "state", "nobody").err, "open the log /nowhere/log")
    log = f"{b.dir}/with:colon"
    contains(b.rt("--log", f"file:{log}", "state", "nobody").err, "does not exist")
    equal(os.path.exists(log), True)


@test
def go_style_long_option(b):
    b.write()
    equal(b.rt("run", "-no-subreaper", "-bundle", b.dir, b.id).code, 0)


@test
def a_person_runs_a_bundle_by_its_folder(b):
    b.process["args"] = ["/bin/echo", "hello"]
    b.write()
    for where, word in ((b.dir, "."), (b.dir, "./"), ("/", b.dir),
                        (os.path.dirname(b.dir), os.path.basename(b.dir))):
        done = b.rt("run", word, cwd=where)
        equal((done.code, done.out, done.err), (0, "hello\n", ""))
    b.leaves_nothing()


@test
def trace_and_dry_run(b):
    trace = os.path.join(b.dir, "trace.json")
    b.write()
    equal(b.rt("run", "--trace", trace, "--bundle", b.dir, b.id).code, 0)
    with open(trace, encoding="utf-8") as f:
        names = [e["name"] for e in json.load(f)["traceEvents"]]
    for row in ("claim_id", "mounts", "exec_program", "record_running"):
        assert row in names, f"no {row} in {names}"
    b.process["args"] = ["/bin/sh", "-c", "echo ran"]
    b.write()
    equal((b.rt("run", "--dry-run", "--bundle", b.dir, b.id).out), "")
    b.leaves_nothing()


@test
def explain_shows_what_applies(b):
    b.config["hostname"] = "x"
    b.write()
    rows = [x.split() for x in b.rt("explain", b.dir).out.splitlines()]
    shown = {r[2]: r[0] for r in rows if len(r) > 3 and r[1] in ("host", "init", "middle")}
    equal((shown["set_hostname"], shown["set_domainname"]), ("yes", "-"))


@test
def features_are_valid_and_complete(b):
    features = json.loads(b.rt("features").out)
    equal((features["ociVersionMin"], len(features["hooks"])), ("1.0.0", 6))
    for option in ("rro", "idmap", "ridmap", "lazytime", "iversion", "nosymfollow", "tmpcopyup"):
        assert option in features["mountOptions"], option
    assert "time" in features["linux"]["namespaces"]


def running(b):
    b.process["args"] = ["/bin/sleep", "100"]
    b.create()
    equal(b.rt("start", b.id).code, 0)


@test
def exec_runs_in_the_container(b):
    b.process["env"].append("FROM=config")
    running(b)
    done = b.rt("exec", "--env", "MORE=option", "--cwd", "/tmp", b.id, "/bin/sh", "-c",
                "echo $FROM $MORE; pwd; echo $$; ls /proc/1/exe >/dev/null; hostname; id -u")
    equal(done.code, 0)
    contains(done.out, "config option\n/tmp\n")


@test
def exec_exit_codes(b):
    running(b)
    equal(b.rt("exec", b.id, "/bin/sh", "-c", "exit 9").code, 9)
    equal(b.rt("exec", b.id, "/bin/sh", "-c", "kill -9 $$").code, 137)
    done = b.rt("exec", b.id, "nosuch")
    equal(done.code, 255)
    contains(done.err, "executable file not found in $PATH")


@test
def exec_user_caps_and_inheritable(b):
    """CVE-2022-29162: nothing is inheritable. CVE-2026-30892: a uid alone is that uid."""
    running(b)
    equal(b.rt("exec", "-u", "7", b.id, "/bin/id", "-u").out, "7\n")
    equal(b.rt("exec", "-u", "7:8", b.id, "/bin/id", "-g").out, "8\n")
    done = b.rt("exec", "--cap", "CAP_KILL", b.id, "/bin/grep", "CapInh", "/proc/self/status")
    contains(done.out, "0000000000000000")


@test
def exec_detached_writes_the_pid_file(b):
    running(b)
    # Not a pipe: what is detached keeps its streams.
    equal(subprocess.call([RT, "--root", b.state, "exec", "-d", "--pid-file", f"{b.dir}/pid", b.id,
                           "/bin/sleep", "50"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0)
    with open(f"{b.dir}/pid", encoding="utf-8") as f:
        pid = int(f.read())
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
        contains(f.read(), "sleep")
    contains(b.rt("ps", "--format", "json", b.id).out, str(pid))


@test
def exec_applies_the_containers_seccomp(b):
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
    running(b)
    contains(b.rt("exec", b.id, "/bin/mkdir", "/tmp/x").err, "Function not implemented")


@test
def exec_reads_its_own_copy_of_the_configuration(b):
    b.process["env"].append("WHICH=first")
    running(b)
    b.process["env"][-1] = "WHICH=second"
    b.write()
    equal(b.rt("exec", b.id, "/bin/sh", "-c", "echo $WHICH").out, "first\n")


@test
def exec_into_a_stopped_or_unknown_container(b):
    b.process["args"] = ["/bin/true"]
    b.create()
    b.rt("start", b.id)
    b.rt("kill", b.id, "KILL")
    for _ in range(100):
        if '"stopped"' in b.rt("state", b.id).out:
            break
    contains(b.rt("exec", b.id, "/bin/true").err, "not running")
    contains(b.rt("exec", "nobody", "/bin/true").err, "does not exist")


def read_record(b):
    with open(f"{b.state}/{b.id}/record.json", encoding="utf-8") as f:
        return json.load(f)


def status_with(b, **changes):
    """What state says if these keys of the record were others."""
    path = f"{b.state}/{b.id}/record.json"
    with open(path, encoding="utf-8") as f:
        before = f.read()
    record = json.loads(before)
    if any(key not in record for key in changes):
        raise Skip("this kernel has no inodes of pidfds")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({**record, **changes}, f)
    status = json.loads(b.rt("state", b.id).out)["status"]
    with open(path, "w", encoding="utf-8") as f:
        f.write(before)
    return status


@test
def another_process_with_the_pid_is_not_the_container(b):
    running(b)
    equal(status_with(b, startTime=1), "running" if "pidInode" in read_record(b) else "stopped")
    equal(status_with(b, pidInode=1), "stopped")


@test
def after_a_boot_the_start_time_tells(b):
    """Inodes of pidfds begin anew then."""
    running(b)
    equal(status_with(b, bootId="another"), "running")
    equal(status_with(b, bootId="another", startTime=1), "stopped")


PR_SET_CHILD_SUBREAPER = 36


@test
def kill_of_a_container_that_is_collected_at_once(b):
    """Without a pid namespace of its own all in its cgroup is killed, its first process, too."""
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "pid"]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    failed = []
    for _ in range(30):
        running(b)
        pid = json.loads(b.rt("state", b.id).out)["pid"]
        reaper = threading.Thread(target=os.waitpid, args=(pid, 0))
        reaper.start()
        done = b.rt("kill", b.id, "KILL")
        reaper.join()
        failed += [done.err] * (done.code != 0)
        equal(b.rt("delete", b.id).code, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    equal(failed, [])


@test
def words_that_engines_look_for(b):
    """containerd, podman, docker and CRI-O decide by these, in the output of either runtime."""
    running(b)
    contains(b.rt("create", "--bundle", b.dir, b.id).err, "container with given ID already exists")
    for words in (("state",), ("start",), ("kill", "TERM"), ("delete",), ("exec", "true")):
        contains(b.rt(words[0], "nobody", *words[1:]).err, "does not exist")
    b.rt("kill", b.id, "KILL")
    for _ in range(100):
        if '"stopped"' in b.rt("state", b.id).out:
            break
    contains(b.rt("kill", b.id, "TERM").err, "container not running")
    equal(b.rt("delete", b.id).code, 0)
    equal(b.rt("delete", "--force", b.id).code, 0)


@test
def words_about_programs(b):
    with open(f"{b.rootfs}/not-executable", "w", encoding="utf-8"):
        pass
    for program, words in (("nothing-such", "executable file not found in $PATH"),
                           ("/nothing/such", "no such file or directory"),
                           ("/not-executable", "permission denied")):
        b.process["args"] = [program]
        b.write()
        done = b.rt("run", "--bundle", b.dir, b.id)
        contains(done.err, words)
        assert done.code != 0
    b.add_mount("/bin", type="bind", source=f"{b.dir}/config.json", options=["bind"])
    b.write()
    contains(b.rt("run", "--bundle", b.dir, b.id).err.lower(), "not a directory")


@test
def pause_stops_and_resume_goes_on(b):
    running(b)
    equal(b.rt("pause", b.id).code, 0)
    contains(b.rt("state", b.id).out, '"paused"')
    contains(b.rt("exec", b.id, "/bin/true").err, "paused")
    equal(b.rt("resume", b.id).code, 0)
    contains(b.rt("state", b.id).out, '"running"')
    assert b.rt("resume", b.id).code != 0


@test
def update_changes_limits(b):
    running(b)
    equal(b.rt("update", "--pids-limit", "33", b.id).code, 0)
    resources = os.path.join(b.dir, "resources.json")
    with open(resources, "w", encoding="utf-8") as f:
        json.dump({"memory": {"limit": 50 << 20}}, f)
    equal(b.rt("update", "--resources", resources, b.id).code, 0)
    pid = json.loads(b.rt("state", b.id).out)["pid"]
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        path = {line.split(":")[1]: line.strip().split(":", 2)[2] for line in f}
    for controller, file, expected in (("pids", "pids.max", "33"),
                                       ("memory", "memory.limit_in_bytes", str(50 << 20))):
        where = f"/sys/fs/cgroup/{controller}{path.get(controller, '')}/{file}"
        if controller in path:
            with open(where, encoding="utf-8") as f:
                equal(f.read().strip(), expected)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/linux/seccomp: as the program meets it, and as a listener is told."""

import errno
import os

from harness import contains, equal, main, test
from listener import Listener

ALLOW, ERRNO, NOTIFY = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"


def profile(b, default, *rules, **more):
    b.linux["seccomp"] = {"defaultAction": default, "syscalls": list(rules), **more}


def rule(action, *names, **more):
    return {"names": list(names), "action": action, **more}


def args(*conditions):
    return [dict(zip(("index", "op", "value", "valueTwo"), c)) for c in conditions]


@test
def errno_of_a_rule(b):
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat", errnoRet=errno.EXDEV))
    contains(b.run("mkdir /tmp/x; true").err, "cross-device")


@test
def errno_absent_is_eperm(b):
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat"))
    contains(b.run("mkdir /tmp/x; true").err, "not permitted")


@test
def kill_ends_the_program(b):
    profile(b, ALLOW, rule("SCMP_ACT_KILL_PROCESS", "mkdir", "mkdirat"))
    equal(b.output("mkdir /tmp/x; echo $?"), str(128 + 31))


@test
def conditions_are_all_needed(b):
    profile(b, ALLOW, rule(ERRNO, "kill", args=args((0, "SCMP_CMP_EQ", 1), (1, "SCMP_CMP_EQ", 0))))
    out = b.run("kill -0 1; echo $?; kill -0 $$; echo $?; kill -28 1; echo $?").out.split()
    # busybox sh is process 1, so all go to 1 but differ in the signal
    equal(out, ["1", "1", "0"])


@test
def filter_is_loaded_with_and_without_no_new_privs(b):
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat"))
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        equal(b.output("grep ^Seccomp: /proc/self/status"), "Seccomp:\t2")


@test
def late_filter_need_not_allow_the_runtime(b):
    b.process["noNewPrivileges"] = True
    b.process["user"] = {"uid": 1000, "gid": 1000}
    profile(b, ALLOW, rule("SCMP_ACT_KILL_PROCESS", "setresuid", "setresgid", "setgroups", "capset",
                           "fchdir", "close_range"))
    b.process["args"] = ["/bin/true"]
    equal(b.run().code, 0)


@test
def unprivileged_user_gets_the_filter(b):
    b.process["user"] = {"uid": 1000, "gid": 1000}
    b.process["capabilities"] = {}
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat"))
    contains(b.run("mkdir /tmp/x; true").err, "not permitted")


@test
def exec_gets_the_filter_too(b):
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat", errnoRet=errno.EXDEV),
            rule("SCMP_ACT_KILL_PROCESS", "swapon"))
    b.process["args"] = ["/bin/sleep", "1000"]
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        b.create()
        equal(b.rt("start", b.id).code, 0)
        contains(b.rt("exec", b.id, "mkdir", "/tmp/x").err, "cross-device")
        out = b.rt("exec", b.id, "grep", "-E", "^(Seccomp|NoNewPrivs)", "/proc/self/status").out
        equal(out.split(), ["NoNewPrivs:", str(int(nnp)), "Seccomp:", "2", "Seccomp_filters:", "1"])
        equal(b.rt("delete", "--force", b.id).code, 0)


@test
def unknown_names_are_skipped(b):
    profile(b, ALLOW, rule(ERRNO, "no_such_call", "mkdir", "mkdirat"))
    contains(b.run("mkdir /tmp/x; true").err, "not permitted")


@test
def unknown_names_are_reported_by_check(b):
    profile(b, ALLOW, rule(ALLOW, "read"), rule(ERRNO, "write", "no_such_call"))
    b.write()
    done = b.rt("check", b.dir)
    equal(done.code, 0)
    contains(done.out, "/linux/seccomp/syscalls/1/names/1", "no_such_call", "unknown above")
    profile(b, ALLOW, rule(ERRNO, "write"))
    b.write()
    done = b.rt("check", b.dir)
    equal(done.code, 0)
    assert "unknown" not in done.out, done.out
    profile(b, NOTIFY)
    b.write()
    contains(b.rt("check", b.dir).err, "listenerPath")


@test
def invalid_values_are_refused(b):
    profile(b, "SCMP_ACT_MAYBE")
    b.refused("SCMP_ACT_MAYBE")
    profile(b, ALLOW, architectures=["SCMP_ARCH_PDP11"])
    b.refused("SCMP_ARCH_PDP11")
    profile(b, ALLOW, flags=["SECCOMP_FILTER_FLAG_X"])
    b.refused("SECCOMP_FILTER_FLAG_X")
    profile(b, ALLOW, rule(ALLOW, "read", errnoRet=1))
    b.refused("errnoRet")
    profile(b, ALLOW, listenerMetadata="x")
    b.refused("listenerMetadata")
    profile(b, ALLOW, rule(NOTIFY, "mkdir"))
    b.refused("listenerPath")


@test
def flags_and_architectures(b):
    profile(b, ALLOW, rule(ERRNO, "mkdir", "mkdirat"),
            flags=["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
                   "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
            architectures=["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    equal(b.output("grep ^Seccomp_filters: /proc/self/status"), "Seccomp_filters:\t1")


def listened(b, answer, script, *rules, **more):
    path = os.path.join(b.dir, "listener")
    listener = Listener(path, answer)
    try:
        profile(b, ALLOW, *rules, listenerPath=path, **more)
        return b.run(script), listener
    finally:
        listener.finish()
        os.unlink(path)


@test
def listener_gets_the_descriptor_and_the_state(b):
    b.config["annotations"] = {"some": "thing"}
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        done, listener = listened(b, errno.EXDEV, "mkdir /tmp/x; true",
                                  rule(NOTIFY, "mkdir", "mkdirat"), listenerMetadata="meta")
        contains(done.err, "cross-device")
        equal(len(listener.messages), 1)
        said, fds = listener.messages[0]
        equal((fds, said["fds"], said["metadata"]), (1, ["seccompFd"], "meta"))
        equal((said["state"]["id"], said["state"]["status"]), (b.id, "creating"))
        equal((said["state"]["bundle"], said["state"]["annotations"]), (b.dir, {"some": "thing"}))
        assert said["pid"] > 1 and said["pid"] == said["state"]["pid"], said
        assert said["ociVersion"] == b.config["ociVersion"], said


@test
def listener_may_watch_what_the_runtime_itself_calls(b):
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        done, listener = listened(b, 0, "echo in", rule(NOTIFY, "setresuid", "sendto", "recvmsg",
                                                        "capset", "prctl", "execve", "execveat",
                                                        "close_range", "read"))
        equal((done.code, done.out), (0, "in\n"))
        assert listener.calls > 0


@test
def listener_may_watch_everything(b):
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        path = os.path.join(b.dir, "listener")
        listener = Listener(path, 0)
        profile(b, NOTIFY, listenerPath=path)
        done = b.run("echo in")
        listener.finish()
        os.unlink(path)
        equal((done.code, done.out), (0, "in\n"))
        assert listener.calls > 10


@test
def listener_may_watch_how_processes_talk(b):
    for nnp in (False, True):
        b.process["noNewPrivileges"] = nnp
        done, listener = listened(b, 0, "echo in", rule(NOTIFY, "write", "sendmsg", "sendto"))
        equal((done.code, done.out), (0, "in\n"))
        assert listener.calls > 0


@test
def listener_of_an_exec(b):
    path = os.path.join(b.dir, "listener")
    b.process["args"] = ["/bin/sleep", "1000"]
    b.process["env"] = ["PATH=/bin"]
    first = Listener(path, 0)
    profile(b, ALLOW, rule(NOTIFY, "mkdir", "mkdirat"), listenerPath=path)
    b.create()
    equal(b.rt("start", b.id).code, 0)
    first.finish()
    os.unlink(path)
    second = Listener(path, errno.EXDEV)
    done = b.rt("exec", b.id, "mkdir", "/tmp/x")
    second.finish()
    contains(done.err, "cross-device")
    said, fds = second.messages[0]
    equal((fds, said["state"]["status"], said["state"]["id"]), (1, "running", b.id))
    assert said["pid"] != first.messages[0][0]["pid"], said


@test
def listener_that_is_not_there(b):
    profile(b, ALLOW, rule(NOTIFY, "mkdir"), listenerPath=os.path.join(b.dir, "nobody"))
    b.refused("listenerPath", "nobody")
    b.leaves_nothing()


@test
def listener_path_without_notify_is_not_used(b):
    profile(b, ALLOW, listenerPath=os.path.join(b.dir, "nobody"))
    equal(b.output("echo in"), "in")


main()

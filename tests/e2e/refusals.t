#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: a one-line error that says what and where, a status other than 0, nothing left."""

import json
import os

from harness import Skip, contains, equal, main, test


def raw(b, text):
    with open(os.path.join(b.dir, "config.json"), "w", encoding="utf-8") as f:
        f.write(text)
    done = b.rt("create", "--bundle", b.dir, b.id)
    assert done.code not in (0, -6, -11), f"exit {done.code}"
    equal(len(done.err.strip().splitlines()), 1)
    b.leaves_nothing()
    return done.err


@test
def empty_file(b):
    contains(raw(b, ""), "config.json", "empty")


@test
def truncated_file(b):
    text = json.dumps(b.config, indent=1)
    contains(raw(b, text[:len(text) // 2]), "config.json:")


@test
def file_that_is_no_json(b):
    contains(raw(b, "#!/bin/sh\n"), "config.json:1:1")


@test
def duplicate_key(b):
    contains(raw(b, '{"ociVersion": "1.0.0",\n "ociVersion": "1.0.0"}'), "config.json:2:2",
             "ociVersion")


@test
def nesting_above_64(b):
    contains(raw(b, '{"x": ' + "[" * 70 + "]" * 70 + "}"), "64")


@test
def nul_in_a_string(b):
    contains(raw(b, '{"ociVersion": "1.0\\u0000"}'), "config.json:1:")


@test
def missing_config(b):
    done = b.rt("create", "--bundle", "/tmp", b.id)
    assert done.code != 0
    contains(done.err, "config.json", "No such file")


@test
def missing_rootfs(b):
    b.config["root"]["path"] = "nowhere"
    contains(b.refused("/root/path", "nowhere", "No such file"), "relative to the bundle")
    b.leaves_nothing()


@test
def rootfs_that_is_a_file(b):
    b.config["root"]["path"] = "config.json"
    b.refused("/root/path")


@test
def wrong_word_names_the_nearest(b):
    b.linux["namespaces"].append({"type": "networks"})
    b.refused("/linux/namespaces/5/type", "did you mean network?")


@test
def wrong_type(b):
    b.process["cwd"] = 5
    b.refused("config.json:", "/process/cwd", "expected a string", "5")


@test
def relative_cwd(b):
    b.process["cwd"] = "tmp"
    b.refused("/process/cwd", "absolute")


@test
def no_program(b):
    b.process["args"] = []
    b.write()
    done = b.rt("create", "--bundle", b.dir, b.id)
    assert done.code != 0
    contains(done.err, "/process/args")


@test
def program_not_in_path(b):
    b.process["args"] = ["nosuchprogram"]
    b.write()
    done = b.rt("create", "--bundle", b.dir, b.id)
    assert done.code != 0
    contains(done.err, "executable file not found in $PATH", "nosuchprogram")
    b.leaves_nothing()


@test
def program_that_is_not_executable(b):
    with open(f"{b.rootfs}/plain", "w", encoding="utf-8") as f:
        f.write("x")
    b.process["args"] = ["/plain"]
    b.write()
    contains(b.rt("create", "--bundle", b.dir, b.id).err, "permission denied")


@test
def exec_format_error_is_known_to_the_caller(b):
    with open(f"{b.rootfs}/junk", "wb") as f:
        f.write(b"\x7fELFjunk")
    os.chmod(f"{b.rootfs}/junk", 0o755)
    b.process["args"] = ["/junk"]
    b.write()
    b.create()
    done = b.rt("start", b.id)
    assert done.code != 0, "start reported success"
    contains(done.err.lower(), "exec format error")
    contains(b.rt("state", b.id).out, '"stopped"')


@test
def ids_that_are_refused(b):
    b.write()
    for bad in ("a/b", "..", "", "a\nb", "ä", "x" * 300, ".hidden"):
        done = b.rt("create", "--bundle", b.dir, bad)
        assert done.code != 0, f"{bad!r} was accepted"
    b.leaves_nothing()


@test
def unknown_container(b):
    for command in (["state"], ["start"], ["kill"], ["delete"]):
        done = b.rt(*command, "nobody")
        assert done.code != 0
        contains(done.err, "does not exist")
    equal(b.rt("delete", "--force", "nobody").code, 0)


@test
def unknown_signal_option_and_command(b):
    contains(b.rt("kill", "x", "SIGWHAT").err, "unknown signal")
    contains(b.rt("run", "--bundel", "x", "y").err, "did you mean --bundle?")
    contains(b.rt("strat", "x").err, "did you mean start?")


@test
def unsupported_sysctl(b):
    b.linux["sysctl"] = {"vm.swappiness": "1"}
    b.refused("/linux/sysctl", "vm.swappiness")


@test
def unknown_keys_are_ignored_and_check_tells(b):
    b.config["colour"] = "red"
    b.process["shoe"] = {"size": 42}
    b.output("true")
    done = b.rt("check", b.dir)
    equal(done.code, 0)
    contains(done.out, "/colour", "/process/shoe")


@test
def resctrl_that_is_not_there(b):
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        if " - resctrl " in f.read():
            raise Skip("resctrl is mounted here")
    b.linux["intelRdt"] = {"closID": "gold"}
    b.refused("/linux/intelRdt", "resctrl is not mounted", "mount -t resctrl")
    b.leaves_nothing()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What passes between the caller, the runtime's processes and the container."""

import fcntl
import os
import socket
import subprocess
import termios

from security import Skip, compiled, main, row

LONG_VALUE = 70000  # does not fit into 16 bits


@row("CVE-2017-5226")
def terminal_of_the_caller(c):
    """The terminal is passed on as stdin, without being a terminal of the container. It must not be
    the controlling one, which a process may put input into."""
    c.agent()
    c.process["capabilities"] = {k: ["CAP_KILL"] for k in ("bounding", "effective", "permitted")}
    master, slave = os.openpty()

    def control():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    done = c.run("cut -d' ' -f7 /proc/self/stat; /bin/agent inject X; "
                 "(: </dev/tty) 2>/dev/null && echo opened", stdin=slave, preexec_fn=control)
    os.close(slave)
    os.close(master)
    lines = done.out.split("\n")
    assert not c.is_rt or lines[0], done.err
    if lines[0] != "0" or "opened" in lines:
        return f"the controlling terminal is {lines[0]}"
    return None if "TIOCSTI" in done.out else "typed into it"


def abstract(text):
    return {x.split()[-1] for x in text.splitlines() if x.split()[-1].startswith("@")}


@row("CVE-2020-15257")
def abstract_sockets(c):
    """The container has the caller's network: no abstract socket is there because of it, neither
    at its creation nor while it runs."""
    c.linux["namespaces"] = [n for n in c.linux["namespaces"] if n["type"] != "network"]
    with open("/proc/net/unix", encoding="utf-8") as f:
        before = abstract(f.read())
    new = abstract(c.run("cat /proc/net/unix").out) - before
    return f"{new}" if any(c.id in x or "naive" in x or "rt" in x or "run" in x
                           for x in new) else None


@row("CVE-2021-43784")
def long_fields(c):
    """Each is whole in the container, or the bundle is refused in one line."""
    value = "v" * LONG_VALUE
    c.process["env"].append(f"LONG={value}")
    done = c.run("echo ${#LONG}")
    if done.out != f"{LONG_VALUE}\n":
        return f"{LONG_VALUE} bytes of environment are {done.out!r}{done.err[:200]}"
    c.process["env"].pop()
    c.process["args"] = ["/bin/sh", "-c", "echo ${#1}", "sh", value]
    c.write()
    done = c.rt("run", "--bundle", c.dir, c.id)
    if done.out != f"{LONG_VALUE}\n":
        return f"{LONG_VALUE} bytes of an argument are {done.out!r}{done.err[:200]}"
    if not c.is_rt:
        return None
    for change in (lambda: c.config.update(hostname=value),
                   lambda: c.config.update(hostname="h", domainname=value),
                   lambda: c.config.update(domainname="d", annotations={"a": value, value: "b"}),
                   lambda: c.process.update(cwd="/" + value),
                   lambda: c.process.update(cwd="/", apparmorProfile=value),
                   lambda: c.process.update(apparmorProfile="", selinuxLabel=value),
                   lambda: c.process.update(selinuxLabel="") or c.add_mount(
                       "/" + value, type="tmpfs", source="tmpfs"),
                   lambda: c.config["mounts"][-1].update(destination="/mnt", source=value),
                   lambda: c.config["mounts"][-1].update(source="x", options=["size=" + value]),
                   lambda: c.config["mounts"].pop() and c.linux.update(maskedPaths=["/" + value]),
                   lambda: c.linux.update(maskedPaths=[], cgroupsPath="/" + value),
                   lambda: c.linux.update(sysctl={"net." + value: "1"})):
        change()
        done = c.run("true")
        if done.code < 0 or done.code > 127 or len(done.err.strip().splitlines()) > 1:
            return f"exit {done.code}: {done.err[:300]}"
        assert len(done.err) < 2 * LONG_VALUE
    return None


@row("stages")
def what_init_inherits(c):
    """Nothing between the runtime's processes reaches the program: no descriptor, no variable. And
    what a stranger sends to the socket where a start is waited for is no start."""
    c.process["env"] = ["PATH=/bin", "ONE=1"]
    done = c.run("for f in /proc/$$/fd/*; do readlink $f; done; env",
                 env={**os.environ, "_LIBCONTAINER_INITPIPE": "7", "_RT": "x"})
    words = [w for w in done.out.splitlines() if w not in ("PATH=/bin", "ONE=1", "PWD=/", "SHLVL=1",
                                                           "OLDPWD=/", "HOME=/root", "HOME=/")]
    if len(words) > 3:
        return f"inherited: {words}"
    if not c.is_rt:
        return None
    c.process["args"] = ["/bin/touch", "/started"]
    os.chmod(c.rootfs, 0o777)
    c.create()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(os.path.join(c.state, c.id, "start.sock"))
        s.send(b"\xff" * 60000)
    c.wait_stopped()
    if os.path.exists(c.inside("started")):
        return "a start without a go"
    done = c.rt("start", c.id)
    assert done.code != 0 and len(done.err.strip().splitlines()) == 1, done.err
    return None


@row("keyring", rootless=False)
def keys_of_the_caller(c):
    """The caller's session keyring is not the container's, at run and at exec."""
    agent, name = compiled("agent"), f"key-of-{c.id}"
    c.agent()
    held = [agent, "with-key", name]
    probe = subprocess.run([*held, agent, "find-key", name], capture_output=True, text=True,
                           check=False)
    if probe.stdout != "key: secret\n":
        raise Skip(f"no keys here: {probe.stdout}{probe.stderr}")
    c.process["args"] = ["/bin/agent", "find-key", name]
    c.write()
    done = c.rt("run", "--bundle", c.dir, c.id, before=held)
    if "secret" in done.out:
        return f"run: {done.out}"
    assert not c.is_rt or "no key" in done.out, done.err
    c.running()
    done = c.rt("exec", c.id, "/bin/agent", "find-key", name, before=held)
    return f"exec: {done.out}" if "secret" in done.out else None


@row("injected-lines")
def lines_in_logs(c):
    """What an image or a bundle is called must not look like messages of others."""
    name = "x\nlevel=error msg=faked\x1b[2J"
    c.process["args"] = ["/bin/" + name]
    c.write()
    log = os.path.join(c.dir, "log")
    for form in ("text", "json"):
        done = c.rt("--log", log, "--log-format", form, "run", "--bundle", c.dir, c.id)
        with open(log, encoding="utf-8") as f:
            text = f.read()
        for out in (text, done.err):
            if "\x1b" in out or any(x.startswith("level=error msg=faked")
                                    for x in out.splitlines()):
                return f"{form}: {out!r}"
        os.unlink(log)
    return None


if __name__ == "__main__":
    main()

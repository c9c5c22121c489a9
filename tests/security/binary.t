#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers that try to write to the program of the runtime that enters them. It is a copy in a
folder of the test, and known by its size."""

import contextlib
import hashlib
import os
import time

from security import main, row


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


@row("CVE-2019-5736", userns=False)
def own_executable(c):
    """The image's programs are the runtime again, run by it inside, where the container's other
    processes may look at it: first the file is to be opened, and then, when nobody runs it any
    more, to be written. Remounting its mount is tried, too."""
    c.agent()
    victim = c.runtime.file
    before, size = digest(victim), os.path.getsize(victim)
    c.write_file(c.inside("init"), "#!/bin/sh\n"
                 f"exec /bin/agent overwrite {size} 30 >/out 2>&1\n")
    for name, text in (("again", "#!/proc/self/exe\n"), ("loader", "#!/proc/self/exe state\n")):
        c.write_file(c.inside(f"bin/{name}"), text)
        os.chmod(c.inside(f"bin/{name}"), 0o755)
    os.chmod(c.inside("init"), 0o755)
    c.process["args"] = ["/init"]
    c.create()
    c.rt("start", c.id)
    with contextlib.suppress(OSError):  # it is no program any more
        for program in ("/bin/again", "/bin/loader", "/proc/self/exe") * c.rounds(3):
            c.exec(program)
        time.sleep(0.5)
    out, after = c.read_out(), digest(victim)
    c.runtime.restore()
    if after != before or "wrote" in out:
        return out or "the file has changed"
    assert not c.is_rt or "seen" in out, f"the attacker had no chance: {out!r}"
    return None


if __name__ == "__main__":
    main(naive="weak")

# SPDX-License-Identifier: Apache-2.0
"""An agent behind linux.seccomp.listenerPath: it takes the descriptor and answers,
seccomp_unotify(2)."""

import array
import errno
import fcntl
import json
import os
import select
import socket
import struct
import threading

NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xc0502100, 0xc0182101, 1


class Listener(threading.Thread):
    """Takes one message and its descriptor, then answers each call with `answer`."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.answer, self.messages, self.calls = answer, [], 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen()
        self.stop, self.stopped = os.pipe()
        self.start()

    def take(self):
        peer, _ = self.sock.accept()
        data, fds = b"", array.array("i")
        while True:
            part, anc, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(16))
            for _, _, raw in anc:
                fds.frombytes(raw)
            if not part:
                break
            data += part
        self.messages.append((json.loads(data), len(fds)))
        return fds[0]

    def serve(self, fd):
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self.stop, select.POLLIN)
        while True:
            for ready, event in poll.poll():
                if ready == self.stop or event & select.POLLHUP:
                    return
                try:
                    notif = fcntl.ioctl(fd, NOTIF_RECV, bytes(80))
                    ident = struct.unpack_from("=Q", notif)[0]
                    flags = CONTINUE if self.answer == 0 else 0
                    fcntl.ioctl(fd, NOTIF_SEND, struct.pack("=QqiI", ident, 0, -self.answer, flags))
                    self.calls += 1
                except OSError as x:
                    if x.errno != errno.ENOENT:
                        raise

    def run(self):
        fd = self.take()
        self.serve(fd)
        os.close(fd)

    def finish(self):
        os.write(self.stopped, b"x")
        self.join(10)
        self.sock.close()

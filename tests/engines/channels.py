# SPDX-License-Identifier: Apache-2.0
"""The streams of exec and attach as Kubernetes sends them through a websocket: each message is a
byte that names its channel and what goes there; protocol v4.channel.k8s.io, frames of RFC 6455."""

import base64
import json
import os
import socket
import struct
import urllib.parse

STDIN, STDOUT, STDERR, STATUS, SIZE = range(5)
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class Channels:
    def __init__(self, url):
        at = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port), timeout=50)
        self.input = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nOrigin: http://{at.netloc}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())
        answer = self.input.readline().decode()
        if " 101 " not in answer:
            raise SystemExit(f"no websocket: {answer.strip()}: {self.input.read(500)}")
        while self.input.readline().strip():
            pass

    def frame(self, opcode, data):
        size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack(
            ">BH", 0x80 | 126, len(data))
        # Clients mask what they send: here with zeros, which change nothing.
        self.socket.sendall(bytes([0x80 | opcode]) + size + bytes(4) + data)

    def send(self, channel, data):
        for at in range(0, len(data), 16384):
            self.frame(BINARY, bytes([channel]) + data[at:at + 16384])

    def resize(self, rows, columns):
        self.send(SIZE, json.dumps({"Height": rows, "Width": columns}).encode())

    def exactly(self, size):
        data = self.input.read(size)
        if len(data) != size:
            raise EOFError
        return data

    def messages(self):
        """(channel, bytes) until the other side closes."""
        message = b""
        while True:
            try:
                first, size = self.exactly(2)
                if size > 125:
                    form = {126: ">H", 127: ">Q"}[size]
                    size = struct.unpack(form, self.exactly(struct.calcsize(form)))[0]
                data = self.exactly(size)
            except EOFError:
                return
            opcode = first & 0xf
            if opcode == CLOSE:
                return
            if opcode == PING:
                self.frame(PONG, data)
            if opcode > BINARY:
                continue
            message += data
            if first & 0x80:
                if len(message) > 1:
                    yield message[0], message[1:]
                message = b""


def exit_code(status):
    """Of what the status channel said."""
    found = json.loads(status)
    if found["status"] == "Success":
        return 0, ""
    for cause in found.get("details", {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"]), ""
    return 125, found.get("message", "") + "\n"

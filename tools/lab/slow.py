# SPDX-License-Identifier: Apache-2.0
"""Connections that are slow on purpose: `slow.py TO NUMBER SOURCE...` keeps so many open to TO:5060, spread over the
sources, and says an octet on each every 5 s. Those that are closed are opened again. Runs until it is ended."""
import selectors
import socket
import sys
import time

WORD = b"OPTIONS sip:nobody SIP/2.0\r\nX: " + b"x" * 1000
A_SECOND = 900  # new ones at most


class Slow:
    def __init__(self, crowd, source):
        self.crowd, self.source, self.said, self.due = crowd, source, 0, 0.0
        self.socket = None

    def open(self, now):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((self.source, 0))
        self.socket.connect_ex((self.crowd.to, 5060))
        self.said, self.due = 0, now + 0.2
        self.crowd.selector.register(self.socket, selectors.EVENT_READ, self)

    def close(self):
        self.crowd.selector.unregister(self.socket)
        self.socket.close()
        self.socket = None

    def say(self, now):
        self.due = now + 5
        try:
            self.socket.send(WORD[self.said:self.said + 1])
            self.said += 1
        except BlockingIOError:
            self.due = now + 0.2
        except OSError:
            self.close()


class Crowd:
    def __init__(self, to, number, sources):
        self.to, self.selector = to, selectors.DefaultSelector()
        self.all = [Slow(self, sources[i % len(sources)]) for i in range(number)]

    def step(self, may_open):
        now = time.monotonic()
        for s in self.all:
            if s.socket is None and may_open > 0:
                s.open(now)
                may_open -= 1
            elif s.socket is not None and now >= s.due:
                s.say(now)
        end = now + 0.1
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                key.data.close()

    def run(self):
        told = False
        while True:
            self.step(A_SECOND // 10)
            if not told and sum(s.said > 0 for s in self.all) > 0.9 * len(self.all):
                told = True
                print("they are connected", flush=True)


if __name__ == "__main__":
    Crowd(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).run()

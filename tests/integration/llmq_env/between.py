"""Somebody between a client and a server who can behave badly."""

import socket
import struct
import threading


class Between:
    """Passes on what comes over TCP, until told otherwise by mode:

    pass    what comes is passed on, in both directions
    silent  connections are accepted and read from, nothing is ever said
    reset   connections are accepted and reset at once

    A change of it leaves the connections that there are to their fate in "silent", and resets
    them otherwise. met counts the connections since then."""

    def __init__(self, target):
        self.target = target
        self.mode = "pass"
        self.met = 0
        self._lock = threading.Lock()
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def be(self, mode):
        with self._lock:
            self.mode, self.met = mode, 0
            gone, self._open = (self._open, []) if mode != "silent" else ([], self._open)
        for connection in gone:
            self._reset(connection)

    def close(self):
        self.be("reset")
        self._listener.close()

    @staticmethod
    def _reset(connection):
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)  # wakes who reads from it
        except OSError:
            pass
        connection.close()

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            with self._lock:
                self.met += 1
                mode = self.mode
                if mode != "reset":
                    self._open.append(near)
            if mode == "reset":
                self._reset(near)
            else:
                threading.Thread(target=self._serve, args=(near, mode), daemon=True).start()

    def _serve(self, near, mode):
        try:
            far = socket.create_connection(("127.0.0.1", self.target)) if mode == "pass" else None
        except OSError:
            self._reset(near)
            return
        if far:
            with self._lock:
                self._open.append(far)
            threading.Thread(target=self._carry, args=(far, near), daemon=True).start()
        self._carry(near, far)

    def _carry(self, source, drain):
        try:
            while data := source.recv(65536):
                if drain and self.mode == "pass":
                    drain.sendall(data)
        except OSError:
            pass
        for connection in (source, drain):
            if connection:
                connection.close()

"""A way to a server on this machine that can be cut, or fall silent while it stays open."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Relay:
    """Carries between `port` here and the server's; `close` ends it with all that goes through it."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._cut, self._hushed, self._ends = threading.Event(), threading.Event(), threading.Event()
        self._left = 0
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._door.getsockname()[1])
        self.made = 0
        """Connections so far."""
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def cut(self) -> None:
        """All connections break, and new ones are refused."""
        self._cut.set()

    def hush(self, *, after: int = 0) -> None:
        """Connections stay open and new ones are taken, and after so many bytes nothing is heard any more."""
        self._left = after
        self._hushed.set()

    def mend(self) -> None:
        """It carries again."""
        self._cut.clear()
        self._hushed.clear()

    def close(self) -> None:
        """End all."""
        self._ends.set()
        for each in self._threads:
            each.join()
        self._door.close()

    def _serve(self) -> None:
        self._door.settimeout(0.05)
        while not self._ends.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._door.accept()
                if self._cut.is_set():
                    client.close()
                    continue
                self.made += 1
                server = socket.create_connection(("127.0.0.1", self._server))
                self._threads.append(threading.Thread(target=self._carry, args=(client, server)))
                self._threads[-1].start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client, server:
            while not self._cut.is_set() and not self._ends.is_set():
                if self._hushed.is_set() and self._left <= 0:
                    self._ends.wait(0.02)
                    continue
                for end in select.select([client, server], [], [], 0.02)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    (server if end is client else client).sendall(data)
                    self._left -= len(data)

"""A window to look in: `/health` and `/metrics` over HTTP, on a socket in the ledger's folder, and on a port.

Nothing can be changed through it. Whoever may read the ledger's folder may ask the socket; the port answers
everybody who reaches it, so that it is on loopback unless told otherwise.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from metadata.errors import UserError

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

log = logging.getLogger(__name__)

SOCKET = "health.sock"
PATIENCE = 5.0
"""Seconds that one who asks may take, and that the service may take to answer."""

Page = tuple[int, str, str]
"""Status, type, text."""
Pages = dict[str, Callable[[], Page]]


class Window:
    """Answers while the block lasts, each socket in a thread of its own. `pages` by their path."""

    def __init__(self, pages: Pages, doors: list[socket.socket]) -> None:
        self._pages, self._doors = pages, doors
        self._threads = [
            threading.Thread(target=self._serve, args=(door,), name="window", daemon=True) for door in doors
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for door in self._doors:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        for thread in self._threads:
            thread.join()
        for door in self._doors:
            door.close()

    def _serve(self, door: socket.socket) -> None:
        while True:
            try:
                guest, address = door.accept()
            except OSError:
                return
            with guest:
                guest.settimeout(PATIENCE)
                try:
                    _handler(self._pages)(guest, address, None)  # type: ignore[arg-type]  # it asks no server
                except OSError:  # who asked went away
                    log.debug("an answer was not waited for")


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    from http.server import BaseHTTPRequestHandler  # noqa: PLC0415 - with all of email, which no start waits for

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version = "tagwright"
        sys_version = ""

        def do_GET(self) -> None:
            make = pages.get(self.path.partition("?")[0])
            status, kind, text = _made(make) if make else (404, "text/plain", "/health, /metrics\n")
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815 - theirs

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - theirs
            log.debug(format, *arguments)

    return Handler


def _made(make: Callable[[], Page]) -> Page:
    try:
        return make()
    except Exception as error:
        log.exception("a page could not be made")
        return 500, "text/plain", f"{type(error).__name__}\n"


@contextmanager
def _reachable(state: Path) -> Iterator[str]:
    """The socket's address: through the open folder, as an address has 107 bytes at most."""
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


def local(state: Path) -> list[socket.socket]:
    """The socket in the ledger's folder, for its owner alone; none where the file system takes none.

    Only the process that holds the ledger may call this: what an earlier one left is removed.
    """
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _reachable(state) as address:
            with suppress(FileNotFoundError):
                os.unlink(address)
            before = os.umask(0o177)
            try:
                door.bind(address)
            finally:
                os.umask(before)
        door.listen(8)
    except OSError as error:
        door.close()
        log.warning("`tagwright status --health` cannot ask this service: %s", error)
        return []
    return [door]


def port(listen: str) -> list[socket.socket]:
    """The port of the settings (`127.0.0.1:9465`, `[::1]:9465`); none where nothing is set.

    Raises UserError when it cannot be had.
    """
    if not listen:
        return []
    host, _, number = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return [socket.create_server((host, int(number)), family=family, backlog=16)]
    except OSError as error:
        raise UserError(
            f"health.listen: {listen} cannot be listened on: {error.strerror or error}; name another port"
        ) from error


def asked(state: Path) -> dict[str, Any]:
    """What the service on this ledger says of its health; where none answers, that.

    Raises UserError where the folder may not be entered.
    """
    from http.client import HTTPConnection, HTTPException  # noqa: PLC0415 - as above

    line = HTTPConnection("localhost", timeout=PATIENCE)
    line.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.sock.settimeout(PATIENCE)
    try:
        with _reachable(state) as address:
            line.sock.connect(address)
        line.request("GET", "/health")
        answer: dict[str, Any] = json.loads(line.getresponse().read())
    except PermissionError as error:
        raise UserError(f"{state / SOCKET}: {error.strerror}; ask as the service's user") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = f"no service answers at {state / SOCKET} ({getattr(error, 'strerror', None) or error})"
        return {"ok": False, "reason": reason, "parts": {}}
    finally:
        line.close()
    return answer

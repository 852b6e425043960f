"""A server of ours that speaks Ollama's and OpenAI's way and can fail in every way that servers do.

Real sockets, a thread a connection. `behave` is asked for each question, by its number from 0, and names what is
done; what was asked is kept in `asked`.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

GOOD = {"kind": "photo", "title": "A red field", "caption": "A field in red.", "keywords": ["field", "red"]}


@dataclass
class Act:
    """What is done with a question: an answer by the model, or a fault."""

    says: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: int | None = None
    endless: bool = False
    hold: threading.Event | None = None
    drop: bool = False
    message: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"


@dataclass
class Asked:
    """A question as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        content = self.body["messages"][0]["content"]
        return content if isinstance(content, str) else content[0]["text"]

    @property
    def picture(self) -> Image.Image:
        message = self.body["messages"][0]
        if "images" in message:
            text = message["images"][0]
        else:
            text = message["content"][1]["image_url"]["url"].partition(",")[2]
        return Image.open(io.BytesIO(base64.b64decode(text)))


Behave = Callable[[int, Asked], Act]


class Server:
    """One host; `busy` is how many questions were under way at once at most."""

    def __init__(self, behave: Behave | None = None) -> None:
        self.behave: Behave = behave or (lambda number, asked: Act(GOOD))
        self.asked: list[Asked] = []
        self.busy = self.now = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._answer(self)

            def do_GET(self) -> None:
                outer._list(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                pass

            def process_request(self, request: Any, address: Any) -> None:
                with outer._lock:
                    outer._open.add(request)
                super().process_request(request, address)

            def shutdown_request(self, request: Any) -> None:
                with outer._lock:
                    outer._open.discard(request)
                super().shutdown_request(request)

        self._open: set[Any] = set()
        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            left = [*self._open]
        for each in left:
            with suppress(OSError):
                each.shutdown(2)
        self._server.daemon_threads = False
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        asked = Asked(handler.path, {k.lower(): v for k, v in handler.headers.items()}, json.loads(body))
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
            self.now += 1
            self.busy = max(self.busy, self.now)
        try:
            act = self.behave(number, asked)
            if act.hold is not None:
                while not act.hold.wait(0.02) and not self._ended.is_set():
                    pass
            self._do(handler, asked, act)
        finally:
            with self._lock:
                self.now -= 1

    def _do(self, handler: BaseHTTPRequestHandler, asked: Asked, act: Act) -> None:
        if act.drop:
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        content = act.raw if act.raw is not None else json.dumps(self._said(asked.path, act)).encode()
        handler.send_response(act.status)
        for name, value in {"content-type": "application/json", **act.headers}.items():
            handler.send_header(name, value)
        if act.endless:
            handler.end_headers()
            handler.close_connection = True
            try:
                while not self._ended.is_set():
                    handler.wfile.write(b" " * 65536)
            except OSError:
                return
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: act.cut])
        if act.cut is not None:
            handler.close_connection = True

    def _said(self, path: str, act: Act) -> dict[str, Any]:
        if act.status != 200:
            return {"error": {"message": str(act.says)} if path.startswith("/v1") else str(act.says)}
        text = act.says if isinstance(act.says, str) else json.dumps(act.says)
        message = {"role": "assistant", "content": text, **act.message}
        if path == "/api/chat":
            return {"message": message, "done": True, "done_reason": act.finish}
        return {"choices": [{"index": 0, "message": message, "finish_reason": act.finish}]}

    def _list(self, handler: BaseHTTPRequestHandler) -> None:
        content = json.dumps({"models": [{"name": "a"}], "data": [{"id": "a"}]}).encode()
        handler.send_response(200)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def serving(*behaviours: Behave | None):
    """As many servers as there are behaviours, one where none is given."""
    servers = [Server(each) for each in behaviours or (None,)]
    for server in servers:
        server.start()
    try:
        yield servers if len(servers) > 1 else servers[0]
    finally:
        for server in servers:
            server.stop()

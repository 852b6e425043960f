"""Files of Hugging Face by its library, against a server that says what theirs says of a file."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metadata.errors import UserError
from models import fetching, hub

pytest.importorskip("huggingface_hub")

DATA = bytes(range(256)) * 20000
SUM = hashlib.sha256(DATA).hexdigest()
PATH = "/some/model/resolve/main/sub/model.onnx"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        server = self.server
        server.asked.append((self.command, self.path, self.headers.get("range")))
        if self.path != PATH:
            self.send_response(401 if "gated" in self.path else 404)
            self.send_header("X-Error-Code", "GatedRepo" if "gated" in self.path else "EntryNotFound")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        start = int((self.headers.get("range") or "bytes=0-")[6:].partition("-")[0])
        content = DATA[start:]
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{server.told}"')
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        """Tests print nothing."""


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked, made.told = [], SUM
        made.url = f"http://127.0.0.1:{made.server_port}"
        monkeypatch.setattr(hub, "HOST", made.url)
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_only_its_own_addresses_are_read_by_its_library():
    assert hub.place("https://example.org/some/model/resolve/main/a") is None
    assert hub.place("https://huggingface.co/some/model") is None
    made = hub.place("https://huggingface.co/some/model/resolve/main/sub/a%20b.onnx")
    assert made == hub.Place("https://huggingface.co", "some/model", "main", "sub/a b.onnx")


def test_a_file_comes_whole_with_progress_and_leaves_nothing_else(server, tmp_path):
    target, seen = tmp_path / "models" / "model.onnx", []
    assert fetching.fetch(server.url + PATH, target, "", lambda *step: seen.append(step)) == SUM
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["model.onnx"]
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_file_that_is_not_what_is_told_of_it_is_refused(server, tmp_path):
    server.told = "0" * 64
    with pytest.raises(UserError, match="is not the file it ought to be"):
        fetching.fetch(server.url + PATH, tmp_path / "m" / "model.onnx", "", lambda *_: None)
    assert list((tmp_path / "m").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "says"), [("/some/model/resolve/main/no", "404"), ("/some/gated/resolve/main/a", "401")]
)
def test_what_cannot_be_had_is_one_line(server, tmp_path, path, says):
    with pytest.raises(UserError, match=f"cannot be fetched: .*{says}") as told:
        fetching.fetch(server.url + path, tmp_path / "m" / "a", "", lambda *_: None)
    assert "\n" not in str(told.value)


def test_a_server_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "HOST", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be fetched"):
        fetching.fetch("http://127.0.0.1:9/some/model/resolve/main/a", tmp_path / "m" / "a", "", lambda *_: None)

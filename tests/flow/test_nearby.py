"""Words out of Immich's vectors, by settings alone: for what is there, and for what lands."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from tests.flow.immich_world import ImmichWorld
from tests.flow.test_immich_poll import photo
from tests.immich import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

DIM = 512


def direction(word):
    """Where a word lies: the same for the word alone and in a sentence."""
    rows = np.zeros(DIM)
    rows[0] = 1.0  # all texts lie in one cone
    if word is not None:
        rows += np.random.default_rng(sum(map(ord, word))).normal(size=DIM) * 0.05
    return rows / np.linalg.norm(rows)


class Learned(BaseHTTPRequestHandler):
    """Immich's machine learning, which knows a few words."""

    asked: list[str]
    down = False

    def do_POST(self):
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
        text = fields["text"][0]
        self.asked.append(text)
        word = text.removeprefix("a photo of ").removesuffix(".")
        row = direction(word if word in ("sea", "forest", "dog") else None)
        body = json.dumps({"clip": json.dumps(row.tolist())}).encode()
        self.send_response(422 if self.down else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Tests print nothing."""


@pytest.fixture
def learned():
    handler = type("Handler", (Learned,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def see(immich, assets, rng, **shows):
    """Immich has made vectors of these assets; `shows` names what some of them show."""
    for place, asset in enumerate(assets):
        row = 0.03 * rng.normal(size=DIM)
        row[1] += 1.0
        for word, places in shows.items():
            if place in places:
                row += 8 * (direction(word) - direction(None))
        text = "[" + ",".join(f"{value:.6f}" for value in row) + "]"
        immich.sql('DELETE FROM smart_search WHERE "assetId" = %s', asset)
        immich.sql('INSERT INTO smart_search ("assetId", embedding) VALUES (%s, %s::vector)', asset, text)


def test_a_library_and_what_lands_in_it_get_words_without_any_picture_being_looked_at(tmp_path, immich, learned):
    url, handler = learned
    world = ImmichWorld(
        tmp_path,
        immich,
        taggers=["zero_shot"],
        facts=[],
        zero_shot={"url": url, "words": ["water/sea", "forest", "animals/dog", "car", "house"]},
    )
    assets = [immich.upload_photo(photo(mark=100 + number)) for number in range(60)]
    immich.idle()
    see(immich, assets, np.random.default_rng(1), sea={0, 1}, dog={1})
    world.rest()
    assert world.tags(assets[0]) == world.fields(assets[0]) == {"water/sea"}
    assert world.tags(assets[1]) == {"water/sea", "animals/dog"}
    assert not any(world.tags(each) for each in assets[2:])
    before = len(handler.asked)

    late = immich.upload_photo(photo(mark=200))
    immich.idle()
    world.rest()
    assert world.tags(late) == set()
    see(immich, [late], np.random.default_rng(2), forest={0})
    world.rest()
    assert world.tags(late) == {"forest"}
    assert len(handler.asked) == before


def test_where_the_machine_learning_refuses_it_is_told_and_all_else_goes_on(tmp_path, immich, learned):
    url, handler = learned
    handler.down = True
    asked = {"url": url, "words": ["sea"]}
    world = ImmichWorld(tmp_path, immich, taggers=["zero_shot", "colour"], zero_shot=asked)
    asset = immich.upload_photo(photo(mark=300))
    immich.idle()
    see(immich, [asset], np.random.default_rng(1))
    world.rest()
    assert "colour/red" in world.tags(asset)

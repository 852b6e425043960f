"""A server that nobody here wrote: `transformers serve` with a tiny LLaVA that knows coloured shapes.

Needs a Python with torch and transformers[serving], named by TAGWRIGHT_TEST_TRANSFORMERS; the model is trained by
tests/real/llava.py in about two minutes, or taken from TAGWRIGHT_TEST_LLAVA.
"""

import os
import random
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from metadata.errors import TryAgain
from metadata.photo import Facts
from models import registry
from models.image import FileView
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.real.llava import COLOURS, PROMPT, SHAPES, picture

PYTHON = os.environ.get("TAGWRIGHT_TEST_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON, reason="TAGWRIGHT_TEST_TRANSFORMERS names no Python with transformers"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    if given := os.environ.get("TAGWRIGHT_TEST_LLAVA"):
        return Path(given)
    folder = tmp_path_factory.mktemp("llava")
    subprocess.run([PYTHON, Path(__file__).with_name("llava.py"), folder], check=True)
    return folder


@pytest.fixture(scope="module")
def url(model, tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "serve.log"
    program = Path(PYTHON).with_name("transformers")
    words = [program, "serve", model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with (
        log.open("wb") as out,
        subprocess.Popen(words, stdout=out, stderr=out, env={**os.environ, "HF_HUB_OFFLINE": "1"}) as server,
    ):
        _until_well(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def _until_well(url, server, log):
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            pause.wait(0.2)
    pytest.fail(log.read_text())


@pytest.fixture
def asked(url, model, tmp_path):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text(PROMPT)
    made = registry.captioner(
        "openai_compatible", hosts=[url], model=str(model), prompt=str(prompt), tokens=80, size=800
    )
    yield made
    made.close()


def test_it_names_colour_and_shape_of_pictures_it_never_saw(asked):
    chance = random.Random(7)
    pairs = [(chance.choice([*COLOURS]), chance.choice(SHAPES)) for _ in range(24)]
    views = [
        FileView(b"%d.jpg" % n, Facts("JPEG", 800, 800), image=picture(*pair, 800, chance), edge=800)
        for n, pair in enumerate(pairs)
    ]
    said = asked.caption(views)
    right = sum(
        {word for word, _ in one.words} == {("kind", "drawing"), (colour,), (shape,)}
        and one.title == f"{colour} {shape}"
        for one, (colour, shape) in zip(said, pairs, strict=True)
    )
    print(f"{right} of {len(pairs)} right")
    assert right >= 22


def test_a_model_that_the_server_does_not_have_is_told_and_no_photo_s_fault(url, tmp_path):
    made = registry.captioner("openai_compatible", hosts=[url], model="nobody/nothing")
    view = FileView(b"a.jpg", Facts("JPEG", 8, 8), image=picture("red", "circle", 64, random.Random(1)), edge=2000)
    try:
        with pytest.raises(TryAgain):
            made.caption([view])
    finally:
        made.close()

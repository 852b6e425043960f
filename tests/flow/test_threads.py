"""How many threads the processes of a real service make, as they say themselves when they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import tiny_models
from tests.patience import PATIENCE

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
HOUSE = Path(__file__).parent.parent.parent
MANIFEST = """[input]
size = 8
[labels]
file = "tags.txt"
"""
SPY = '''
import atexit, json, os, sys, threading
begin, ours, seen = threading.Thread._bootstrap, {os.getpid()}, set()
stop = threading.Event()

def begins(thread):
    ours.add(threading.get_native_id())
    begin(thread)

def watch():
    """All threads that there are, if for some milliseconds: libraries' own end late."""
    last = [frozenset()] * 4
    while not stop.wait(0.002):
        last = [*last[1:], frozenset(map(int, os.listdir("/proc/self/task")))]
        seen.add(frozenset.intersection(*last))

def tell():
    stop.set()
    from threadpoolctl import threadpool_info
    pools = [(each["internal_api"], each["num_threads"]) for each in threadpool_info()]
    found = {"most": max(len(each - ours) for each in seen), "pools": pools}
    found["modules"] = [name for name in WATCHED if name in sys.modules]
    with open(os.path.join(os.environ["TOLD"], str(os.getpid())), "w") as file:
        json.dump(found, file)

def in_a_process_that_looks(folder):
    from threadpoolctl import threadpool_info
    from models.look import Item, LookJob, look
    names = [os.path.join(os.fsencode(folder), name) for name in (b"a0.avif", b"h0.heic")]
    looked = look(LookJob(tuple(map(Item, range(2), names)), taggers=(("colour", ()),)))
    assert all(each.evidence for each in looked), looked
    return [each["num_threads"] for each in threadpool_info()]

WATCHED = ("onnxruntime", "pillow_heif", "rawpy", "scipy", "PIL.AvifImagePlugin")
if os.environ.get("TOLD"):
    threading.Thread._bootstrap = begins
    threading.Thread(target=watch, daemon=True).start()
    atexit.register(tell)
'''


def library(folder):
    import pillow_heif

    folder.mkdir()
    chance = np.random.default_rng(1)
    for number in range(4):
        picture = Image.fromarray(chance.integers(0, 256, (16, 16, 3), np.uint8))
        picture.save(folder / f"{number}.png")
    large = Image.fromarray(chance.integers(0, 256, (640, 640, 3), np.uint8))
    for number in range(2):
        large.rotate(90 * number).save(folder / f"a{number}.avif", speed=10)
        pillow_heif.from_pillow(large.rotate(90 * number)).save(folder / f"h{number}.heic", quality=30)


def surroundings(tmp_path):
    """Those of a process that tells of its threads, and in which nobody has set their number."""
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY)
    (tmp_path / "told").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    return environment | {"PYTHONPATH": f"{tmp_path}/spy:{HOUSE}", "TOLD": str(tmp_path / "told")}


def test_a_service_with_one_worker_looks_at_photos_in_one_thread(tmp_path):
    """With one core there is nothing to see; with more, each library would take them all."""
    library(tmp_path / "photos")
    home = tmp_path / "models" / "tiny"
    home.mkdir(parents=True)
    (home / "manifest.toml").write_text(MANIFEST)
    (home / "tags.txt").write_text("first\nsecond\n")
    tiny_models.graph(
        home / "model.onnx",
        [("Flatten", ["input"], ["flat"], {"axis": 1}), ("MatMul", ["flat", "weights"], ["out"], {})],
        [("input", "float", [None, 3, 8, 8])],
        [("out", [None, 2])],
        {"weights": np.full((192, 2), 0.005, np.float32)},
    )
    (tmp_path / "t.toml").write_text(
        f'state = "{tmp_path}/state"\nmodels_folder = "{tmp_path}/models"\nworkers = 1\ntaggers = ["tiny"]\n'
        f'auto_apply = 1000\n[[roots]]\nname = "p"\npath = "{tmp_path}/photos"\n'
    )
    command = [sys.executable, "-m", "watcher.cli", "--config", f"{tmp_path}/t.toml", "run", "--once", "--yes"]
    done = subprocess.run(
        command, env=surroundings(tmp_path), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    (told,) = [json.loads(path.read_text()) for path in (tmp_path / "told").iterdir()]
    assert {"onnxruntime", "pillow_heif", "PIL.AvifImagePlugin"} <= set(told["modules"])
    assert {count for _, count in told["pools"]} == {1}
    # onnxruntime has one that sleeps, and libde265 reads HEIC in one of its own while ours waits for it
    assert told["most"] <= 2


CODE = """
import os, sys
import sitecustomize
from watcher import hands, threads
if __name__ == "__main__":
    threads.one_each(os.environ)
    crew = hands.Hands(2)
    print(crew.for_many().submit(sitecustomize.in_a_process_that_looks, sys.argv[1]).result())
    crew.close()
"""


def test_so_do_the_processes_that_look_while_many_photos_wait(tmp_path):
    library(tmp_path / "photos")
    (tmp_path / "main.py").write_text(CODE)
    command = [sys.executable, str(tmp_path / "main.py"), str(tmp_path / "photos")]
    environment = {**surroundings(tmp_path), "TOLD": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts
    assert set(counts) == {1}

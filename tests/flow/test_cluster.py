"""Other machines look: workers and schedulers that are killed, other versions, TLS, and what leaves the house."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from models import image
from tests.cluster_world import Machines, Program
from tests.flow.house_world import World, paint, soon
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.tiny_models import clip
from tests.vision_server import serving
from watcher.cli import main
from watcher.cluster import checkup, versions
from watcher.cluster_settings import Cluster
from watcher.findings import Finding
from watcher.looker import Looker

COUNT = 40


@pytest.fixture
def world(tmp_path) -> World:
    made = World(tmp_path, taggers=["brooding"], memory="512M", undo_for="1d")
    for number in range(COUNT):
        paint(made.photos / f"w{number}.jpg", mark=number + 1)
    return made


@pytest.fixture
def machines(world, tmp_path) -> Machines:
    made = Machines(tmp_path / "machines", world.photos)
    world.changed["cluster"] = made.cluster
    return made


@pytest.fixture(scope="module", autouse=True)
def _one_for_all(tmp_path_factory):
    """A scheduler and two workers for all who do not need their own."""
    machines = Machines(tmp_path_factory.mktemp("machines"), tmp_path_factory.mktemp("photos"))
    with machines.up(2):
        yield machines


@pytest.fixture
def shared(world, _one_for_all) -> Machines:
    _one_for_all.show(world.photos)
    world.changed["cluster"] = _one_for_all.cluster
    return _one_for_all


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """What waits for minutes in a house waits for a moment here; commands wait for workers that are slow."""
    from watcher.cluster import executor, trials

    monkeypatch.setattr(trials, "GIVES_UP", PATIENCE)
    times = executor.Times(connect=5.0, look=0.1, again=0.1, patience=20.0, rest=0.5)
    monkeypatch.setattr(
        executor.Cluster.__init__, "__kwdefaults__", {**executor.Cluster.__init__.__kwdefaults__, "times": times}
    )


@pytest.fixture(autouse=True)
def _log_of_before():
    """A command sets the log up for its process."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = [each for each in before if not getattr(getattr(each, "stream", None), "closed", False)]
    yield
    root.handlers, root.level = before, level


@contextmanager
def counted(monkeypatch):
    """How often each photo's evidence was booked."""
    booked: dict[int, int] = {}
    before = Looker.keep

    def keep(self, jobs, answers):
        for job, answer in zip(jobs, answers, strict=True):
            booked[job.photo.id] = booked.get(job.photo.id, 0) + (answer.error is None)
        before(self, jobs, answers)

    with monkeypatch.context() as patch:
        patch.setattr(Looker, "keep", keep)
        yield booked


def evidence(world: World) -> list[tuple[str, int]]:
    """Each photo's name with how many rows of evidence its picture has from the models."""
    return world.ask(
        "SELECT photos.name, count(evidence.digest) FROM photos LEFT JOIN evidence "
        "ON evidence.digest = photos.digest AND evidence.source = 'brooding' GROUP BY photos.id"
    )


def nothing_is_lost_or_twice(world: World, booked: dict[int, int]) -> None:
    rows = evidence(world)
    assert len(rows) == COUNT
    assert {count for _, count in rows} == {1}
    assert sorted(booked.values()) == [1] * COUNT
    for number in (0, COUNT - 1):
        assert world.words(f"w{number}.jpg") == {f"w{number}"}


def test_batches_of_killed_workers_are_done_by_others_and_evidence_is_booked_once(world, shared, monkeypatch):
    with counted(monkeypatch) as booked:
        shared.hold.touch()
        start = len(shared.begun())
        with world.serving() as app:
            killed: set[int] = set()
            for _ in range(3):  # the third is one that was started anew
                alive = soon(lambda: [pid for pid, _ in shared.begun()[start:] if pid not in killed])
                os.kill(alive[-1], signal.SIGKILL)
                killed.add(alive[-1])
            assert app.worker.counts.looked == 0
            shared.hold.unlink()
            soon(lambda: app.worker.counts.delivered == COUNT)
        assert sum(photos for _, photos in shared.begun()[start:]) > COUNT  # some were begun in vain
    nothing_is_lost_or_twice(world, booked)


def test_the_loss_of_the_scheduler_is_survived(world, machines, monkeypatch):
    with ExitStack() as last, counted(monkeypatch) as booked:
        scheduler, workers = last.enter_context(machines.up(1))
        machines.hold.touch()
        with world.serving() as app:
            soon(machines.begun)
            scheduler.end(signal.SIGKILL)
            soon(app.worker.resting)
            soon(
                lambda: (
                    world.ask("SELECT count(*) FROM photos WHERE booked IS NULL AND attempts = 0") == [(COUNT,)]
                ),
            )
            workers.until("was lost")
            machines.hold.unlink()
            last.enter_context(machines.scheduler())
            soon(lambda: app.worker.counts.delivered == COUNT)
            assert not app.worker.resting()
    nothing_is_lost_or_twice(world, booked)


def test_without_workers_photos_wait_or_are_looked_at_here_as_the_settings_say(world, machines):
    world.changed["taggers"] = ["colour"]
    with machines.scheduler():
        with world.serving() as app:
            why = soon(app.worker.resting)
            soon(lambda: app.worker._desk.crew.hands.post.away().endswith("has no worker"))
            assert why
            assert app.worker.counts.looked == 0
        world.changed["cluster"] = {**machines.cluster, "without": "here"}
        world.run()
    assert world.words("w0.jpg") == {"colour/red"}


def test_a_private_photo_does_not_leave_this_machine(world, shared, monkeypatch):
    from watcher.cluster import trust

    world.changed |= {"taggers": ["colour"], "private": {"folders": ["secret"]}}
    paint(world.photos / "secret" / "s.jpg", mark=999)
    monkeypatch.setattr(trust, "is_here", lambda _: False)  # as if the workers were elsewhere
    monkeypatch.setattr(trust, "guard", lambda *_, **__: None)
    sent = []
    from watcher.cluster.post import Post

    before = Post.send
    monkeypatch.setattr(
        Post, "send", lambda self, job, whences: sent.extend(whences) or before(self, job, whences)
    )
    world.run()
    assert world.words("secret/s.jpg") == {"colour/red"}
    assert sorted(whence.below for whence in sent) == sorted(f"w{n}.jpg".encode() for n in range(COUNT))


def test_other_versions_are_told_in_one_line_and_nothing_is_sent(world, shared, monkeypatch, capsys):
    before = shared.begun()
    monkeypatch.setattr(versions, "ours", lambda: {"tagwright": "9.9.9", "distributed": "1", "python": "3.11"})
    with world.serving() as app:
        soon(lambda: "9.9.9" in app.worker.resting())
        line = app.worker.resting()
        assert app.worker.counts.looked == 0
    assert "\n" not in line
    assert "tagwright 0" in line
    assert "distributed 1" in line
    assert main(["--config", str(shared.config), "worker"]) == 2
    told = capsys.readouterr().err
    assert "9.9.9" in told
    assert told.count("\n") == 1
    assert shared.begun() == before


def test_what_a_server_is_sent_is_decoded_by_workers_too_and_once(world, shared, monkeypatch):
    monkeypatch.setattr(image, "decode", lambda *_, **__: pytest.fail("the first machine decodes"))
    with serving() as server:
        world.changed |= {"taggers": ["colour"], "captioner": "ollama", "ollama": {"hosts": [server.url]}}
        world.run()
        assert len(server.asked) == COUNT
    assert world.words("w0.jpg") >= {"colour/red", "kind/photo"}
    assert world.ask("SELECT count(*) FROM captions") == [(COUNT,)]


def test_a_captioner_that_needs_no_server_is_asked_by_workers(world, shared, monkeypatch):
    monkeypatch.setattr(image, "decode", lambda *_, **__: pytest.fail("the first machine decodes"))
    world.changed |= {"taggers": ["colour"], "captioner": "plain"}
    world.run()
    assert world.ask("SELECT DISTINCT caption FROM captions") == [("A wide, mostly red picture",)]
    assert world.ask("SELECT count(*) FROM captions") == [(COUNT,)]


def test_vectors_of_pictures_are_made_by_workers_and_compared_here(world, shared, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(image, "decode", lambda *_, **__: pytest.fail("the first machine decodes"))
    model = clip(tmp_path / "tiny", pixels=32)
    asked = {"embedder": "clip_onnx", "model": str(model), "words": ["colours/red", "green"]}
    world.changed |= {"taggers": ["zero_shot"], "zero_shot": asked, "models_folder": tmp_path / "models"}
    world.run()
    assert world.ask("SELECT count(*) FROM vectors") == [(COUNT,)]
    with world.book() as db:
        told = db.execute("SELECT DISTINCT source, substr(version, 1, 4) FROM evidence").fetchall()
    assert told == [("zero_shot", "tiny")]
    assert list(
        (tmp_path / "models" / "zero_shot").glob("*calibration.npz")
    )  # what the library has taught is here


def test_try_and_estimate_ask_the_workers_about_models_that_only_they_have(world, shared, tmp_path, capsys):
    config = tmp_path / "tagwright.toml"
    config.write_text(
        f'state = "{world.state}"\ntaggers = ["brooding"]\nfacts = []\ncluster = "{shared.address}"\n'
        f'[[roots]]\nname = "p"\npath = "{world.photos}"\n'
    )
    outside = paint(tmp_path / "outside.jpg")
    both_there(world)
    assert main(["--config", str(config), "try", str(world.photos / "w7.jpg")]) == 0
    out = capsys.readouterr().out
    assert "0.900  w7" in out
    assert str(world.photos / "w7.jpg") in out
    # No worker sees it, and the model is not here.
    assert main(["--config", str(config), "try", str(outside)]) == 1
    assert "no tagger is called 'brooding'" in capsys.readouterr().out
    assert main(["--config", str(config), "estimate", "--sample", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["photos"], told["sample"], told["workers"]) == (COUNT, 3, 2)
    rows = {row["name"]: row for row in told["backends"]}
    assert (rows["brooding"]["photos"], rows["brooding"]["error"]) == (COUNT, "")
    assert told["seconds"] == pytest.approx(sum(row["seconds"] for row in rows.values()))


def test_try_says_in_one_line_that_no_worker_is_there(world, machines, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("watcher.cluster.trials.GIVES_UP", 0.1)
    config = tmp_path / "tagwright.toml"
    settings = f'state = "{world.state}"\ntaggers = ["colour"]\n[cluster]\naddress = "{machines.address}"\n'
    config.write_text(settings)
    photo = str(world.photos / "w0.jpg")
    assert main(["--config", str(config), "try", photo]) == 2
    assert machines.address in capsys.readouterr().err
    config.write_text(settings + 'without = "here"\n')
    assert main(["--config", str(config), "try", photo]) == 0
    assert "colour/red" in capsys.readouterr().out


def test_a_model_that_the_workers_lack_is_told_and_nothing_is_sent(world, shared):
    world.changed["taggers"] = ["nosuch"]
    with world.serving() as app:
        soon(lambda: "no tagger is called 'nosuch'" in app.worker.resting())
        soon(lambda: world.ask("SELECT count(*) FROM photos") == [(COUNT,)])
        assert app.worker.counts.looked == 0
        assert world.ask("SELECT max(attempts) FROM photos") == [(0,)]


def both_there(world: World) -> Finding:
    """What the doctor says once the workers that a test killed were started anew."""
    (found,) = soon(
        lambda: [one for one in checkup.findings(world.settings().cluster) if "has 2 workers" in one.text]
    )
    return found


def test_the_doctor_says_who_is_there(world, shared, monkeypatch):
    monkeypatch.setattr(checkup, "WAIT", PATIENCE)
    assert both_there(world).level == "ok"
    (found,) = checkup.findings(Cluster(address=f"tcp://127.0.0.1:{free_port()}"))
    assert (found.level, "nobody listens" in found.text) == ("fail", True)
    (found,) = checkup.findings(Cluster(address="tcp://192.0.2.1:8786"))
    assert (found.level, "Dask runs whatever" in found.text) == ("fail", True)


def test_a_port_that_is_taken_is_told_in_one_line(shared, tmp_path, capsys):
    assert main(["--state", str(tmp_path), "scheduler", "--listen", f"127.0.0.1:{shared.port}"]) == 2
    assert (
        capsys.readouterr().err == f"tagwright: cannot listen on 127.0.0.1:{shared.port}: Address already in use\n"
    )


REFUSED = [
    ["scheduler", "--listen", "0.0.0.0:8786"],
    ["scheduler", "--listen", "192.0.2.1:8786"],
    ["scheduler", "--listen", "[::]:8786"],
    ["worker", "tcp://192.0.2.1:8786"],
    ["worker", "tcp://nas:8786"],
    ["worker", "tcp://127.0.0.1:8786", "--listen", "0.0.0.0"],
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_without_tls_another_address_than_loopback_is_refused_in_one_line(words, tmp_path, capsys):
    assert main(["--state", str(tmp_path), *words]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "Dask runs whatever its port is sent" in told.err
    assert told.out == ""


def test_the_service_talks_to_no_other_machine_without_tls(world):
    from metadata.errors import UserError

    world.changed["cluster"] = "tcp://192.0.2.1:8786"
    with pytest.raises(UserError, match="Dask runs whatever its port is sent"), world.open():
        pass


def listening(pid: int) -> list[str]:
    """The addresses on which a process and its children listen."""
    family = {str(pid), *_children(pid)}
    sockets = {os.readlink(fd) for one in family for fd in Path("/proc", one, "fd").glob("*") if fd.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and f"socket:[{parts[9]}]" in sockets:
                found.append(parts[1])
    return found


def test_all_ports_are_on_loopback_and_a_signal_ends_all_processes(machines):
    with machines.up(1) as (scheduler, workers):
        one, some = listening(scheduler.process.pid), listening(workers.process.pid)
        assert len(one) == 1
        assert len(some) == 2  # a process and its keeper, and no pages of Dask's
        assert {place.partition(":")[0] for place in one + some} == {"0100007F"}
        children = _children(workers.process.pid)
        assert children
        assert workers.end(signal.SIGINT) == 130
        assert scheduler.end() == 0
    for pid in children:
        soon(lambda pid=pid: not Path("/proc", pid).exists())


def _children(pid: int) -> list[str]:
    """Processes that a process started."""
    found = Path("/proc", str(pid), "task", str(pid), "children").read_text().split()
    return [
        *found,
        *(
            child
            for one in Path("/proc", str(pid), "task").iterdir()
            if one.name != str(pid)
            for child in (one / "children").read_text().split()
        ),
    ]


@pytest.mark.real
def test_with_tls_only_who_has_a_certificate_of_ours_takes_part(world, tmp_path):
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    machines = Machines(tmp_path / "machines", world.photos, **ours)
    with machines.up(1) as (scheduler, workers):
        assert "tls://" in "".join(scheduler.said)
        places = listening(scheduler.process.pid) + listening(workers.process.pid)
        assert {place.partition(":")[0] for place in places} == {"0100007F"}  # where the scheduler is reached
        for strange in ({}, theirs):
            world.changed["cluster"] = {"address": machines.address.replace("tls", "tcp"), **strange}
            with world.serving() as app:
                soon(lambda app=app: "does not answer" in app.worker.resting())
                assert app.worker.counts.looked == 0
        world.changed["cluster"] = machines.cluster
        world.run()
        assert workers.process.poll() is None
    assert {count for _, count in evidence(world)} == {1}


def authority(folder: Path) -> dict[str, Path]:
    """A certificate authority of its own, and one machine's certificate by it."""
    folder.mkdir()
    short = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    try:
        _openssl(folder, "req", "-x509", *short, "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.pem")
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    _openssl(folder, "req", *short[:-2], "-subj", "/CN=one", "-keyout", "one.key", "-out", "one.csr")
    _openssl(
        folder, "x509", "-req", "-in", "one.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        *("-days", "2", "-out", "one.pem"),
    )  # fmt: skip
    return {"ca_file": folder / "ca.pem", "cert_file": folder / "one.pem", "key_file": folder / "one.key"}


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)


def test_a_signal_ends_workers_whose_processes_have_not_begun_yet(machines, tmp_path):
    (tmp_path / "site").mkdir()
    block = tmp_path / "block"
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if '--multiprocessing-fork' in sys.argv or 'multiprocessing.spawn' in ' '.join(sys.orig_argv):\n"
        f"    open({str(tmp_path / 'tried')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        f"    while os.path.exists({str(block)!r}):\n"
        "        time.sleep(0.05)\n"
    )
    block.touch()
    environment = {
        **machines.environment,
        "PYTHONPATH": f"{tmp_path / 'site'}:{machines.environment['PYTHONPATH']}",
    }
    words = ("--config", machines.config, "worker", "--processes", "1")
    with machines.scheduler(), Program(*words, environment=environment) as workers:
        (pid,) = soon(lambda: (tmp_path / "tried").exists() and (tmp_path / "tried").read_text().split()[-1:])
        assert workers.end() == 0  # though its process has not begun
        soon(lambda: not Path("/proc", pid).exists())

"""The running service as somebody sees it who is not it: health, figures, and the terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.flow.house_world import paint, soon
from tests.patience import PATIENCE
from tests.ports import free_port
from watcher import figures

HOUSE = Path(__file__).resolve().parents[2]


def called(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "HOME": str(folder)}
    return [sys.executable, "-m", "watcher.cli", "--config", str(folder / "s.toml"), *words], environment


def tagwright(folder, *words):
    command, environment = called(folder, *words)
    return subprocess.run(
        command, check=False, env=environment, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )


@pytest.fixture
def service(tmp_path):
    """The service, running on one photo; its port."""
    port = free_port()
    paint(tmp_path / "photos/a.jpg")
    (tmp_path / "s.toml").write_text(
        f'state = "{tmp_path}/state"\nsettle = 0.05\n[health]\nlisten = "127.0.0.1:{port}"\n'
        f'[[roots]]\nname = "photos"\npath = "{tmp_path}/photos"\n'
    )
    command, environment = called(tmp_path, "run")
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            soon(lambda: process.stdout.readline().startswith("watching "))
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            process.wait(PATIENCE)


def page(url):
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_running_service_is_well_says_so_everywhere_and_is_missed_when_it_ends(service, tmp_path):
    process, url = service
    status, text = page(f"{url}/health")
    assert (status, json.loads(text)["ok"]) == (200, True)
    assert set(json.loads(text)["parts"]) == {"arrival", "ledger", "workers", "places"}
    soon(lambda: 'tagwright_photos{state="delivered"} 1' in page(f"{url}/metrics")[1])
    # the command waits five seconds for the service, which a full machine may take for itself
    done = soon(lambda: (tried := tagwright(tmp_path, "status", "--health")).returncode == 0 and tried)
    assert done.stdout.splitlines()[0] == "well"
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    done = tagwright(tmp_path, "status", "--health")
    assert done.returncode == 1
    assert "no service answers" in done.stdout


def test_a_root_that_is_taken_away_is_503_with_a_sentence_and_comes_back(service, tmp_path):
    _, url = service
    assert page(f"{url}/health")[0] == 200
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    text = soon(lambda: (found := page(f"{url}/health"))[0] == 503 and found[1])
    assert "is not there; mount it" in json.loads(text)["reason"]
    (tmp_path / "elsewhere").rename(tmp_path / "photos")
    soon(lambda: page(f"{url}/health")[0] == 200)


def test_watching_the_status_ends_with_ctrl_c(service, tmp_path):
    command, environment = called(tmp_path, "status", "--watch")
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as looker:
        lines = [looker.stdout.readline(), looker.stdout.readline()]
        looker.send_signal(signal.SIGINT)
        looker.stdout.read()
        assert looker.wait(PATIENCE) == 0
    assert re.match(r"\d{4}-\d\d-\d\d ", lines[0])
    assert lines[1].startswith("1 photos: ")


def test_a_long_first_run_is_told_once_with_its_length(tmp_path, caplog, monkeypatch):
    import io

    from tests.flow.house_world import World
    from watcher import service

    monkeypatch.setattr(service, "LONG", 3)
    world = World(tmp_path)
    for number in range(4):
        paint(world.photos / f"{number}.jpg", mark=number)
    with world.open() as app:
        app.intake.walks()
        app.worker.settle_all()
        app.ledger.db.execute("UPDATE photos SET due = 0")
        app.worker.counts.looked = 100
        told = service.Progress(app, io.StringIO())
        told._began -= 100
        for _ in range(2):
            told._due = 0.0
            told()
    said = [record.message for record in caplog.records if "a long run" in record.message]
    assert len(said) == 1
    assert "4 photos are to be looked at, at 1 a second about 3 s" in said[0].replace("about 4 s", "about 3 s")


def test_calls_and_hosts_are_among_the_figures():
    from types import SimpleNamespace

    from watcher import service

    client = SimpleNamespace(calls={"answered": 7, "failed": 2})
    link = SimpleNamespace(keys=SimpleNamespace(clients=[client, client]))
    worker = SimpleNamespace(hosts=lambda: [("http://gpu:11434", False, 5, 3)])
    found = list(service._outside(SimpleNamespace(worker=worker, poll=SimpleNamespace(link=link))))
    assert [(one.name, one.value, *one.labels.values()) for one in found] == [
        ("host_up", 0.0, "http://gpu:11434"),
        ("calls_total", 5, "http://gpu:11434", "answered"),
        ("calls_total", 14, "immich", "answered"),
        ("calls_total", 4, "immich", "failed"),
    ]


def test_every_figure_of_the_dashboard_is_one_of_ours():
    dashboard = json.loads((HOUSE / "docs/grafana.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"tagwright_(\w+)\{", target["expr"])
    }
    assert asked
    assert asked <= set(figures.HELP)

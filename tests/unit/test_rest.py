from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metadata.errors import TryAgain
from tests.flow.house_world import World, paint, soon
from watcher import rest
from watcher.ledger import store


@pytest.mark.parametrize(
    ("text", "found"), [("22:00-06:30", (1320, 390)), ("0:00-24:00", None), ("7:15-9:00", (435, 540))]
)
def test_hours_are_read_as_a_person_writes_them(text, found):
    if found is None:
        with pytest.raises(ValueError, match="no time"):
            rest.hours(text)
    else:
        assert rest.hours(text) == found


@pytest.mark.parametrize(
    "text", ["", "22:00", "22-6", "25:00-26:00", "7:60-8:00", "a-b", "8:00-8:00", "-1:00-2:00"]
)
def test_nonsense_is_no_hours(text):
    with pytest.raises(ValueError, match="no "):
        rest.hours(text)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("21:59", None),
        ("22:00", "06:30"),
        ("23:59", "06:30"),
        ("06:29", "06:30"),
        ("06:30", None),
        ("12:00", None),
    ],
)
def test_hours_go_over_midnight(at, end):
    moment = datetime.fromisoformat(f"2026-05-31T{at}")
    found = rest.ends([(1320, 390)], moment)
    assert (found and f"{found:%H:%M}") == end


def test_of_two_quiet_times_the_later_end_counts():
    moment = datetime.fromisoformat("2026-05-31T08:00")
    assert f"{rest.ends([(420, 540), (450, 600)], moment):%H:%M}" == "10:00"


@pytest.fixture
def ledger(tmp_path):
    made = store.open_for_writing(tmp_path / "state")
    yield made
    made.close()


def test_quiet_hours_are_those_of_the_zone_that_was_set(ledger):
    noon = datetime(2026, 5, 31, 12, tzinfo=UTC).timestamp()
    assert rest.Rest(ledger, ((700, 780),), UTC, lambda: noon).why() == "quiet hours until 13:00"
    assert rest.Rest(ledger, ((780, 700),), UTC, lambda: noon).why() == ""


def test_a_pause_ends_by_itself(ledger):
    now = [datetime(2026, 5, 31, 12, tzinfo=UTC).timestamp()]
    one = rest.Rest(ledger, (), UTC, lambda: now[0])
    ledger.put(rest.PAUSED, str(now[0] + 60))
    assert one.why() == "paused until 12:01; `tagwright resume` ends it"
    now[0] += 60
    assert one.why() == ""


def test_immich_is_asked_every_half_minute_and_nobody_waits_for_it(ledger):
    clock, asked = [0.0], []
    answers = [{"smartSearch": 101}, {"smartSearch": 100, "backupDatabase": 9}, TryAgain(b"Immich", "away"), None]

    def ask():
        asked.append(clock[0])
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    queues = rest.Queues(ask, 100)
    one = rest.Rest(ledger, (), UTC, lambda: 0.0, busy=queues, clock=lambda: clock[0])
    said = []
    for _ in range(5):
        said.append(one.why_models())
        assert one.why_models() == said[-1], "the same within the half minute"
        soon(queues._under_way.done)
        clock[0] += 30
    queues.close()
    assert said[0] == ""
    assert "101 jobs" in said[1]
    assert said[2:] == ["", "", ""], "few jobs, no answer, and a key that may not see them are no reason"


def test_a_service_that_rests_notes_what_lands_does_commands_and_goes_on_when_told(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    with world.serving() as app:
        soon(lambda: world.status()["states"] == {"delivered": 1})
        app.worker.rest = rest.Rest(app.ledger, (), None, app.now)
        from watcher import handing

        settings = world.settings()
        answer, _ = handing.do(settings, "pause", {"seconds": 3600})
        assert answer["handed_to"] == "the running service"
        paint(world.photos / "b.jpg", mark=3)
        handing.do(settings, "scan", {"paths": [str(world.photos)]})
        soon(lambda: world.status()["rests"].startswith("paused until"))
        soon(lambda: world.status()["states"] == {"delivered": 1, "seen": 1})
        handing.do(settings, "resume", {})
        soon(lambda: world.status()["states"] == {"delivered": 2})
        soon(lambda: world.status()["rests"] == "")


def test_while_models_wait_photos_are_merged_that_were_looked_at(tmp_path):
    world = World(tmp_path)
    paint(world.photos / "a.jpg")
    with world.serving() as app:
        soon(lambda: world.status()["states"] == {"delivered": 1})
        app.worker.rest = rest.Rest(app.ledger, (), None, app.now, busy=lambda: "Immich is busy")
        from watcher import handing

        settings = world.settings()
        paint(world.photos / "b.jpg", mark=3)
        handing.do(settings, "scan", {"paths": [str(world.photos)]})
        world.touch = lambda _: None  # the place changed, and not the photo
        world.edit("a.jpg", add=("Oma",))
        handing.do(settings, "xmp write", {"paths": [str(world.photos / "a.jpg")]})
        soon(lambda: world.truth("a.jpg") == {"colour/red": True, "Oma": False})
        soon(lambda: world.status()["states"] == {"delivered": 1, "seen": 1})
        app.worker.rest = None
        soon(lambda: world.state_of("b.jpg")[0] == "delivered")


def test_a_process_stands_back_and_never_forward():
    house = Path(__file__).resolve().parents[2]
    code = (
        "import os; from watcher.niceness import stand_back\n"
        "assert stand_back(7, 'idle')\nassert stand_back(3, 'normal')\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=house, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 7

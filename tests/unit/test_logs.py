from __future__ import annotations

import io
import json
import logging
import os
from datetime import timedelta, timezone

import pytest

from watcher import logs

logger = logging.getLogger("watcher.example")


@pytest.fixture
def started():
    """Starts logging into a text, and puts everything back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def start(wanted: str = "text", level: str = "info", **more):
        stream = io.StringIO()
        return stream, logs.start(level, wanted, environment={}, stream=stream, **more)

    root.handlers = []  # ours closes what it replaces, and pytest's own have to live
    yield start
    root.handlers = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_text_has_the_time_of_day_in_the_zone_that_was_set(started):
    stream, _ = started(zone=timezone(timedelta(hours=2)))
    record = logging.LogRecord("watcher.example", logging.WARNING, "", 0, "%d photos wait", (3,), None)
    record.created = 0.0
    logging.getLogger().handle(record)
    assert stream.getvalue() == "02:00:00 WARNING watcher.example: 3 photos wait\n"


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)],
)
def test_journald_finds_the_priority_before_every_line(started, level, priority):
    stream, _ = started("journal", level="debug")
    logger.log(level, "it failed", exc_info=ValueError("why"))
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"<{priority}>watcher.example: it failed"
    assert lines[-1].endswith("ValueError: why")
    assert all(line.startswith(f"<{priority}>") for line in lines)


@pytest.mark.parametrize("kind", ["text", "journal"])
def test_a_file_name_cannot_begin_a_line_of_its_own(started, kind):
    stream, _ = started(kind)
    logger.warning("set aside: %s", "a\n<0>watcher: all is lost\x1b[2J")
    assert stream.getvalue().count("\n") == 1
    assert "\\x0a<0>watcher: all is lost\\x1b[2J" in stream.getvalue()


def test_json_is_one_object_a_line_in_utc_with_its_traceback(started):
    stream, _ = started("json")
    try:
        {}["lost"]
    except KeyError:
        logger.exception("Größe\nunknown")
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("error", "watcher.example", "Größe\nunknown")
    assert told["time"].endswith("+00:00")
    assert "KeyError: 'lost'" in told["traceback"]


def test_messages_below_the_level_are_not_shown(started):
    stream, _ = started(level="warning")
    logger.info("quiet")
    assert stream.getvalue() == ""


def test_a_second_start_replaces_the_first(started):
    first, _ = started()
    second, _ = started()
    logger.warning("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


@pytest.mark.parametrize("wanted", ["text", "journal", "json"])
def test_a_secret_is_masked_in_messages_arguments_and_tracebacks(started, wanted):
    stream, mask = started(wanted, secrets=["hunter2"])
    mask.hide('to"ken')
    logger.warning("key=hunter2 and %s", {"key": 'to"ken'})
    logger.warning('json {"key": "to\\"ken"}')
    try:
        int("refused hunter2")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "failed" in text
    assert text.count("•••") + text.count("\\u2022" * 3) >= 4
    assert "hunter2" not in text
    assert "ken" not in text


def test_a_secret_that_holds_another_is_masked_whole():
    mask = logs.Mask(["pass", "password1"])
    assert mask.masked("password1 pass") == "••• •••"


def test_a_secret_too_short_to_be_one_masks_nothing():
    assert logs.Mask(["a", ""]).masked("a banana") == "a banana"


def test_arguments_that_do_not_fit_are_shown_and_still_masked(started):
    stream, _ = started(secrets=["hunter2"])
    logger.warning("%d", "hunter2")
    assert "hunter2" not in stream.getvalue()
    assert "•••" in stream.getvalue()


def test_auto_takes_the_journal_only_when_the_stream_is_journalds(tmp_path):
    with open(tmp_path / "stream", "w") as stream:
        found = os.fstat(stream.fileno())
        ours = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert logs.chosen("auto", ours, stream) == "journal"
        assert logs.chosen("auto", {"JOURNAL_STREAM": "1:2"}, stream) == "text"
        assert logs.chosen("json", ours, stream) == "json"
    assert logs.chosen("auto", {}, io.StringIO()) == "text"

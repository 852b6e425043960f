"""Two writers at once: a long-lived exiftool adds words to the sidecar that we merge into, neither waits."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from exiftool import ExifTool

from metadata import xmp
from metadata.errors import ChangedMeanwhile, Refused
from tests.unit.keeper import Keeper, wanted
from tests.unit.sidecar_set import SIDECARS, SPACES
from tests.unit.triples import listed

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing"),
]

ROUNDS = 500
START = SIDECARS["Lightroom 6"]
SUBJECT = f"{{{SPACES['dc']}}}subject"
TREE = f"{{{SPACES['digiKam']}}}TagsList"


@dataclass
class Score:
    """What came of a contest."""

    rounds: int = 0
    writes: int = 0
    collisions: int = 0
    theirs: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    torn: int = 0
    missing: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    litter: list[str] = field(default_factory=list)


def _exiftool_adds(path: Path, over: threading.Event, score: Score) -> None:
    with ExifTool(common_args=[]) as tool:
        while not over.is_set():
            word = f"theirs {len(score.theirs)}"
            said = tool.execute("-overwrite_original", f"-XMP-dc:Subject+={word}", str(path))
            if "1 image files updated" in said:
                score.theirs.append(word)


def _read_all_the_time(path: Path, over: threading.Event, score: Score) -> None:
    while not over.wait(0.0005):
        try:
            xmp.seen(xmp.parse(path.read_bytes(), os.fsencode(path)))
        except (Refused, OSError):
            score.torn += 1


def contest(folder: Path, rounds: int) -> Score:
    """Merge that many times or more while exiftool loops, each time with another word; then let both rest."""
    keeper, score, over = Keeper(folder, START), Score(), threading.Event()
    keeper.pause = 0.01
    others = [
        threading.Thread(target=work, args=(keeper.sidecar, over, score))
        for work in (_exiftool_adds, _read_all_the_time)
    ]
    for each in others:
        each.start()
    try:
        keeper.tries = 1
        while score.rounds < rounds or min(score.writes, len(score.theirs)) < 6:  # exiftool may begin late
            score.rounds += 1
            score.ours = [f"ours {number}" for number in range(score.rounds // 10 + 1)]
            flicker = ("seen", f"now {score.rounds % 7}")
            with suppress(ChangedMeanwhile):  # the next round merges with what stands there then
                score.writes += keeper.keep(wanted(flicker, *((word,) for word in score.ours))) is not None
    finally:
        over.set()
        for each in others:
            each.join()
    keeper.tries = 3
    last = wanted(*((word,) for word in score.ours))
    while keeper.keep(last) is not None:
        pass
    data = keeper.sidecar.read_bytes()
    for name in (SUBJECT, TREE):
        shown = listed(data, name)
        score.missing |= {*score.theirs, *score.ours} - set(shown)
        score.doubled |= {word for word in shown if shown.count(word) > 1}
    score.collisions = keeper.collisions
    score.refused = {*keeper.truth.refused, *keeper.truth.withheld}
    score.litter = [name for name in os.listdir(folder) if name not in (keeper.sidecar.name, "a.jpg")]
    return score


def test_both_write_five_hundred_rounds_and_every_word_of_both_stands(tmp_path):
    score = contest(tmp_path, ROUNDS)
    assert score.rounds >= ROUNDS
    assert not score.refused
    assert not score.torn
    assert not score.missing
    assert not score.doubled
    assert not score.litter

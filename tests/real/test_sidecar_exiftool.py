"""What we write as the real exiftool reads it, and real files of other programs before and after us."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metadata.errors import PhotoError, Refused, TryAgain, UserError
from metadata.exiftool import Exiftool
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen
from metadata.sinks.sidecar import SidecarSink
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing"),
]

SHARED = Path(__file__).parents[2].parent / "shared"
CORPUS = SHARED / "xmp-corpus"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LISTS = {
    "digiKam:TagsList": ("animals/cat", "tw one"),
    "lr:hierarchicalSubject": ("animals|cat", "tw one"),
    "dc:subject": ("cat", "tw one"),
}
CHANGE = Change(
    add=LISTS,
    texts={"dc:description": "A cat & <more>", "tiff:ImageDescription": "A cat & <more>"},
    claim=Claim("f3a9", 1, ("animals\x1fcat", "tw one"), ("dc:description",)),
)
TAGS = ["XMP-digiKam:TagsList", "XMP-lr:HierarchicalSubject", "XMP-dc:Subject"]
ALLOWED = ["dc:description", "tiff:ImageDescription"]

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of other programs' files here")


@pytest.fixture(scope="module")
def exiftool():
    with Exiftool(timeout=PATIENCE) as tool:
        yield tool


def beside(folder: Path, original: Path) -> Photo:
    photo = Photo(1, "r", os.fsencode(folder), os.fsencode(original.stem + ".jpg"))
    Path(os.fsdecode(photo.file)).touch()
    shutil.copyfile(original, os.fsdecode(photo.file) + ".xmp")
    return photo


def written(photo: Photo, change: Change) -> Draft | Refused:
    sink = SidecarSink(clock=lambda: NOW)
    (seen,) = sink.read([photo])
    if isinstance(seen, Refused):
        return seen
    assert isinstance(seen, Seen)
    draft = sink.draft(photo, seen, change)
    if isinstance(draft, Draft):
        (answer,) = sink.write([draft])
        assert answer == draft.seen
        assert sink.read([photo]) == [answer]
    return draft


def test_all_three_fields_and_the_caption_are_read(tmp_path, exiftool):
    photo = Photo(1, "r", os.fsencode(tmp_path), b"new\nline\xff.jpg")
    Path(os.fsdecode(photo.file)).touch()
    written(photo, CHANGE)
    names = [*TAGS, "XMP-dc:Description", "XMP-tiff:ImageDescription", "XMP-xmp:MetadataDate"]
    (found,) = exiftool.read([photo.file + b".xmp"], names)
    assert [found[tag] for tag in TAGS] == [list(values) for values in LISTS.values()]
    assert found["XMP-dc:Description"] == found["XMP-tiff:ImageDescription"] == "A cat & <more>"
    assert found["XMP-xmp:MetadataDate"] == "2026:03:04 05:06:07+00:00"


def test_what_exiftool_rewrites_still_says_what_is_ours(tmp_path, exiftool):
    photo = Photo(1, "r", os.fsencode(tmp_path), b"a.jpg")
    Path(os.fsdecode(photo.file)).touch()
    drafted = written(photo, CHANGE)
    before = drafted.seen
    os.spawnlp(
        os.P_WAIT, "exiftool", "exiftool", "-q", "-overwrite_original", "-XMP-dc:Title=x", f"{tmp_path}/a.jpg.xmp"
    )
    (after,) = SidecarSink(clock=lambda: NOW).read([photo])
    assert (after.claimed, after.lists) == (before.claimed, before.lists)
    assert after.texts == {**before.texts, "dc:title": "x"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the checker leaves its files to the collector
@needs_corpus
def test_other_programs_files_lose_nothing_and_gain_every_word(tmp_path, exiftool):
    check = checker()
    originals = sorted((CORPUS / "xmp").glob("*.xmp"))
    count = 0
    for original in originals:
        photo = beside(tmp_path, original)
        drafted = written(photo, CHANGE)
        target = Path(os.fsdecode(photo.file) + ".xmp")
        if isinstance(drafted, Refused):
            assert target.read_bytes() == original.read_bytes()
            continue
        count += 1
        if exiftool.read([os.fsencode(original)], ["XMP:all"]) != [{}]:  # it knows not every UTF-16 file
            (found,) = exiftool.read([os.fsencode(target)], TAGS)
            for tag, values in zip(TAGS, LISTS.values(), strict=True):
                assert all(found[tag].count(value) == 1 for value in values), (original.name, tag)
        faults = check(original, target)
        assert not faults, (original.name, faults)
        takes_back(photo, drafted)
        assert target.read_bytes() == original.read_bytes()
        renamed_and_removed(photo, original, target, exiftool, check)
    assert count >= 55 or len(originals) < 58


MINE = ("tagwright's one", "tagwright's other")


def renamed_and_removed(photo: Photo, original: Path, target: Path, exiftool: Exiftool, check) -> None:
    """The same for a word of ours that gets another name, and for one that goes."""
    known = exiftool.read([os.fsencode(original)], ["XMP:all"]) != [{}]
    steps = [
        Change(add=spelt(MINE[0])),
        Change(remove=spelt(MINE[0]), add=spelt(MINE[1])),
        Change(remove=spelt(MINE[1])),
    ]
    for change, here in zip(steps, (MINE[0], MINE[1], None), strict=True):
        assert isinstance(written(photo, change), Draft)
        faults = check(original, target)
        assert not faults, (original.name, here, faults)
        if known:
            (found,) = exiftool.read([os.fsencode(target)], TAGS)
            for tag, spell in zip(TAGS, ("a/{}", "a|{}", "{}"), strict=True):
                counts = [found.get(tag, []).count(spell.format(word)) for word in MINE]
                assert counts == [int(word == here) for word in MINE], (original.name, tag)


def spelt(word: str) -> dict[str, tuple[str, ...]]:
    return {name: (spell.format(word),) for name, spell in zip(LISTS, ("a/{}", "a|{}", "{}"), strict=True)}


def takes_back(photo: Photo, drafted: Draft) -> None:
    sink = SidecarSink(clock=lambda: NOW)
    back = sink.revert(photo, drafted.where, drafted.after, drafted.inverse)
    assert isinstance(back, Draft)
    assert isinstance(sink.write([back])[0], Seen)


def checker():
    """The checker's faults, without what it says of a file that it could not read even before."""
    path = SHARED / "tools" / "xmp_preserve_check.py"
    spec = importlib.util.spec_from_file_location("preserve", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def check(before: Path, after: Path) -> list[object]:
        lists, others = module.SETS["keywords"]
        found = module.check(str(before), str(after), add=lists, allow=[*others, *ALLOWED])
        return [fault for fault in found.faults if "unparsable-rewritten" not in str(fault)]

    return check


REFUSED = {"h01", "h03", "h07", "h09", "h11", "h13", "h19", "h31"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the checker leaves its files to the collector
@needs_corpus
def test_hostile_files_are_changed_safely_or_not_at_all(tmp_path):
    for original in sorted((CORPUS / "hostile").glob("*.xmp")):
        photo = beside(tmp_path, original)
        drafted = written(photo, CHANGE)
        target = Path(os.fsdecode(photo.file) + ".xmp")
        assert isinstance(drafted, Refused) == (original.name[:3] in REFUSED), original.name
        if isinstance(drafted, Refused):
            assert target.read_bytes() == original.read_bytes()
            assert "root:" not in drafted.reason
        else:
            assert not checker()(original, target), original.name


def test_exiftool_that_died_is_started_again(tmp_path, exiftool):
    path = tmp_path / "a.xmp"
    path.write_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    exiftool.read([os.fsencode(path)], TAGS)
    os.kill(exiftool._tool._process.pid, signal.SIGKILL)
    exiftool._tool._process.wait()
    assert exiftool.read([os.fsencode(path)], TAGS) == [{}]


def test_exiftool_that_hangs_is_ended(tmp_path):
    path = tmp_path / "a.xmp"
    path.write_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    with Exiftool(timeout=120) as tool:
        tool.read([os.fsencode(path)], TAGS)
        os.kill(tool._tool._process.pid, signal.SIGSTOP)
        tool._timeout = 0.2
        with pytest.raises(TryAgain, match="no answer in time"):
            tool.read([os.fsencode(path)], TAGS)
        tool._timeout = 120
        assert tool.read([os.fsencode(path)], TAGS) == [{}]


def test_a_file_that_is_not_there_is_named(tmp_path, exiftool):
    with pytest.raises(PhotoError, match=r"no\.jpg"):
        exiftool.read([os.fsencode(tmp_path / "no.jpg")], TAGS)


def test_without_exiftool_a_person_is_told_what_to_install():
    with pytest.raises(UserError, match="apt install libimage-exiftool-perl"):
        Exiftool(executable="exiftool-that-is-nowhere").read([b"/a.jpg"], TAGS)

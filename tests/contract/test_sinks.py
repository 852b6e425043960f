"""Every sink keeps the same promises: in memory, as sidecars, inside photos, and each wrapped for a dry run."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from metadata import xmp
from metadata.errors import ChangedMeanwhile, Refused
from metadata.exiftool import Exiftool
from metadata.photo import Photo
from metadata.sinks import Change, Claim, Draft, Seen, Sink
from metadata.sinks.dry_run import DryRun
from metadata.sinks.embedded import EmbeddedSink
from metadata.sinks.memory import MemorySink
from metadata.sinks.sidecar import SidecarSink

TREE, PATHS, FLAT = "digiKam:TagsList", "lr:hierarchicalSubject", "dc:subject"
CAPTION = "dc:description"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
WORDS = Change(
    add={TREE: ("animals/cat",), PATHS: ("animals|cat",), FLAT: ("cat",)},
    texts={CAPTION: "a cat", "photoshop:City": "Oslo"},
    claim=Claim("f3a9", 1, ("animals\x1fcat",), (CAPTION,)),
)


@dataclass
class Place:
    """A sink, and a way for somebody else to write there without it."""

    sink: Sink
    theirs: Callable[[Photo, Change], None]
    photo: Callable[[str], Photo]


def memory(tmp_path) -> Place:
    sink = MemorySink()

    def theirs(photo, change):
        (seen,) = sink.read([photo])
        lists = {**seen.lists, **{n: seen.lists.get(n, ()) + v for n, v in change.add.items()}}
        sink.put(photo, lists=lists, texts={**seen.texts, **change.texts})

    return Place(sink, theirs, lambda name: Photo(1, "r", b"/r", name.encode()))


def sidecar(tmp_path) -> Place:
    def photo(name):
        (tmp_path / name).touch()
        return Photo(1, "r", os.fsencode(tmp_path), name.encode())

    def theirs(photo, change):
        path = photo.file + b".xmp"
        if os.path.exists(path):
            with open(path, "rb") as file:
                data = xmp.edit(xmp.parse(file.read(), path), change, NOW)
        else:
            data = xmp.new(change, NOW)
        with open(path, "wb") as file:
            file.write(data)

    return Place(SidecarSink(clock=lambda: NOW), theirs, photo)


@pytest.fixture(scope="module")
def exiftool():
    with Exiftool() as tool:
        yield tool


def jpeg() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()


def embedded(tmp_path, exiftool) -> Place:
    sink = EmbeddedSink(exiftool=exiftool, clock=lambda: NOW)

    def photo(name):
        path = tmp_path / name
        if not path.exists():
            path.write_bytes(jpeg())
        return Photo(1, "r", os.fsencode(tmp_path), name.encode())

    def theirs(photo, change):
        (seen,) = sink.read([photo])
        if not seen.digest:
            packet = xmp.new(change, NOW)
        else:
            (found,) = exiftool.checked([photo.file], ["XMP"])
            packet = xmp.edit(xmp.parse(found["XMP"].encode(), photo.file), change, NOW)
        exiftool.edit(photo.file, b"theirs", {"XMP": packet})
        os.replace(os.path.join(tmp_path, "theirs"), photo.file)

    return Place(sink, theirs, photo)


def dry(make):
    def wrapped(tmp_path) -> Place:
        place = make(tmp_path)
        return Place(DryRun(place.sink), place.theirs, place.photo)

    return wrapped


@pytest.fixture(
    params=[memory, sidecar, dry(memory), dry(sidecar), embedded],
    ids=["memory", "sidecar", "dry memory", "dry sidecar", "embedded"],
)
def place(request, tmp_path):
    if request.param is not embedded:
        return request.param(tmp_path)
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is missing")
    return embedded(tmp_path, request.getfixturevalue("exiftool"))


def read(place, photo) -> Seen:
    (seen,) = place.sink.read([photo])
    assert isinstance(seen, Seen)
    return seen


def draft(place, photo, change) -> Draft:
    drafted = place.sink.draft(photo, read(place, photo), change)
    assert isinstance(drafted, Draft)
    return drafted


def write(place, photo, change) -> Seen:
    (answer,) = place.sink.write([draft(place, photo, change)])
    assert isinstance(answer, Seen)
    return answer


def test_where_nothing_is_nothing_is_seen(place):
    photo = place.photo("a.jpg")
    seen = read(place, photo)
    assert (seen.digest, dict(seen.lists), dict(seen.texts)) == (b"", {}, {})
    assert seen.exists == (seen.where == photo.file), "only the photo itself is there before we write"


def test_what_was_written_is_read_back(place):
    photo = place.photo("a.jpg")
    written = write(place, photo, WORDS)
    assert written == read(place, photo)
    assert dict(written.lists) == dict(WORDS.add)
    assert dict(written.texts) == dict(WORDS.texts)
    assert written.claimed == WORDS.claim


def test_a_draft_tells_what_will_stand_there_and_touches_nothing(place):
    photo = place.photo("a.jpg")
    before = read(place, photo)
    drafted = draft(place, photo, WORDS)
    assert read(place, photo) == before
    assert (drafted.before, drafted.after) == (before.digest, drafted.seen.digest)
    assert place.sink.write([drafted]) == [drafted.seen]


def test_a_batch_gets_an_answer_an_item_in_its_order(place):
    photos = [place.photo(f"{number}.jpg") for number in range(7)]
    seen = place.sink.read(photos)
    drafts = [
        place.sink.draft(*pair, Change(add={FLAT: (str(n),)}))
        for n, pair in enumerate(zip(photos, seen, strict=True))
    ]
    place.theirs(photos[3], Change(add={FLAT: ("theirs",)}))
    answers = place.sink.write(drafts)
    assert isinstance(answers.pop(3), ChangedMeanwhile)
    assert [answer.lists[FLAT] for answer in answers] == [("0",), ("1",), ("2",), ("4",), ("5",), ("6",)]
    assert read(place, photos[3]).lists == {FLAT: ("theirs",)}


def test_what_others_have_written_stays_and_ours_comes_behind_it(place):
    photo = place.photo("a.jpg")
    place.theirs(photo, Change(add={FLAT: ("sea", "boat")}, texts={"dc:title": "At sea"}))
    written = write(place, photo, WORDS)
    assert written.lists[FLAT] == ("sea", "boat", "cat")
    assert written.texts["dc:title"] == "At sea"


def test_the_same_change_twice_is_one_change(place):
    photo = place.photo("a.jpg")
    written = write(place, photo, WORDS)
    again = draft(place, photo, WORDS)
    assert again.before == again.after == written.digest
    assert place.sink.write([again]) == [written]


def test_a_new_run_alone_is_no_change(place):
    photo = place.photo("a.jpg")
    written = write(place, photo, WORDS)
    claim = Claim("f3a9", 2, WORDS.claim.words, WORDS.claim.texts)
    assert draft(place, photo, Change(claim=claim)).after == written.digest


def test_nothing_to_add_makes_nothing(place):
    photo = place.photo("a.jpg")
    for change in (
        Change(),
        Change(remove={FLAT: ("x",)}, texts={CAPTION: None}),
        Change(claim=Claim("f", 1, ())),
    ):
        drafted = draft(place, photo, change)
        assert drafted.after == b""
        assert place.sink.write([drafted]) == [drafted.seen]


def test_values_are_taken_away_exactly_as_they_are_given(place):
    photo = place.photo("a.jpg")
    place.theirs(photo, Change(add={FLAT: ("cat", "Cat", "cat ", "dog")}))
    written = write(place, photo, Change(remove={FLAT: ("cat", "bird")}))
    assert written.lists == {FLAT: ("Cat", "cat ", "dog")}
    assert write(place, photo, Change(remove={FLAT: ("Cat", "cat ", "dog")})).lists == {}


def test_a_value_removed_and_added_stands_once_at_the_end(place):
    photo = place.photo("a.jpg")
    place.theirs(photo, Change(add={FLAT: ("a", "b")}))
    assert write(place, photo, Change(add={FLAT: ("a", "a")}, remove={FLAT: ("a",)})).lists == {FLAT: ("b", "a")}


def test_texts_are_set_and_deleted(place):
    photo = place.photo("a.jpg")
    write(place, photo, WORDS)
    written = write(place, photo, Change(texts={CAPTION: "two cats", "photoshop:City": None}))
    assert dict(written.texts) == {CAPTION: "two cats"}


def test_a_claim_of_nothing_deletes_the_claim(place):
    photo = place.photo("a.jpg")
    write(place, photo, WORDS)
    assert write(place, photo, Change()).claimed == WORDS.claim
    assert write(place, photo, Change(claim=Claim("f3a9", 3, ()))).claimed is None


def test_whoever_wrote_in_between_is_not_overwritten(place):
    photo = place.photo("a.jpg")
    drafted = draft(place, photo, WORDS)
    place.theirs(photo, Change(add={FLAT: ("theirs",)}))
    (answer,) = place.sink.write([drafted])
    assert isinstance(answer, ChangedMeanwhile)
    assert read(place, photo).lists == {FLAT: ("theirs",)}


def test_a_draft_from_a_look_that_is_outdated_is_never_written(place):
    photo = place.photo("a.jpg")
    seen = read(place, photo)
    place.theirs(photo, Change(add={FLAT: ("theirs",)}))
    drafted = place.sink.draft(photo, seen, WORDS)
    assert isinstance(drafted, Draft)
    assert isinstance(place.sink.write([drafted])[0], ChangedMeanwhile)


def test_a_write_is_taken_back_to_the_digest_before(place):
    photo = place.photo("a.jpg")
    place.theirs(photo, Change(add={FLAT: ("sea",)}))
    before = read(place, photo)
    drafted = draft(place, photo, WORDS)
    place.sink.write([drafted])
    back = place.sink.revert(photo, drafted.where, drafted.after, drafted.inverse)
    assert isinstance(back, Draft)
    assert place.sink.write([back]) == [before]
    assert read(place, photo) == before


def test_what_we_made_is_gone_after_taking_it_back(place):
    photo = place.photo("a.jpg")
    drafted = draft(place, photo, WORDS)
    place.sink.write([drafted])
    place.sink.write([place.sink.revert(photo, drafted.where, drafted.after, drafted.inverse)])
    assert not read(place, photo).digest


def test_nothing_is_taken_back_over_what_others_wrote_since(place):
    photo = place.photo("a.jpg")
    drafted = draft(place, photo, WORDS)
    place.sink.write([drafted])
    place.theirs(photo, Change(add={FLAT: ("theirs",)}))
    back = place.sink.revert(photo, drafted.where, drafted.after, drafted.inverse)
    assert isinstance(back, ChangedMeanwhile)


def test_a_dry_run_leaves_the_place_as_it_was_and_keeps_the_drafts(tmp_path):
    for make in (memory, sidecar):
        inner = make(tmp_path)
        photo = inner.photo("a.jpg")
        sink = DryRun(inner.sink)
        drafted = sink.draft(photo, sink.read([photo])[0], WORDS)
        sink.write([drafted])
        assert [each.seen for each in sink.drafts] == [drafted.seen]
        assert not read(inner, photo).exists


# What only sidecars have to promise.


def put(tmp_path, name: str, *words: str, extension: str | None = None) -> None:
    texts = {"photoshop:SidecarForExtension": extension} if extension else {}
    (tmp_path / name).write_bytes(xmp.new(Change(add={FLAT: words}, texts=texts), NOW))


@pytest.mark.parametrize(
    ("there", "photo", "target"),
    [
        ([], "a.jpg", "a.jpg.xmp"),
        (["a.jpg.xmp"], "a.jpg", "a.jpg.xmp"),
        (["a.xmp"], "a.jpg", "a.xmp"),
        (["a.XMP"], "a.jpg", "a.XMP"),
        (["a.jpg.XMP"], "a.jpg", "a.jpg.XMP"),
        (["a.xmp", "a.jpg.xmp"], "a.jpg", "a.jpg.xmp"),
        (["a.xmp", "a.cr2"], "a.jpg", "a.jpg.xmp"),
        (["a.xmp", "a.cr2", "a.jpg"], "a.cr2", "a.cr2.xmp"),
        (["a.xmp:cr2", "a.cr2"], "a.cr2", "a.xmp"),
        (["a.xmp:CR2", "a.cr2"], "a.jpg", "a.jpg.xmp"),
        (["a.xmp:CR2"], "a.jpg", "a.jpg.xmp"),
        (["a.xmp", "a.txt", "a_01.jpg", "ab.cr2"], "a.jpg", "a.xmp"),
        (["a_01.jpg.xmp"], "a.jpg", "a.jpg.xmp"),
        ([], "noextension", "noextension.xmp"),
    ],
)
def test_which_sidecar_is_written(tmp_path, there, photo, target):
    place = sidecar(tmp_path)
    for each in there:
        name, _, extension = each.partition(":")
        put(tmp_path, name, "theirs", extension=extension) if name.lower().endswith("xmp") else place.photo(name)
    seen = read(place, place.photo(photo))
    assert os.path.basename(seen.where).decode() == target
    before = {each: (tmp_path / each).read_bytes() for each in os.listdir(tmp_path) if each != target}
    write(place, place.photo(photo), WORDS)
    after = {each: (tmp_path / each).read_bytes() for each in os.listdir(tmp_path) if each != target}
    assert before == after


def test_of_two_sidecars_both_are_read_and_one_is_written(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    put(tmp_path, "a.jpg.xmp", "one", "two")
    put(tmp_path, "a.xmp", "two", "three")
    assert read(place, photo).lists == {FLAT: ("one", "two", "three")}
    written = write(place, photo, Change(add={FLAT: ("four",)}))
    assert written == read(place, photo)
    assert written.lists == {FLAT: ("one", "two", "four", "three")}


def test_the_registered_sidecar_goes_first(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    put(tmp_path, "a.jpg.xmp", "one")
    put(tmp_path, "random.xmp", "two")
    registered = os.fsencode(tmp_path / "random.xmp")
    sink = SidecarSink(clock=lambda: NOW, registered=lambda _: registered)
    (seen,) = sink.read([photo])
    assert (seen.where, seen.lists) == (registered, {FLAT: ("two", "one")})


def test_a_photo_that_is_gone_is_not_read_as_one_without_words(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    os.unlink(photo.file)
    (answer,) = place.sink.read([photo])
    assert type(answer).__name__ == "TryAgain"


def test_a_sidecar_that_cannot_be_read_is_refused_and_left(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    (tmp_path / "a.jpg.xmp").write_bytes(b"<x:xmpmeta")
    (answer,) = place.sink.read([photo])
    assert isinstance(answer, Refused)
    assert "line 1" in answer.reason
    drafted = place.sink.draft(photo, Seen(exists=False, digest=b""), WORDS)
    assert isinstance(drafted, Refused)
    assert (tmp_path / "a.jpg.xmp").read_bytes() == b"<x:xmpmeta"


def test_a_shared_sidecar_that_cannot_be_read_stops_nobody_who_has_another(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    place.photo("a.cr2")
    (tmp_path / "a.xmp").write_bytes(b"<x:xmpmeta")
    assert read(place, photo).where == photo.file + b".xmp"


def test_a_name_without_room_for_xmp_is_refused(tmp_path):
    place = sidecar(tmp_path)
    (answer,) = place.sink.read([place.photo("x" * 248 + ".jpg")])
    assert isinstance(answer, Refused)
    assert "256 bytes" in answer.reason


def test_names_that_are_not_utf_8_are_names(tmp_path):
    place = sidecar(tmp_path)
    photo = Photo(1, "r", os.fsencode(tmp_path), b"bad\xff\nname.jpg")
    with open(photo.file, "wb"):
        pass
    assert write(place, photo, WORDS).where == photo.file + b".xmp"


def test_without_provenance_no_claim_is_written(tmp_path):
    place = sidecar(tmp_path)
    sink = SidecarSink(clock=lambda: NOW, provenance=False)
    photo = place.photo("a.jpg")
    (seen,) = sink.write([sink.draft(photo, sink.read([photo])[0], WORDS)])
    assert seen.claimed is None


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "iso-8859-1"])
def test_taking_back_gives_every_byte_again_and_can_be_taken_back(tmp_path, codec):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    text = xmp.new(Change(add={FLAT: ("Zürich",)}), NOW).decode().split("\n", 1)[1]
    old = f'<?xml version="1.0" encoding="{codec}"?>\n{text}'.encode(codec)
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(old)
    drafted = draft(place, photo, WORDS)
    assert len(drafted.inverse) < 400
    place.sink.write([drafted])
    new = path.read_bytes()
    back = place.sink.revert(photo, drafted.where, drafted.after, drafted.inverse)
    place.sink.write([back])
    assert path.read_bytes() == old
    place.sink.write([place.sink.revert(photo, back.where, back.after, back.inverse)])
    assert path.read_bytes() == new


def test_a_file_that_was_made_comes_back_after_its_deletion_is_taken_back(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    drafted = draft(place, photo, WORDS)
    place.sink.write([drafted])
    new = (tmp_path / "a.jpg.xmp").read_bytes()
    back = place.sink.revert(photo, drafted.where, drafted.after, drafted.inverse)
    place.sink.write([back])
    place.sink.write([place.sink.revert(photo, back.where, back.after, back.inverse)])
    assert (tmp_path / "a.jpg.xmp").read_bytes() == new


def test_a_damaged_way_back_is_refused(tmp_path):
    place = sidecar(tmp_path)
    photo = place.photo("a.jpg")
    drafted = draft(place, photo, WORDS)
    place.sink.write([drafted])
    for recipe in (b"", b"\x02D", b"\x01X", b"\x01s123", b"\x01S123", b"\x01S" + b"\xff" * 24):
        assert isinstance(place.sink.revert(photo, drafted.where, drafted.after, recipe), Refused)

"""Small pictures that a look makes for whoever describes the photo later: one decode for both, and a bound."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from metadata import source
from metadata.photo import Facts
from models import image
from models import look as looking
from models.look import DescribeJob, Item, Known, Looked, LookJob, describe, look
from models.prints import Print, spread
from models.protocols import FEW, Titled
from tests.films import BLUE, GREEN, RED, film
from watcher import prints as kept
from watcher.prints import Prints
from watcher.spool import Spool

WISH = Print(100, 80)
SENT: list[bytes] = []


class Sends:
    """A captioner that sends prints; `edge` is what it would decode."""

    name, version, edge = "sends", "1", WISH.edge
    print = WISH

    def caption(self, views):
        SENT.extend(view.jpeg(WISH.edge, WISH.quality) for view in views)
        return [Titled("A cat", "") for _ in views]


class Fails(Sends):
    """One that cannot."""

    name = "fails"

    def caption(self, views):
        raise RuntimeError("no words")


@pytest.fixture(autouse=True)
def _captioners(monkeypatch):
    made = {"sends": Sends(), "fails": Fails()}
    before = looking._captioner
    monkeypatch.setattr(looking, "_captioner", lambda spec: made[spec[0]] if spec[0] in made else before(spec))
    SENT.clear()


@pytest.fixture
def counted(monkeypatch):
    """Files that were decoded and opened."""
    decoded, opened, do = [], [], image.decode
    monkeypatch.setattr(
        image, "decode", lambda *args, **more: decoded.append(more.get("path")) or do(*args, **more)
    )
    monkeypatch.setattr(source.os, "open", lambda *args, do=os.open: opened.append(args[0]) or do(*args))
    return decoded, opened


def photo(folder: Path, name="a.jpg") -> bytes:
    path = folder / name
    Image.effect_noise((400, 300), 90).convert("RGB").save(path)
    return bytes(path)


def later(looked: Looked, path: bytes) -> DescribeJob:
    item = Item(looked.id, path, Known(looked.digest), facts=looked.facts, prints=looked.prints)
    return DescribeJob((item,), ("sends", ()), prints=WISH)


def test_a_photo_that_is_looked_at_and_described_later_is_decoded_once(tmp_path, counted):
    decoded, opened = counted
    path = photo(tmp_path)
    job = LookJob((Item(7, path, wants=True),), (("monochrome", ()), ("colour", ())), prints=WISH)
    (looked,) = look(job)
    assert [one.source for one in looked.evidence] == ["monochrome", "colour"]
    (said,) = describe(later(looked, path))
    assert said.evidence[0].texts == (("dc:description", "A cat"),)
    assert (said.id, said.digest) == (7, looked.digest)
    assert decoded == [path]
    assert opened.count(path) == 1
    assert list(looked.prints) == SENT
    shown = Image.open(io.BytesIO(SENT[0]))
    assert (shown.size, shown.getexif()) == ((100, 75), {})


def test_what_is_sent_is_what_would_be_sent_without_prints(tmp_path):
    path = photo(tmp_path)
    (looked,) = look(LookJob((Item(7, path, wants=True),), (("colour", ()),), prints=WISH))
    describe(DescribeJob((Item(7, path),), ("sends", ())))
    assert list(looked.prints) == SENT


def test_prints_of_another_size_are_not_sent(tmp_path, counted):
    path = photo(tmp_path)
    (looked,) = look(LookJob((Item(7, path, wants=True),), prints=Print(50, 80)))
    item = Item(7, path, Known(looked.digest), facts=looked.facts, prints=looked.prints)
    describe(DescribeJob((item,), ("sends", ()), prints=Print(50, 80)))
    assert Image.open(io.BytesIO(SENT[0])).size == (100, 75)


def test_only_those_that_want_them_get_prints(tmp_path, counted):
    items = (Item(1, photo(tmp_path, "a.jpg"), wants=True), Item(2, photo(tmp_path, "b.jpg")))
    one, two = look(LookJob(items, prints=WISH))
    assert len(one.prints) == 1
    assert two.prints == ()
    assert counted[0] == [items[0].path]


def test_that_no_print_can_be_made_is_no_fault_where_nobody_looks(tmp_path):
    path = photo(tmp_path)
    whole = Path(os.fsdecode(path)).read_bytes()
    Path(os.fsdecode(path)).write_bytes(whole[: len(whole) // 2])
    (looked,) = look(LookJob((Item(7, path, wants=True),), prints=WISH))
    assert (looked.error, looked.prints) == (None, ())
    (looked,) = look(LookJob((Item(7, path, wants=True),), (("colour", ()),), prints=WISH))
    assert "truncated" in looked.error.reason


def test_a_captioner_that_needs_no_server_shares_the_decode_with_the_taggers(tmp_path, counted):
    path = photo(tmp_path)
    (looked,) = look(LookJob((Item(7, path),), (("colour", ()),), captioner=("sends", ())))
    assert [one.source for one in looked.evidence] == ["colour", "sends"]
    assert counted[0] == [path]


def test_a_captioner_that_fails_leaves_everything_else(tmp_path, caplog):
    items = (Item(1, photo(tmp_path, "a.jpg")), Item(2, photo(tmp_path, "b.jpg")))
    found = look(LookJob(items, (("colour", ()),), captioner=("fails", ())))
    assert [one.error for one in found] == [None, None]
    assert [[said.source for said in one.evidence] for one in found] == [["colour"], ["colour"]]
    assert caplog.text.count("no words") >= 2


def test_of_a_film_all_pictures_are_looked_at_and_a_few_are_printed(tmp_path, counted):
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    path.write_bytes(film((RED, GREEN, BLUE, RED, GREEN, BLUE)))
    (looked,) = look(LookJob((Item(7, bytes(path), wants=True),), (("colour", ()),), prints=WISH))
    (plain,) = look(LookJob((Item(7, bytes(path)),), (("colour", ()),)))
    assert {word for word, _ in looked.evidence[0].words} == {word for word, _ in plain.evidence[0].words}
    assert len(looked.prints) == FEW
    counted[1].clear()
    (said,) = describe(later(looked, bytes(path)))
    assert said.evidence[0].texts == (("dc:description", "A cat"),)
    assert counted[1] == []


def test_few_of_many_are_spread_over_all():
    assert list(spread(range(8), 3)) == [1, 4, 6]
    assert list(spread(range(3), 3)) == [0, 1, 2]


# Those that are kept


FACTS, FIRST = Facts("JPEG", 8, 6), Facts("JPEG", 4, 3)


def printed(number: int, size: int) -> Looked:
    return Looked(number, bytes([number]) * 16, FIRST, prints=(b"x" * size,))


@pytest.fixture
def spooled(tmp_path):
    """Prints that may take so many bytes of memory and of disk."""
    made = []

    def make(most, disk=0):
        made.append(Prints(most, Spool(tmp_path / "prints", disk)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_no_more_are_kept_than_fit_and_none_are_made_while_there_is_no_room(spooled):
    prints = spooled(25)
    job = LookJob((Item(1, b"/p/a.jpg"),))
    assert prints.asked(job) is job  # nobody describes
    prints.want("ollama", WISH)
    prints.keep([printed(1, 10), printed(2, 10), printed(3, 10)])
    assert prints.photos() == [1, 2]
    asked = prints.asked(job)
    assert (asked.prints, asked.photos[0].wants) == (WISH, True)
    prints.keep([printed(4, 5)])
    assert prints.asked(job) is job
    prints.drop(bytes([1]) * 16)
    assert prints.asked(job).prints == WISH
    item = prints.with_prints(Item(2, b"/p/b.jpg", Known(bytes([2]) * 16)))
    assert item.prints == (b"x" * 10,)
    assert item.facts is not None
    assert prints.with_prints(Item(1, b"/p/a.jpg", Known(bytes([1]) * 16))).prints == ()


def test_no_more_photos_than_can_be_looked_up_at_each_search_are_kept_however_small_their_prints(
    monkeypatch, spooled
):
    monkeypatch.setattr(kept, "MANY", 2)
    prints = spooled(1000)
    prints.want("ollama", WISH)
    job = LookJob((Item(1, b"/p/a.jpg"),))
    prints.keep([printed(1, 1)])
    assert prints.asked(job).prints == WISH
    prints.keep([printed(2, 1), printed(3, 1), printed(2, 5)])
    assert prints.photos() == [1, 2]
    assert prints.asked(job) is job
    assert prints.with_prints(Item(2, b"/p/b.jpg", Known(bytes([2]) * 16))).prints == (b"x" * 5,)


@pytest.mark.parametrize(
    ("sources", "wants"),
    [({"colour@1"}, True), ({"ollama@m-1"}, False), ({"ollama@?m-1"}, True), (set(), True)],
)
def test_prints_are_made_of_photos_that_are_still_to_be_described(sources, wants, spooled):
    prints = spooled(100)
    prints.want("ollama", WISH)
    (item,) = prints.asked(LookJob((Item(1, b"/p", Known(b"d", frozenset(sources))),))).photos
    assert item.wants is wants


# What does not fit into memory


def known(number: int) -> Item:
    return Item(number, b"/p/a.jpg", Known(bytes([number]) * 16))


def test_what_does_not_fit_into_memory_goes_into_files_and_is_there_for_the_next_process(spooled):
    prints = spooled(10, 1 << 20)
    prints.want("ollama", WISH)
    prints._spool.drain()
    prints.keep([printed(number, 10) for number in range(1, 5)])
    assert prints.photos() == [1]
    job = LookJob((known(4), known(5)))
    assert [item.wants for item in prints.asked(job).photos] == [False, True]
    assert prints.from_file(prints.with_prints(known(1)), FACTS).facts is FIRST
    assert prints.from_file(prints.with_prints(known(4)), FACTS) == replace(
        known(4), facts=FACTS, prints=(b"x" * 10,)
    )
    prints.close()
    again = spooled(10, 1 << 20)
    again.want("ollama", WISH)
    again._spool.drain()
    assert again.photos() == []
    assert [again.from_file(known(number), FACTS).prints for number in range(1, 6)] == [(b"x" * 10,)] * 4 + [()]


def test_a_photo_that_was_turned_since_its_look_is_decoded_again(spooled):
    prints = spooled(0, 1 << 20)
    prints.want("ollama", WISH)
    prints._spool.drain()
    prints.keep([printed(1, 10)])
    assert prints.from_file(known(1), replace(FACTS, orientation=6)).prints == ()


def test_memory_stays_bounded_however_far_a_model_is_behind(spooled):
    prints = spooled(1000, 1 << 30)
    prints.want("ollama", WISH)
    prints._spool.drain()
    for number in range(3000):
        one = replace(printed(1, 40), id=number, digest=number.to_bytes(16, "big"))
        prints.keep([one])
    assert len(prints.photos()) == 25
    assert prints._size <= 1000
    prints._spool.drain()
    assert prints._spool._queued == {}
    assert len(prints._spool.every()) == 2975


def test_no_more_files_are_looked_up_at_a_search_than_it_says_and_all_have_their_turn(spooled):
    prints = spooled(0, 1 << 30)
    prints.want("ollama", WISH)
    prints._spool.drain()
    for number in range(100):
        prints.keep([replace(printed(1, 10), digest=number.to_bytes(16, "big"))])
    prints._spool.drain()
    prints._spool.some(1)  # the end of a turn in which there was none yet
    asked: list[int] = []

    class Book:
        def execute(self, _query, values):
            asked.append(len(values) - 2)
            return [(number.to_bytes(16, "big"),) for number in range(50)]

    for _ in range(4):
        prints.sweep(Book(), 25)
    prints._spool.drain()
    assert asked == [25] * 4
    assert len(prints._spool.every()) == 50

"""Films in a library: they get keywords beside them like photos, and a Live Photo is one picture."""

from __future__ import annotations

import pytest
from PIL import Image

from metadata import tags
from tests.films import BLUE, GREEN, RED, apple, film, put
from tests.flow.house_world import World, paint
from watcher.arrival import Arrival, Kind
from watcher.ledger import words


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, settle=0.01)


def said(world, name):
    with world.open() as app:
        number = app.ledger.db.execute("SELECT id FROM photos WHERE name = ?", (name,)).fetchone()[0]
        return {tags.show(word) for word in words.truths(app.ledger.db, [number])[number].words.values()}


def still(path, colour, *, taken="2024:05:01 18:30:01", zone="+02:00"):
    """A JPEG with a time, as a phone writes it."""
    image, about = Image.new("RGB", (64, 48), colour), Image.Exif()
    about.get_ifd(0x8769).update({36867: taken, **({36881: zone} if zone else {})})
    image.save(path, "JPEG", quality=95, exif=about)
    return path


def moving(path, colour=BLUE, *, taken="2024-05-01T18:30:00+0200", **more):
    return put(path, film((colour,), kind="mov", seconds=1, says=apple(taken, **more)))


def test_a_film_that_lands_gets_a_sidecar_with_its_own_name(tmp_path):
    world = World(tmp_path, real=True, settle=0.01, facts=["place"])
    put(world.photos / "a.mp4", film((RED, BLUE)))
    moving(world.photos / "b.MOV", GREEN, place="+48.2082+016.3738/")
    world.run()
    assert world.state_of("a.mp4")[0] == "delivered"
    assert "colour/red" in (world.photos / "a.mp4.xmp").read_text()
    text = (world.photos / "b.MOV.xmp").read_text()
    assert "Vienna" in text
    assert "colour/green" in text
    assert not (world.photos / "b.xmp").exists()


def test_a_damaged_film_is_set_aside_and_holds_nobody_up(world):
    put(world.photos / "bad.mp4", film()[:400])
    put(world.photos / "empty.mov", b"")
    put(world.photos / "good.mp4", film())
    world.run()
    assert world.state_of("bad.mp4")[0] == world.state_of("empty.mov")[0] == "aside"
    assert world.state_of("bad.mp4")[2].startswith("damaged film")
    assert world.state_of("empty.mov")[2] == "empty file"
    assert world.state_of("good.mp4")[0] == "delivered"


def test_a_live_photo_is_one_picture_whichever_half_comes_first(world):
    still(world.photos / "IMG_1.jpg", RED)
    world.run()
    moving(world.photos / "IMG_1.MOV")
    world.run()
    assert said(world, b"IMG_1.jpg") == said(world, b"IMG_1.MOV") == {"colour/red", "colour/blue"}


def test_a_film_of_the_same_name_from_another_day_is_another_picture(world):
    still(world.photos / "IMG_1.jpg", RED)
    moving(world.photos / "IMG_1.MOV", taken="2024-05-02T18:30:00+0200")
    world.run()
    assert said(world, b"IMG_1.jpg") == {"colour/red"}
    assert said(world, b"IMG_1.MOV") == {"colour/blue"}


def test_times_are_compared_across_zones_and_an_unknown_zone_may_be_any(world):
    still(world.photos / "IMG_1.jpg", RED)
    moving(world.photos / "IMG_1.MOV", taken="2024-05-01T16:30:02+0000")
    still(world.photos / "IMG_2.jpg", RED, zone="")
    moving(world.photos / "IMG_2.MOV", taken="2024-05-01T16:30:02+0000")
    still(world.photos / "IMG_3.jpg", RED, zone="")
    moving(world.photos / "IMG_3.MOV", taken="2024-05-01T16:41:00+0000")
    world.run()
    assert said(world, b"IMG_1.jpg") == said(world, b"IMG_2.jpg") == {"colour/red", "colour/blue"}
    assert said(world, b"IMG_3.jpg") == {"colour/red"}


def test_apples_name_of_the_moment_joins_halves_that_were_renamed_and_their_refusals(world):
    from tests.unit.test_bursts import notes

    image, about = Image.new("RGB", (64, 48), RED), Image.Exif()
    about[271] = "Apple"
    about.get_ifd(0x8769)[37500] = notes((17, "MOMENT-7"))
    image.save(world.photos / "sea.jpg", "JPEG", quality=95, exif=about)
    moving(world.photos / "IMG_9.MOV", moment="MOMENT-7")
    paint(world.photos / "other.jpg", GREEN)
    world.run()
    world.run()
    assert said(world, b"sea.jpg") == said(world, b"IMG_9.MOV") == {"colour/red", "colour/blue"}
    assert said(world, b"other.jpg") == {"colour/green"}
    world.ahead += 3600
    world.edit("sea.jpg", remove=("colour/blue",))
    world.touch("sea.jpg")
    world.run()
    world.run()
    assert world.refused("IMG_9.MOV") == {"colour/blue"}
    assert "colour/blue" not in world.words("sea.jpg") | world.words("IMG_9.MOV")
    world.ahead += 3600
    world.edit("IMG_9.MOV", add=("colour/blue",))
    world.touch("IMG_9.MOV")
    world.run()
    assert not world.refused("sea.jpg"), "whoever takes a refusal back for one takes it back for all"


def test_one_of_a_burst_is_looked_at_and_all_have_its_words_but_no_refusal_of_it(world):
    for number in range(1, 5):
        paint(world.photos / f"IMG_7_BURST00{number}.jpg", (RED, BLUE)[number % 2], mark=number)
    paint(world.photos / "IMG_8.jpg", GREEN)
    world.run()
    paint(world.photos / "IMG_7_BURST005.jpg", GREEN, mark=9)
    world.run()
    first = said(world, b"IMG_7_BURST001.jpg")
    assert first in ({"colour/blue"}, {"colour/red"})
    (word,) = first
    for number in range(2, 6):
        assert said(world, b"IMG_7_BURST00%d.jpg" % number) == first
    world.ahead += 3600
    world.edit("IMG_7_BURST002.jpg", remove=(word,))
    world.touch("IMG_7_BURST002.jpg")
    world.run()
    world.run()
    assert word not in world.words("IMG_7_BURST002.jpg")
    assert word in world.words("IMG_7_BURST003.jpg")


def test_a_film_that_is_copied_over_minutes_is_not_read_before_it_is_closed(tmp_path, monkeypatch):
    from models import look

    world, read, plain = World(tmp_path, settle=0.05), [], look._take

    def noted(seen, *rest, **more):
        read.append(seen.item.path)
        plain(seen, *rest, **more)

    monkeypatch.setattr(look, "_take", noted)
    data = film((RED,), seconds=8)
    with world.open() as app:
        app.intake.doors["p"].settling._time = lambda _: world.ahead  # minutes pass at once
        with open(world.photos / "long.mp4", "wb") as writer:
            for part in range(6):
                writer.write(data[part * 1000 : (part + 1) * 1000])
                writer.flush()
                app.intake.arrived(Arrival("p", b"long.mp4", Kind.SEEN))
                for _ in range(28):  # it stalls for nearly three seconds, and is looked at again and again
                    world.ahead += 0.1
                    app.intake.settle()
                assert not due(app)
            writer.write(data[6000:])
        app.intake.arrived(Arrival("p", b"long.mp4", Kind.CLOSED))
        for _ in range(3):
            world.ahead += 0.1
            app.intake.settle()
        assert due(app) == [b"long.mp4"]
        assert not read
        app.begin_today()
        app.worker.run(until_idle=True)
    assert read == [bytes(world.photos / "long.mp4")]
    assert world.state_of("long.mp4")[0] == "delivered"


def due(app):
    return [row[0] for row in app.ledger.db.execute("SELECT name FROM photos WHERE due IS NOT NULL")]


def test_what_is_private_in_one_file_of_a_picture_is_private_in_all(world):
    from watcher import privacy
    from watcher.ledger import work

    still(world.photos / "IMG_1.jpg", RED)
    moving(world.photos / "IMG_1.MOV")
    paint(world.photos / "other.jpg", GREEN)
    world.run()
    world.ahead += 3600
    world.edit("IMG_1.jpg", add=("family",))
    world.touch("IMG_1.jpg")
    world.run()
    with world.open() as app:
        db, rules = app.ledger.db, privacy.Rules(keywords=("family",))
        names = dict(db.execute("SELECT id, name FROM photos"))
        found = privacy.known(db, work.jobs(db, [*names]), rules).private
    assert {names[number] for number in found} == {b"IMG_1.jpg", b"IMG_1.MOV"}

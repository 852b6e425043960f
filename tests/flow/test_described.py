"""Vision models in the whole house: quick keywords first, the model's words after; nothing lost, nobody blamed."""

import threading

import pytest

from models import hosts, image
from tests.flow.house_world import BLUE, RED, World, paint, soon
from tests.vision_server import GOOD, Act, serving
from watcher import describer, furnishing, handing, tell
from watcher.ledger import work


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hosts, "SHORTEST", 0.05)
    monkeypatch.setattr(describer, "AGAIN", 0.05)


def house(folder, *servers, **more):
    table = {"hosts": [server.url for server in servers], **more.pop("ollama", {})}
    return World(folder, captioner="ollama", ollama=table, **more)


def caption(world, name):
    rows = world.ask("SELECT caption, ours FROM captions WHERE photo = ?", world.photo(name).id)
    return rows[0] if rows else None


def shown(world, name):
    with world.book() as db:
        return [*tell.show(handing.about(db, world.settings(), str(world.photos / name)), None)]


def said(world, name):
    return world.ask(
        "SELECT evidence.source, evidence.version FROM evidence JOIN photos ON photos.digest = evidence.digest "
        "WHERE photos.id = ? AND evidence.source = 'ollama'",
        world.photo(name).id,
    )


def test_keywords_title_and_caption_of_a_model_are_written_and_the_ledger_says_whose_they_are(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg", RED)
        world.run()
        assert world.words("a.jpg") >= {"field", "red", "kind/photo"}
        assert caption(world, "a.jpg") == (GOOD["caption"], 1)
        assert said(world, "a.jpg")[0][1].startswith("qwen3-vl")
        seen = world.sink.read([world.photo("a.jpg")])[0]
        assert seen.texts["dc:description"] == GOOD["caption"]
        assert len(server.asked) == 1
        world.run()
        assert len(server.asked) == 1


def test_each_picture_is_asked_about_once_whatever_its_copies(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            paint(world.photos / name, RED)
        paint(world.photos / "d.jpg", BLUE)
        world.run()
        assert len(server.asked) == 2
        assert {caption(world, name)[0] for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")} == {GOOD["caption"]}


def test_keywords_that_need_no_server_are_written_while_it_thinks(tmp_path):
    hold = threading.Event()
    with serving(lambda number, asked: Act(GOOD, hold=hold)) as server:
        world = house(tmp_path, server)
        for mark in range(40):
            paint(world.photos / f"{mark}.jpg", RED, mark=mark)
        with world.serving():
            with_words = "SELECT count(*) FROM photos WHERE state = 'delivered'"
            soon(lambda: world.ask(with_words)[0][0] == 40)
            soon(lambda: server.busy == 4)
            assert caption(world, "7.jpg") in (None, ("", 0))
            hold.set()
            soon(lambda: len(server.asked) == 40)
            soon(lambda: world.ask("SELECT count(*) FROM captions WHERE caption != ''")[0][0] == 40)
        assert server.busy == 4


def test_stopping_does_not_wait_for_a_server_that_does_not_answer(tmp_path):
    never = threading.Event()
    with serving(lambda number, asked: Act(GOOD, hold=never)) as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg")
        with world.serving():
            soon(lambda: server.asked)
        assert said(world, "a.jpg") == []
        server.behave = lambda number, asked: Act(GOOD)
        world.run()
        assert said(world, "a.jpg")


def test_an_unreachable_server_is_waited_for_and_no_photo_is_blamed(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        server.behave = lambda number, asked: Act("not there", status=404)
        for mark in range(3):
            paint(world.photos / f"{mark}.jpg", RED, mark=mark)
        with world.serving():
            soon(lambda: len(server.asked) >= 3)
            soon(lambda: world.ask("SELECT state, count(*) FROM photos GROUP BY 1") == [("delivered", 3)])
            assert world.ask("SELECT count(*) FROM evidence WHERE source = 'ollama'") == [(0,)]
            server.behave = lambda number, asked: Act(GOOD)
            soon(lambda: world.ask("SELECT count(*) FROM evidence WHERE source = 'ollama'") == [(3,)])


def test_a_pass_ends_though_no_server_is_there(tmp_path):
    world = World(tmp_path, captioner="ollama", ollama={"hosts": ["http://127.0.0.1:9"]})
    paint(world.photos / "a.jpg")
    world.run()
    assert world.state_of("a.jpg")[0] == "delivered"


def test_a_photo_with_a_bad_answer_is_left_until_a_person_asks_again(tmp_path):
    with serving(lambda number, asked: Act("no idea")) as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg")
        world.run()
        world.run()
        assert len(server.asked) == 2
        assert world.state_of("a.jpg")[0] == "delivered"
        assert any("no answer of use: ollama: the answer is no JSON" in line for line in shown(world, "a.jpg"))
        server.behave = lambda number, asked: Act(GOOD)
        world.do("scan", paths=[str(world.photos)], again="ollama")
        assert caption(world, "a.jpg") == (GOOD["caption"], 1)
        assert any(f"caption: {GOOD['caption']}" in line for line in shown(world, "a.jpg"))


def test_another_prompt_or_model_asks_nobody_again_by_itself(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg")
        world.run()
        world.changed["ollama"] = {**world.changed["ollama"], "model": "llava", "language": "German"}
        world.run()
        assert len(server.asked) == 1


def test_private_photos_and_their_copies_are_shown_to_this_machine_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts, "reach", lambda url: "far")
    with serving() as server:
        world = house(tmp_path, server, private={"folders": ["Private"], "keywords": ["family"]})
        paint(world.photos / "Private" / "a.jpg", RED)
        paint(world.photos / "copy.jpg", RED)
        paint(world.photos / "child.jpg", BLUE)
        paint(world.photos / "open.jpg", RED, mark=9)
        world.run(captioner="")
        world.edit("child.jpg", add=("family/Ada",))
        world.run(captioner="")
        world.run()
        assert len(server.asked) == 1
        assert caption(world, "open.jpg") == (GOOD["caption"], 1)
        assert said(world, "copy.jpg") == said(world, "child.jpg") == []


def test_a_service_says_what_people_gave_a_photo_to_a_near_host(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg", RED)
        world.run(captioner="")
        world.edit("a.jpg", add=("Trips/Chile",))
        world.run(captioner="")
        world.run()
        assert "- keywords: Trips/Chile" in server.asked[0].prompt


def test_a_photo_that_fails_at_a_well_server_waits_longer_each_time(tmp_path):
    assert list(work.PATIENCE) == sorted(work.PATIENCE)
    with serving(lambda number, asked: Act("x", status=500) if number == 0 else Act(GOOD)) as server:
        world = house(tmp_path, server)
        paint(world.photos / "a.jpg", RED)
        paint(world.photos / "b.jpg", BLUE)
        world.run()
        assert len(server.asked) == 2
        assert len(said(world, "a.jpg")) + len(said(world, "b.jpg")) == 1


def test_one_photo_of_a_burst_is_asked_about_and_a_late_one_gets_the_same_words(tmp_path):
    with serving() as server:
        world = house(tmp_path, server)
        names = [f"IMG_1_BURST00{number}.jpg" for number in range(1, 6)]
        for mark, name in enumerate(names[:4]):
            paint(world.photos / name, RED, mark=mark)
        world.run()
        world.run()
        assert len(server.asked) == 1
        paint(world.photos / names[4], RED, mark=9)
        world.run()
        world.run()
        assert len(server.asked) == 1
        assert {caption(world, name)[0] for name in names} == {GOOD["caption"]}


def test_a_raw_and_its_jpeg_are_asked_about_once(tmp_path):
    from tests.flow.test_siblings import raw

    with serving() as server:
        world = house(tmp_path, server)
        raw(world.photos / "IMG_1.dng")
        paint(world.photos / "IMG_1.jpg", BLUE)
        world.run()
        world.run()
        assert len(server.asked) == 1
        assert {caption(world, name)[0] for name in ("IMG_1.dng", "IMG_1.jpg")} == {GOOD["caption"]}


@pytest.fixture
def decodes(monkeypatch):
    """How often each photo was decoded."""
    counted: dict[bytes, int] = {}
    do = image.decode

    def decode(*args, path=b"", **more):
        counted[path] = counted.get(path, 0) + 1
        return do(*args, path=path, **more)

    monkeypatch.setattr(image, "decode", decode)
    return counted


def test_one_decode_serves_the_look_and_the_model_that_is_asked_later(tmp_path, decodes):
    with serving() as server:
        world = house(tmp_path, server, facts=["monochrome"])
        paths = [bytes(paint(world.photos / f"p{number}.jpg", mark=number + 1)) for number in range(12)]
        app = world.run()
        assert app.worker._desk.prints.photos() == []  # none is kept longer than it is needed
        assert len(server.asked) == 12
        assert decodes == dict.fromkeys(paths, 1)


def test_a_photo_that_found_no_room_for_its_picture_is_described_all_the_same(tmp_path, decodes, monkeypatch):
    monkeypatch.setattr(furnishing, "PRINTS", 0)
    with serving() as server:
        world = house(tmp_path, server, ollama={"spool": 0})
        path = bytes(paint(world.photos / "a.jpg"))
        world.run()
        assert caption(world, "a.jpg") == (GOOD["caption"], 1)
        assert decodes == {path: 2}


def test_no_picture_is_kept_of_a_photo_that_nobody_is_asked_about(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts, "reach", lambda _: "near")  # as if it were another machine
    with serving() as server:
        world = house(tmp_path, server, private={"folders": ["secret"]})
        paint(world.photos / "secret" / "a.jpg")
        paint(world.photos / "b.jpg", BLUE)
        app = world.run()
        assert len(server.asked) == 1
        assert app.worker._desk.prints.photos() == []

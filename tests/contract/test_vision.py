"""What every vision model behind HTTP promises, against a server that fails in every way."""

import importlib
import json
import threading
from contextlib import contextmanager

import pytest
from PIL import Image

from metadata.errors import PhotoError, TryAgain, UserError
from metadata.photo import Facts
from metadata.tags import clean
from models import hosts, registry
from models.hosts import Host
from models.image import FileView
from models.protocols import UNKNOWN, Hints
from tests.vision_server import GOOD, Act, serving

VISION = [
    name
    for name in registry.names("captioners")
    if hasattr(importlib.import_module(f"models.captioners.{name}"), "Talk")
]
FACTS = Facts("JPEG", 40, 30, latitude=38.72, longitude=-9.14)


def view(colour="red", *, size=(40, 30), hints=UNKNOWN, private=False):
    return FileView(
        b"/p/a.jpg", FACTS, image=Image.new("RGB", size, colour), edge=4000, hints=hints, private=private
    )


@pytest.fixture(params=VISION)
def name(request):
    return request.param


@contextmanager
def asking(name, *servers, **settings):
    given = settings.pop("hosts", None) or [server.url for server in servers]
    made = registry.captioner(name, hosts=given, model="m", **settings)
    try:
        yield made
    finally:
        made.close()


def test_there_are_some():
    assert {"ollama", "openai_compatible"} <= set(VISION)


def test_it_is_made_without_settings_bears_its_module_s_name_and_asks_this_machine(name):
    made = registry.captioner(name)
    assert made.name == name
    assert made.version
    assert "@" not in made.version
    assert made.slots == 4
    assert not made.away


def test_one_question_gives_keywords_title_caption_and_kind(name):
    with serving() as server, asking(name, server) as made:
        (said,) = made.caption([view()])
        assert (said.caption, said.title) == (GOOD["caption"], GOOD["title"])
        assert [word for word, _ in said.words] == [("kind", "photo"), ("field",), ("red",)]
        assert len(server.asked) == 1
        assert made.tag([view()]) == [list(said.words)]


def test_words_are_clean_and_scored_between_0_and_1(name):
    odd = {**GOOD, "keywords": ["a|b", "c/d", "x" * 300, "e\u0000f", "é" * 3, *(f"w {n} y" for n in range(99))]}
    with serving(lambda n, asked: Act(odd)) as server, asking(name, server) as made:
        (said,) = made.caption([view()])
    assert all(clean(word) == word and 0 <= score <= 1 for word, score in said.words)
    assert len({word for word, _ in said.words}) == len(said.words) <= 21


def test_each_photo_is_answered_the_same_alone_and_in_a_batch(name):
    def behave(number, asked):
        red, green, blue = asked.picture.resize((1, 1)).getpixel((0, 0))
        return Act({**GOOD, "title": f"mostly {max((red, 'red'), (green, 'green'), (blue, 'blue'))[1]}"})

    views = [view("red"), view("#00ff00"), view("blue"), view("red", size=(1, 1)), view("blue", size=(500, 1))]
    with serving(behave) as server, asking(name, server) as made:
        together = made.caption(views)
        assert [made.caption([one])[0] for one in views] == together
        assert made.caption(views[::-1]) == together[::-1]
        assert made.caption([]) == []
    assert [one.title for one in together] == ["mostly " + c for c in ("red", "green", "blue", "red", "blue")]


def test_what_is_sent_is_an_upright_jpeg_of_the_set_size_and_nothing_of_the_file(name):
    with serving() as server, asking(name, server, size=200) as made:
        made.caption([view(size=(1000, 500))])
        picture = server.asked[0].picture
    assert picture.format == "JPEG"
    assert picture.size == (200, 100)
    assert not picture.getexif()


def test_as_many_as_the_host_takes_are_asked_at_once(name):
    go = threading.Event()
    with serving() as server, asking(name, server) as made:

        def behave(number, asked):
            if server.now == 4:
                go.set()
            return Act(GOOD, hold=go)

        server.behave = behave
        assert len(made.caption([view() for _ in range(8)])) == 8
        assert server.busy == 4


def test_thoughts_fall_away(name):
    field = "thinking" if name == "ollama" else "reasoning_content"
    text = f'<think>{{"keywords": ["no"]}}</think>```json\n{json.dumps(GOOD)}\n```'
    acts = [Act(text), Act(GOOD, message={field: "hm, a field"}), Act("", message={field: json.dumps(GOOD)})]
    with serving(lambda number, asked: acts[number]) as server, asking(name, server) as made:
        for _ in acts:
            assert made.caption([view()])[0].title == GOOD["title"]


BAD = {
    "wrong schema": Act({"keywords": "dog"}),
    "no JSON": Act("What a lovely field!"),
    "a refusal": Act("I'm sorry, I can't help with that."),
    "cut off": Act('{"keywords": ["a", "a", "a"', finish="length"),
    "endless": Act(endless=True),
    "another envelope": Act(raw=b'{"ok": true}'),
    "nothing": Act(""),
}


@pytest.mark.parametrize("act", BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_asked_for_once_more_and_counts_against_the_photo_alone(name, act):
    with serving(lambda number, asked: act) as server, asking(name, server) as made:
        for _ in range(hosts.STUMBLES + 1):
            with pytest.raises(PhotoError, match=name):
                made.caption([view()])
        assert len(server.asked) == 2 * (hosts.STUMBLES + 1)  # the host was asked on and on


def test_a_bad_answer_may_be_a_good_one_the_next_time(name):
    with (
        serving(lambda number, asked: Act(GOOD) if number else Act("hm")) as server,
        asking(name, server) as made,
    ):
        assert made.caption([view()])[0].title == GOOD["title"]
        first, second = (_temperature(asked) for asked in server.asked)
        assert second > first


def _temperature(asked):
    return asked.body.get("options", asked.body)["temperature"]


DOWN = {
    "500": Act("oh", status=500),
    "429": Act("later", status=429, headers={"retry-after": "7"}),
    "cut mid-body": Act(GOOD, cut=20),
    "HTML": Act(raw=b"<html>proxy</html>", headers={"content-type": "text/html"}),
    "hung up": Act(drop=True),
    "key refused": Act("no", status=401),
    "no such model": Act("model 'm' not found", status=404),
}


@pytest.mark.parametrize("act", DOWN.values(), ids=DOWN.keys())
def test_what_fails_at_one_host_is_answered_by_the_next_and_never_is_the_photo_s_fault(name, act):
    down = lambda number, asked: act  # noqa: E731 - as short as it reads
    with serving(down, None, down) as (first, good, third), asking(name, first, good, third) as made:
        assert [one.title for one in made.caption([view() for _ in range(6)])] == [GOOD["title"]] * 6
        assert len(good.asked) == 6
    with serving(down) as server, asking(name, server) as made, pytest.raises(TryAgain):
        made.caption([view()])


def test_a_slow_host_is_given_up_for_another(name):
    never = threading.Event()
    with (
        serving(lambda number, asked: Act(GOOD, hold=never), None) as (slow, good),
        asking(name, slow, good, timeout=3.0) as made,
    ):
        assert made.caption([view()])[0].title == GOOD["title"]
        assert len(good.asked) == 1


def test_two_of_three_hosts_down_and_one_that_comes_back(name, monkeypatch):
    monkeypatch.setattr(hosts, "SHORTEST", 0.0)
    up = threading.Event()
    sick = lambda number, asked: Act(GOOD) if up.is_set() else Act("x", status=404)  # noqa: E731 - as above
    with serving(sick, sick, None) as (first, second, good), asking(name, first, second, good) as made:
        assert len(made.caption([view() for _ in range(5)])) == 5
        up.set()
        before = len(first.asked) + len(second.asked)
        made.caption([view() for _ in range(9)])
        assert len(first.asked) + len(second.asked) > before
        assert len(good.asked) < 14


def test_a_server_that_knows_no_schema_is_asked_without(name):
    def behave(number, asked):
        strict = "format" in asked.body or "response_format" in asked.body
        return Act("unknown field", status=400) if strict else Act(GOOD)

    with serving(behave) as server, asking(name, server) as made:
        assert made.caption([view()])[0].title == GOOD["title"]
        assert made.caption([view()])[0].title == GOOD["title"]
        assert len(server.asked) == 3  # refused once, remembered then


def test_a_picture_that_a_server_refuses_is_the_photo_s_fault(name):
    with serving(lambda number, asked: Act("bad image", status=400)) as server, asking(name, server) as made:
        with pytest.raises(PhotoError, match=r"the server refuses it: 400 bad image"):
            made.caption([view()])
        server.behave = lambda number, asked: Act(GOOD)
        made.caption([view()])
        assert {"format", "response_format"} & server.asked[-1].body.keys()  # the schema is sent again


def test_no_server_is_no_fault_of_the_photo(name):
    with asking(name, hosts=["http://127.0.0.1:9"]) as made, pytest.raises(TryAgain, match=r"127\.0\.0\.1:9"):
        made.caption([view()])


HINTS = Hints(("Ada",), (("animals", "dog"),))


def test_what_is_known_is_told_to_hosts_that_are_near(name):
    with serving() as server, asking(name, server) as made:
        made.caption([view(hints=HINTS)])
        prompt = server.asked[0].prompt
    assert "- people: Ada" in prompt
    assert "- keywords: animals/dog" in prompt
    assert "- place: Lisbon" in prompt


def test_and_to_others_only_where_the_host_says_so(name, monkeypatch):
    monkeypatch.setattr(hosts, "reach", lambda url: "far")
    with serving() as server:
        with asking(name, server) as made:
            made.caption([view(hints=HINTS)])
            assert made.away
            with pytest.raises(TryAgain, match="no host on this machine"):
                made.caption([view(private=True)])
        with asking(name, hosts=[Host(server.url, hints=True)]) as made:
            made.caption([view(hints=HINTS)])
        without, told = (asked.prompt for asked in server.asked)
    assert "Ada" not in without
    assert "Lisbon" not in without
    assert "Ada" in told


def test_a_prompt_of_one_s_own_is_used_and_makes_another_version(name, tmp_path):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text('Say {language}, {keywords}, {kinds}: {"keywords": []} {hints}')
    with serving() as server, asking(name, server, prompt=str(prompt), language="Deutsch", keywords=3) as made:
        made.caption([view()])
        assert server.asked[0].prompt.startswith("Say Deutsch, 3, photo, selfie")
        assert '{"keywords": []}' in server.asked[0].prompt
        with asking(name, server) as other:
            assert other.version != made.version
    with pytest.raises(UserError, match=r"nowhere.txt: cannot read this prompt"):
        registry.captioner(name, prompt=str(tmp_path / "nowhere.txt"))


def test_a_wrong_setting_is_one_clear_line(name):
    with pytest.raises(UserError, match="does not take these settings"):
        registry.captioner(name, colour="red")

import json

import pytest

from models.answers import KINDS, BadAnswer, Limits, Reply, read, schema

GOOD = {"kind": "Photo", "title": "A dog", "caption": "A dog on a beach.", "keywords": ["dog", "beach"]}
PROMPT = (
    "Look at this photo and describe it for somebody who searches a photo library. Answer with one JSON object."
)


CAPS = Limits()


def said(value, *, prompt=PROMPT, limits=CAPS, **more):
    text = value if isinstance(value, str) else json.dumps(value)
    return read(Reply(text, **more), prompt, limits)


def refused(value, **more):
    with pytest.raises(BadAnswer) as caught:
        said(value, **more)
    return str(caught.value)


def test_a_good_answer_is_taken_as_it_is():
    one = said(GOOD)
    assert (one.keywords, one.title, one.caption, one.kind) == (
        ("dog", "beach"), "A dog", "A dog on a beach.", "photo"
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '<think>The user wants {JSON}. {"keywords": ["wrong"]}</think>\n%s',
        "I see a dog. {hm}\n</think>%s",
        "```json\n%s\n```",
        "Here is the JSON you asked for:\n\n%s\n\nLet me know!",
        '<|channel|>analysis<|message|>hm {"keywords": ["wrong"]}<|end|><|channel|>final<|message|>%s',
        "<reasoning>so</reasoning>%s",
    ],
)
def test_thoughts_fences_and_chatter_around_it_fall_away(text):
    assert said(text % json.dumps(GOOD)).keywords == ("dog", "beach")


def test_an_answer_that_was_filed_under_thoughts_is_found_there():
    assert said("", thought=json.dumps(GOOD)).title == "A dog"


def test_what_was_only_thought_is_no_answer():
    assert "said nothing" in refused("<think>" + json.dumps(GOOD))
    assert "said nothing" in refused("", thought="hm, a dog")
    assert "empty" in refused("  ")


def test_keywords_are_capped_in_count_length_and_words():
    given = {
        **GOOD,
        "keywords": [*(f"word {'x' * n}" for n in range(40)), "a" * 61, "one two three four five six"],
    }
    one = said(given, limits=Limits(keywords=5))
    assert len(one.keywords) == 5
    assert said({**GOOD, "keywords": ["a" * 61, "one two three four five six", "dog"]}).keywords == ("dog",)


def test_keywords_are_cleaned_and_each_stands_once():
    given = ["1. Dog", "- dog", "#Beach", "sea, sand", "...", " ", "42", "tab\there", "\u200b", "DOG"]
    assert said({**GOOD, "keywords": given}).keywords == ("Dog", "Beach", "sea", "sand", "tab here")


def test_control_characters_go_and_lines_become_one():
    one = said('{"keywords": ["dog"], "title": "a\tb", "caption": "line one\nline\x00 two\x1b[0m\u2028"}')
    assert one.title == "a b"
    assert one.caption == "line one line two [0m"


def test_long_texts_end_at_a_sentence_or_a_word():
    one = said({**GOOD, "caption": "One two. Three four five six seven."}, limits=Limits(caption=20))
    assert one.caption == "One two."
    one = said({**GOOD, "title": "Once upon a time in a wood"}, limits=Limits(title=12))
    assert one.title == "Once upon a…"
    assert len(said({**GOOD, "title": "x" * 500}).title) == 120


@pytest.mark.parametrize(
    "value",
    [
        {**GOOD, "keywords": "dog, beach"},
        {**GOOD, "keywords": [1, 2]},
        {**GOOD, "keywords": {"dog": 1}},
        {**GOOD, "caption": ["a"]},
        {**GOOD, "title": 5},
        {**GOOD, "kind": {}},
        {**GOOD, "keywords": None},
    ],
)
def test_another_shape_is_no_answer(value):
    assert "no " in refused(value)


@pytest.mark.parametrize(
    "text", ["[1, 2]", '"dog"', "dog, beach", "null", '{"a": 1}', "{" * 5000, '{"keywords": ["dog"']
)
def test_what_is_no_object_is_no_answer(text):
    assert "no JSON object" in refused(text)


def test_a_cut_answer_says_so():
    assert "cut off" in refused('{"keywords": ["dog", "dog", "dog"', cut=True)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I can’t help with this image.",
        "As an AI, I cannot describe people.",
    ],
)
def test_refusals_are_told_as_such(text):
    assert refused(text).startswith("the model refused")
    assert refused({**GOOD, "caption": text}).startswith("the model refused")
    assert refused("", refusal=text).startswith("the model refused")


def test_a_picture_of_an_apology_is_no_refusal():
    assert said({**GOOD, "caption": "A card that reads “I'm sorry”."}).keywords


def test_an_echo_of_the_prompt_is_no_answer():
    assert "repeats" in refused({**GOOD, "caption": PROMPT})
    assert "repeats" in refused(
        {**GOOD, "title": "Hm: describe it for somebody who searches a photo library. Answer"}
    )


def test_going_round_in_circles_is_no_answer():
    assert "circles" in refused({**GOOD, "caption": "a dog and " * 30})


def test_placeholders_say_nothing():
    assert "says nothing" in refused({"kind": "...", "title": "...", "caption": "...", "keywords": ["...", "..."]})


def test_a_kind_nobody_knows_is_none():
    assert said({**GOOD, "kind": "masterpiece"}).kind == ""
    assert all(said({**GOOD, "kind": kind}).kind == kind for kind in KINDS)


def test_the_schema_has_the_same_caps():
    made = schema(Limits(keywords=7))
    assert made["properties"]["keywords"]["maxItems"] == 7
    assert made["additionalProperties"] is False
    assert set(made["required"]) == {"kind", "title", "caption", "keywords"}

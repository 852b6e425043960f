"""Choice: thresholds, block list, aliases, the root, and the most keywords."""

from __future__ import annotations

from dataclasses import replace

from metadata.choose import Evidence, Rules, choose, named, wanted
from metadata.tags import key


def said(*scored, source="sky", texts=None):
    return Evidence(source, "1", [(tuple(word.split("/")), score) for word, score in scored], texts or {})


def names(chosen):
    return ["/".join(one.word) for one in chosen.values()]


def test_a_word_counts_from_the_threshold_on():
    assert names(choose([said(("cat", 0.5), ("dog", 0.49))], Rules())) == ["cat"]


def test_a_source_may_have_its_own_threshold():
    rules = Rules(thresholds={"facts": 0.0})
    assert names(choose([said(("night", 0.1), source="facts"), said(("cat", 0.1))], rules)) == ["night"]


def test_the_surest_source_speaks_for_a_word_whatever_its_spelling():
    chosen = choose([said(("Cat", 0.6)), said(("cat", 0.9), source="clip")], Rules())
    assert [(one.word, one.source, one.score) for one in chosen.values()] == [(("cat",), "clip", 0.9)]


def test_surest_first_and_no_more_than_the_most():
    chosen = choose([said(("a", 0.6), ("b", 0.9), ("c", 0.8))], Rules(most=2))
    assert names(chosen) == ["b", "c"]


def test_equal_scores_are_ordered_by_name_so_that_two_runs_agree():
    assert names(choose([said(("b", 0.9), ("a", 0.9))], Rules(most=1))) == ["a"]


def test_blocked_words_and_all_below_them_are_never_chosen():
    rules = Rules(block=frozenset({key(("animals",))}))
    assert names(choose([said(("animals/cat", 0.9), ("Animals", 0.9), ("dog", 0.9))], rules)) == ["dog"]


def test_a_block_of_a_leaf_holds_wherever_it_stands():
    rules = Rules(block=frozenset({key(("cat",))}))
    assert choose([said(("animals/cat", 0.9))], rules) == {}


def test_a_word_said_of_too_many_photos_is_not_chosen():
    assert choose([said(("night", 1.0))], Rules(overused=frozenset({key(("night",))}))) == {}


def test_an_alias_gives_the_word_in_use():
    rules = Rules(aliases={key(("Hund",)): ("animals", "dog")})
    assert names(choose([said(("hund", 0.9))], rules)) == ["animals/dog"]


def test_an_alias_does_not_lead_around_the_block_list():
    rules = Rules(aliases={key(("hund",)): ("dog",)}, block=frozenset({key(("dog",))}))
    assert named(("hund",), rules) is None


def test_words_go_below_the_root():
    assert named(("cat",), Rules(under=("auto",))) == ("auto", "cat")


def test_a_refused_spelling_is_found_below_the_root_by_the_key_it_is_written_with():
    assert list(choose([said(("cat", 0.9))], Rules(under=("auto",)))) == [key(("auto", "cat"))]


def test_only_named_sources_are_heard():
    rules = Rules(sources=frozenset({"facts"}))
    assert choose([said(("cat", 0.9))], rules) == {}
    assert wanted([said(texts={"caption": "A cat"})], rules).caption == ""


def test_the_first_source_with_a_text_is_heard_and_a_caption_is_no_field():
    want = wanted(
        [said(texts={"caption": "A cat", "photoshop:City": ""}), said(texts={"photoshop:City": "Rom"})], Rules()
    )
    assert want.caption == "A cat"
    assert want.texts == {"photoshop:City": "Rom"}


def test_words_no_program_could_read_are_made_safe_or_dropped():
    assert names(choose([said(("a, b", 0.9), (",", 0.9))], Rules())) == ["a b"]


def test_a_bound_word_is_written_in_its_category_which_takes_the_place_of_the_path():
    rules = Rules(categories={key(("cat",)): ("Animals", "Pets"), key(("zoo", "cat")): ("Wild",)})
    assert named(("Cat",), rules) == ("Animals", "Pets", "Cat")
    assert named(("home", "cat"), rules) == ("Animals", "Pets", "cat"), "a last part holds for every path"
    assert named(("zoo", "cat"), rules) == ("Wild", "cat"), "a path goes before its last part"
    assert named(("catalogue",), rules) == ("catalogue",)


def test_people_win_over_words_and_the_root_and_the_block_list_hold_for_categories():
    rules = Rules(
        categories={key(("anna",)): ("Ships",), key(("people", "anna")): ("Ships",)},
        people={key(("anna",)): ("Family",)},
    )
    assert named(("People", "Anna"), rules) == ("Family", "Anna")
    assert named(("anna",), replace(rules, under=("auto",))) == ("auto", "Family", "anna")
    assert named(("anna",), replace(rules, block=frozenset({key(("family",))}))) is None


def test_two_words_in_one_category_with_one_last_part_are_one_keyword():
    rules = Rules(categories={key(("cat",)): ("Pets",)})
    chosen = choose([said(("home/cat", 0.6), ("cat", 0.9))], rules)
    assert [(one.word, one.score) for one in chosen.values()] == [(("Pets", "cat"), 0.9)]

"""Groups of keywords that mean the same: what is merged, what never is, and which word stands for the rest."""

import numpy as np
import pytest

from metadata import aliases
from metadata.errors import UserError
from models import canonical
from models.canonical import Wishes
from models.dedupe import groups, hierarchy, meaning
from models.dedupe.find import Options, find
from models.dedupe.library import Evidence, Library


def merged(*words, **options):
    """The groups among words that are each used once, as sets."""
    counts = dict.fromkeys(words, 1)
    return [set(group.words) for group in find(counts, options=Options(**options)).groups]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("DSLR", "Dslr"),
        ("DSLR", "digital SLR"),
        ("sofa", "couch"),
        ("sofa", "Sofas"),
        ("long_hair", "long hair"),
        ("long-hair", "long hair"),
        ("longHair", "long hair"),
        ("#longhair", "long hair"),
        ("Nürnberg", "Nuernberg"),
        ("Nürnberg", "Nuremberg"),
        ("Nu\u0308rnberg", "Nürnberg"),
        ("the lake", "lake"),
        ("view, sea", "sea view"),
        ("view of the sea", "sea view"),
        ("harbour", "harbor"),
        ("grey sky", "gray sky"),
        ("geese", "goose"),
        ("knives", "knife"),
        ("butterflies", "butterfly"),
        ("U.K.", "United Kingdom"),
        ("four people", "4 people"),
        ("1970s", "seventies"),
        ("first birthday", "1st birthday"),
        ("June 2019", "Jun 2019"),
        ("elderly man", "old man"),
        ("man smiling", "smiling man"),
        ("watching birds", "bird watching"),
        ("VR headset", "virtual reality headset"),
        ("oak", "oak tree"),
        ("marathno", "marathon"),
        ("f/2.8", "f2.8"),
        ("24-70mm", "24-70 mm"),
        ("Mt. Everest", "Mount Everest"),
    ],
)
def test_two_spellings_or_names_of_one_thing_are_one(a, b):
    assert merged(a, b, "wheelbarrow") == [{a, b}]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("cat", "dog"),
        ("sunrise", "sunset"),
        ("2019", "2020"),
        ("summer 2019", "summer 2020"),
        ("indoor", "outdoor"),
        ("Anna", "Anne"),
        ("Petra", "Peter"),
        ("Uncle Bob", "Uncle Rob"),
        ("glasses", "glass"),
        ("customs", "custom"),
        ("goods", "good"),
        ("Turkey", "turkey"),
        ("March", "march"),
        ("US", "us"),
        ("blackbird", "black bird"),
        ("table wine", "wine table"),
        ("light green", "green light"),
        ("milk chocolate", "chocolate milk"),
        ("dog bites man", "man bites dog"),
        ("glass of wine", "wine glass"),
        ("beer", "deer"),
        ("lion", "lioness"),
        ("actor", "actress"),
        ("two people", "three people"),
        ("iPhone 12", "iPhone 13"),
        ("f/1.4", "f/1.8"),
        ("red wine", "white wine"),
        ("North Dakota", "South Dakota"),
        ("Kansas", "Arkansas"),
        ("animals", "dog"),
        ("frog", "toad"),
        ("apple", "apple tree"),
        ("Alexander", "Alexandra"),
    ],
)
def test_two_things_are_never_one_whatever_the_vectors_say(a, b):
    def same(texts):
        return np.ones((len(texts), 4), np.float32)

    assert merged(a, b) == []
    assert find({a: 9, b: 9}, embed=same).groups == []


def test_vectors_join_what_nothing_else_knows_and_a_veto_stops_them():
    vectors = {"zorbing gear": [1, 0, 0], "orbing kit": [0.99, 0.14, 0], "tea": [0, 0, 1]}
    result = find(dict.fromkeys(vectors, 1), embed=lambda texts: np.array([vectors[t] for t in texts], np.float32))
    assert [set(group.words) for group in result.groups] == [{"zorbing gear", "orbing kit"}]
    assert "near in meaning" in result.groups[0].pairs[0][2].reasons[0]


def test_without_a_model_spelling_and_dictionaries_work_alone():
    assert merged("couch", "sofa") == [{"couch", "sofa"}]


def test_a_chain_of_near_words_is_no_group():
    near = {(0, 1): Evidence(0.95), (1, 2): Evidence(0.94)}
    assert groups.joined(near, lambda a, b: "", 0.85) == [[0, 1]]


def test_a_veto_across_two_groups_keeps_them_apart():
    sure = {(0, 1): Evidence(1.0), (2, 3): Evidence(1.0), (1, 2): Evidence(0.99)}
    assert groups.joined(sure, lambda a, b: "numbers" * ((a, b) in {(0, 3), (3, 0)}), 0.85) == [[0, 1], [2, 3]]


def test_a_near_miss_is_told_with_the_name_of_its_veto():
    vectors = np.ones((2, 3), np.float32)
    result = find({"grey fox": 3, "red fox": 3}, embed=lambda _: vectors)
    assert [(a, b, evidence.against) for a, b, evidence in result.vetoed] == [
        ("grey fox", "red fox", ["colours: gray, red"])
    ]


def test_a_protected_word_is_never_merged():
    assert merged("couch", "sofa", protected=frozenset({"couch"})) == []


def test_small_groups_are_left_out_when_asked():
    assert merged("couch", "sofa", min_size=3) == []


def test_the_photos_evidence_stands_beside_each_pair():
    photos = [["sofa", "couch"], ["sofa"], ["tree"]]
    result = find({"sofa": 2, "couch": 1, "tree": 1}, photos)
    assert "together on 1 of 1 and 2 photos" in result.groups[0].pairs[0][2].reasons


def test_words_that_are_said_to_mean_the_same_by_doubtful_evidence_are_only_suggested():
    result = find({"tornado": 5, "twister": 5, "tusk": 3, "ivory": 2})
    pairs = {frozenset(pair[:2]) for pair in result.suggestions}
    assert frozenset({"tusk", "ivory"}) in pairs
    assert not any({"tusk", "ivory"} <= set(group.words) for group in result.groups)


# The canonical word


def chosen(counts, wishes=None):
    library = Library(counts)
    best, reason = canonical.choose(library, range(len(library)), wishes or Wishes())
    return library.entries[best].text, reason


@pytest.mark.parametrize(
    ("counts", "best"),
    [
        ({"DSLR": 2, "Dslr": 9}, "DSLR"),
        ({"FOG": 9, "fog": 2}, "fog"),
        ({"long_hair": 9, "long hair": 2}, "long hair"),
        ({"longHair": 9, "long hair": 2}, "long hair"),
        ({"#sofa": 9, "sofa": 2}, "sofa"),
        ({"view, sea": 9, "sea view": 2}, "sea view"),
        ({"the lake": 9, "lake": 2}, "lake"),
        ({"marathno": 9, "marathon": 2}, "marathon"),
        ({"germany": 9, "Germany": 2}, "Germany"),
        ({"sofa": 9, "couch": 10}, "couch"),
        ({"Munchen": 3, "München": 2}, "München"),
        ({"lake.": 9, "lake": 2}, "lake"),
    ],
)
def test_the_better_spelt_word_stands_for_the_group_and_then_the_commoner(counts, best):
    assert chosen(counts)[0] == best


def test_a_person_s_choice_wins_over_all():
    assert chosen({"sofa": 9, "couch_": 1}, Wishes(chosen=frozenset({"couch_"}))) == (
        "couch_",
        "chosen by a person",
    )


def test_a_typed_word_wins_over_one_that_a_model_made():
    assert chosen({"sofa": 90, "Couch": 1}, Wishes(typed=frozenset({"Couch"}))) == ("Couch", "typed by a person")


# Aliases


def test_an_alias_is_followed_to_its_end():
    aliases = {("couch",): ("settee",), ("settee",): ("sofa",)}
    assert canonical.resolved(aliases) == {("couch",): ("sofa",), ("settee",): ("sofa",)}


def test_a_circle_of_aliases_is_refused():
    with pytest.raises(UserError, match="circle"):
        canonical.add({("a",): ("b",), ("b",): ("c",)}, ("c",), ("a",))
    with pytest.raises(UserError, match="itself"):
        canonical.add({}, ("a",), ("a",))


def test_an_alias_of_a_leaf_keeps_the_levels_above():
    aliases = {("couch",): ("sofa",)}
    assert canonical.applied(aliases, ("furniture", "couch"), leaves={("couch",)}) == ("furniture", "sofa")
    assert canonical.applied(aliases, ("furniture", "couch")) == ("furniture", "couch")
    assert canonical.applied(aliases, ("couch",)) == ("sofa",)


# The hierarchy


def test_a_kind_is_offered_below_what_it_is_a_kind_of_and_never_merged():
    result = find({"dog": 9, "beagle": 3, "wine": 4, "red wine": 2})
    assert result.groups == []
    assert {(child, parent) for child, parent, _ in result.parents} >= {("beagle", "dog"), ("red wine", "wine")}


def test_a_plain_word_and_the_one_path_with_that_leaf_are_offered_as_one():
    assert hierarchy.leaves([("animals", "dog"), ("Dog",), ("cat",)]) == [(("Dog",), ("animals", "dog"))]
    assert hierarchy.leaves([("animals", "dog"), ("food", "dog"), ("dog",)]) == []


def test_merging_never_loses_a_level():
    assert aliases.kept(("animals", "dogs"), ("dog",)) == ("animals", "dog")
    assert aliases.kept(("dogs",), ("animals", "dog")) == ("animals", "dog")


def test_a_plain_word_and_the_one_path_with_that_leaf_are_offered_and_not_merged():
    result = find({"animals/dog": 3, "dog": 9, "animals/cat": 2})
    assert result.groups == []
    assert {frozenset(pair[:2]) for pair in result.suggestions} == {frozenset({"animals/dog", "dog"})}


@pytest.mark.parametrize(
    ("a", "b"),
    [("animals/dog", "animals/dogs"), ("furniture/couch", "furniture/sofa"), ("Animals/Dog", "animals/dog")],
)
def test_paths_of_one_branch_whose_leaves_mean_the_same_are_one(a, b):
    assert merged(a, b) == [{a, b}]


@pytest.mark.parametrize(
    ("a", "b"),
    [("places/Paris", "people/Paris"), ("a big house/cat", "a big/house cat"), ("animals/dog", "animalsdog")],
)
def test_paths_of_other_branches_or_levels_are_never_one(a, b):
    assert merged(a, b) == []


def test_a_slash_alone_makes_no_path():
    assert merged("f/2.8", "f2.8") == [{"f/2.8", "f2.8"}]
    assert merged("b/w", "black and white") == [{"b/w", "black and white"}]


def test_what_is_one_for_some_people_only_is_left_to_a_person():
    result = find({"chicken": 5, "hen": 3})
    assert result.groups == []
    assert [set(pair[:2]) for pair in result.suggestions] == [{"chicken", "hen"}]


@pytest.mark.parametrize(("a", "b"), [("riding horse", "horse riding"), ("walking dog", "dog walking")])
def test_what_one_does_to_an_animal_is_not_turned_round(a, b):
    assert merged(a, b) == []


# Neighbours


def test_shorter_vectors_find_what_the_whole_ones_do(monkeypatch):
    random = np.random.default_rng(0)
    rows = random.normal(size=(600, 384)).astype(np.float32)
    rows[300:] = rows[:300] + random.uniform(0.3, 1.2, (300, 1)).astype(np.float32) * rows[300:]
    exact = meaning.near(rows, 0.6)
    monkeypatch.setattr(meaning, "FEW", 200)
    assert meaning._heads(meaning.unit(rows), 0.6)[1] > 0
    found = meaning.near(rows, 0.6)
    assert list(zip(found.a, found.b, strict=True)) == list(zip(exact.a, exact.b, strict=True))
    assert np.allclose(found.cosine, exact.cosine, atol=1e-5)


def test_words_of_one_narrow_field_are_compared_whole(monkeypatch):
    monkeypatch.setattr(meaning, "FEW", 200)
    rows = 5 + np.random.default_rng(0).normal(size=(300, 384)).astype(np.float32)
    assert meaning._heads(meaning.unit(rows), 0.6)[1] == 0


def test_the_blocks_find_exactly_the_pairs_of_the_full_matrix(monkeypatch):
    monkeypatch.setattr(meaning, "ROWS", 7)
    monkeypatch.setattr(meaning, "COLUMNS", 5)
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = meaning.near(rows, 0.8)
    unit = meaning.unit(rows)
    wanted = [(i, j) for i in range(40) for j in range(i + 1, 40) if unit[i] @ unit[j] >= 0.8]
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == wanted


def test_the_nearest_are_kept_where_there_are_too_many():
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    every, some = meaning.near(rows, 0.0), meaning.near(rows, 0.0, most=50)
    assert sorted(some.cosine) == sorted(every.cosine)[-50:]


def test_a_row_of_zeros_is_near_to_nothing():
    assert len(meaning.near(np.zeros((3, 4), np.float32), 0.1).a) == 0


def test_ranks_count_from_the_nearest():
    pairs = meaning.Near(
        np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32), np.array([0.9, 0.8, 0.7], np.float32)
    )
    first, second = meaning.ranks(pairs, 3)
    assert first.tolist() == [0, 1, 1]
    assert second.tolist() == [0, 0, 1]


@pytest.mark.parametrize("method", ["dbscan", "hdbscan"])
def test_other_methods_group_by_vectors_alone(method):
    angles = np.array([0, 0.05, 1.5, 1.55, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    words = dict.fromkeys("abcde", 1)
    found = find(words, embed=lambda _: vectors, options=Options(method=method)).groups
    assert {"a", "b"} in [set(group.words) for group in found]
    assert not any({"a", "c"} <= set(group.words) for group in found)

"""Finding words that mean the same does not depend on the order they come in, and is done after one time."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from models import spelling
from models.dedupe import groups
from models.dedupe.find import find
from models.dedupe.library import Evidence

POOL = [
    "sofa", "Sofas", "couch", "long hair", "long_hair", "Long Hair", "sunset", "sundown", "sunrise", "2019",
    "2020", "Nürnberg", "Nuremberg", "glass", "glasses", "oak", "oak tree", "Anna", "Anne", "marathon", "UK",
    "marathno", "United Kingdom", "view of the sea", "sea view", "f/2.8", "f2.8", "turkey", "Turkey", "lake",
    "the lake",
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(POOL), unique=True, min_size=1), st.randoms())
def test_the_groups_do_not_depend_on_the_order_of_the_words(words, random):
    counts = {word: 1 + len(word) for word in words}
    shuffled = list(words)
    random.shuffle(shuffled)
    assert find(counts).mapping() == find({word: counts[word] for word in shuffled}).mapping()


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(POOL), st.integers(1, 50), min_size=1))
def test_what_is_left_after_merging_is_not_merged_again(counts):
    mapping = find(counts).mapping()
    left: dict[str, int] = {}
    for word, number in counts.items():
        left[mapping.get(word, word)] = left.get(mapping.get(word, word), 0) + number
    assert find(left).mapping() == {}


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(list(itertools.combinations(range(10), 2))),
        st.floats(0.5, 0.95),
        max_size=30,
    ),
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5),
)
def test_every_two_words_of_a_group_have_evidence_and_no_veto(scores, vetoes):
    pairs = {pair: Evidence(score) for pair, score in scores.items()}

    def vetoed(a, b):
        return "no" * ((a, b) in vetoes or (b, a) in vetoes)

    for pair, evidence in pairs.items():
        evidence.against += ["no"] * bool(vetoed(*pair))
    for group in groups.joined(pairs, vetoed, 0.7):
        for i, a in enumerate(group):
            for b in group[i + 1 :]:
                assert scores.get((a, b), 0) >= 0.7
                assert not vetoed(a, b)


@given(st.text(max_size=40))
def test_any_text_can_be_taken_apart_and_is_spelt_like_itself(text):
    taken = spelling.spelt(text)
    assert taken.tokens
    assert taken.keys & spelling.spelt(text.strip()).keys


@given(st.text(alphabet="abc", max_size=6), st.text(alphabet="abc", max_size=6))
def test_one_slip_is_what_one_change_of_letters_makes(a, b):
    made = {a[:i] + a[i + 1 :] for i in range(len(a))}
    made |= {a[:i] + sign + a[i + k :] for i in range(len(a) + 1) for sign in "abc" for k in (0, 1)}
    made |= {a[:i] + a[i + 1] + a[i] + a[i + 2 :] for i in range(len(a) - 1)}
    assert spelling.one_slip(a, b) == (b in made - {a})

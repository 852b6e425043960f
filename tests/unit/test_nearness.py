"""A library of made-up vectors, of which it is known what each picture shows."""

import numpy as np
import pytest

from models import nearness
from models.nearness import SURE, Calibration, Scorer, calibrate, space, unit

WORDS, DIM = 400, 256


@pytest.fixture(scope="module")
def world():
    """Words and pictures lie in two cones apart; each word is nearer or farther by its own nature."""
    rng = np.random.default_rng(4)
    cone, other = unit(rng.normal(size=(2, DIM)))
    words = unit(0.8 * cone + 0.06 * rng.normal(size=(WORDS, DIM)) + rng.uniform(0, 0.3, (WORDS, 1)) * other)
    shows = [sorted(rng.choice(WORDS // 2, rng.integers(0, 4), replace=False).tolist()) for _ in range(3000)]
    noise = 0.03 * rng.normal(size=(3000, DIM))
    meant = np.stack([sum((words[w] - words.mean(0) for w in one), np.zeros(DIM)) for one in shows])
    pictures = unit(0.7 * other + 0.35 * meant + noise * rng.uniform(0.6, 1.4, (3000, 1)))
    anchors = unit(0.8 * cone + 0.02 * rng.normal(size=(5, DIM)))
    return space(np.asarray(words, np.float32), [1] * WORDS, anchors), pictures, shows


def judged(found, shows):
    said = [{word for word, score in one if score >= 0.5} for one in found]
    right = sum(len(one & set(true)) for one, true in zip(said, shows, strict=True))
    return right / max(1, sum(map(len, said))), right / sum(map(len, shows))


def test_few_and_right_words_are_said_where_raw_cosines_say_nearly_none(world):
    where, pictures, shows = world
    precision, recall = judged(Scorer(where, calibrate(pictures, where)).score(pictures), shows)
    assert precision > 0.95
    assert recall > 0.8
    raw = pictures @ where.words.T
    best = [{int(one) for one in np.argsort(-row)[: len(true)]} for row, true in zip(raw, shows, strict=True)]
    hits = sum(len(one & set(true)) for one, true in zip(best, shows, strict=True)) / sum(map(len, shows))
    assert hits < 0.8 * recall


def test_a_word_that_nothing_shows_is_said_of_nearly_nothing(world):
    where, pictures, _ = world
    absent = [
        w
        for one in Scorer(where, calibrate(pictures, where)).score(pictures)
        for w, s in one
        if s >= 0.5 and w >= 200
    ]
    assert len(absent) < 0.01 * len(pictures)


def test_a_word_that_a_third_of_the_library_shows_is_still_said(world):
    where, pictures, _ = world
    common = pictures.copy()
    common[::3] = unit(common[::3] + 0.35 * (where.words[7] - where.words.mean(0)))
    found = list(Scorer(where, calibrate(common, where)).score(common))
    said = [any(word == 7 and score >= 0.5 for word, score in one) for one in found]
    assert np.mean(said[::3]) > 0.6


def test_a_picture_is_answered_the_same_alone_in_blocks_and_whatever_its_length(world):
    where, pictures, _ = world
    for taught in (None, calibrate(pictures, where)):
        whole = list(Scorer(where, taught).score(pictures[:300]))
        assert list(Scorer(where, taught, block=7).score(3 * pictures[:300]))[:300] == [
            [(w, pytest.approx(s, abs=2e-3)) for w, s in one] for one in whole
        ]


def test_scores_are_sorted_and_a_picture_has_only_so_many(world):
    where, pictures, _ = world
    crowded = unit(pictures[:20] + 0.5 * where.words[:40].sum(0) / 6)
    for one in Scorer(where, calibrate(pictures, where)).score(crowded):
        scores = [score for _, score in one]
        assert scores == sorted(scores, reverse=True)
        assert sum(score >= 0.5 for score in scores) <= nearness.MOST
        assert len(one) <= nearness.KEPT


def test_of_two_words_that_are_nearly_one_only_the_surer_is_said(world):
    where, pictures, _ = world
    twins = np.concatenate([where.words, unit(where.words[:1] + 0.01)])
    both = nearness.Space(np.asarray(twins, np.float32), where.neutral)
    shown = unit(pictures[:50] + 0.4 * (where.words[0] - where.words.mean(0)))
    for one in Scorer(both, calibrate(pictures, both)).score(shown):
        assert len({word for word, _ in one} & {0, WORDS}) <= 1


def test_a_person_s_own_tags_move_the_threshold_to_where_they_agree(world):
    where, pictures, shows = world
    mine = [row for row, true in enumerate(shows) if 3 in true]
    taught = calibrate(pictures, where, {3: mine, 4: mine[:2]})
    assert taught.sure[3] != SURE
    assert taught.sure[4] == SURE
    found = list(Scorer(where, taught).score(pictures))
    said = {row for row, one in enumerate(found) if any(word == 3 and score >= 0.5 for word, score in one)}
    assert len(said & set(mine)) / len(said) > 0.9


def test_a_small_library_borrows_from_all_words(world):
    where, pictures, _ = world
    taught = calibrate(pictures[:3], where)
    assert taught.spread.min() > 0
    assert taught.spread.max() / taught.spread.min() < 3
    assert np.isfinite(taught.middle).all()


@pytest.mark.parametrize("bad", [np.zeros((2, DIM)), np.full((1, DIM), 1e-30)])
def test_pictures_that_are_nothing_are_given_nothing(world, bad):
    where, pictures, _ = world
    for taught in (None, calibrate(pictures, where)):
        for one in Scorer(where, taught).score(bad):
            assert all(np.isfinite(score) for _, score in one)


def test_texts_of_one_word_become_one_vector():
    rows = np.eye(4, dtype=np.float32)
    made = space(rows, [2, 1, 1], rows[:1])
    assert np.allclose(made.words[0], [0.5**0.5, 0.5**0.5, 0, 0])
    assert made.words.shape == (3, 4)


def test_what_was_taught_has_a_stamp():
    one = Calibration(np.zeros(2, np.float32), np.ones(2, np.float32), np.ones(2, np.float32), 5)
    other = Calibration(np.ones(2, np.float32), np.ones(2, np.float32), np.ones(2, np.float32), 5)
    assert one.stamp != other.stamp

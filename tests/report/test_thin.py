"""Thinned curves keep what a reader would miss."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clr_study.report.thin import extremes, fewer, fewer_words, thinned


@settings(derandomize=True, max_examples=200)
@given(st.integers(1, 3000), st.integers(0, 1000), st.sampled_from([4, 50, 500]))
def test_extremes_and_ends_stay_and_the_limit_holds(length, seed, limit):
    y = np.random.default_rng(seed).standard_normal(length)
    xs, ys = thinned(np.arange(length), y, limit)
    assert len(xs) <= max(limit, 4)
    assert min(ys) == y.min()
    assert max(ys) == y.max()
    assert (xs[0], xs[-1]) == (0, length - 1)
    assert list(xs) == sorted(set(xs))
    assert all(y[int(at)] == value for at, value in zip(xs, ys, strict=True))


@settings(derandomize=True, max_examples=100)
@given(arrays(float, st.integers(10, 200), elements=st.one_of(st.just(np.nan), st.floats(-1, 1))))
def test_gaps_are_borne(y):
    xs, ys = thinned(np.arange(len(y)), y, 8)
    assert len(xs) == len(ys) <= 8
    if np.isfinite(y).any():
        assert np.nanmax(ys) == np.nanmax(y)


def test_a_short_curve_is_left_as_it_is():
    assert thinned([1, 2], [0.5, 0.25]) == ((1.0, 2.0), (0.5, 0.25))


def test_several_curves_keep_the_extremes_of_each_in_every_stretch():
    rng = np.random.default_rng(3)
    curves = rng.standard_normal((3, 5000))
    curves[0, 1234], curves[1, 2345], curves[2, 3456] = 50, -50, 50
    kept = extremes(list(curves))
    assert len(kept) <= 500
    assert {0, 1234, 2345, 3456, 4999} <= set(kept.tolist())
    assert np.all(np.diff(kept) > 0)


def test_a_cloud_keeps_its_best_its_worst_and_those_without_a_height():
    rng = np.random.default_rng(4)
    points = [(float(x), None if x > 0.97 else float(y)) for x, y in rng.random((5000, 2))]
    kept = fewer(points, lambda point: point[0], lambda point: point[1])
    known = [y for _, y in points if y is not None]
    assert len(kept) <= 300
    assert {min(known), max(known)} <= {y for _, y in kept}
    assert (max(x for x, _ in kept)) > 0.97
    assert [point for point in points if point in set(kept)] == kept
    assert fewer(points[:300], lambda point: point[0], lambda point: point[1]) == points[:300]


def test_a_cloud_over_words_is_thinned_as_well():
    points = [("relu", 1), ("tanh", 2), (0.5, 3)] * 200
    kept = fewer(points, lambda point: point[0], lambda point: point[1], limit=9)
    assert {place for place, _ in kept} == {"relu", "tanh", 0.5}


def test_a_caption_tells_of_what_is_left_out():
    assert fewer_words([300, 2]) == fewer_words([]) == ""
    assert "more than 300 dots of an arm" in fewer_words([2, 301])

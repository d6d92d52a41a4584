"""Thinned curves keep what a reader would miss."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clr_study.report.thin import thinned


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

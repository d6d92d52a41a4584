from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.schedules.shapes import cycles_done, half_cosine, triangle

steady = settings(derandomize=True, deadline=None, max_examples=200)


@steady
@given(updates=st.integers(1, 10**6), cycles=st.integers(1, 10**4))
def test_a_run_cut_into_cycles_holds_as_many(updates, cycles):
    """However the length of a cycle rounds, the last one is complete after the last update."""
    length = updates / cycles
    assert cycles_done(np.array([float(updates)]), length)[0] == cycles


@steady
@given(length=st.integers(1, 10**5), cycles=st.integers(0, 10**6))
def test_whole_cycles_are_counted_exactly(length, cycles):
    end = float(length * cycles)
    np.testing.assert_array_equal(cycles_done(np.array([end, end + length - 1]), length), [cycles, cycles])


@steady
@given(up=st.floats(0.01, 1e5), down=st.floats(0.01, 1e5), t=st.integers(0, 10**7))
def test_the_triangle_stays_between_0_and_1(up, down, t):
    height = triangle(np.array([float(t)]), up, down)[0]
    assert 0 <= height <= 1


def test_the_half_cosine_is_flat_at_both_ends_and_symmetric():
    height = np.linspace(0, 1, 101)
    curve = half_cosine(height)
    assert curve[0] == 0.0
    assert curve[-1] == 1.0
    assert np.all(np.diff(curve) > 0)
    np.testing.assert_allclose(curve + curve[::-1], 1, rtol=1e-12)
    assert curve[1] < 0.001

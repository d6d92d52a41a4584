from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.schedules import (
    Constant,
    Joined,
    Linear,
    LinearRamp,
    OneCycle,
    Trapezoid,
    Triangular,
    WarmRestarts,
)

steady = settings(derandomize=True, deadline=None, max_examples=100)
fractions = st.floats(0, 0.5)


@steady
@given(updates=st.integers(1, 500), warmup=fractions, anneal=st.sampled_from(["cosine", "linear"]))
def test_one_cycle_rises_once_and_falls_once(updates, warmup, anneal):
    lrs = OneCycle(max_lr=1, updates=updates, warmup=warmup, anneal=anneal).table(updates + 20)
    peak = int(lrs.argmax())
    assert np.all(np.diff(lrs[: peak + 1]) > 0)
    assert np.all(np.diff(lrs[peak:]) <= 0)
    assert lrs.max() <= 1
    assert lrs[updates - 1 :] == pytest.approx(1 / 25 / 1e4)


def test_one_cycle_begins_at_the_peak_if_the_rise_has_no_length():
    """PyTorch divides by zero here: the peak is at update 0."""
    assert OneCycle(max_lr=1, updates=10, warmup=0.1).table(10).argmax() == 0
    assert OneCycle(max_lr=1, updates=10, warmup=0.1)(0) == 1.0


@steady
@given(updates=st.integers(1, 500), warmup=fractions, cooldown=fractions)
def test_no_update_of_a_trapezoid_is_wasted(updates, warmup, cooldown):
    lrs = Trapezoid(lr=2, updates=updates, warmup=warmup, cooldown=cooldown).table(updates + 5)
    assert np.all(lrs[:updates] > 0)
    assert np.all(lrs[updates:] == 0)
    assert lrs.max() <= 2
    top = int(lrs.argmax())
    assert np.all(np.diff(lrs[: top + 1]) >= 0)
    assert np.all(np.diff(lrs[top:]) <= 0)


def test_a_trapezoid_is_its_own_mirror_image():
    lrs = Trapezoid(lr=1, updates=100, warmup=0.2, cooldown=0.2).table(100)
    np.testing.assert_allclose(lrs, lrs[::-1], rtol=1e-12)
    assert lrs[0] == 1 / 20
    assert np.flatnonzero(lrs == 1).tolist() == list(range(19, 81))


def test_a_trapezoid_without_slopes_is_a_box():
    assert Trapezoid(lr=1, updates=4, warmup=0, cooldown=0).table(6).tolist() == [1, 1, 1, 1, 0, 0]


def test_a_joined_schedule_starts_each_part_afresh():
    parts = [LinearRamp(low=0, high=1, updates=5), Linear(lr=1, updates=10), Constant(lr=0.25)]
    joined = Joined(schedules=parts, boundaries=[5, 12])
    expected = np.concatenate([parts[0].table(5), parts[1].table(7), parts[2].table(8)])
    np.testing.assert_array_equal(joined.table(20), expected)


def test_joining_is_associative():
    parts = [Constant(lr=lr) for lr in (1, 2, 3, 4)]
    flat = Joined(schedules=parts, boundaries=[3, 5, 9])
    inner = Joined(schedules=parts[1:3], boundaries=[2])
    nested = Joined(schedules=[parts[0], inner, parts[3]], boundaries=[3, 9])
    np.testing.assert_array_equal(flat.table(15), nested.table(15))


def test_the_cycle_ends_of_joined_parts_are_shifted_and_cut():
    joined = Joined(
        schedules=[
            Triangular(base_lr=1, max_lr=2, step_size=2),
            Constant(lr=1),
            WarmRestarts(base_lr=1, max_lr=2, period=3, period_mult=2),
        ],
        boundaries=[9, 12],
    )
    assert joined.cycle is None
    assert joined.cycle_ends(40) == (4, 8, 15, 21, 33)
    assert joined.cycle_ends(21) == (4, 8, 15, 21)
    assert joined.cycle_ends(9) == (4, 8)
    assert joined.cycle_ends(4) == (4,)
    assert joined.cycle_ends(3) == ()


def test_a_cycle_that_ends_with_its_stage_counts_once():
    stage = Triangular(base_lr=1, max_lr=2, step_size=2)
    assert Joined(schedules=[stage, stage], boundaries=[8]).cycle_ends(12) == (4, 8, 12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: OneCycle(max_lr=1, updates=5, warmup=1),
            "0 <= warmup < 1 must hold, but got warmup=1.0",
        ),
        (lambda: OneCycle(max_lr=0, updates=5), "max_lr > 0 must hold, but got max_lr=0.0"),
        (lambda: OneCycle(max_lr=1, updates=5, div=0.5), "div >= 1 must hold, but got div=0.5"),
        (lambda: OneCycle(max_lr=1, updates=5, final_div=0), "final_div >= 1 must hold, but got final_div=0.0"),
        (
            lambda: OneCycle(max_lr=1, updates=5, anneal="cos"),
            "anneal must be one of 'cosine', 'linear', but got anneal='cos'",
        ),
        (
            lambda: Trapezoid(lr=1, updates=5, warmup=0.6, cooldown=0.5),
            "warmup + cooldown <= 1 must hold, but got warmup=0.6, cooldown=0.5",
        ),
        (
            lambda: Joined(schedules=[Constant(lr=1)], boundaries=[3]),
            "len(boundaries) == len(schedules) - 1 must hold, but got boundaries=(3,), schedules=(Constant(lr=1.0),)",
        ),
        (
            lambda: Joined(schedules=[], boundaries=[]),
            "len(schedules) >= 1 must hold, but got schedules=()",
        ),
        (
            lambda: Joined(schedules=[Constant(lr=1)] * 3, boundaries=[3, 3]),
            "1 <= boundaries[0] < boundaries[1] < ... must hold, but got boundaries=(3, 3)",
        ),
        (
            lambda: Joined(schedules=[0.1], boundaries=[]),
            "schedules[0] must be a Schedule, but got schedules[0]=0.1",
        ),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError) as refusal:
        build()
    assert str(refusal.value) == message

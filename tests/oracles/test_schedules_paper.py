"""The paper's formulas, and Caffe's, written out update by update with Python's own arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from clr_study.schedules import (
    Constant,
    Decay,
    Exponential,
    ExpRange,
    Inverse,
    Joined,
    LinearRamp,
    MultiStep,
    Parabolic,
    Polynomial,
    Sinusoidal,
    Step,
    Triangular,
    Triangular2,
)

# base_lr, max_lr, step_size, as the paper's experiments have them; the last is short, so that it has many cycles.
SETTINGS = [
    (0.001, 0.006, 2000),
    (0.001, 0.005, 2000),
    (1e-4, 5e-4, 1000),
    (1e-5, 5e-5, 500),
    (0.01, 0.026, 30_000),
    (0.006, 0.014, 30_000),
    (0.1, 0.3, 3),
]
every_setting = pytest.mark.parametrize(("base", "top", "size"), SETTINGS)


def moments(size):
    """The first 10,000 updates, and some about the ends and the peaks of later cycles."""
    late = [k * size + shift for k in range(1, 14) for shift in (-1, 0, 1)]
    return sorted({*range(10_000), *late})


def cycle_and_height(t, size):
    cycle = math.floor(1 + Fraction(t, 2 * size))
    x = abs(Fraction(t, size) - 2 * cycle + 1)
    return cycle, float(max(0, 1 - x))


def agree(schedule, formula, size=2000):
    times = moments(size)
    np.testing.assert_allclose(schedule(np.array(times)), [formula(t) for t in times], rtol=1e-12, atol=0, strict=True)


@every_setting
def test_triangular(base, top, size):
    agree(
        Triangular(base_lr=base, max_lr=top, step_size=size),
        lambda t: base + (top - base) * cycle_and_height(t, size)[1],
        size,
    )


@every_setting
def test_triangular2(base, top, size):
    def formula(t):
        cycle, height = cycle_and_height(t, size)
        return base + (top - base) * height * 0.5 ** (cycle - 1)

    agree(Triangular2(base_lr=base, max_lr=top, step_size=size), formula, size)


@every_setting
@pytest.mark.parametrize("gamma", [0.99994, 0.999995, 0.99998])
def test_exp_range_with_both_bounds_shrinking_as_the_paper_says(base, top, size, gamma):
    def formula(t):
        low, high = base * gamma**t, top * gamma**t
        return low + (high - low) * cycle_and_height(t, size)[1]

    agree(ExpRange(base_lr=base, max_lr=top, step_size=size, gamma=gamma), formula, size)


@every_setting
def test_exp_range_with_the_amplitude_shrinking_as_keras_does(base, top, size):
    agree(
        ExpRange(base_lr=base, max_lr=top, step_size=size, gamma=0.99994, shrinks="amplitude"),
        lambda t: base + (top - base) * cycle_and_height(t, size)[1] * 0.99994**t,
        size,
    )


@every_setting
def test_welch_window(base, top, size):
    agree(
        Parabolic(base_lr=base, max_lr=top, step_size=size),
        lambda t: base + (top - base) * (1 - (1 - cycle_and_height(t, size)[1]) ** 2),
        size,
    )


@every_setting
def test_hann_window(base, top, size):
    agree(
        Sinusoidal(base_lr=base, max_lr=top, step_size=size),
        lambda t: base + (top - base) * (1 - math.cos(math.pi * cycle_and_height(t, size)[1])) / 2,
        size,
    )


def test_decay_never_drops_below_the_lower_bound():
    agree(
        Decay(base_lr=0.001, max_lr=0.007, step_size=4000),
        lambda t: 0.007 + (0.001 - 0.007) * t / 4000 if t < 4000 else 0.001,
    )


@pytest.mark.parametrize("gamma", [0.99994, 0.999995, 0.99998])
def test_exp(gamma):
    agree(Exponential(lr=0.006, gamma=gamma), lambda t: 0.006 * gamma**t)


def test_range_test_is_triangular_with_a_step_size_of_the_whole_run():
    ramp = LinearRamp(low=0.001, high=0.02, updates=4000)
    triangular = Triangular(base_lr=0.001, max_lr=0.02, step_size=4000)
    np.testing.assert_array_equal(ramp.table(4000), triangular.table(4000))


def test_exp_range_of_table_1_ends_on_a_peak():
    schedule = ExpRange(base_lr=0.001, max_lr=0.006, step_size=2000, gamma=0.99994)
    assert schedule(42_000) == pytest.approx(0.006 * 0.99994**42_000, rel=1e-12)
    assert schedule.fitted(42_000).cycle_ends(42_000)[-1] == 42_000


def test_table_2_drops_the_whole_band_tenfold_twice():
    """The stages of the `triangular2` row of table 1; each is a whole number of cycles."""
    stages = [(0.001, 0.005, 2000, 0), (1e-4, 5e-4, 1000, 16_000), (1e-5, 5e-5, 500, 22_000)]
    joined = Joined(
        schedules=[Triangular(base_lr=base, max_lr=top, step_size=size) for base, top, size, _ in stages],
        boundaries=[16_000, 22_000],
    )
    lrs = []
    for t in range(25_000):
        base, top, size, start = next(stage for stage in reversed(stages) if t >= stage[3])
        lrs.append(base + (top - base) * cycle_and_height(t - start, size)[1])
    np.testing.assert_allclose(joined.table(25_000), lrs, rtol=1e-12)
    ends = (4000, 8000, 12_000, 16_000, 18_000, 20_000, 22_000, 23_000, 24_000, 25_000)
    assert joined.cycle_ends(25_000) == ends


def test_caffe_stages_are_constants_joined_or_a_multistep():
    stages = Joined(schedules=[Constant(lr=0.001), Constant(lr=1e-4), Constant(lr=1e-5)], boundaries=[60_000, 65_000])
    assert [stages(t) for t in (0, 59_999, 60_000, 64_999, 65_000, 69_999)] == [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]
    multistep = MultiStep(lr=0.001, gamma=0.1, milestones=[60_000, 65_000])
    np.testing.assert_allclose(stages.table(70_000), multistep.table(70_000), rtol=1e-12)


def test_policies_of_caffes_solver():
    """`inv`, `step` and `poly` as sgd_solver.cpp has them."""
    agree(Inverse(lr=0.01, gamma=0.0001, power=0.75), lambda t: 0.01 * (1 + 0.0001 * t) ** -0.75)
    agree(Step(lr=0.01, gamma=0.1, every=1500), lambda t: 0.01 * 0.1 ** (t // 1500))
    agree(
        Polynomial(lr=0.01, updates=30_000, power=0.5),
        lambda t: 0.01 * (1 - min(t / 30_000, 1)) ** 0.5,
    )

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.schedules import ExpRange, Parabolic, Sinusoidal, Triangular, Triangular2, WarmRestarts

steady = settings(derandomize=True, deadline=None, max_examples=100)
UPDATES = 3000


@st.composite
def bands(draw):
    max_lr = draw(st.floats(1e-6, 1e3))
    return {"base_lr": max_lr * draw(st.floats(0, 0.99)), "max_lr": max_lr}


def sizes(numbers):
    return st.fixed_dictionaries({"step_size": numbers, "step_size_down": st.none() | numbers})


whole_sizes = sizes(st.integers(1, 400))
any_sizes = sizes(st.floats(0.5, 400))
gammas = st.floats(0.9, 1)


def family(band, size, gamma=0.99):
    """Every member of the triangle's family that never leaves its band."""
    return [
        Triangular(**band, **size),
        Triangular2(**band, **size),
        ExpRange(**band, **size, gamma=gamma, shrinks="amplitude"),
        Parabolic(**band, **size),
        Sinusoidal(**band, **size),
    ]


@steady
@given(band=bands(), size=any_sizes, gamma=gammas)
def test_the_family_stays_within_its_bounds(band, size, gamma):
    slack = 1e-15 * band["max_lr"]
    for schedule in family(band, size, gamma):
        lrs = schedule.table(UPDATES)
        assert lrs.min() >= band["base_lr"] - slack
        assert lrs.max() <= band["max_lr"] + slack


@steady
@given(band=bands(), size=any_sizes, gamma=gammas)
def test_both_bounds_of_exp_range_shrink(band, size, gamma):
    lrs = ExpRange(**band, **size, gamma=gamma).table(UPDATES)
    shrunk = gamma ** np.arange(UPDATES)
    slack = 1e-14 * band["max_lr"]
    assert np.all(lrs >= band["base_lr"] * shrunk - slack)
    assert np.all(lrs <= band["max_lr"] * shrunk + slack)


@steady
@given(band=bands(), size=whole_sizes)
def test_whole_cycles_repeat_themselves(band, size):
    for shape in (Triangular, Parabolic, Sinusoidal):
        schedule = shape(**band, **size)
        t = np.arange(1000)
        np.testing.assert_array_equal(schedule(t), schedule(t + int(schedule.cycle)))


@steady
@given(band=bands(), size=whole_sizes)
def test_whole_cycles_end_at_base_lr_and_nowhere_else(band, size):
    for schedule in family(band, size):
        lrs = schedule.table(UPDATES + 1)
        at_base = tuple(np.flatnonzero(lrs == band["base_lr"]))
        ends = (0, *schedule.cycle_ends(UPDATES))
        if isinstance(schedule, Triangular2 | ExpRange):  # in the end their peaks shrink to nothing
            assert set(ends) <= set(at_base)
        else:
            assert ends == at_base


@steady
@given(band=bands(), size=any_sizes)
def test_cycles_with_a_fraction_end_at_the_update_that_is_nearest_to_base_lr(band, size):
    schedule = Triangular(**band, **size)
    ends = schedule.cycle_ends(UPDATES)
    exact = [number * schedule.cycle for number in range(1, len(ends) + 1)]
    assert len(ends) == math.floor(UPDATES / schedule.cycle + 0.5 / schedule.cycle)
    assert all(abs(end - at) <= 0.5 for end, at in zip(ends, exact, strict=True))


@steady
@given(band=bands(), size=any_sizes, updates=st.integers(1, 10**5))
def test_fitted_is_the_nearest_run_of_whole_cycles_of_the_same_shape(band, size, updates):
    for schedule in family(band, size):
        fitted = schedule.fitted(updates)
        cycles = updates / fitted.cycle
        assert cycles == pytest.approx(round(cycles), rel=1e-12)
        assert abs(round(cycles) - updates / schedule.cycle) <= 0.5 or round(cycles) == 1
        assert fitted.step_size / fitted.cycle == pytest.approx(schedule.step_size / schedule.cycle, rel=1e-12)
        assert (fitted.step_size_down is None) == (schedule.step_size_down is None)
        assert fitted.between(fitted.height(np.array([float(updates)])))[0] == pytest.approx(
            band["base_lr"], abs=1e-9 * band["max_lr"]
        )


def test_fitted_is_exact_where_the_numbers_are_whole():
    schedule = Triangular(base_lr=1, max_lr=2, step_size=2000, step_size_down=1000)
    fitted = schedule.fitted(10_000)
    assert (fitted.step_size, fitted.step_size_down) == (pytest.approx(20_000 / 9), pytest.approx(10_000 / 9))
    assert Triangular(base_lr=1, max_lr=2, step_size=2000).fitted(42_000).step_size == 2100.0
    assert Triangular(base_lr=1, max_lr=2, step_size=2000).fitted(10).step_size == 5.0


def test_triangular2_halves_its_peak_and_keeps_its_base():
    schedule = Triangular2(base_lr=1, max_lr=9, step_size=10, step_size_down=30)
    assert [schedule(10 + 40 * cycle) for cycle in range(4)] == [9.0, 5.0, 3.0, 2.0]
    assert schedule(40 * 2000) == 1.0


def test_the_peak_of_an_uneven_cycle_is_after_step_size_updates():
    lrs = Triangular(base_lr=1, max_lr=9, step_size=8, step_size_down=2).table(10)
    assert lrs.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 5]


@steady
@given(period=st.integers(2, 60), mult=st.integers(1, 4))
def test_warm_restarts_end_a_period_at_the_lowest_update_before_the_jump(period, mult):
    schedule = WarmRestarts(base_lr=0.1, max_lr=1, period=period, period_mult=mult)
    ends = schedule.cycle_ends(UPDATES)
    lrs = schedule.table(UPDATES + 1)
    assert ends == tuple(np.flatnonzero(np.diff(lrs) > 0) + 1)
    assert all(lrs[end] == 1 for end in ends)
    lengths = np.diff((0, *ends))
    assert lengths.tolist() == [period * mult**number for number in range(len(ends))]


@steady
@given(updates=st.integers(2, 5000), period=st.floats(2, 500))
def test_fitted_warm_restarts_fall_to_the_end(updates, period):
    fitted = WarmRestarts(base_lr=0.1, max_lr=1, period=period).fitted(updates)
    lrs = fitted.table(updates + 1)
    rises = tuple(np.flatnonzero(np.diff(lrs) > 1e-12) + 1)
    assert fitted.cycle_ends(updates)[-1] == updates
    assert lrs[updates] == pytest.approx(1, abs=1e-12)
    if fitted.period >= 2:
        assert fitted.cycle_ends(updates) == rises


def test_warm_restarts_of_growing_periods_have_no_cycle_and_stay_as_they_are():
    schedule = WarmRestarts(base_lr=0.1, max_lr=1, period=10, period_mult=2)
    assert schedule.cycle is None
    assert schedule.fitted(1000) is schedule
    assert WarmRestarts(base_lr=0.1, max_lr=1, period=10).cycle == 10


def test_a_late_update_of_a_fast_growing_period_is_still_exact():
    schedule = WarmRestarts(base_lr=0, max_lr=1, period=1, period_mult=10**9)
    with np.errstate(all="raise", under="ignore"):
        assert schedule(1) == 1.0
        assert schedule(1 + 10**9) == 1.0
        assert schedule(1 + 10**9 // 2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_lr": 2}, "base_lr < max_lr must hold, but got base_lr=2.0, max_lr=1.0"),
        ({"base_lr": 1}, "base_lr < max_lr must hold, but got base_lr=1.0, max_lr=1.0"),
        ({"step_size": 0}, "step_size > 0 must hold, but got step_size=0.0"),
        ({"step_size_down": 0}, "step_size_down > 0 must hold, but got step_size_down=0.0"),
        ({"gamma": 0}, "0 < gamma <= 1 must hold, but got gamma=0.0"),
        ({"gamma": 1.01}, "0 < gamma <= 1 must hold, but got gamma=1.01"),
        ({"shrinks": "base"}, "shrinks must be one of 'both', 'amplitude', but got shrinks='base'"),
    ],
)
def test_a_bad_band_is_refused(wrong, message):
    with pytest.raises(ValueError) as refusal:
        ExpRange(**{"base_lr": 0.5, "max_lr": 1, "step_size": 3, "gamma": 0.9, **wrong})
    assert str(refusal.value) == message


@pytest.mark.parametrize("wrong", [{"period": 0.5}, {"period_mult": 0}, {"period_mult": 1.5}, {"max_lr": 0.1}])
def test_bad_restarts_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WarmRestarts(**{"base_lr": 0.1, "max_lr": 1, "period": 10, **wrong})

import numpy as np
import pytest

from clr_study.analysis.anytime import areas, band, on_axis
from clr_study.analysis.bootstrap import percentile_interval, resampled, tail
from clr_study.curves import CurveSet

NAN = float("nan")
RNG = np.random.default_rng(9)


def rising(n=6, looks=5, step=10):
    values = np.sort(RNG.random((n, looks)), axis=1)
    return CurveSet(updates=step * np.arange(1, looks + 1), values=values, seeds=np.arange(n))


def test_the_band_is_that_of_a_loop_over_resamples():
    curves = rising()
    found = band(curves, resamples=300, seed=4)
    rows = resampled(6, 300, 4)
    for place in range(5):
        replicates = np.array([curves.values[row, place].mean() for row in rows])
        low, high = percentile_interval(replicates, tail(6))
        assert (found.low[place], found.high[place]) == pytest.approx((low, high))
    assert found.mean == pytest.approx(curves.values.mean(axis=0))


def test_after_a_divergence_the_band_is_over_those_that_are_left():
    values = rising().values.copy()
    values[0, 2:], values[1:, 4] = NAN, NAN
    found = band(CurveSet(updates=np.arange(5), values=values, seeds=np.arange(6)))
    assert found.n.tolist() == [6, 6, 5, 5, 0]
    assert found.mean[3] == pytest.approx(values[1:, 3].mean())
    assert np.isnan([found.mean[4], found.low[4]]).all()
    assert np.isfinite(found.low[:4]).all()


def test_one_run_has_a_mean_and_no_band():
    found = band(CurveSet([1, 2], [[0.1, 0.2]], [1]))
    assert found.mean.tolist() == [0.1, 0.2]
    assert np.isnan([found.low, found.high]).all()


def test_a_band_around_equal_runs_has_no_width():
    found = band(CurveSet([1, 2], [[0.1, 0.2]] * 4, range(4)))
    assert found.low == pytest.approx(found.mean)
    assert found.high == pytest.approx(found.mean)


def test_budgets_that_differ_meet_on_one_axis_without_being_drawn_on():
    short, long = CurveSet([10, 20], [[0.0, 1.0]], [1]), CurveSet([25, 50], [[0.0, 1.0]], [1])
    axis = [10, 20, 25, 50]
    assert on_axis(short, axis).values[0] == pytest.approx([0.0, 1.0, NAN, NAN], nan_ok=True)
    assert on_axis(long, axis).values[0] == pytest.approx([NAN, NAN, 0.0, 1.0], nan_ok=True)
    assert on_axis(long, [30.0]).values[0, 0] == pytest.approx(0.2)


def test_a_diverged_run_is_not_drawn_on_and_one_without_any_value_stays_empty():
    curves = CurveSet([10, 20, 30], [[0.1, 0.2, NAN], [NAN, NAN, NAN]], [1, 2])
    assert on_axis(curves, [15, 25]).values == pytest.approx(np.array([[0.15, NAN], [NAN, NAN]]), nan_ok=True)


def test_areas_are_numpys_trapezoids():
    curves = rising()
    brute = [np.trapezoid(values, curves.updates) / 40 for values in curves.values]
    assert areas(curves) == pytest.approx(brute)


def test_an_area_may_end_between_two_evaluations_but_not_beyond_the_run():
    curves = CurveSet([10, 20, 30], [[0.0, 1.0, 1.0], [0.0, 1.0, NAN]], [1, 2])
    assert areas(curves, until=15) == pytest.approx([0.25, 0.25])
    assert areas(curves, until=25) == pytest.approx([(0.5 * 10 + 5) / 15, NAN], nan_ok=True)
    assert np.isnan(areas(curves, until=10)).all()
    assert areas(curves, until=25, since=15) == pytest.approx([(0.75 * 5 + 5) / 10, NAN], nan_ok=True)
    assert np.isnan(areas(curves, until=20, since=20)).all()

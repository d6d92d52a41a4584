import numpy as np
import pytest
from scipy import stats

from clr_study.analysis.survival import (
    kaplan_meier,
    median_time,
    restricted_mean,
    speed_up,
    target_times,
    time_to_target,
)
from clr_study.curves import CurveSet

NAN = float("nan")
RNG = np.random.default_rng(5)
CURVES = CurveSet(
    updates=[10, 20, 30, 40],
    values=[
        [0.2, 0.6, 0.4, 0.9],  # was seen above once, and that counts
        [0.2, 0.3, 0.4, 0.49],  # never
        [0.5, 0.9, NAN, NAN],  # reached it, then diverged
        [0.2, NAN, NAN, NAN],  # diverged before
    ],
    seeds=[1, 2, 3, 4],
)


def test_the_first_evaluation_at_or_beyond_the_target_counts():
    times, reached = time_to_target(CURVES, 0.5, higher_is_better=True)
    assert times.tolist() == [20, 40, 10, 40]
    assert reached.tolist() == [True, False, True, False]


def test_a_loss_is_reached_from_above():
    times, reached = time_to_target(CURVES, 0.4, higher_is_better=False)
    assert times.tolist() == [10, 10, 40, 10]
    assert reached.tolist() == [True, True, False, True]


@pytest.mark.parametrize("censored_part", [0.0, 0.3, 0.7])
def test_the_curve_is_scipys(censored_part):
    times = RNG.integers(1, 12, size=25).astype(float)
    reached = RNG.random(25) >= censored_part
    at, left = kaplan_meier(times, reached)
    theirs = stats.ecdf(stats.CensoredData(times[reached], right=times[~reached])).sf
    assert left[1:] == pytest.approx(theirs.evaluate(at[1:]))
    assert (at[0], left[0]) == (0.0, 1.0)


def test_without_censoring_it_is_one_minus_the_distribution():
    times = np.array([30.0, 10.0, 20.0, 20.0])
    at, left = kaplan_meier(times, np.ones(4, dtype=bool))
    assert left.tolist() == pytest.approx([np.mean(times > t) for t in at])


def test_the_median_is_the_first_time_by_which_half_are_there():
    times = np.array([10.0, 20.0, 40.0, 40.0])
    assert median_time(times, np.array([True, True, False, False])) == 20
    assert median_time(times, np.array([True, False, False, False])) == np.inf


def test_the_restricted_mean_is_the_mean_of_the_capped_times():
    times = RNG.integers(1, 40, size=15).astype(float)
    reached = times < 30
    times = np.minimum(times, 30)
    assert restricted_mean(times, reached, 30) == pytest.approx(times.mean())
    assert restricted_mean(times, reached, 12) == pytest.approx(np.minimum(times, 12).mean())


def test_the_restricted_mean_is_the_area_under_the_curve():
    times, reached = RNG.integers(1, 30, size=20).astype(float), RNG.random(20) < 0.6
    at, left = kaplan_meier(times, reached)
    grid = np.arange(25)
    area = sum(left[np.searchsorted(at, moment, side="right") - 1] for moment in grid)
    assert restricted_mean(times, reached, 25) == pytest.approx(area)


def test_rows_at_once_are_as_rows_one_by_one():
    times, reached = RNG.integers(1, 9, size=(50, 7)).astype(float), RNG.random((50, 7)) < 0.7
    pairs = list(zip(times, reached, strict=True))
    assert median_time(times, reached).tolist() == [float(median_time(*pair)) for pair in pairs]
    assert restricted_mean(times, reached, 6).tolist() == [float(restricted_mean(*pair, 6)) for pair in pairs]


def test_a_summary_counts_its_misses():
    times, reached = np.array([10.0, 20.0, 20.0, 30.0, 30.0, 30.0, 40.0, 40.0]), np.array([True] * 6 + [False] * 2)
    found = target_times(times, reached, 40)
    assert (found.median, found.misses, found.n) == (30.0, 2, 8)
    assert found.low is not None
    assert found.low <= 30
    assert found.restricted_mean.value == pytest.approx(times.mean())
    assert found.restricted_mean.low < times.mean() < found.restricted_mean.high <= 40


def test_nobody_there_half_there_and_one_run():
    nobody = target_times(np.full(5, 40.0), np.zeros(5, dtype=bool), 40)
    assert (nobody.median, nobody.low, nobody.high, nobody.misses) == (None, None, None, 5)
    assert nobody.restricted_mean.value == 40
    half = target_times(np.array([10.0, 10.0, 40.0, 40.0]), np.array([True, True, False, False]), 40)
    assert (half.median, half.low, half.high) == (10.0, 10.0, None)
    one = target_times(np.array([10.0]), np.array([True]), 40)
    assert (one.median, one.low, one.high, one.n) == (10.0, None, None, 1)


def test_the_median_s_interval_holds_the_truth_as_often_as_it_says():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(300):
        times = rng.exponential(20, size=9)
        found = target_times(np.minimum(times, 60), times < 60, 60, resamples=500)
        hits += found.low <= 20 * np.log(2) <= (np.inf if found.high is None else found.high)
    assert 0.92 < hits / 300 <= 1


def test_the_restricted_mean_s_interval_holds_the_truth_as_often_as_it_says():
    rng, hits = np.random.default_rng(1), 0
    truth = 20 * (1 - np.exp(-3))
    for _ in range(300):
        times = rng.exponential(20, size=9)
        found = target_times(np.minimum(times, 60), times < 60, 60, resamples=500)
        hits += found.restricted_mean.low <= truth <= found.restricted_mean.high
    assert 0.90 < hits / 300 < 0.98


def test_half_the_time_on_each_seed_is_a_speed_up_of_two():
    reference = RNG.integers(10, 100, size=8) * 2.0
    found = speed_up(reference / 2, reference, horizon=200)
    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_both_count_up_to_the_horizon_only():
    assert speed_up(np.array([10.0, 10.0]), np.array([70.0, 80.0]), horizon=40).value == 4.0

import numpy as np
import pytest
from scipy import stats

from clr_study.analysis.bootstrap import (
    bca_interval,
    bootstrap,
    estimate,
    interquartile_mean,
    mean,
    percentile_interval,
    ratio_of_means,
    resampled,
    tail,
)

RNG = np.random.default_rng(7)
SKEWED = np.round(RNG.lognormal(size=12), 3)


@pytest.mark.parametrize("statistic", [mean, interquartile_mean, lambda values: np.median(values, axis=-1)])
def test_both_intervals_are_scipys_on_scipys_own_replicates(statistic):
    for method in ("percentile", "bca"):
        theirs = stats.bootstrap(
            (SKEWED,), statistic, n_resamples=999, method=method, axis=-1, rng=np.random.default_rng(1)
        )
        if method == "percentile":
            ours = percentile_interval(theirs.bootstrap_distribution, 0.025)
        else:
            left_out = np.array([statistic(np.delete(SKEWED, row)) for row in range(len(SKEWED))])
            ours = bca_interval(float(statistic(SKEWED)), theirs.bootstrap_distribution, left_out, 0.025)
        assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=1e-12)


def test_the_whole_estimate_agrees_with_scipys_but_for_the_draws():
    ours = estimate(SKEWED, expanded=False)
    theirs = stats.bootstrap((SKEWED,), np.mean, method="BCa", n_resamples=10_000, rng=np.random.default_rng(5))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.value == pytest.approx(SKEWED.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.03 * width)


def test_replicates_are_those_of_a_loop():
    rows = resampled(len(SKEWED), 200, seed=3)
    looped = np.array([SKEWED[row].mean() for row in rows])
    ours = estimate(SKEWED, method="percentile", resamples=200, seed=3)
    assert (ours.low, ours.high) == pytest.approx(percentile_interval(looped, tail(12)))


@pytest.mark.parametrize(("n", "cut"), [(1, 0), (3, 0), (4, 1), (8, 2), (11, 2), (16, 4)])
def test_the_interquartile_mean_cuts_a_quarter_at_each_end(n, cut):
    values = RNG.normal(size=(3, n))
    brute = [np.mean(sorted(row)[cut : n - cut]) for row in values]
    assert interquartile_mean(values) == pytest.approx(brute)


def test_one_wild_run_moves_the_mean_but_not_the_interquartile_mean():
    calm, wild = np.full(8, 0.9), np.array([0.1] + [0.9] * 7)
    assert interquartile_mean(wild) == interquartile_mean(calm) == 0.9
    assert mean(wild) == pytest.approx(0.8)


def test_the_widened_tail_is_that_of_students_t_seen_from_a_bootstrap():
    n = 8
    half_width = stats.norm.isf(tail(n)) * np.sqrt((n - 1) / n)
    assert half_width == pytest.approx(stats.t.isf(0.025, n - 1))
    assert tail(10**6) == pytest.approx(0.025, rel=1e-4)


@pytest.mark.parametrize(
    ("draw", "truth", "least", "most"),
    [
        (lambda rng, n: rng.normal(size=n), 0.0, 0.90, 0.97),
        (lambda rng, n: -rng.lognormal(0, 0.5, size=n), -np.exp(0.125), 0.88, 0.97),
    ],
)
def test_intervals_over_8_seeds_hold_the_truth_about_as_often_as_they_say(draw, truth, least, most):
    rng, hits, plain_hits = np.random.default_rng(11), 0, 0
    for _ in range(600):
        values = draw(rng, 8)
        ours = estimate(values, resamples=1_000)
        plain = estimate(values, resamples=1_000, method="percentile", expanded=False)
        hits += ours.low <= truth <= ours.high
        plain_hits += plain.low <= truth <= plain.high
    assert least < hits / 600 < most
    assert plain_hits + 0.03 * 600 < hits  # the reason why intervals are widened


def test_nan_is_left_out_and_not_counted():
    assert estimate([0.1, np.nan, 0.3, 0.2]) == estimate([0.1, 0.3, 0.2])


def test_nothing_one_value_and_no_variance():
    nothing, one = estimate([]), estimate([0.4, np.nan])
    assert np.isnan([nothing.value, nothing.low, nothing.high, one.low, one.high]).all()
    assert (nothing.n, one.n, one.value) == (0, 1, 0.4)
    same = estimate([0.7] * 5)
    assert (same.low, same.value, same.high) == pytest.approx((0.7, 0.7, 0.7))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_below_five_values_the_interval_of_a_mean_is_students_t(n):
    values = RNG.normal(size=n)
    ours, theirs = estimate(values), stats.ttest_1samp(values, 0).confidence_interval()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("statistic", [mean, interquartile_mean])
def test_intervals_over_few_seeds_hold_what_they_say(n, statistic):
    rng = np.random.default_rng(4)
    found = [estimate(rng.normal(size=n), statistic) for _ in range(500)]
    assert np.mean([each.low <= 0 <= each.high for each in found]) == pytest.approx(0.95, abs=0.03)


def test_an_interval_of_a_share_stays_one():
    assert estimate([0.9, 1.0, 0.95]).high > 1
    assert estimate([0.9, 1.0, 0.95]).between(0, 1).high == 1


def test_a_ratio_draws_the_runs_of_a_pair_together():
    pairs = RNG.uniform(1, 100, size=9)
    ours = ratio_of_means(3 * pairs, pairs)
    assert (ours.low, ours.value, ours.high) == pytest.approx((3.0, 3.0, 3.0))


def test_a_ratio_against_a_loop_over_resamples():
    above, below = RNG.uniform(1, 2, size=6), RNG.uniform(1, 2, size=6)
    rows = resampled(6, 400, seed=2)
    replicates = np.array([above[row].mean() / below[row].mean() for row in rows])
    left_out = np.array([np.delete(above, k).mean() / np.delete(below, k).mean() for k in range(6)])
    value = above.mean() / below.mean()
    ours = ratio_of_means(above, below, resamples=400, seed=2)
    assert (ours.low, ours.high) == pytest.approx(bca_interval(value, replicates, left_out, tail(6)))


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    assert estimate(SKEWED, seed=4) == estimate(SKEWED, seed=4)
    assert estimate(SKEWED, seed=4) != estimate(SKEWED, seed=5)


def test_resamples_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        resampled(3, 10, 0)[0, 0] = 1


def test_an_interval_never_leaves_the_range_of_what_was_seen():
    for n in (5, 8, 30):
        values = np.append(RNG.normal(size=n - 1), 50.0)
        ours = estimate(values)
        assert values.min() <= ours.low <= ours.value <= ours.high <= values.max()


def test_a_constant_statistic_has_a_point_for_an_interval():
    ours = bootstrap(lambda rows: np.zeros(rows.shape[:-1]), 5)
    assert (ours.low, ours.value, ours.high) == (0.0, 0.0, 0.0)

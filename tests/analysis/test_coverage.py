"""Intervals keep what they say: simulated with known truths, each holds it about as often as 95 %.

The bounds are what the binomial leaves over so many studies, around what few seeds allow; see `analysis.bootstrap`.
"""

import numpy as np
import pytest
from scipy import stats

from clr_study.analysis.anytime import areas
from clr_study.analysis.bootstrap import estimate, interquartile_mean, mean
from clr_study.analysis.effort import expected_best
from clr_study.analysis.significance import sign_flip_p
from clr_study.analysis.survival import speed_up, target_times
from clr_study.curves import CurveSet

STUDIES, SEEDS, RESAMPLES = 300, 8, 500


def part_held(draw, interval, truth):
    """The part of simulated studies whose interval holds the truth."""
    rng = np.random.default_rng(20)
    ends = [interval(draw(rng)) for _ in range(STUDIES)]
    return np.mean([low <= truth <= high for low, high in ends])


def ends(found):
    return found.low, found.high


@pytest.mark.parametrize("statistic", [mean, interquartile_mean])
def test_a_mean_over_eight_seeds(statistic):
    held = part_held(
        lambda rng: rng.normal(0.9, 0.01, SEEDS),
        lambda values: ends(estimate(values, statistic, resamples=RESAMPLES)),
        0.9,
    )
    assert 0.88 <= held <= 0.99


def test_a_paired_difference_with_shared_luck():
    def draw(rng):
        luck = rng.normal(0, 0.02, SEEDS)
        return (0.91 + luck + rng.normal(0, 0.01, SEEDS)) - (0.9 + luck + rng.normal(0, 0.01, SEEDS))

    held = part_held(draw, lambda values: ends(estimate(values, resamples=RESAMPLES)), 0.01)
    assert 0.88 <= held <= 0.99


HORIZON = 100.0


def times(rng, scale=60.0):
    """Times to target by an exponential law, seen up to the budget."""
    drawn = rng.exponential(scale, SEEDS)
    return np.minimum(drawn, HORIZON), drawn <= HORIZON


def restricted(scale):
    return scale * (1 - np.exp(-HORIZON / scale))


def test_the_restricted_mean_and_the_median_time():
    def found(drawn):
        return target_times(*drawn, HORIZON, resamples=RESAMPLES)

    held = part_held(times, lambda drawn: ends(found(drawn).restricted_mean), restricted(60.0))
    assert 0.87 <= held <= 0.99

    def median(drawn):
        made = found(drawn)
        return tuple(np.inf if end is None else end for end in (made.low, made.high))

    assert 0.9 <= part_held(times, median, 60 * np.log(2)) <= 1


def test_the_speed_up():
    def draw(rng):
        return times(rng)[0], times(rng, 30.0)[0]

    def interval(drawn):
        return ends(speed_up(drawn[1], drawn[0], HORIZON, resamples=RESAMPLES))

    assert 0.87 <= part_held(draw, interval, restricted(60.0) / restricted(30.0)) <= 0.99


def test_the_area_under_a_noisy_curve():
    axis = np.arange(10.0, 110.0, 10.0)
    height = 0.9 * (1 - np.exp(-axis / 30))
    truth = areas(CurveSet(axis, height[None], [0]))[0]

    def draw(rng):
        return height + rng.normal(0, 0.02, (SEEDS, 1)) + rng.normal(0, 0.01, (SEEDS, len(axis)))

    def interval(values):
        return ends(estimate(areas(CurveSet(axis, values, np.arange(SEEDS))), resamples=RESAMPLES))

    assert 0.88 <= part_held(draw, interval, truth) <= 0.99


def test_the_expected_best_of_three_trials():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(100_000, 3)).max(axis=1).mean()

    def interval(scores):
        rows = np.random.default_rng(1).integers(0, 32, (400, 32))
        return tuple(np.quantile(expected_best(scores[rows], numbers=np.array([3]))[:, 0], [0.025, 0.975]))

    assert 0.86 <= part_held(lambda rng: rng.normal(size=32), interval, truth) <= 0.99


def test_equal_arms_are_called_different_no_more_often_than_the_test_says():
    rng = np.random.default_rng(3)
    ps = np.array([sign_flip_p(rng.normal(size=SEEDS)) for _ in range(STUDIES)])
    assert np.mean(ps <= 0.05) <= stats.binom.ppf(0.999, STUDIES, 0.05) / STUDIES
    assert np.mean(ps <= 0.5) == pytest.approx(0.5, abs=0.1)

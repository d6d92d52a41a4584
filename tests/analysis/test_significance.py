from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from clr_study.analysis.bootstrap import estimate
from clr_study.analysis.significance import (
    EXACT_PAIRS,
    effect_size,
    gains,
    holm,
    improvement,
    sign_flip_p,
    signed_ranks,
    smallest_p,
    step_down_p,
    within,
)

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(3)


def by_hand(differences):
    seen = abs(sum(differences))
    all_sums = [
        abs(sum(sign * each for sign, each in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return np.mean([total >= seen - 1e-12 for total in all_sums])


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_the_exact_p_is_that_of_every_sign_pattern(n):
    differences = np.round(RNG.normal(0.5, size=n), 2)
    assert sign_flip_p(differences) == by_hand(differences.tolist())


@pytest.mark.parametrize("n", [6, 9])
def test_the_exact_p_is_scipys(n):
    differences = RNG.normal(0.4, size=n)
    theirs = stats.permutation_test(
        (differences, np.zeros(n)),
        lambda first, second, axis: np.mean(first - second, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative="two-sided",
    )
    assert sign_flip_p(differences) == pytest.approx(theirs.pvalue)


def test_the_drawn_p_is_near_the_exact_one_and_counts_the_observed_pattern():
    differences = RNG.normal(0.3, size=EXACT_PAIRS + 1)
    patterns = (np.arange(2**15)[:, None] >> np.arange(15)) & 1
    exact = np.mean(np.abs((1 - 2 * patterns) @ differences) >= abs(differences.sum()) - 1e-12)
    assert sign_flip_p(differences) == pytest.approx(exact, abs=0.02)
    assert sign_flip_p(np.ones(30), resamples=99) == 1 / 100
    assert sign_flip_p(differences, seed=1) == sign_flip_p(differences, seed=1)


@pytest.mark.parametrize("n", [EXACT_PAIRS, EXACT_PAIRS + 1])
def test_the_same_pairs_one_way_or_all_ways_give_the_least_p(n):
    least = 1 / 10_001 if n > EXACT_PAIRS else smallest_p(n)
    assert sign_flip_p(np.linspace(1, 2, n)) == pytest.approx(least, rel=3)


def test_under_no_difference_p_is_below_5_percent_in_5_percent_of_the_cases():
    draws = np.random.default_rng(0).standard_t(3, size=(800, 8))
    part = np.mean([sign_flip_p(draw) <= 0.05 for draw in draws])
    assert 0.03 < part < 0.065


@pytest.mark.parametrize("differences", [[], [0.0], [0.0, 0.0, 0.0]])
def test_no_pair_and_no_difference_are_p_1(differences):
    assert sign_flip_p(np.array(differences)) == 1.0


def test_p_does_not_hang_on_the_scale_nor_on_the_order():
    differences = RNG.normal(0.5, size=8)
    p = sign_flip_p(differences)
    assert sign_flip_p(differences * 1e-9) == p == sign_flip_p(differences[::-1] * 1e9)


def test_a_run_that_did_not_complete_loses_and_two_such_tie():
    first, second = [0.9, NAN, 0.5, NAN], [0.8, 0.1, NAN, NAN]
    assert gains(first, second, True).tolist() == pytest.approx([0.1, -INF, INF, 0.0])
    assert gains(first, second, False).tolist() == pytest.approx([-0.1, -INF, INF, 0.0])


def test_with_losses_without_a_size_p_is_wilcoxons():
    differences = np.array([0.5, -0.25, 0.125, 0.7, 0.3, -0.05])
    seen = np.append(differences, [INF, INF])
    theirs = stats.wilcoxon(np.append(differences, [9.0, 10.0]), method="exact").pvalue
    assert sign_flip_p(seen) == pytest.approx(theirs, abs=0.02)  # two infinite gains tie, 9 and 10 do not
    assert sign_flip_p(np.full(8, -INF)) == smallest_p(8)


def test_signed_ranks_share_ties_and_keep_zero():
    assert signed_ranks(np.array([0.0, 2.0, -2.0, INF])).tolist() == [0.0, 2.5, -2.5, 4.0]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_against_its_definition(ps):
    adjusted = holm(np.array(ps))
    for place, p in enumerate(ps):
        smaller = [other for other in sorted(ps) if other <= p]
        brute = max((len(ps) - rank) * other for rank, other in enumerate(smaller))
        brute_first = min(1.0, brute)
        assert adjusted[place] <= brute_first + 1e-12
        assert adjusted[place] >= p


def test_holm_on_the_textbook_case():
    assert holm(np.array([0.01, 0.02, 0.03, 0.005])) == pytest.approx([0.03, 0.04, 0.04, 0.02])
    assert holm(np.array([0.5, 0.9])) == pytest.approx([1.0, 1.0])
    assert len(holm(np.array([]))) == 0


def test_holm_keeps_false_alarms_over_three_arms_below_5_percent():
    draws = np.random.default_rng(2).normal(size=(400, 3, 8))
    alarms = np.mean([holm(np.array([sign_flip_p(arm) for arm in draw])).min() <= 0.05 for draw in draws])
    assert alarms < 0.075


@pytest.mark.parametrize("lost", [False, True])
def test_step_down_against_its_definition_pattern_by_pattern(lost):
    gains = RNG.normal(0.4, size=(6, 4))
    gains[2, 3] = NAN
    if lost:
        gains[1, 1] = INF
    columns = [signed_ranks(column) if np.isinf(column).any() else np.nan_to_num(column) for column in gains.T]
    statistics = np.array(
        [
            [abs(np.dot(signs, column)) / np.sqrt(np.dot(column, column)) for column in columns]
            for signs in product((1, -1), repeat=6)
        ]
    )
    seen, expected, floor = statistics[0], np.zeros(4), 0.0
    for place in np.argsort(-seen):
        rivals = seen <= seen[place]
        floor = max(floor, np.mean(statistics[:, rivals].max(axis=1) >= seen[place] - 1e-12))
        expected[place] = floor
    assert step_down_p(gains) == pytest.approx(expected)


def test_one_comparison_is_not_adjusted_and_none_has_no_p():
    gains = RNG.normal(0.3, size=(9, 1))
    assert step_down_p(gains).tolist() == [sign_flip_p(gains[:, 0])]
    assert len(step_down_p(np.zeros((8, 0)))) == len(step_down_p(np.zeros((0, 0)))) == 0
    assert step_down_p(np.full((3, 2), NAN)).tolist() == [1.0, 1.0]


def test_improvement_is_that_of_counting():
    seen = RNG.integers(-2, 3, size=20).astype(float)
    brute = np.mean([1.0 if gain > 0 else 0.5 if gain == 0 else 0.0 for gain in seen])
    assert improvement(seen) == pytest.approx(brute)
    assert np.isnan(improvement(np.array([])))


def test_effect_size_is_the_t_statistic_over_the_root_of_n():
    differences = RNG.normal(1, size=9)
    assert effect_size(differences) == pytest.approx(stats.ttest_1samp(differences, 0).statistic / 3)
    assert np.isnan([effect_size(np.array([1.0])), effect_size(np.array([1.0, 1.0]))]).all()


def test_within_is_the_end_farther_from_zero():
    interval = estimate([-0.5, 0.1, 0.2, 0.0])
    assert within(interval) == max(-interval.low, interval.high) == -interval.low
    assert np.isnan(within(estimate([0.3])))

"""Whether a difference between two arms is more than the luck of the seeds."""

from __future__ import annotations

import numpy as np
from scipy import stats

from clr_study.analysis.comparison import Estimate
from clr_study.curves import Array

EXACT_PAIRS = 14


def gains(first: Array, second: Array, higher_is_better: bool) -> Array:
    """Returns how much better `first` is on each pair [N].

    A run without a value, because it did not complete, is worse than any that has one: the gain is then `inf` or
    `-inf`, or 0 where neither has one.

    Examples:
        >>> gains([0.75, float("nan")], [0.5, 0.5], higher_is_better=True).tolist()
        [0.25, -inf]
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    gain = (a - b) if higher_is_better else (b - a)
    only_first, only_second = ~np.isnan(a) & np.isnan(b), np.isnan(a) & ~np.isnan(b)
    return np.select([only_first, only_second, np.isnan(a) & np.isnan(b)], [np.inf, -np.inf, 0.0], gain)


def signed_ranks(gains: Array) -> Array:
    """Returns the rank of each absolute gain, with the gain's sign; ties share their mean rank, 0 stays 0.

    Examples:
        >>> signed_ranks(np.array([0.1, -0.2, np.inf])).tolist()
        [1.0, -2.0, 3.0]
    """
    return np.sign(gains) * stats.rankdata(np.abs(gains))


def sign_flip_p(gains: Array, *, resamples: int = 10_000, seed: int = 0) -> float:
    """Returns the two-sided p of a paired permutation test: how often random signs give as large a mean.

    If an arm's name meant nothing, each pair's gain could as well have had the other sign. Up to 14 pairs all `2^n`
    sign patterns are gone through, so p is exact; above, random patterns are drawn, and the observed one is counted
    among them, `(1 + hits) / (1 + draws)`, which keeps the test valid. Where a gain is infinite, because a run of the
    pair did not complete, the signed ranks are tested in place of the gains.

    Args:
        gains: One a pair [N], as `gains` gives them.
        resamples: How many random patterns, where not all are gone through.
        seed: Fixes them.

    Examples:
        >>> sign_flip_p(np.array([0.1, 0.2, 0.3]))
        0.25
    """
    return float(step_down_p(gains[:, None], resamples=resamples, seed=seed)[0])


def step_down_p(gains: Array, *, resamples: int = 10_000, seed: int = 0) -> Array:
    r"""Returns the p of several paired comparisons, adjusted for all of them at once [M]: the step-down max-T test.

    Each pattern of signs is put on all comparisons together, seed by seed, so that what they have in common, as an
    arm that two of them share, is kept. A comparison's statistic is :math:`|\sum_i g_i| / \sqrt{\sum_i g_i^2}`, which
    orders as Student's t does, and its p is how often random signs give as large a one *somewhere* among those that
    are no larger than it; a p is never below that of a larger statistic (Westfall and Young, *Resampling-Based
    Multiple Testing*, 1993; Romano and Wolf, JASA 100, 2005). The chance of any false claim stays at the level that
    one comparison has, whichever comparisons are looked at in the end.

    Args:
        gains: A column a comparison [N, M], as `gains` gives them; NaN where a seed has no pair.
        resamples: How many random patterns, where not all are gone through.
        seed: Fixes them.

    Examples:
        >>> step_down_p(np.array([[0.1, 0.1], [0.2, -0.2], [0.3, 0.3]])).tolist()
        [0.5, 0.75]
    """
    columns = np.column_stack([_scaled(column) for column in gains.T]) if gains.size else np.zeros(gains.shape)
    signs, seen = _sign_patterns(len(gains), resamples, seed), np.abs(columns.sum(axis=0))
    order, largest, ps = np.argsort(seen, kind="stable"), np.zeros(len(signs)), np.ones(len(seen))
    for column in order:
        largest = np.maximum(largest, np.abs(signs @ columns[:, column]))
        ps[column] = np.mean(largest >= seen[column] - 1e-12)
    ps[order[::-1]] = np.maximum.accumulate(ps[order[::-1]])
    return ps


def _scaled(gains: Array) -> Array:
    """Gains over the root of the sum of their squares; as signed ranks where one is infinite, 0 where there is none."""
    known = ~np.isnan(gains)
    here = gains[known]
    scaled: Array = np.zeros(len(gains))
    scaled[known] = here if np.all(np.isfinite(here)) else signed_ranks(here)
    length = float(np.linalg.norm(scaled))
    return scaled / (length or 1.0)


def _sign_patterns(n: int, resamples: int, seed: int) -> Array:
    """All patterns of n signs, or random ones behind the observed one [P, n]."""
    if n <= EXACT_PAIRS:
        flipped = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, size=(resamples, n))
        flipped = np.vstack([np.zeros((1, n), dtype=drawn.dtype), drawn])
    return np.asarray(1 - 2 * flipped, dtype=float)


def smallest_p(pairs: int) -> float:
    """Returns the smallest p that the sign-flip test can give over so many pairs, `2 / 2^n`.

    Examples:
        >>> smallest_p(8), smallest_p(0)
        (0.0078125, 1.0)
    """
    return min(1.0, 2.0 ** (1 - pairs))


def holm(ps: Array) -> Array:
    """Returns p values adjusted for being several (Holm, Scandinavian Journal of Statistics 6, 1979).

    The smallest is multiplied by how many there are, the next by one less, and so on; an adjusted p is never below
    that of a smaller one, nor above 1.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    ps = np.asarray(ps, dtype=float)
    order = np.argsort(ps, kind="stable")
    stepped = np.maximum.accumulate(ps[order] * np.arange(len(ps), 0, -1))
    adjusted = np.empty_like(ps)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def improvement(gains: Array) -> float:
    """Returns the part of the pairs with a gain, ties as half; NaN without a pair.

    Examples:
        >>> improvement(np.array([0.1, 0.0, -0.1, np.inf]))
        0.625
    """
    if not len(gains):
        return float("nan")
    return float(np.mean(gains > 0) + np.mean(gains == 0) / 2)


def effect_size(differences: Array) -> float:
    """Returns Cohen's d of pairs: their mean over their standard deviation; NaN below 2 pairs or without variance.

    Examples:
        >>> effect_size(np.array([1.0, 2.0, 3.0]))
        2.0
    """
    if len(differences) < 2 or np.ptp(differences) == 0:
        return float("nan")
    return float(np.mean(differences) / np.std(differences, ddof=1))


def within(difference: Estimate) -> float:
    """Returns the largest absolute difference that an interval admits: none larger was shown; NaN without one.

    Examples:
        >>> within(Estimate(value=0.1, low=-0.3, high=0.5, n=8))
        0.5
    """
    return max(abs(difference.low), abs(difference.high))

r"""How good a setting a search finds, against how many trials it is given.

With independent draws, the trials of one search are a sample of all searches. Of the N scores
:math:`v_{(1)} \le \dots \le v_{(N)}` the expected best of k of them, drawn without replacement, is

.. math:: E_k = \sum_{i=k}^{N} v_{(i)} \binom{i-1}{k-1} \Big/ \binom{N}{k},

which has no bias (Tang et al., *Showing Your Work Doesn't Always Work*, ACL 2020). Samplers that learn from earlier
trials, or that spread them, do not draw independently: for them there is no such curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from clr_study.analysis.bootstrap import Rows, percentile_interval_columns, resampled
from clr_study.curves import Array
from clr_study.metrics import higher_is_better
from clr_study.spec.results import Results

Counts: TypeAlias = npt.NDArray[np.int64]
EVERY = 200


@dataclass(frozen=True, eq=False)
class Effort:
    """The expected best value against the number of trials.

    Args:
        trials: From 1 to N, rising [K]; every number up to 200, then in steps of 2 %.
        expected: The expected best of so many [K].
        low: The lower end of the 95 % interval over trials [K].
        high: The upper end [K]. Neither end knows a setting better than the best one seen.
        incomplete: How many of the N trials did not complete; they count as the worst value of the study's search.
    """

    trials: Counts
    expected: Array
    low: Array
    high: Array
    incomplete: int


def expected_best(scores: Array, higher_is_better: bool = True, numbers: Counts | None = None) -> Array:
    """Returns the expected best of k scores drawn from N, for k from 1 to N, over the last axis [..., N].

    Args:
        scores: Independent scores [..., N].
        higher_is_better: Whether the best one is the largest.
        numbers: For which k instead [K].

    Examples:
        >>> expected_best([1.0, 2.0, 6.0]).round(6).tolist()
        [3.0, 4.666667, 6.0]
    """
    ordered = _best_last(np.asarray(scores, dtype=float), higher_is_better)
    n = ordered.shape[-1]
    return ordered @ _weights(n, np.arange(1, n + 1) if numbers is None else numbers)


def _best_last(scores: Array, higher_is_better: bool) -> Array:
    ordered = np.sort(scores, axis=-1)
    return ordered if higher_is_better else ordered[..., ::-1]


def _weights(n: int, numbers: Counts) -> Array:
    """The weight of each of n scores, the best one last, in the expected best of k [n, K]."""
    rank, k = np.arange(1, n + 1)[:, None], numbers
    with np.errstate(invalid="ignore"):
        chosen = gammaln(rank) - gammaln(k) - gammaln(rank - k + 1)
        of_all = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return np.where(rank >= k, np.exp(chosen - of_all), 0.0)


@lru_cache(maxsize=1)
def _rising_resamples(n: int, resamples: int, seed: int) -> Rows:
    """Resamples of n rows, each with its rows rising, so that of ordered scores it is ordered too [resamples, n]."""
    rows = resampled(n, resamples, seed).astype(np.uint16 if n < 2**16 else np.int64)
    return np.sort(rows, axis=1, kind="stable")  # by radix where rows are short: ten times faster than sorting scores


def numbers_of_trials(most: int) -> Counts:
    """Returns at how many trials the curve is known: every number up to 200, then in steps of 2 %, and the last.

    Examples:
        >>> numbers_of_trials(3), len(numbers_of_trials(10_000))
        (array([1, 2, 3]), 398)
    """
    steps = EVERY * 1.02 ** np.arange(1, 1 + max(0, math.ceil(math.log(most / EVERY, 1.02))))
    known = np.concatenate([np.arange(1, EVERY + 1), np.floor(steps).astype(np.int64), [most]])
    return np.unique(known[known <= most])


def leaders(curves: Mapping[str, Effort], higher_is_better: bool = True) -> tuple[tuple[int, int, str], ...]:
    """Returns which arm is expected to lead with how many trials: spans of trials, both ends included, with its name.

    Args:
        curves: One curve an arm; they are held against each other where all are known, as far as the shortest goes.
        higher_is_better: Whether the larger value leads. Of equal ones the first arm does.

    Examples:
        >>> def made(expected):
        ...     return Effort(np.arange(1, 4), np.array(expected), np.array(expected), np.array(expected), 0)
        >>> leaders({"fixed": made([0.5, 0.6, 0.7]), "clr": made([0.3, 0.6, 0.9])})
        ((1, 2, 'fixed'), (3, 3, 'clr'))
    """
    if not curves:
        return ()
    common = reduce(np.intersect1d, [curve.trials for curve in curves.values()])
    table = np.stack([curve.expected[np.isin(curve.trials, common)] for curve in curves.values()])
    ahead = table.argmax(axis=0) if higher_is_better else table.argmin(axis=0)
    starts = np.flatnonzero(np.diff(ahead, prepend=-1))
    ends = [*(common[starts[1:]] - 1), common[-1]]
    names = list(curves)
    return tuple((int(common[start]), int(end), names[ahead[start]]) for start, end in zip(starts, ends, strict=True))


def effort(results: Results, arm: str, *, resamples: int = 2_000, seed: int = 0) -> tuple[Effort | None, str]:
    """Returns the arm's expected best validation value against trials; or None, with the reason in words.

    Args:
        results: What the study has measured so far.
        arm: The arm.
        resamples: How many bootstrap resamples of the trials.
        seed: Fixes them.

    Returns:
        The curve and "", or None and why there is none.
    """
    search = results.study.search
    if search is None or not results.study.arm(arm).space:
        return None, f"{arm} was not tuned."
    if search.sampler.kind != "random":
        return None, (
            f"The {search.sampler.kind} sampler does not draw its trials independently, so one search does not tell"
            " what shorter ones would have found; whole searches would have to be repeated."
        )
    runs = [run for run in results.of(arm, "search") if run.ending is not None]
    if any(run.ending == "pruned" for run in runs):
        return None, "Trials were pruned, so what they would have reached is not known."
    metric = f"validation_{results.study.metric}"
    scores = np.array([run.final(metric) for run in runs], dtype=float)
    if np.isfinite(scores).sum() < 2:
        return None, f"{arm} has fewer than two completed trials."
    higher = higher_is_better(results.study.metric)
    known = np.array([run.final(metric) for run in results.runs if run.key.phase == "search"], dtype=float)
    incomplete = ~np.isfinite(scores)
    scores[incomplete] = np.nanmin(known) if higher else np.nanmax(known)
    numbers = numbers_of_trials(len(scores))
    ordered, weights = _best_last(scores, higher), _weights(len(scores), numbers)
    draws = ordered[_rising_resamples(len(scores), resamples, seed)] @ weights
    low, high = percentile_interval_columns(draws, 0.025)
    return Effort(
        trials=numbers,
        expected=ordered @ weights,
        low=low,
        high=high,
        incomplete=int(incomplete.sum()),
    ), ""

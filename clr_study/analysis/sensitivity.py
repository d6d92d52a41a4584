"""How much it matters which setting an arm is given, and how much is the luck of the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from clr_study.analysis import measured
from clr_study.analysis.bootstrap import LEVEL
from clr_study.analysis.comparison import Estimate
from clr_study.curves import Array
from clr_study.metrics import higher_is_better, is_share
from clr_study.spec.results import Results, RunResult

POINT = 0.01
LOSS_PART = 0.05


@dataclass(frozen=True)
class Sensitivity:
    """What the random trials of one arm's search say about its settings.

    Args:
        best: The best validation value among them.
        margin: What still counts as near it: one point of a share, or a twentieth of the best value otherwise.
        near: The part of the trials that come near the best, which is the part of the search space that does, with a
            Wilson interval. A trial that did not complete does not.
        quartiles: The 25th, 50th and 75th percentile of the completed trials' values.
        regions: Between which drawn values the trials near the best lie, by hole; holes with words are left out.
    """

    best: float
    margin: float
    near: Estimate
    quartiles: tuple[float, float, float]
    regions: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class VarianceSplit:
    """Where the variance of an arm's validation value comes from.

    Args:
        seed: The variance over the measured seeds of the winning setting; NaN below 2.
        setting: What the variance over the random trials has beyond that, at least 0; NaN below 2 of either.
        seeds: Over how many runs the first is taken.
        trials: Over how many trials the second is.
    """

    seed: float
    setting: float
    seeds: int
    trials: int


def sensitivity(results: Results, arm: str) -> tuple[Sensitivity | None, str]:
    """Returns how sensitive an arm is to its setting; or None, with the reason in words.

    Args:
        results: What the study has measured so far.
        arm: The arm.
    """
    trials, reason = _random_trials(results, arm)
    if reason:
        return None, reason
    scores = _scores(trials, results)
    higher = higher_is_better(results.study.metric)
    best = float(np.nanmax(scores) if higher else np.nanmin(scores))
    margin = POINT if is_share(results.study.metric) else LOSS_PART * abs(best)
    near = np.abs(scores - best) <= margin + 1e-12
    interval = stats.binomtest(int(near.sum()), len(scores)).proportion_ci(LEVEL, method="wilson")
    low, middle, high = np.nanquantile(scores, [0.25, 0.5, 0.75])
    return Sensitivity(
        best=best,
        margin=margin,
        near=Estimate(float(near.mean()), float(interval.low), float(interval.high), len(scores)),
        quartiles=(float(low), float(middle), float(high)),
        regions=_regions([run.values for run, good in zip(trials, near, strict=True) if good]),
    ), ""


def variance_split(results: Results, arm: str) -> VarianceSplit:
    """Returns how much of an arm's variance is the seed's and how much the setting's, on the validation split.

    Every trial has a seed of its own, so the variance over random trials is that of setting and seed together; the
    measured runs of the winner tell the seed's alone. It may differ between settings: this is that of the winner.

    Args:
        results: What the study has measured so far.
        arm: The arm.
    """
    over_seeds = _scores(measured.ended(results, arm), results)
    trials, _ = _random_trials(results, arm)
    over_trials = _scores(trials, results)
    over_seeds, over_trials = over_seeds[~np.isnan(over_seeds)], over_trials[~np.isnan(over_trials)]
    seed = float(np.var(over_seeds, ddof=1)) if len(over_seeds) > 1 else float("nan")
    both = float(np.var(over_trials, ddof=1)) if len(over_trials) > 1 else float("nan")
    setting = float("nan") if np.isnan(seed + both) else max(0.0, both - seed)
    return VarianceSplit(seed=seed, setting=setting, seeds=len(over_seeds), trials=len(over_trials))


def _random_trials(results: Results, arm: str) -> tuple[Sequence[RunResult], str]:
    """Returns the arm's ended trials if they cover its space at random, else none and the reason."""
    search = results.study.search
    if search is None or not results.study.arm(arm).space:
        return (), f"{arm} was not tuned."
    if search.sampler.kind not in ("random", "qmc"):
        return (), f"The {search.sampler.kind} sampler does not cover the search space evenly."
    trials = [run for run in results.of(arm, "search") if run.ending is not None]
    if any(run.ending == "pruned" for run in trials):
        return (), "Trials were pruned, so what they would have reached is not known."
    if not np.isfinite(_scores(trials, results)).any():
        return (), f"{arm} has no completed trial."
    return trials, ""


def _scores(runs: Sequence[RunResult], results: Results) -> Array:
    return np.array([run.final(f"validation_{results.study.metric}") for run in runs], dtype=float)


def _regions(drawn: Sequence[Mapping[str, object]]) -> dict[str, tuple[float, float]]:
    """Returns the smallest and the largest value of each hole that was drawn as a number."""
    found: dict[str, tuple[float, float]] = {}
    for name in drawn[0] if drawn else ():
        values = [value[name] for value in drawn]
        numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        if len(numbers) == len(values):
            found[name] = (min(numbers), max(numbers))
    return found

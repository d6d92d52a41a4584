"""Holds the arms of a study against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from clr_study.analysis.bench import Bench
from clr_study.analysis.bootstrap import RESAMPLES
from clr_study.analysis.comparison import ArmSummary, Comparison
from clr_study.analysis.limits import limits
from clr_study.analysis.pairs import Pairs
from clr_study.analysis.verdict import sentence
from clr_study.metrics import higher_is_better
from clr_study.spec.results import Results


def compare(results: Results, *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Returns what the measure phase says: each arm with its intervals, the differences, a verdict and its limits.

    Only the measure phase counts: fresh seeds that all arms share, so that arms are compared in pairs. A run that
    did not complete counts in n and is worse than any that did; an arm half of whose runs did not complete cannot be
    the best. Where the arms' budgets differ and there is a target, the time to it decides in place of the final value.

    Args:
        results: What the study has measured so far; it may be unfinished, or empty.
        resamples: How many bootstrap resamples, and random sign patterns where there are too many to go through.
        seed: Fixes every random draw.
    """
    bench = Bench(results, resamples, seed)
    arms, names = bench.summaries, list(bench.runs)
    budgets = {budget for budget in bench.budgets.values() if budget}
    by_target = len(budgets) > 1 and bench.target_column is not None
    higher = higher_is_better(results.study.metric)
    best = _soonest(bench, min(budgets)) if by_target else _highest(arms, higher)
    with_best = [(best, name) for name in names if best is not None and name != best]
    finals = Pairs(bench.finals, higher, resamples, seed)
    times = Pairs({arm: bench.times_by_seed(arm, min(budgets, default=0)) for arm in names}, False, resamples, seed)
    comparison = Comparison(
        metric=results.metric,
        higher_is_better=higher,
        target=results.study.target.value if results.study.target else None,
        arms=arms,
        best=best,
        to_reference=finals.differences((name, names[0]) for name in names[1:]),
        to_best=finals.differences(with_best),
        verdict="",
        limits=(),
        by="target" if by_target else "final",
        target_metric=bench.target_column,
        target_to_best=times.differences(with_best if by_target else ()),
        finished=all(summary.n >= summary.planned for summary in arms),
        resamples=resamples,
        seed=seed,
    )
    return replace(comparison, verdict=sentence(comparison), limits=limits(comparison, results.study))


def _highest(arms: Iterable[ArmSummary], higher: bool) -> str | None:
    """Returns the arm with the best mean, among those of whose runs more than half completed."""
    sound = [summary for summary in arms if 2 * summary.final.n > summary.n]
    pick: Callable[..., ArmSummary] = max if higher else min
    return pick(sound, key=lambda summary: summary.final.value).arm if sound else None


def _soonest(bench: Bench, horizon: float) -> str | None:
    """Returns the arm with the smallest restricted mean up to the horizon; None if nobody was there by then."""
    reached = any(np.any(reached & (times <= horizon)) for times, reached in bench.times.values())
    means = {arm: float(np.minimum(times, horizon).mean()) for arm, (times, _) in bench.times.items()}
    return min(means, key=lambda arm: means[arm]) if reached else None

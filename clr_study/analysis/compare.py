"""Holds the arms of a study against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from clr_study.analysis import measured, significance
from clr_study.analysis.bench import Bench
from clr_study.analysis.bootstrap import RESAMPLES, estimate
from clr_study.analysis.comparison import ArmSummary, Comparison, Difference
from clr_study.analysis.limits import limits
from clr_study.analysis.verdict import sentence
from clr_study.curves import Array
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
    others = [name for name in names if best is not None and name != best]
    comparison = Comparison(
        metric=results.metric,
        higher_is_better=higher,
        target=results.study.target.value if results.study.target else None,
        arms=arms,
        best=best,
        to_reference=_adjusted(_in_value(bench, name, names[0], higher) for name in names[1:]),
        to_best=_adjusted(_in_value(bench, str(best), other, higher) for other in others),
        verdict="",
        limits=(),
        by="target" if by_target else "final",
        target_metric=bench.target_column,
        target_to_best=_adjusted(_in_time(bench, str(best), other, min(budgets)) for other in others if by_target),
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


def _in_value(bench: Bench, arm: str, reference: str, higher: bool) -> Difference:
    """Returns the difference of two arms in their final values."""
    return _difference(bench, arm, reference, *measured.paired(bench.finals[arm], bench.finals[reference]), higher)


def _in_time(bench: Bench, arm: str, reference: str, horizon: float) -> Difference:
    """Returns the difference of two arms in their times to target, both counted up to the horizon."""
    first, second = measured.paired(bench.times_by_seed(arm), bench.times_by_seed(reference))
    return _difference(bench, arm, reference, np.minimum(first, horizon), np.minimum(second, horizon), False)


def _difference(bench: Bench, arm: str, reference: str, first: Array, second: Array, higher: bool) -> Difference:
    differences = (first - second)[~np.isnan(first - second)]
    gains = significance.gains(first, second, higher)
    interval = estimate(differences, resamples=bench.resamples, seed=bench.seed)
    p = significance.sign_flip_p(gains, resamples=bench.resamples, seed=bench.seed)
    return Difference(
        arm=arm,
        reference=reference,
        estimate=interval,
        p=p,
        p_holm=p,
        improvement=significance.improvement(gains),
        effect_size=significance.effect_size(differences),
        within=significance.within(interval),
    )


def _adjusted(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Returns the differences with p adjusted over them, leaving out arms that share no seed."""
    paired = [difference for difference in differences if not np.isnan(difference.improvement)]
    adjusted = significance.holm(np.array([difference.p for difference in paired]))
    return tuple(replace(difference, p_holm=float(p)) for difference, p in zip(paired, adjusted, strict=True))

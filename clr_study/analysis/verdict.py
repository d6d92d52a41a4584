"""The answer in words: which arm, by how much, how sure, at which budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from clr_study.analysis import words
from clr_study.analysis.comparison import ArmSummary, Comparison, Difference

ALPHA = 0.05


def sentence(comparison: Comparison) -> str:
    """Returns the verdict; "no difference shown at this budget" is one.

    Args:
        comparison: A comparison that still lacks its verdict.
    """
    if not any(summary.n for summary in comparison.arms):
        return "No run of the measure phase has ended yet, so nothing can be said."
    if comparison.best is None:
        parts = [_so_far(comparison), _nobody(comparison)]
    elif comparison.by == "target":
        outcomes = _outcomes(comparison, comparison.target_to_best, _sooner)
        parts = [_so_far(comparison), _soonest(comparison), *outcomes]
    else:
        outcomes = _outcomes(comparison, comparison.to_best, _better)
        parts = [_so_far(comparison), _headline(comparison.to_best), _highest(comparison), *outcomes]
        parts.append(_reached(comparison))
    return " ".join(part for part in parts if part)


def shown(difference: Difference) -> bool:
    """Returns whether a difference counts as shown: adjusted p below 0.05."""
    return difference.p_adjusted < ALPHA


def did_not_complete(arms: Iterable[ArmSummary]) -> str:
    """Returns how the runs that did not complete ended.

    Examples:
        >>> did_not_complete([])
        ''
    """
    counts: dict[str, int] = {}
    for summary in arms:
        for ending, count in summary.endings.items():
            counts[ending] = counts.get(ending, 0) + count
    return words.listed([f"{count} {ending}" for ending, count in counts.items() if ending != "completed"])


def _so_far(comparison: Comparison) -> str:
    if comparison.finished:
        return ""
    done = sum(min(summary.n, summary.planned) for summary in comparison.arms)
    return f"So far ({done} of {sum(summary.planned for summary in comparison.arms)} measured runs):"


def _headline(differences: Sequence[Difference]) -> str:
    return "No difference shown at this budget." if differences and not any(map(shown, differences)) else ""


def _nobody(comparison: Comparison) -> str:
    if comparison.by == "target":
        return (
            f"No run reached the target, {_target(comparison)}, within the smallest of the arms' budgets, so no arm can"
            " be called sooner than another, and their final values belong to different budgets."
        )
    n, incomplete = (
        sum(summary.n for summary in comparison.arms),
        sum(summary.incomplete for summary in comparison.arms),
    )
    if incomplete == n:
        return f"No arm can be called best: of {n} measured runs none completed ({did_not_complete(comparison.arms)})."
    if incomplete == 0:
        return f"No arm can be called best: no measured run has a value of {words.column(comparison.metric)}."
    return (
        f"No arm can be called best: of no arm did more than half of the measured runs complete"
        f" ({did_not_complete(comparison.arms)} of {n})."
    )


def _highest(comparison: Comparison) -> str:
    best = comparison.arm(str(comparison.best))
    column, value = words.column(comparison.metric), words.with_interval(best.final, comparison.metric)
    alone = sum(bool(summary.n) for summary in comparison.arms) == 1
    claim = f"reaches a mean {column} of" if alone else f"has the best mean {column}:"
    told = f"{best.arm} {claim} {value} after {words.updates(best.updates)}, n = {best.final.n}."
    if alone:
        told += " No other arm has a measured run to compare it with."
    return f"{told}{_incomplete(best)}"


def _soonest(comparison: Comparison) -> str:
    best = comparison.arm(str(comparison.best))
    return (
        f"The arms' budgets differ, so the time to {_target(comparison)} decides: {best.arm} gets there soonest."
        f" {_reached(comparison)}{_incomplete(best)}"
    )


def _incomplete(summary: ArmSummary) -> str:
    if not summary.incomplete:
        return ""
    return f" {summary.incomplete} of its {summary.n} runs did not complete ({did_not_complete([summary])})."


def _outcomes(
    comparison: Comparison, differences: Sequence[Difference], told: Callable[[Comparison, Difference], str]
) -> list[str]:
    """One sentence about the arms that the best one beats, one about those of which no difference is shown."""
    won = [difference for difference in differences if shown(difference) and difference.improvement > 0.5]
    lost = [difference for difference in differences if shown(difference) and difference.improvement <= 0.5]
    open_ones = [difference for difference in differences if not shown(difference)]
    parts = [f"It is {words.listed([told(comparison, difference) for difference in won])}."] if won else []
    if lost:
        names = words.listed([difference.reference for difference in lost])
        parts.append(f"Counting its runs that did not complete, it is behind {names}.")
    if open_ones:
        parts.append(_no_difference(comparison, open_ones))
    return parts


def _better(comparison: Comparison, difference: Difference) -> str:
    sure = (
        f"adjusted {words.p_value(difference.p_adjusted)}, ahead on {100 * difference.improvement:.0f} % of the seeds"
    )
    gain = difference.estimate.value if comparison.higher_is_better else -difference.estimate.value
    if not gain > 0:
        return f"better than {difference.reference}, counting the runs that did not complete ({sure})"
    return f"better than {difference.reference} by {words.gap(difference.estimate, comparison.metric)} ({sure})"


def _sooner(comparison: Comparison, difference: Difference) -> str:
    spans = difference.estimate
    return (
        f"sooner than {difference.reference} by {words.updates(-spans.value)} [{-spans.high:,.0f}, {-spans.low:,.0f}]"
        f" (adjusted {words.p_value(difference.p_adjusted)})"
    )


def _no_difference(comparison: Comparison, differences: Sequence[Difference]) -> str:
    names = words.listed([f"{each.reference} ({_open(comparison, each)})" for each in differences])
    return f"It is not shown to be {'sooner' if comparison.by == 'target' else 'better'} than {names}."


def _open(comparison: Comparison, difference: Difference) -> str:
    """How sure, and how far apart the two may still be: the bound that the interval gives."""
    sure = f"adjusted {words.p_value(difference.p_adjusted)}"
    if difference.within != difference.within:
        return sure
    by_target = comparison.by == "target"
    most = words.updates(difference.within) if by_target else words.at_most(difference.within, comparison.metric)
    return f"{sure}, no more than {most} apart"


def _target(comparison: Comparison) -> str:
    metric = str(comparison.target_metric)
    return f"{words.column(metric)} {words.number(comparison.target or 0.0, metric)}"


def _reached(comparison: Comparison) -> str:
    best = comparison.arm(str(comparison.best))
    times = best.to_target
    if times is None:
        return ""
    if times.median is None:
        return f"{times.misses} of its {times.n} runs missed {_target(comparison)}."
    ends = ""
    if times.low is not None:
        ends = f" [{times.low:,.0f}, {'beyond the budget' if times.high is None else format(times.high, ',.0f')}]"
    missed = f"{times.misses} of {times.n} runs missed it" if times.misses else "no run missed it"
    return f"Its median time to {_target(comparison)} is {words.updates(times.median)}{ends}; {missed}."

"""What several studies say together, in words: which arm leads where, and where that is more than luck."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clr_study.analysis import words
from clr_study.analysis.comparison import Comparison, Estimate
from clr_study.analysis.verdict import shown


@dataclass(frozen=True)
class Across:
    """Several studies, side by side.

    Args:
        leads: The best arm of each study by its name; None where no run can tell.
        sure: The studies whose best arm is shown to be better than every other arm.
        arms: Every arm of any study, in the order in which they first come.
        shared: The arms that all studies have.
        verdict: The answer, in words.
        limits: What weakens it; a sentence each.
    """

    leads: Mapping[str, str | None]
    sure: tuple[str, ...]
    arms: tuple[str, ...]
    shared: tuple[str, ...]
    verdict: str
    limits: tuple[str, ...]


def across(comparisons: Mapping[str, Comparison]) -> Across:
    """Returns what several studies say together.

    Args:
        comparisons: By the study's name; at least one.
    """
    leads = {name: comparison.best for name, comparison in comparisons.items()}
    sure = tuple(name for name, comparison in comparisons.items() if _sure(comparison))
    own = [[summary.arm for summary in comparison.arms] for comparison in comparisons.values()]
    arms = tuple(dict.fromkeys(arm for names in own for arm in names))
    shared = tuple(arm for arm in arms if all(arm in names for names in own))
    told = tuple(_limits(comparisons, shared))
    return Across(leads, sure, arms, shared, _verdict(leads, sure), told)


def change(later: Estimate, first: Estimate) -> Estimate:
    r"""Returns how far one mean is from another one that was measured on other runs, with a 95 % interval.

    :math:`d - \sqrt{(\hat\theta_1 - l_1)^2 + (u_0 - \hat\theta_0)^2}` to
    :math:`d + \sqrt{(u_1 - \hat\theta_1)^2 + (\hat\theta_0 - l_0)^2}`: the intervals of two independent estimates,
    joined (Zou and Donner, *Construction of confidence limits about effect measures*, Statistics in Medicine 27, 2008).

    Args:
        later: The one mean, as :math:`\hat\theta_1`.
        first: The other, :math:`\hat\theta_0`.

    Examples:
        >>> change(Estimate(6.0, 3.0, 9.0, 8), Estimate(8.0, 4.0, 12.0, 8))
        Estimate(value=-2.0, low=-7.0, high=3.0, n=8)
    """
    apart = later.value - first.value
    down = math.hypot(later.value - later.low, first.high - first.value)
    up = math.hypot(later.high - later.value, first.value - first.low)
    return Estimate(apart, apart - down, apart + up, min(later.n, first.n))


def _sure(comparison: Comparison) -> bool:
    family = comparison.target_to_best if comparison.by == "target" else comparison.to_best
    others = sum(bool(summary.n) for summary in comparison.arms) - 1
    won = [each for each in family if shown(each) and each.improvement > 0.5]
    return comparison.finished and 0 < others == len(won)


def _verdict(leads: Mapping[str, str | None], sure: tuple[str, ...]) -> str:
    where: dict[str, list[str]] = {}
    for study, arm in leads.items():
        if arm is not None:
            where.setdefault(arm, []).append(study)
    if not where:
        return "In none of the studies can an arm be called best."
    ordered = sorted(where.items(), key=lambda each: -len(each[1]))
    parts = [f"{arm} in {len(studies)} ({words.listed(studies)})" for arm, studies in ordered]
    unknown = sum(arm is None for arm in leads.values())
    open_ones = f" In {unknown} no arm can be called best." if unknown else ""
    if len(ordered) == 1 and not unknown:
        head = f"{ordered[0][0]} leads in {'both' if len(leads) == 2 else f'all {len(leads)}'} studies."
    else:
        head = f"Of {len(leads)} studies the best arm is {words.listed(parts)}.{open_ones}"
    if not sure:
        return f"{head} In none of them is its lead over every other arm shown (adjusted p < 0.05)."
    certain = words.listed([f"{leads[study]} in {study}" for study in sure])
    return f"{head} The lead over every other arm is shown (adjusted p < 0.05) for {certain}."


def _limits(comparisons: Mapping[str, Comparison], shared: tuple[str, ...]) -> Iterator[str]:
    left_out = [name for name, comparison in comparisons.items() if comparison.target is None]
    if left_out:
        yield f"{words.listed(left_out)} {'has' if len(left_out) == 1 else 'have'} no target, so no time to it counts."
    if not shared:
        yield "No arm stands in every study, so no arm can be followed through all of them."
    unfinished = [name for name, comparison in comparisons.items() if not comparison.finished]
    if unfinished:
        yield f"Not finished: {words.listed(unfinished)}."
    few = len(comparisons)
    yield (
        f"{few} studies are no sample of all networks and data sets: what holds in each of them need not hold in "
        "another one."
    )

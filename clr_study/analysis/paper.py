"""The paper's figures against ours: a verdict on each printed row, and the numbers that decide each open question."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import stats

from clr_study.analysis import measured, significance, words
from clr_study.analysis.bootstrap import estimate
from clr_study.analysis.comparison import Estimate
from clr_study.analysis.evidence import ArmEvidence, Evidence
from clr_study.analysis.verdict import ALPHA
from clr_study.curves import Array
from clr_study.spec.paper import PaperRow, PrintedRow

Verdict: TypeAlias = Literal["reproduced", "not reproduced", "not run"]


@dataclass(frozen=True)
class Reading:
    """An arm that is a reading of a printed row.

    Args:
        arm: Its name.
        mean: Its accuracy in per cent, over the completed runs.
        ended: How many of its runs have ended.
        lost: How many of those did not complete.
        reservation: Why its runs do not count; empty where they do.
    """

    arm: str
    mean: Estimate
    ended: int
    lost: int
    reservation: str


@dataclass(frozen=True)
class Judged:
    """A printed row and what became of it.

    Args:
        row: What the paper prints.
        study: The study whose arms are its readings; empty where there is none.
        band: How many points our mean may lie off; NaN without a study.
        planned: How many runs a reading.
        readings: Those of which something was measured, and the arms of which nothing was.
        verdict: The verdict.
        note: Why it is what it is.
    """

    row: PrintedRow
    study: str
    band: float
    planned: int
    readings: tuple[Reading, ...]
    verdict: Verdict
    note: str


def judge(row: PrintedRow, study: str, paper: PaperRow | None, planned: int, evidence: Evidence | None) -> Judged:
    """Returns the verdict on a printed row.

    `reproduced`: the mean of at least one reading, over all of its planned seeds, lies within the band, and none of
    its runs was lost. `not reproduced`: every reading was run in full, and none is. All else is `not run`: fewer seeds
    than planned, previews, other data, and readings that wait.

    Args:
        row: What the paper prints.
        study: The study with its readings; empty for none.
        paper: The row of that study's `paper`; None for none.
        planned: How many seeds the study measures.
        evidence: What there is of the study; None for nothing.
    """
    if paper is None:
        return Judged(row, "", math.nan, 0, (), "not run", "no study here reads this row")
    readings = tuple(_reading(arm, evidence) for arm in paper.arms)
    full = [reading for reading in readings if not reading.reservation and reading.ended >= planned]
    hits = [one for one in full if not one.lost and abs(one.mean.value - row.accuracy) <= paper.band]
    verdict: Verdict = "not run"
    if hits:
        verdict, note = "reproduced", f"by {' and '.join(one.arm for one in hits)}{_of(len(readings))}"
    elif len(full) == len(readings):
        verdict, note = "not reproduced", _misses(full, row.accuracy)
    else:
        note = _waiting(readings, full, planned)
    return Judged(row, study, paper.band, planned, readings, verdict, note)


def _reading(arm: str, evidence: Evidence | None) -> Reading:
    found = evidence.arms.get(arm) if evidence else None
    if evidence is None or found is None:
        return Reading(arm, Estimate(math.nan, math.nan, math.nan, 0), 0, 0, "")
    return Reading(arm, in_points(found.mean), len(found.finals), found.lost, evidence.reservation)


def in_points(share: Estimate) -> Estimate:
    """Returns an estimate of a share in per cent."""
    return Estimate(100 * share.value, 100 * share.low, 100 * share.high, share.n)


def _of(readings: int) -> str:
    return f", of {readings} readings" if readings > 1 else ""


def _misses(full: Sequence[Reading], printed: float) -> str:
    parts = []
    for one in full:
        off = f"{one.mean.value - printed:+.1f} points" if one.mean.n else "no run completed"
        parts.append(f"{one.arm} {off}" + (f", {one.lost} of {one.ended} lost" if one.lost else ""))
    return "; ".join(parts)


def _waiting(readings: Sequence[Reading], full: Sequence[Reading], planned: int) -> str:
    reserved = sorted({one.reservation for one in readings if one.reservation})
    if reserved:
        return f"{'; '.join(reserved)}, which does not count"
    begun = [one for one in readings if 0 < one.ended < planned]
    if begun:
        return "; ".join(f"{one.arm}: {one.ended} of {planned} runs have ended" for one in begun)
    return f"{len(full)} of {len(readings)} readings were run" if full else ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the paper leaves open, and which arms decide it.

    Args:
        title: The question.
        study: The study whose arms decide it.
        pairs: An arm and the arm that it is held against, each.
        spread: Arms of which the spread over seeds is asked for.
    """

    title: str
    study: str
    pairs: tuple[tuple[str, str], ...] = ()
    spread: tuple[str, ...] = ()


def answer(question: Question, evidence: Evidence | None) -> tuple[str, ...]:
    """Returns a sentence for each pair and each arm that a question names, with the numbers that decide it.

    A pair's difference is shown if its p, adjusted for all pairs of the question, is below 0.05, as in a report; so
    fewer than 6 seeds never show one.

    Args:
        question: The question.
        evidence: What there is of its study; None for nothing.
    """
    if evidence is None or not evidence.arms:  # a range test alone has measured no arm
        return (f"Not run: nothing is measured of {question.study}.",)
    known = [pair for pair in question.pairs if all(name in evidence.arms for name in pair)]
    ps = dict(zip(known, significance.step_down_p(_gains(known, evidence.arms)), strict=True))
    sentences = [_pair(*pair, evidence.arms, ps.get(pair)) for pair in question.pairs]
    sentences += [_spread(arm, evidence.arms) for arm in question.spread]
    if evidence.reservation:
        return (f"These runs are {evidence.reservation}; they decide nothing.", *sentences)
    return tuple(sentences)


def _gains(pairs: Sequence[tuple[str, str]], arms: Mapping[str, ArmEvidence]) -> Array:
    """How much better the first of each pair is, seed by seed [seeds, pairs]; NaN where a pair lacks the seed."""
    seeds = sorted({seed for pair in pairs for name in pair for seed in arms[name].finals})
    gains = np.full((len(seeds), len(pairs)), np.nan)
    for column, (arm, other) in enumerate(pairs):
        shared = np.isin(seeds, sorted(arms[arm].finals.keys() & arms[other].finals.keys()))
        gains[shared, column] = _gain(arms[arm], arms[other])
    return gains


def _gain(arm: ArmEvidence, other: ArmEvidence) -> Array:
    return significance.gains(*measured.paired(arm.finals, other.finals), higher_is_better=True)


def _pair(arm: str, other: str, arms: Mapping[str, ArmEvidence], p: float | None) -> str:
    if p is None:
        missing = [name for name in (arm, other) if name not in arms]
        return f"Not run: {arm} against {other}; nothing is measured of {' and '.join(missing)}."
    mine, theirs = arms[arm], arms[other]
    first, second = measured.paired(mine.finals, theirs.finals)
    apart, gain = in_points(estimate(first - second)), _gain(mine, theirs)
    tested = f", adjusted {words.p_value(p)}"
    if significance.smallest_p(len(gain)) >= ALPHA:
        tested, says = "", "too few to show a difference"
    elif p < ALPHA and (mine.lost or theirs.lost):
        better = significance.improvement(gain) > 0.5
        says = f"{arm} is {'better' if better else 'worse'}, counting the runs that were lost"
    elif p < ALPHA:
        says = f"{arm} is {'better' if apart.value > 0 else 'worse'}"
    elif apart.n > 1:
        says = f"no difference shown, no more than {max(-apart.low, apart.high):.2f} points apart"
    else:
        says = "no difference shown"
    budgets = "" if mine.updates == theirs.updates else f", after {mine.updates:,} and {theirs.updates:,} updates"
    return f"{_shown(arm, mine)} against {_shown(other, theirs)}{budgets}: {_apart(apart)}{tested}; {says}."


def _shown(name: str, arm: ArmEvidence) -> str:
    mean = in_points(arm.mean)
    return f"{name} {mean.value:.2f} %" + (f" ({arm.lost} of {len(arm.finals)} runs lost)" if arm.lost else "")


def _apart(apart: Estimate) -> str:
    if not apart.n:
        return "no pair of runs completed"
    interval = f" [{apart.low:+.2f}, {apart.high:+.2f}]" if math.isfinite(apart.low) else ", no interval"
    return f"{apart.value:+.2f} points{interval}, n = {apart.n} {'pair' if apart.n == 1 else 'pairs'}"


def _spread(arm: str, arms: Mapping[str, ArmEvidence]) -> str:
    if arm not in arms:
        return f"Not run: nothing is measured of {arm}."
    mean, deviation = in_points(arms[arm].mean), 100 * arms[arm].deviation
    if not math.isfinite(deviation):
        return f"{arm}: n = {mean.n}, too few for a spread."
    apart = float(stats.t.ppf(0.975, mean.n - 1)) * math.sqrt(2) * deviation
    return (
        f"{arm}: a run's standard deviation over seeds is {deviation:.2f} points, n = {mean.n}; "
        f"of two single runs of it 19 pairs in 20 lie no more than {apart:.1f} points apart."
    )

"""What a comparison says, as values: `compare` makes them, the report and the command line read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Args:
        value: The point estimate; NaN where there is nothing to estimate it from.
        low: The lower end of the interval; NaN where n < 2.
        high: The upper end; likewise.
        n: How many runs, or pairs of runs, it rests on.
    """

    value: float
    low: float
    high: float
    n: int

    def between(self, least: float, most: float) -> Estimate:
        """Returns the estimate with its interval cut to what the number can be.

        Examples:
            >>> Estimate(0.99, 0.96, 1.02, 3).between(0, 1)
            Estimate(value=0.99, low=0.96, high=1.0, n=3)
        """
        return replace(self, low=float(np.clip(self.low, least, most)), high=float(np.clip(self.high, least, most)))


@dataclass(frozen=True)
class TimeToTarget:
    """How soon an arm's runs reached the target, the misses counted; in updates, or in seconds where it is said.

    Args:
        median: The Kaplan-Meier median; None where half of the runs never got there.
        low: The lower end of its 95 % interval; None where even that end is not reached, or n < 2.
        high: The upper end; None where it lies beyond the budget, or n < 2.
        restricted_mean: The mean time until the target or the budget, whichever came first.
        misses: How many runs ended without having reached it, diverged and failed ones included.
        n: How many runs ended.
        speed_up: The reference arm's restricted mean over this arm's, paired over seeds, with its interval: above 1
            is faster than the reference. None for the reference itself and where no pair exists.
    """

    median: float | None
    low: float | None
    high: float | None
    restricted_mean: Estimate
    misses: int
    n: int
    speed_up: Estimate | None = None


@dataclass(frozen=True)
class ArmSummary:
    """One arm's measure phase.

    Args:
        arm: Its name.
        trial: The winning trial; None where nothing was searched, or the search is not done.
        values: What was drawn for its holes.
        n: How many measured runs ended, in whatever way.
        endings: How many of them by ending; only endings that occurred.
        final: The mean of the deciding metric over the completed runs, with its bootstrap interval.
        to_target: Time to the study's target; None where it has none, or no run ended.
        updates: The budget of a run in updates; 0 while no run of the arm is known.
        schedule: The winner's schedule table; empty while no run of the arm is known.
        planned: How many runs are to be measured.
        interquartile_mean: The mean of the middle half of the completed runs, which a single odd run does not move.
        seconds: Mean training seconds of a completed run; NaN without one.
        at_best: As `final`, but of each run at the evaluation where its validation value was best: what a checkpoint
            kept by validation would give.
        gap: The mean of the last validation loss minus the train loss just before it: how much the fit is by heart.
        to_target_seconds: As `to_target`, in training seconds, without a speed-up; they hang on the device and on how
            many runs shared it.
        area: The mean height of the deciding metric's curve, between the first evaluation and the budget that all arms
            share, over the runs that got there: how good the arm is at any moment.
        batch_size: Samples of an update; 0 while no run of the arm is known.
        updates_an_epoch: Updates of a pass over the training split; None while it is not known.
    """

    arm: str
    trial: int | None
    values: Mapping[str, Any]
    n: int
    endings: Mapping[str, int]
    final: Estimate
    to_target: TimeToTarget | None
    updates: int
    schedule: Mapping[str, Any]
    planned: int
    interquartile_mean: Estimate
    seconds: float
    at_best: Estimate
    gap: Estimate
    to_target_seconds: TimeToTarget | None
    area: Estimate
    batch_size: int
    updates_an_epoch: float | None

    @property
    def incomplete(self) -> int:
        """How many of the n runs did not complete."""
        return self.n - self.endings.get("completed", 0)


@dataclass(frozen=True)
class Difference:
    """One arm against another, over the seeds that both have.

    Args:
        arm: The arm.
        reference: The one it is held against.
        estimate: The mean of arm minus reference over the pairs in which both completed.
        p: Two-sided sign-flip permutation p. Pairs with a run that did not complete count, as lost by that arm.
        p_holm: p, adjusted by Holm over the family that this difference stands in, as if it had been chosen before.
        p_adjusted: p, adjusted over all pairs of arms by the step-down max-T test; what a verdict goes by, since any
            arm might have come out best.
        improvement: The probability that the arm is better than the reference on the same seed, ties as half; a run
            that did not complete is worse than any that did. NaN without a pair.
        effect_size: The mean difference over the standard deviation of the differences (Cohen's d of pairs); NaN
            where n < 2 or the differences do not vary.
        within: The largest absolute difference that the interval still admits: none larger than this was shown.
    """

    arm: str
    reference: str
    estimate: Estimate
    p: float
    p_holm: float
    p_adjusted: float
    improvement: float
    effect_size: float
    within: float

    @property
    def turned(self) -> Difference:
        """The same difference, seen from the other arm."""
        known = self.estimate
        return replace(
            self,
            arm=self.reference,
            reference=self.arm,
            estimate=Estimate(-known.value, -known.high, -known.low, known.n),
            improvement=1 - self.improvement,
            effect_size=-self.effect_size,
        )


@dataclass(frozen=True)
class Comparison:
    """The arms of a study, compared.

    Args:
        metric: The column that decides, as `test_accuracy`.
        higher_is_better: Whether more of it is better.
        target: The value the time to which is reported; None where the study has none.
        arms: One summary an arm, in the file's order.
        best: The arm with the best mean, among those of whose runs more than half completed; by the restricted mean
            of the time to target where budgets differ. None where no run can tell.
        to_reference: Each other arm against the file's first arm.
        to_best: The best arm against each other one.
        verdict: The answer, in words.
        limits: What was not tested, and what weakens the answer; a sentence each.
        by: What decides: the `final` value, or the time to `target` where the arms' budgets differ.
        target_metric: The column that the target is about; None where the study has no target.
        target_to_best: The best arm against each other one in updates to target, up to the smallest budget; below 0
            is sooner. Empty unless `by` is `target`.
        finished: Whether every planned run of the measure phase has ended.
        resamples: How many bootstrap resamples each interval rests on.
        seed: The seed of every random draw of this analysis.
    """

    metric: str
    higher_is_better: bool
    target: float | None
    arms: tuple[ArmSummary, ...]
    best: str | None
    to_reference: tuple[Difference, ...]
    to_best: tuple[Difference, ...]
    verdict: str
    limits: tuple[str, ...]
    by: Literal["final", "target"] = "final"
    target_metric: str | None = None
    target_to_best: tuple[Difference, ...] = field(default=())
    finished: bool = True
    resamples: int = 10_000
    seed: int = 0

    def arm(self, name: str) -> ArmSummary:
        """Returns the summary of the arm of that name.

        Raises:
            KeyError: There is none.
        """
        return {summary.arm: summary for summary in self.arms}[name]

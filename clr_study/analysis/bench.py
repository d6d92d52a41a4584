"""The measured runs of every arm, side by side, with what each comparison of them needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clr_study.analysis import measured, survival
from clr_study.analysis.anytime import areas
from clr_study.analysis.bootstrap import Statistic, estimate, interquartile_mean, mean
from clr_study.analysis.comparison import ArmSummary, Estimate, TimeToTarget
from clr_study.curves import Array
from clr_study.metrics import higher_is_better, is_share
from clr_study.spec.results import Results, RunResult


@dataclass(frozen=True)
class Bench:
    """The arms of a study, side by side.

    Args:
        results: What the study has measured so far.
        resamples: How many bootstrap resamples each interval rests on.
        seed: Fixes them.
    """

    results: Results
    resamples: int
    seed: int

    @cached_property
    def runs(self) -> Mapping[str, tuple[RunResult, ...]]:
        """The measured runs that ended, by arm, in the file's order."""
        return {arm.name: measured.ended(self.results, arm.name) for arm in self.results.study.arms}

    @cached_property
    def budgets(self) -> Mapping[str, int]:
        """The updates of a run, by arm; 0 where none is known."""
        return {arm.name: measured.budget(self.results, arm.name) for arm in self.results.study.arms}

    @cached_property
    def finals(self) -> Mapping[str, Mapping[int, float]]:
        """The final value of each run by arm and seed; NaN where it did not complete."""
        return {arm: measured.finals(runs, self.results.metric) for arm, runs in self.runs.items()}

    @cached_property
    def target_column(self) -> str | None:
        """The column that the target is about; None without a target."""
        return measured.target_column(self.results)

    @cached_property
    def times(self) -> Mapping[str, tuple[Array, survival.Flags]]:
        """Times to target and whether it was reached, of each arm with a run that ended."""
        target, column = self.results.study.target, self.target_column
        if target is None or column is None:
            return {}
        return {
            arm: survival.time_to_target(measured.curves(runs, column), target.value, higher_is_better(target.metric))
            for arm, runs in self.runs.items()
            if runs
        }

    @cached_property
    def summaries(self) -> tuple[ArmSummary, ...]:
        """One summary an arm, in the file's order."""
        return tuple(self._summary(arm) for arm in self.runs)

    def times_by_seed(self, arm: str, horizon: float = math.inf) -> Mapping[int, float]:
        """Returns the arm's times to target by seed, none above the horizon; empty without a target or an ended run."""
        if arm not in self.times:
            return {}
        times = np.minimum(self.times[arm][0], horizon).tolist()
        return dict(zip((run.key.seed for run in self.runs[arm]), times, strict=True))

    def _summary(self, arm: str) -> ArmSummary:
        runs, finals = self.runs[arm], np.array(list(self.finals[arm].values()), dtype=float)
        setting = self._setting(arm)
        searched = bool(self.results.study.arm(arm).space)
        seconds = [run.seconds[-1] for run in runs if run.ending == "completed" and len(run.seconds)]
        return ArmSummary(
            arm=arm,
            trial=setting.key.trial if setting and searched else None,
            values=setting.values if setting else {},
            n=len(runs),
            endings=measured.endings(runs),
            final=self._in_metric(finals),
            to_target=self._to_target(arm),
            updates=self.budgets[arm],
            schedule=setting.spec.schedule if setting else {},
            planned=self.results.study.measure.seeds,
            interquartile_mean=self._in_metric(finals, interquartile_mean),
            seconds=float(np.mean(seconds)) if seconds else float("nan"),
            at_best=self._in_metric(measured.values_at_best(runs, self.results.metric)),
            gap=self._estimate(measured.generalisation_gaps(runs)),
            to_target_seconds=self._to_target_seconds(arm),
            area=self._in_metric(self._areas(arm)),
            batch_size=setting.spec.batch_size if setting else 0,
            updates_an_epoch=measured.updates_an_epoch(runs),
        )

    def _in_metric(self, values: Array, statistic: Statistic = mean) -> Estimate:
        found = self._estimate(values, statistic)
        return found.between(0, 1) if is_share(self.results.metric) else found

    def _estimate(self, values: Array, statistic: Statistic = mean) -> Estimate:
        return estimate(values, statistic, resamples=self.resamples, seed=self.seed)

    @cached_property
    def shared_axis(self) -> tuple[float, float]:
        """The stretch of updates on which every arm with a measured run was evaluated."""
        axes = [run.spec.evaluate_at for runs in self.runs.values() for run in runs]
        return max((axis[0] for axis in axes), default=0), min((axis[-1] for axis in axes), default=0)

    def _areas(self, arm: str) -> Array:
        runs, (since, until) = self.runs[arm], self.shared_axis
        if not any(self.results.metric in run.metrics for run in runs):
            return np.array([])
        return areas(measured.curves(runs, self.results.metric), until, since)

    def _setting(self, arm: str) -> RunResult | None:
        """Returns a run with the arm's winning setting: a measured one, else the winner's own in the search."""
        winner = self.results.winners.get(arm)
        candidates = self.results.of(arm, "measure") + (() if winner is None else self.results.of(arm, "search"))
        return next((run for run in candidates if winner in (None, run.key.trial)), None)

    def _to_target(self, arm: str) -> TimeToTarget | None:
        if arm not in self.times:
            return None
        times, reached = self.times[arm]
        reference = next(iter(self.runs))
        ours, theirs = measured.paired(self.times_by_seed(arm), self.times_by_seed(reference))
        speed_up = None
        if arm != reference and len(ours):
            horizon = min(self.budgets[arm], self.budgets[reference])
            speed_up = survival.speed_up(ours, theirs, horizon, resamples=self.resamples, seed=self.seed)
        return survival.target_times(
            times,
            reached,
            self.budgets[arm],
            speed_up=speed_up,
            resamples=self.resamples,
            seed=self.seed,
        )

    def _to_target_seconds(self, arm: str) -> TimeToTarget | None:
        if arm not in self.times:
            return None
        reached = self.times[arm][1]
        seconds = measured.seconds_at(self.runs[arm], *self.times[arm])
        return survival.target_times(seconds, reached, float(seconds.max()), resamples=self.resamples, seed=self.seed)

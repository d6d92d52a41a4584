"""What a study has measured, as values: the store makes them, the analysis and the report read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from clr_study.curves import Array, CurveSet
from clr_study.spec.study import Study
from clr_study.spec.trial import Ending, Phase, RunKey, TrialSpec

COLUMNS = ("lr", "train_loss", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy")


OWN_METRIC = ("validation_metric", "test_metric")
"""Where a metric that is neither accuracy nor loss is kept; a run has it under its own name, as `test_rmse`."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run as the store holds it.

    Args:
        key: Which run.
        spec: Its full setting.
        values: What was drawn for the holes, by name; empty where nothing was searched.
        ending: How it ended; None while it is not finished.
        updates: Updates done at each evaluation [T].
        metrics: The measured columns [T] by name, a subset of `COLUMNS`, and those of the
            metric that decides; NaN where a value is missing.
        seconds: Training seconds so far at each evaluation [T]: the device's time shared over the lanes of the batch.
        device: The device, in words.
        versions: The versions of what it ran on.
        note: For people: where it diverged, or what failed.
        epochs: Passes over the training split done at each evaluation [T]; empty where that is not known.
    """

    key: RunKey
    spec: TrialSpec
    values: Mapping[str, Any]
    ending: Ending | None
    updates: npt.NDArray[np.int64]
    metrics: Mapping[str, Array]
    seconds: Array
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    epochs: Array = field(default_factory=lambda: np.array([]))

    @property
    def axis(self) -> npt.NDArray[np.int64]:
        """The numbers of updates at which it has, or will have, values: a training loop of one's own reports freely."""
        planned = self.updates if self.spec.own_loop else self.spec.evaluate_at
        return np.union1d(np.asarray(planned, dtype=np.int64), [self.spec.updates])

    def final(self, metric: str) -> float:
        """Returns the last value of a metric, or NaN if the run did not complete."""
        column = self.metrics.get(metric)
        if self.ending != "completed" or column is None or not len(column):
            return float("nan")
        return float(column[-1])


@dataclass(frozen=True, eq=False)
class RangeTestResult:
    """One range test: the curves over the seeds and the bounds read off them.

    Args:
        ramp: `linear` or `exponential`.
        lrs: The learning rate at each evaluation [T].
        scores: The validation split's score [S, T]; NaN after a seed diverged.
        losses: Training loss [S, T].
        seeds: The seeds [S].
        bounds: By rule: `base_lr`, `max_lr` and their spread over seeds (`base_lr_spread`, `max_lr_spread`: two numbers
            each), None where the rule found none; and `note`, a sentence.
        arm: The name under which its runs are kept.
        score: The metric that `scores` holds: the one by which the study is decided.
    """

    ramp: str
    lrs: Array
    scores: Array
    losses: Array
    seeds: tuple[int, ...]
    bounds: Mapping[str, Mapping[str, Any]]
    arm: str
    score: str = "accuracy"


@dataclass(frozen=True, eq=False)
class Stint:
    """A stretch of time in which a worker trained some runs, side by side where they can.

    Args:
        worker: Its host and process, which tell workers apart.
        device: The device, in words.
        phase: `search`, `measure` or `range_test`.
        arms: How many runs of each arm.
        started: In seconds since 1970, by the worker's clock.
        ended: Likewise. A worker that was killed on the way leaves no stint.
    """

    worker: str
    device: str
    phase: str
    arms: Mapping[str, int]
    started: float
    ended: float


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """All that a study has measured so far.

    Args:
        study: The study.
        runs: Its runs, by key.
        range_tests: Its range tests.
        winners: The number of the winning trial of each arm whose search is done; of several searches, the one that
            did best when it was confirmed.
        stints: When which worker trained, the earliest first.
    """

    study: Study
    runs: tuple[RunResult, ...]
    range_tests: tuple[RangeTestResult, ...] = ()
    winners: Mapping[str, int] = field(default_factory=dict)
    stints: tuple[Stint, ...] = ()

    def __repr__(self) -> str:
        """How much there is, and not all of it: a notebook prints this below a cell."""
        arms = [arm.name for arm in self.study.arms]
        ended = Counter(run.ending or "unfinished" for run in self.runs)
        counts = ", ".join(f"{count} {ending}" for ending, count in sorted(ended.items())) or "no runs"
        return f"<Results of {self.study.name!r}: arms {arms}; {counts}>"

    def of(self, arm: str, phase: Phase) -> tuple[RunResult, ...]:
        """Returns the runs of an arm in a phase, in the order of trial and seed."""
        return tuple(run for run in self.runs if run.key.arm == arm and run.key.phase == phase)

    def winning(self, arm: str) -> frozenset[int]:
        """Returns an arm's winning trials: none, one, or one of each search where each measured seed has its own."""
        if arm not in self.winners:
            return frozenset()
        if self.study.searches > 1:
            return frozenset(run.key.trial for run in self.of(arm, "measure")) | {self.winners[arm]}
        return frozenset({self.winners[arm]})

    def measured(self, arm: str, metric: str) -> CurveSet:
        """Returns the curves of an arm's measure phase, one row a seed; NaN after a run ended early.

        Raises:
            ValueError: The arm has no measured run.
        """
        return curve_set(self.of(arm, "measure"), metric)

    @property
    def metric(self) -> str:
        """The column that decides: of the test split where the measured runs have one, else of validation."""
        measured = [run for run in self.runs if run.key.phase == "measure"]
        column = f"test_{self.study.metric}"
        read = any(np.isfinite(run.metrics[column]).any() for run in measured if column in run.metrics)
        return column if read else f"validation_{self.study.metric}"


def curve_set(runs: Iterable[RunResult], metric: str) -> CurveSet:
    """Returns the curves of some runs on the union of their evaluations; NaN where a run has none."""
    runs = [run for run in runs if metric in run.metrics]
    if not runs:
        raise ValueError(f"no run has measured {metric}")
    axis = np.unique(np.concatenate([run.axis for run in runs]))
    values = np.full((len(runs), len(axis)), np.nan)
    for row, run in enumerate(runs):
        values[row, np.searchsorted(axis, run.updates)] = run.metrics[metric]
    return CurveSet(updates=axis, values=values, seeds=np.array([run.key.seed for run in runs]))

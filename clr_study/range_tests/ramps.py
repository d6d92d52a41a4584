"""The LR range test: which runs it takes, and how its bounds are read off them (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from clr_study.analysis import BOUND_RULES
from clr_study.curves import Array
from clr_study.errors import SpecError
from clr_study.metrics import higher_is_better
from clr_study.schedules import ExponentialRamp, LinearRamp, Schedule
from clr_study.spec import (
    Arm,
    Budget,
    PlannedRun,
    RangeTest,
    RangeTestResult,
    RunKey,
    RunResult,
    Study,
    TrialSpec,
    corner,
    curve_set,
    filled,
)

LONGEST_EPOCHS = 8


def range_test_arm(ramp: str) -> str:
    """Returns the name under which the runs of a ramp are kept."""
    return f"range_test.{ramp}"


def range_test_runs(study: Study, budget: Budget, seeds: Sequence[int]) -> list[PlannedRun]:
    """Returns the runs of a study's range test: one ramp, a run a seed, on the validation split only.

    Model and optimizer are the first arm's, with its holes at their lower ends.

    Args:
        study: The study.
        budget: The first arm's budget.
        seeds: Replicate seeds.
    """
    test, arm = study.range_test, study.arms[0]
    updates = ramp_updates(test, budget)
    tables = _without_schedule(arm, budget)
    schedule = ramp_schedule(test, updates)
    return [
        PlannedRun(
            RunKey(study.name, range_test_arm(test.ramp), "range_test", 0, seed),
            TrialSpec(
                study=study.name,
                data=study.task,
                model=tables["model"],
                optim=tables["optim"],
                schedule=schedule.to_dict(),
                batch_size=budget.batch_size,
                updates=updates,
                evaluate_at=Budget(updates, budget.per_epoch, budget.batch_size).grid(test.evaluations),
                seed=seed,
                test=False,
                precision=arm.train.precision,
                compile=arm.train.compile,
                cuda_graphs=arm.train.cuda_graphs,
                clip=arm.train.clip,
            ),
            {},
        )
        for seed in seeds
    ]


def ramp_updates(test: RangeTest, budget: Budget) -> int:
    """Returns how long a range test is: what it says, or the study's budget, 8 epochs at most.

    Raises:
        SpecError: It is shorter than its evaluations.
    """
    if test.updates is not None:
        updates = test.updates
    elif test.epochs is not None:
        updates = round(test.epochs * budget.per_epoch)
    else:
        updates = min(budget.updates, LONGEST_EPOCHS * budget.per_epoch)
    if updates < test.evaluations:
        raise SpecError(
            f"[range_test] is {updates} updates long, which is fewer than its {test.evaluations} evaluations; "
            "give more epochs or fewer evaluations"
        )
    return updates


def read_range_test(test: RangeTest, runs: Sequence[RunResult], score: str) -> RangeTestResult:
    """Returns the curves of a range test's runs and what each rule reads off them.

    Args:
        test: How it went.
        runs: Its runs, finished.
        score: The metric that is read on the validation split: the one by which the study is decided.
    """
    schedule = runs[0].spec.lr_schedule
    scores, losses = curve_set(runs, f"validation_{score}"), curve_set(runs, "train_loss")
    lrs = np.asarray(schedule(scores.updates - 1))
    rising = scores.values if higher_is_better(score) else rise_of(scores.values)
    bounds = {kind: asdict(rule(lrs, rising, losses.values)) for kind, rule in BOUND_RULES.items()}
    return RangeTestResult(
        ramp=test.ramp,
        lrs=lrs,
        scores=scores.values,
        losses=losses.values,
        seeds=tuple(int(seed) for seed in scores.seeds),
        bounds=bounds,
        arm=runs[0].key.arm,
        score=score,
    )


def rise_of(values: Array) -> Array:
    """Returns scores of which less is better as ones that rise: the part of the first one that is gone.

    The first is the mean over the seeds at the first learning rate, where nothing has been learned yet, so that the
    rules' least rise of 0.02 is one of 2 %.

    Args:
        values: A loss or an error [S, T]; NaN after a seed diverged.

    Examples:
        >>> rise_of(np.array([[3.0, 2.0, 8.0], [5.0, 4.0, np.nan]])).tolist()
        [[0.25, 0.5, -1.0], [-0.25, 0.0, nan]]
    """
    first = values[:, 0][np.isfinite(values[:, 0])]
    scale = float(np.abs(first).mean()) if len(first) else 1.0
    return 1 - values / (scale or 1.0)


def bounds_for_holes(test: RangeTest, result: RangeTestResult) -> dict[str, float]:
    """Returns the bounds from which holes take their ends.

    Where the rule found no upper bound, the last LR of the ramp stands for it: everything up to there was good. Where
    it gives no lower one, the paper's rule of thumb does: a quarter of max_lr.

    Raises:
        SpecError: The rule found nothing to go by.
    """
    found = result.bounds[test.rule]
    if found["max_lr"] is None and found["base_lr"] is None:
        raise SpecError(
            f"[range_test] the rule {test.rule!r} found no bounds between {test.low} and {test.high}: "
            f"{found['note'].removesuffix('.')}; give [range_test] another low, high or more epochs, a preview a "
            "larger --scale, or write the ranges yourself"
        )
    max_lr = found["max_lr"] if found["max_lr"] is not None else float(result.lrs[-1])
    base_lr = found["base_lr"] if found["base_lr"] is not None else max_lr / 4
    return {"base_lr": base_lr, "max_lr": max_lr}


def ramp_schedule(test: RangeTest, updates: int) -> Schedule:
    """Returns the rising learning rate of a range test.

    Args:
        test: How it goes.
        updates: How long it is.
    """
    kind = LinearRamp if test.ramp == "linear" else ExponentialRamp
    return kind(low=test.low, high=test.high, updates=updates)


def _without_schedule(arm: Arm, budget: Budget) -> dict[str, dict[str, object]]:
    tables = {"optim": arm.optim, "model": arm.model}
    return filled(tables, corner(arm.space, "low"), budget.per_epoch)

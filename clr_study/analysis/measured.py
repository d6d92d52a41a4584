"""The measured runs of an arm, picked out of the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from clr_study.curves import Array, CurveSet
from clr_study.metrics import higher_is_better, metric_of
from clr_study.spec.results import Results, RunResult


def ended(results: Results, arm: str) -> tuple[RunResult, ...]:
    """Returns the arm's measured runs that have ended, in whatever way; of the winning trial where one is known."""
    winning = results.winning(arm)
    return tuple(
        run
        for run in results.of(arm, "measure")
        if run.ending is not None and (not winning or run.key.trial in winning)
    )


def endings(runs: Sequence[RunResult]) -> dict[str, int]:
    """Returns how many runs ended in which way, the commonest first."""
    return {str(ending): count for ending, count in Counter(run.ending for run in runs).most_common()}


def finals(runs: Sequence[RunResult], metric: str) -> dict[int, float]:
    """Returns the final value of each run by seed; NaN where it did not complete."""
    return {run.key.seed: run.final(metric) for run in runs}


def values_at_best(runs: Sequence[RunResult], metric: str) -> Array:
    """Returns each completed run's value at the evaluation where its validation value was best [N]; NaN where unknown.

    Args:
        runs: The runs.
        metric: The column; the validation column of the same metric picks the evaluation.
    """
    judge, values = f"validation_{metric_of(metric)}", np.full(len(runs), np.nan)
    for row, run in enumerate(runs):
        judged = run.metrics.get(judge, np.array([]))
        if run.ending == "completed" and metric in run.metrics and np.isfinite(judged).any():
            best = np.nanargmax(judged) if higher_is_better(judge) else np.nanargmin(judged)
            values[row] = run.metrics[metric][best]
    return values


def generalisation_gaps(runs: Sequence[RunResult]) -> Array:
    """Returns each run's last validation loss minus its last train loss [N]; NaN where it did not complete."""
    return np.array([run.final("validation_loss") - run.final("train_loss") for run in runs], dtype=float)


def updates_an_epoch(runs: Sequence[RunResult]) -> float | None:
    """Returns how many updates are a pass over the training split; None where no run tells."""
    known = [run.updates[-1] / run.epochs[-1] for run in runs if len(run.epochs) and run.epochs[-1] > 0]
    return float(known[0]) if known else None


def seconds_at(runs: Sequence[RunResult], updates: Array, reached: npt.NDArray[np.bool_]) -> Array:
    """Returns the training seconds after which each run reached the target [N].

    A run that missed it is censored where the longest run ended: it would not have been there before.

    Args:
        runs: The runs.
        updates: When each reached the target [N].
        reached: Whether it did [N].
    """
    longest = max((float(run.seconds[-1]) for run in runs if len(run.seconds)), default=0.0)
    return np.array(
        [
            run.seconds[np.searchsorted(run.updates, moment)] if hit else longest
            for run, moment, hit in zip(runs, updates, reached, strict=True)
        ],
        dtype=float,
    )


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> tuple[Array, Array]:
    """Returns the values of two arms on the seeds that both have, in the order of the seeds [N], [N].

    Examples:
        >>> paired({1: 0.5, 2: 0.25}, {2: 0.75, 3: 1.0})
        (array([0.25]), array([0.75]))
    """
    seeds = sorted(first.keys() & second.keys())
    return np.array([first[seed] for seed in seeds], float), np.array([second[seed] for seed in seeds], float)


def curves(runs: Sequence[RunResult], metric: str) -> CurveSet:
    """Returns the curves of some runs on the union of their evaluations.

    Unlike `spec.results.curve_set` it keeps a run that has measured nothing, as a row of NaN: a run that failed at
    once is a run.

    Args:
        runs: At least one.
        metric: The column.
    """
    axis = np.unique(np.concatenate([run.axis for run in runs]))
    values = np.full((len(runs), len(axis)), np.nan)
    for row, run in enumerate(runs):
        if metric in run.metrics:
            values[row, np.searchsorted(axis, run.updates)] = run.metrics[metric]
    return CurveSet(updates=axis, values=values, seeds=np.array([run.key.seed for run in runs]))


def budget(results: Results, arm: str) -> int:
    """Returns the updates of the arm's runs, measured ones if there are any; 0 where none is known."""
    runs = ended(results, arm) or results.of(arm, "measure") or results.of(arm, "search")
    if runs:
        return max(run.spec.updates for run in runs)
    return results.study.arm(arm).train.updates or 0


def target_column(results: Results) -> str | None:
    """Returns the column that the study's target is about, of the split that decides; None without a target."""
    if results.study.target is None:
        return None
    wanted = f"{results.metric.split('_')[0]}_{results.study.target.metric}"
    known = {column for run in results.runs if run.key.phase == "measure" for column in run.metrics}
    return wanted if wanted in known or not known else f"validation_{results.study.target.metric}"

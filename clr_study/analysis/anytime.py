"""Curves on a common axis: how good the arms are at every moment, not only at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clr_study.analysis.bootstrap import percentile_interval_columns, resampled, tail
from clr_study.curves import Array, CurveSet


@dataclass(frozen=True, eq=False)
class Band:
    """The mean curve of some runs with a pointwise 95 % interval.

    Args:
        updates: The axis [T].
        mean: The mean over the runs that have a value there [T]; NaN where none has.
        low: The lower end [T]; NaN where fewer than 2 runs have a value.
        high: The upper end [T]; likewise.
        n: How many runs have a value there [T].
    """

    updates: Array
    mean: Array
    low: Array
    high: Array
    n: npt.NDArray[np.int64]


def on_axis(curves: CurveSet, axis: Array) -> CurveSet:
    """Returns the curves on another axis, straight lines between two values; NaN outside a run's own values.

    A run is never drawn on beyond its end: one that diverged has no value from there on.

    Args:
        curves: The curves.
        axis: The new axis [T].

    Examples:
        >>> on_axis(CurveSet([10, 20], [[0.0, 1.0]], [7]), [5, 15, 20, 25]).values
        array([[nan, 0.5, 1. , nan]])
    """
    axis = np.asarray(axis, dtype=float)
    values = np.full((len(curves), len(axis)), np.nan)
    for row, curve in enumerate(curves.values):
        known = np.isfinite(curve)
        if known.any():
            values[row] = np.interp(axis, curves.updates[known], curve[known], left=np.nan, right=np.nan)
    return CurveSet(updates=axis, values=values, seeds=curves.seeds)


def band(curves: CurveSet, *, resamples: int = 2_000, seed: int = 0) -> Band:
    """Returns the mean curve over the runs with a pointwise bootstrap interval.

    The interval holds at each point, not for the whole curve at once. Runs are drawn whole, so that neighbouring
    points move together. Where runs ended early, mean and interval are over those that are left, and `n` says so.

    Args:
        curves: One row a run.
        resamples: How many bootstrap resamples.
        seed: Fixes them.

    Examples:
        >>> made = band(CurveSet([10, 20], [[0.25, 0.5], [0.75, float("nan")]], [1, 2]))
        >>> made.mean, made.n
        (array([0.5, 0.5]), array([2, 1]))
    """
    known = np.isfinite(curves.values)
    n = known.sum(axis=0)
    mean, low, high = (np.full(len(curves.updates), np.nan) for _ in range(3))
    patterns, which = np.unique(known, axis=1, return_inverse=True)
    for index, rows in enumerate(patterns.T):
        here, count = which == index, int(rows.sum())
        values = curves.values[np.ix_(rows, here)]
        if count:
            mean[here] = values.mean(axis=0)
        if count > 1:
            drawn = np.stack([np.bincount(row, minlength=count) for row in resampled(count, resamples, seed)])
            low[here], high[here] = percentile_interval_columns(drawn @ values / count, tail(count))
    return Band(updates=curves.updates, mean=mean, low=low, high=high, n=n)


def areas(curves: CurveSet, until: float | None = None, since: float | None = None) -> Array:
    """Returns the mean height of each curve from its first evaluation on [N], by trapezoids: the normed area under it.

    Args:
        curves: One row a run.
        until: Where the area ends, at or before the end of the axis; the end unless given.
        since: Where it begins, at or after the first evaluation; there unless given.

    Returns:
        NaN for a run that ended before that, and where there is only one evaluation.

    Examples:
        >>> areas(CurveSet([10, 20, 40], [[0.0, 1.0, 1.0]], [7]), until=30)
        array([0.75])
    """
    until = float(curves.updates[-1] if until is None else until)
    since = float(curves.updates[0] if since is None else since)
    if since >= until:
        return np.full(len(curves), np.nan)
    between = (curves.updates > since) & (curves.updates < until)
    axis = np.array([since, *curves.updates[between], until])
    values = on_axis(curves, axis).values
    return (values[:, 1:] + values[:, :-1]) / 2 @ np.diff(axis) / (until - axis[0])

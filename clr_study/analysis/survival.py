"""How soon runs reach a target, with those that never do counted as what they are: censored at their budget."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from clr_study.analysis.bootstrap import RESAMPLES, Rows, bootstrap, ratio_of_means, resampled, tail
from clr_study.analysis.comparison import Estimate, TimeToTarget
from clr_study.curves import Array, CurveSet

Flags = npt.NDArray[np.bool_]


def time_to_target(curves: CurveSet, target: float, higher_is_better: bool) -> tuple[Array, Flags]:
    """Returns when each run first was seen at or beyond the target, and whether it was.

    An evaluation is what was seen, so the time is that of the first evaluation that meets the target: nothing is
    read in between two. A run that never does, a diverged one too, is censored at the end of the axis, its budget.

    Args:
        curves: One row a run.
        target: The value to reach.
        higher_is_better: Whether to reach it from below.

    Returns:
        Updates [N], and whether the target was reached [N].

    Examples:
        >>> curves = CurveSet(updates=[10, 20], values=[[0.5, 0.75], [0.5, 0.6]], seeds=[1, 2])
        >>> time_to_target(curves, 0.7, higher_is_better=True)
        (array([20., 20.]), array([ True, False]))
    """
    met = np.greater_equal(curves.values, target) if higher_is_better else np.less_equal(curves.values, target)
    reached: Flags = np.any(met, axis=1)
    return np.where(reached, curves.updates[met.argmax(axis=1)], curves.updates[-1]), reached


def kaplan_meier(times: Array, reached: Flags) -> tuple[Array, Array]:
    r"""Returns the Kaplan-Meier curve: the part of the runs that have not reached the target after each time.

    :math:`S(t) = \prod_{t_i \le t} (1 - d_i / n_i)` with d reaching it out of the n that still could
    (Kaplan and Meier, JASA 53, 1958).

    Args:
        times: Times [N] of reaching the target or of the end.
        reached: Which of the two [N].

    Returns:
        The distinct times at which a run reached it, with 0 in front, and the part that had not right after each.

    Examples:
        >>> kaplan_meier(np.array([10.0, 20.0, 20.0, 30.0]), np.array([True, True, False, True]))
        (array([ 0., 10., 20., 30.]), array([1.  , 0.75, 0.5 , 0.  ]))
    """
    steps, left = _product_limit(np.asarray(times, dtype=float), np.asarray(reached, dtype=bool))
    events = np.unique(np.asarray(times, dtype=float)[np.asarray(reached, dtype=bool)])
    last = np.searchsorted(steps, events, side="right") - 1
    return np.concatenate([[0.0], events]), np.concatenate([[1.0], left[last]])


def _product_limit(times: Array, reached: Flags) -> tuple[Array, Array]:
    """Returns the sorted times [..., n] and the Kaplan-Meier curve after each; of a tie, who reached goes first."""
    order = np.lexsort((~reached, times), axis=-1)
    n = times.shape[-1]
    at_risk = n - np.arange(n)
    left = np.cumprod(1 - np.take_along_axis(reached, order, axis=-1) / at_risk, axis=-1)
    return np.take_along_axis(times, order, axis=-1), left


def median_time(times: Array, reached: Flags) -> Array:
    """Returns the Kaplan-Meier median over the last axis: the first time by which half have reached it, else inf.

    Examples:
        >>> float(median_time(np.array([10.0, 20.0, 40.0]), np.array([True, True, False])))
        20.0
    """
    steps, left = _product_limit(times, reached)
    half = left <= 0.5 + 1e-12
    first = np.take_along_axis(steps, half.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(half.any(axis=-1), first, np.inf)


def restricted_mean(times: Array, reached: Flags, horizon: float) -> Array:
    """Returns the area under the Kaplan-Meier curve up to the horizon, over the last axis.

    Where no run is censored before the horizon it is the mean of `min(time, horizon)`.

    Examples:
        >>> float(restricted_mean(np.array([10.0, 40.0]), np.array([True, False]), horizon=40))
        25.0
    """
    steps, left = _product_limit(times, reached)
    edges = np.minimum(steps, horizon)
    start = np.zeros_like(edges[..., :1])
    widths = np.diff(np.concatenate([start, edges, start + horizon], axis=-1), axis=-1)
    return np.sum(widths * np.concatenate([start + 1, left], axis=-1), axis=-1)


def target_times(
    times: Array,
    reached: Flags,
    horizon: float,
    *,
    speed_up: Estimate | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> TimeToTarget:
    """Returns the median and the restricted mean of the time to target with their intervals.

    The median's interval is a percentile bootstrap, which may end in "never".

    Args:
        times: As `time_to_target` gives them [N], N >= 1.
        reached: Likewise.
        horizon: Up to where the restricted mean counts: the budget.
        speed_up: What to record as the speed-up against the reference.
        resamples: How many bootstrap resamples.
        seed: Fixes them.
    """

    def mean_of(rows: Rows) -> Array:
        return restricted_mean(times[rows], reached[rows], horizon)

    n = len(times)
    low = high = math.inf
    if n > 1:
        rows = resampled(n, resamples, seed)
        outside = tail(n)
        medians = median_time(times[rows], reached[rows])
        low, high = np.quantile(medians, [outside, 1 - outside], method="inverted_cdf")
    return TimeToTarget(
        median=_finite(float(median_time(times, reached))),
        low=_finite(float(low)),
        high=_finite(float(high)),
        restricted_mean=bootstrap(mean_of, n, resamples=resamples, seed=seed).between(0, horizon),
        misses=int(np.sum(~reached)),
        n=n,
        speed_up=speed_up,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def speed_up(times: Array, reference: Array, horizon: float, *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Returns the reference's restricted mean over the arm's, over pairs: 2 means in half the updates.

    Args:
        times: The arm's times [N].
        reference: The reference's times on the same seeds [N].
        horizon: Up to where both are counted: the smaller budget.
        resamples: How many bootstrap resamples.
        seed: Fixes them.

    Examples:
        >>> speed_up(np.array([10.0, 20.0]), np.array([40.0, 50.0]), horizon=50).value
        3.0
    """
    return ratio_of_means(np.minimum(reference, horizon), np.minimum(times, horizon), resamples=resamples, seed=seed)

r"""Bootstrap intervals over seeds.

A plain bootstrap interval of a mean is too narrow when runs are few: a resample of n values varies by
:math:`\sqrt{(n-1)/n}` of what it should, and knows no heavier tail than the normal. All intervals here therefore widen
their tail probability as Hesterberg's expanded percentile interval does (*What Teachers Should Know About the
Bootstrap*, The American Statistician 69(4), 2015). Simulated with normal values, a plain "95 %" interval holds the mean
in 88 % of the cases over 8 seeds, this one in 93 %, and in 91 % over 5.

Below 5 seeds no bootstrap can keep what it says: the whole range of 3 values holds their mean in 75 %. There the
interval is Student's t over the jackknife, for a mean the usual one: it holds in 95 % over 3 and over 4 normal values.
It is wide, and right only as far as values spread like a normal: over 3 exponential ones it holds the mean in 87 %.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from clr_study.analysis.comparison import Estimate
from clr_study.curves import Array

LEVEL = 0.95
RESAMPLES = 10_000
FEW = 5

Rows: TypeAlias = npt.NDArray[np.intp]
Statistic: TypeAlias = Callable[[Array], Array]
RowStatistic: TypeAlias = Callable[[Rows], Array]
Method: TypeAlias = Literal["bca", "percentile"]


def mean(values: Array) -> Array:
    """Returns the mean over the last axis."""
    return np.asarray(values, dtype=float).mean(axis=-1)


def interquartile_mean(values: Array) -> Array:
    """Returns the mean of the middle half over the last axis: a quarter of the values is cut off at each end.

    Of n values `floor(n / 4)` are cut at each end (Agarwal et al., *Deep Reinforcement Learning at the Edge of the
    Statistical Precipice*, 2021).

    Examples:
        >>> interquartile_mean([0.0, 1.0, 3.0, 100.0]).item()
        2.0
    """
    return np.asarray(stats.trim_mean(np.asarray(values, dtype=float), 0.25, axis=-1))


@lru_cache(maxsize=8)
def resampled(n: int, resamples: int = RESAMPLES, seed: int = 0) -> Rows:
    """Returns which of n rows each resample is made of [resamples, n]; the same for the same arguments."""
    rows = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    rows.flags.writeable = False
    return rows


def tail(n: int, *, expanded: bool = True) -> float:
    r"""Returns the probability that an interval leaves out at each side.

    Expanded: :math:`\Phi(-\sqrt{n/(n-1)}\; t_{0.975,\,n-1})`; else 0.025.

    Args:
        n: How many values, at least 2.
        expanded: Whether to widen for few values.

    Examples:
        >>> round(tail(8), 4), round(tail(1000), 3), tail(8, expanded=False)
        (0.0057, 0.025, 0.025)
    """
    one_side = round((1 - LEVEL) / 2, 12)
    if not expanded:
        return one_side
    return float(special.ndtr(-np.sqrt(n / (n - 1)) * stats.t.ppf(1 - one_side, n - 1)))


def percentile_interval(replicates: Array, tail: float) -> tuple[float, float]:
    """Returns the quantiles `tail` and `1 - tail` of bootstrap replicates."""
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def percentile_interval_columns(replicates: Array, tail: float) -> tuple[Array, Array]:
    """Returns the same of each column of replicates [resamples, T]: two arrays [T]."""
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0)
    return low, high


def bca_interval(value: float, replicates: Array, left_out: Array, tail: float) -> tuple[float, float]:
    r"""Returns the bias-corrected and accelerated interval (Efron, JASA 82, 1987).

    The quantiles are taken at :math:`\Phi(z_0 + (z_0 + z)/(1 - a(z_0 + z)))` for :math:`z = \Phi^{-1}` of both tails,
    with :math:`z_0` from the part of the replicates below the estimate and :math:`a` from the skewness of the
    jackknife.

    Args:
        value: The estimate.
        replicates: Bootstrap replicates of it.
        left_out: The statistic with each value left out in turn [n].
        tail: The probability outside at each side.
    """
    below = (np.mean(replicates < value) + np.mean(replicates <= value)) / 2
    offset = special.ndtri(np.clip(below, 0.5 / len(replicates), 1 - 0.5 / len(replicates)))
    deviations = left_out.mean() - left_out
    spread = np.sum(deviations**2)
    acceleration = np.sum(deviations**3) / (6 * spread**1.5) if spread > 0 else 0.0
    z = offset + special.ndtri(tail) * np.array([1.0, -1.0])
    damping = 1 - acceleration * z
    if np.any(damping <= 0):
        return percentile_interval(replicates, tail)
    low, high = np.quantile(replicates, special.ndtr(offset + z / damping))
    return float(low), float(high)


def student_interval(value: float, left_out: Array) -> tuple[float, float]:
    r"""Returns Student's t interval with the jackknife's standard error (Tukey, 1958).

    :math:`\hat\theta \pm t_{0.975,\,n-1} \sqrt{\frac{n-1}{n} \sum_i (\hat\theta_{(i)} - \bar\theta)^2}`; of a mean it
    is the textbook's.

    Args:
        value: The estimate.
        left_out: The statistic with each value left out in turn [n].

    Examples:
        >>> low, high = student_interval(2.0, np.array([2.5, 2.0, 1.5]))  # of the mean of 1, 2 and 3
        >>> round(low, 3), round(high, 3)
        (-0.484, 4.484)
    """
    n = len(left_out)
    error = np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * error)
    return value - half, value + half


def bootstrap(
    statistic: RowStatistic,
    n: int,
    *,
    method: Method = "bca",
    expanded: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Returns a statistic of n rows with its 95 % interval, which below 5 rows is Student's t; see the module.

    The statistic is given rows, not values, so that whatever belongs to a row, as the two runs of a pair, is drawn
    together.

    Args:
        statistic: Maps arrays of row numbers [..., m] to one number each [...].
        n: How many rows there are.
        method: `bca` or `percentile`.
        expanded: Whether the interval is widened for few rows; see the module.
        resamples: How many resamples.
        seed: Fixes them.
    """
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    rows = np.arange(n)
    value = float(statistic(rows))
    if n < 2:
        return Estimate(value, float("nan"), float("nan"), n)
    left_out = statistic(np.stack([np.delete(rows, row) for row in rows]))
    if n < FEW:
        return Estimate(value, *student_interval(value, left_out), n)
    replicates = statistic(resampled(n, resamples, seed))
    outside = tail(n, expanded=expanded)
    if method == "percentile" or np.ptp(replicates) == 0:
        return Estimate(value, *percentile_interval(replicates, outside), n)
    return Estimate(value, *bca_interval(value, replicates, left_out, outside), n)


def estimate(
    values: Array,
    statistic: Statistic = mean,
    *,
    method: Method = "bca",
    expanded: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Returns a statistic of some values with its 95 % interval; values that are NaN are left out and not counted.

    Args:
        values: One a run [N].
        statistic: Reduces the last axis.
        method: `bca` or `percentile`.
        expanded: Whether the interval is widened for few values; see the module.
        resamples: How many resamples.
        seed: Fixes them.

    Examples:
        >>> estimate([0.5, 0.5, 0.5])
        Estimate(value=0.5, low=0.5, high=0.5, n=3)
        >>> estimate([0.25, float("nan")])
        Estimate(value=0.25, low=nan, high=nan, n=1)
    """
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    return bootstrap(
        lambda rows: statistic(values[rows]),
        len(values),
        method=method,
        expanded=expanded,
        resamples=resamples,
        seed=seed,
    )


def ratio_of_means(numerators: Array, denominators: Array, *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Returns the ratio of two means over pairs with its 95 % interval; both runs of a pair are drawn together.

    Args:
        numerators: One a pair [N].
        denominators: Likewise, all above 0.
        resamples: How many resamples.
        seed: Fixes them.

    Examples:
        >>> ratio_of_means([30.0, 90.0], [10.0, 30.0]).value
        3.0
    """
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    return bootstrap(
        lambda rows: above[rows].mean(axis=-1) / below[rows].mean(axis=-1),
        len(above),
        resamples=resamples,
        seed=seed,
    )

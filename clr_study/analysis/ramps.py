"""Reading one curve of a range test: smoothing, crossings, and where its good region ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from clr_study.curves import Array

RISE, SLOW, FALL = 0.1, 0.95, 0.1
LEAST_RISE = 0.02


@dataclass(frozen=True)
class Reading:
    """What one curve says; None where it says nothing.

    Args:
        base_lr: Where training starts to work.
        max_lr: Where it stops to gain.
        note: Why, or why not, in words.
    """

    base_lr: float | None
    max_lr: float | None
    note: str


def before_first_gap(values: Array) -> int:
    """Returns how many values stand before the first one that is not finite.

    Examples:
        >>> before_first_gap(np.array([0.1, 0.2, np.nan, 0.3]))
        2
    """
    gaps = ~np.isfinite(values)
    return int(gaps.argmax()) if gaps.any() else len(values)


def smoothed(values: Array) -> Array:
    """Returns a running median, its window an eighth of the curve and 3 points at least: one odd point moves nothing.

    Examples:
        >>> smoothed(np.array([0.0, 0.0, 9.0, 0.0, 1.0, 1.0])).tolist()
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    return np.asarray(median_filter(values, size=max(3, len(values) // 8 | 1), mode="reflect"), dtype=float)


def scatter(values: Array) -> float:
    """Returns the standard deviation of the noise on a smooth curve, from its second differences; robust.

    Independent noise of deviation s gives second differences of deviation `sqrt(6) s`, and 1.4826 times the median of
    their absolute values estimates that.

    Examples:
        >>> scatter(np.array([1.0, 2.0, 3.0, 4.0]))
        0.0
    """
    if len(values) < 3:
        return 0.0
    return float(1.4826 * np.median(np.abs(np.diff(values, 2))) / np.sqrt(6))


def lr_at(lrs: Array, position: float) -> float:
    """Returns the LR at a position between two evaluations, on a line in LR or in log LR, as the ramp went.

    Examples:
        >>> lr_at(np.array([1.0, 10.0, 100.0]), 0.5) == 10**0.5, lr_at(np.array([1.0, 2.0, 3.0]), 0.5)
        (True, 1.5)
    """
    places = np.arange(len(lrs))
    if lrs[0] > 0 and len(lrs) > 2 and np.ptp(np.diff(np.log(lrs))) < np.ptp(np.diff(lrs)) / np.mean(np.diff(lrs)):
        return float(np.exp(np.interp(position, places, np.log(lrs))))
    return float(np.interp(position, places, lrs))


def upward_crossing(values: Array, level: float, *, last: bool) -> float | None:
    """Returns the position, a fraction between two points, of the first or last upward crossing of a level.

    Examples:
        >>> upward_crossing(np.array([0.0, 1.0, 0.0, 2.0]), 0.5, last=False)
        0.5
        >>> upward_crossing(np.array([0.0, 1.0, 0.0, 2.0]), 0.5, last=True)
        2.25
    """
    ups = np.flatnonzero((values[:-1] < level) & (values[1:] >= level))
    if not len(ups):
        return None
    before = ups[-1 if last else 0]
    return float(before + (level - values[before]) / (values[before + 1] - values[before]))


def ragged_from(values: Array, calm: float, height: float) -> int | None:
    """Returns from which point on a curve is ragged: its scatter exceeds 4 times the calm one and a tenth of its rise.

    Args:
        values: The curve from where it slows.
        calm: The scatter before.
        height: By how much the curve rose.
    """
    if len(values) < 5:
        return None
    local = median_filter(np.abs(np.diff(values, 2)), size=5, mode="nearest") * 1.4826 / np.sqrt(6)
    rough = np.flatnonzero(local > max(4 * calm, 0.1 * height))
    return int(rough[0]) if len(rough) else None


def accuracy_reading(lrs: Array, accuracy: Array) -> Reading:
    """Returns the bounds that one accuracy curve gives by the paper's rule; see `bounds.smith`.

    Args:
        lrs: The LR at each evaluation [T], rising.
        accuracy: The accuracy there [T]; NaN from where the run diverged.
    """
    end = before_first_gap(accuracy)
    if end < 4:
        return Reading(
            None, None, f"The run diverged by an LR of {lrs[min(end, len(lrs) - 1)]:.3g}: no bound is found."
        )
    curve = smoothed(accuracy[:end])
    peak = int(curve.argmax())
    floor = curve[: peak + 1].min()
    height = curve[peak] - floor
    noise = scatter(accuracy[: max(peak + 1, end // 2)])
    if height < max(LEAST_RISE, 5 * noise):
        return Reading(None, None, f"The accuracy never rose up to an LR of {lrs[end - 1]:.3g}: no bound is found.")
    slow = upward_crossing(curve, floor + SLOW * height, last=False) or 0.0
    start = upward_crossing(curve[: int(np.ceil(slow)) + 1], floor + RISE * height, last=True) or 0.0
    base_lr, max_lr = lr_at(lrs, start), lr_at(lrs, slow)
    why = _why_it_ends(lrs, accuracy, curve, peak, int(np.ceil(slow)), height, noise)
    rises = f"The accuracy starts to rise at an LR of {base_lr:.3g}" + (", the first one tried," if start < 1 else "")
    if why is None:
        return Reading(base_lr, None, f"{rises}; no upper bound found up to {lrs[end - 1]:.3g}.")
    return Reading(base_lr, max_lr, f"{rises}, slows at {max_lr:.3g} and {why}.")


def _why_it_ends(
    lrs: Array, accuracy: Array, curve: Array, peak: int, slow: int, height: float, noise: float
) -> str | None:
    """Returns how the good region ends, in words; None if it does not."""
    end = len(curve)
    rough = ragged_from(accuracy[slow:end], noise, height)
    below = np.flatnonzero(curve[peak:] < curve[peak] - max(FALL * height, 4 * noise))
    events = []
    if rough is not None:
        events.append((slow + rough, "becomes ragged from {:.3g}"))
    if len(below):
        events.append((peak + int(below[0]), "has fallen by {:.3g}"))
    if end < len(accuracy):
        events.append((end, "the run diverges at {:.3g}"))
    if not events:
        return None
    where, words = min(events)
    return words.format(lrs[where])

"""Reading one curve of a range test: smoothing, crossings, and where its good region ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from clr_study.curves import Array

RISE, SLOW, TOP, FALL = 0.1, 0.95, 0.01, 0.05
LEAST_RISE = 0.02


@dataclass(frozen=True)
class Reading:
    """What one curve says; None where it says nothing.

    Args:
        base_lr: Where training starts to work.
        max_lr: Beyond which it gains nothing.
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


def running_median(values: Array, window: int) -> Array:
    """Returns the median of an odd number of points around each; the curve is mirrored at its ends.

    Examples:
        >>> running_median(np.array([0.0, 0.0, 9.0, 0.0, 1.0, 1.0]), 3).tolist()
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    return np.median(sliding_window_view(np.pad(values, window // 2, mode="symmetric"), window), axis=-1)


def smoothed(values: Array) -> Array:
    """Returns the running median over an eighth of the curve, 3 points at least: one odd point moves nothing.

    Towards the start the window shrinks to the first point alone, which stands as it is: on a linear ramp the whole
    rise may lie between the first two points.

    Examples:
        >>> smoothed(np.array([0.0, 1.0, 1.0, 9.0, 1.0, 1.0])).tolist()
        [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    half = max(3, len(values) // 8 | 1) // 2
    curve = running_median(values, 2 * half + 1)
    curve[:half] = [np.median(values[: 2 * place + 1]) for place in range(min(half, len(values)))]
    return curve


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


def ragged_from(values: Array, start: int, calm: float, height: float) -> int | None:
    """Returns the first point from `start` on at which a curve is ragged; None if it nowhere is.

    Ragged is where its scatter, over 9 points, exceeds 4 times the calm one and a tenth of the rise.

    Args:
        values: The curve.
        start: Where it slows.
        calm: The scatter before.
        height: By how much the curve rose.
    """
    if len(values) - start < 9:
        return None
    bends = np.abs(np.diff(values[start:], 2)) * 1.4826 / np.sqrt(6)
    rough = np.flatnonzero(running_median(bends, 7) > max(4 * calm, 0.1 * height))
    return start + int(rough[0]) if len(rough) else None


def top(curve: Array, tolerance: float) -> float:
    """Returns the middle position of the stretch around a curve's peak that lies within a tolerance of it.

    Examples:
        >>> top(np.array([0.0, 0.9, 1.0, 0.95, 0.2, 0.95]), 0.1)
        2.0
    """
    peak = int(curve.argmax())
    low = curve < curve[peak] - tolerance
    before, after = np.flatnonzero(low[:peak]), np.flatnonzero(low[peak:])
    first = before[-1] + 1 if len(before) else 0
    last = peak + after[0] - 1 if len(after) else len(curve) - 1
    return float(first + last) / 2


def accuracy_reading(lrs: Array, accuracy: Array) -> Reading:
    """Returns the bounds that one accuracy curve gives by the paper's rule; see `bounds.smith`.

    Args:
        lrs: The LR at each evaluation [T], rising.
        accuracy: The accuracy there [T]; NaN from where the run diverged.
    """
    end = before_first_gap(accuracy)
    if end < 4:
        return Reading(None, None, f"Diverged by an LR of {lrs[min(end, len(lrs) - 1)]:.3g}: no bound is found.")
    curve = smoothed(accuracy[:end])
    peak = int(curve.argmax())
    floor = curve[: peak + 1].min()
    height = curve[peak] - floor
    noise = scatter(accuracy[: max(peak + 1, end // 2)])
    if height < max(LEAST_RISE, 5 * noise):
        return Reading(None, None, f"Nothing was learned up to an LR of {lrs[end - 1]:.3g}: no bound is found.")
    slow = upward_crossing(curve, floor + SLOW * height, last=False) or 0.0
    start = upward_crossing(curve[: int(np.ceil(slow)) + 1], floor + RISE * height, last=True) or 0.0
    base_lr = lr_at(lrs, start)
    note = f"Learning starts at an LR of {base_lr:.3g}{', the first one tried,' if start < 1 else ''}"
    note += f"; {SLOW:.0%} of the rise is done at {lr_at(lrs, slow):.3g}".replace("%", " %")
    rough = ragged_from(accuracy[:end], int(np.ceil(slow)), noise, height)
    why = _why_it_ends(lrs, curve, rough, max(FALL * height, 4 * noise))
    if why is None:
        return Reading(base_lr, None, f"{note}; no upper bound found up to {lrs[end - 1]:.3g}.")
    best = top(curve, max(TOP * height, noise))
    max_lr = lr_at(lrs, best if rough is None else min(best, rough))
    return Reading(base_lr, max_lr, f"{note}; it gains nothing beyond {max_lr:.3g} and {why}.")


def _why_it_ends(lrs: Array, curve: Array, rough: int | None, drop: float) -> str | None:
    """Returns how the good region ends, in words; None if it does not."""
    peak = int(curve.argmax())
    below = np.flatnonzero(curve[peak:] < curve[peak] - drop)
    events = []
    if rough is not None:
        events.append((rough, "is ragged from {:.3g} on"))
    if len(below):
        events.append((peak + int(below[0]), "is worse at {:.3g}"))
    if len(curve) < len(lrs):
        events.append((len(curve), "a run has diverged at {:.3g}"))
    if not events:
        return None
    where, words = min(events)
    return words.format(lrs[where])

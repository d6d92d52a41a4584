"""Curves in a few letters."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from clr_study.store import Leader

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*%#"
CURVE = 12  # letters of a curve in the panel


def spark(
    values: Sequence[float], width: int, low: float | None = None, high: float | None = None, letters: str = BLOCKS
) -> str:
    """Returns a curve as letters of growing height, one a column; a space where nothing is known.

    Args:
        values: The curve, evenly spaced.
        width: How many letters at most; a longer curve is sampled, its last value always kept.
        low: What the lowest letter stands for; the least value without it.
        high: What the highest letter stands for; the greatest value without it.
        letters: From low to high.

    Examples:
        >>> spark([0.0, 0.5, 1.0, float("nan"), 0.75], width=8)
        '▁▅█ ▆'
        >>> spark([1.0] * 20, width=4, low=0.0)
        '████'
        >>> spark(range(100), width=5)
        '▁▃▅▆█'
    """
    if len(values) > width:
        values = [values[round(column * (len(values) - 1) / max(1, width - 1))] for column in range(width)]
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return " " * len(values)
    bottom = min(known) if low is None else low
    span = (max(known) if high is None else high) - bottom
    return "".join(_letter((value - bottom) / span if span > 0 else 0.0, letters) for value in values)


def _letter(height: float, letters: str) -> str:
    if not math.isfinite(height):
        return " "
    return letters[min(len(letters) - 1, max(0, round(height * (len(letters) - 1))))]


def curves_of(leader: Leader, letters: str) -> tuple[str, str]:
    """Returns a run's learning rate over its whole length, and its scores so far on the same axis, as sparklines."""
    spec = leader.spec
    lrs = [float(spec.lr_schedule(round(step * (spec.updates - 1) / (CURVE - 1)))) for step in range(CURVE)]
    columns = max(1, round(CURVE * leader.updates[-1] / spec.updates))
    ends = [spec.updates * (column + 1) / CURVE for column in range(columns)]
    seen = [min(bisect_left(leader.updates, end), len(leader.updates) - 1) for end in ends]
    scores = [leader.scores[index] for index in seen]
    return spark(lrs, CURVE, low=0.0, letters=letters), spark(scores, CURVE, letters=letters)

"""Schedules without a short formula as points with straight lines between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clr_study.curves import Array

TOLERANCE = 1e-3


def knots(lrs: Array, tolerance: float = TOLERANCE) -> tuple[npt.NDArray[np.int64], Array]:
    """Returns the updates and learning rates of few points whose straight lines come near every learning rate.

    Lines are halved where they are worst until they are good everywhere: the algorithm of Ramer, Douglas and Peucker.

    Args:
        lrs: The learning rate of every update of a run [T].
        tolerance: How far a line may be off, as a part of the learning rate that it is meant to be.

    Examples:
        >>> knots(np.array([1.0, 2.0, 3.0, 4.0, 2.0, 2.0]))
        (array([0, 3, 4, 5]), array([1., 4., 2., 2.]))
    """
    updates = np.arange(len(lrs))
    kept, open_lines = {0, len(lrs) - 1}, [(0, len(lrs) - 1)]
    while open_lines:
        left, right = open_lines.pop()
        inside = slice(left + 1, right)
        line = np.interp(updates[inside], [left, right], [lrs[left], lrs[right]])
        excess = np.abs(line - lrs[inside]) - tolerance * np.abs(lrs[inside])
        if len(excess) and excess.max() > 0:
            worst = left + 1 + int(excess.argmax())
            kept.add(worst)
            open_lines += [(left, worst), (worst, right)]
    chosen = np.array(sorted(kept), dtype=np.int64)
    return chosen, lrs[chosen]

"""Fewer points for the same curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LIMIT = 500


def thinned(x: npt.ArrayLike, y: npt.ArrayLike, limit: int = LIMIT) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns a curve of at most `limit` points: both ends, and the lowest and highest point of each stretch.

    Args:
        x: Positions [T], rising.
        y: Values [T]; NaN where there is none.
        limit: The most points, at least 4.

    Examples:
        >>> thinned([0, 1, 2, 3, 4, 5], [0, 9, 0, 0, -9, 0], limit=4)
        ((0.0, 1.0, 4.0, 5.0), (0.0, 9.0, -9.0, 0.0))
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(xs) > limit:
        kept = {0, len(xs) - 1}
        for stretch in np.array_split(np.arange(1, len(xs) - 1), (limit - 2) // 2):
            finite = stretch[np.isfinite(ys[stretch])]
            if len(finite):
                kept |= {int(finite[np.argmin(ys[finite])]), int(finite[np.argmax(ys[finite])])}
            else:
                kept.add(int(stretch[0]))
        index = sorted(kept)
        xs, ys = xs[index], ys[index]
    return tuple(xs.tolist()), tuple(ys.tolist())

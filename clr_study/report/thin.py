"""Fewer points for the same curve, and for the same cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

LIMIT = 500
MARKS = 300

Point = TypeVar("Point")


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
    kept = extremes([ys], limit)
    return tuple(xs[kept].tolist()), tuple(ys[kept].tolist())


def extremes(curves: Sequence[npt.ArrayLike], limit: int = LIMIT) -> npt.NDArray[np.intp]:
    """Returns which points to keep of curves on one axis: both ends, and the extremes of each curve in each stretch.

    Args:
        curves: Values [T] each; NaN where there is none.
        limit: The most points, at least 2 and 2 more a curve; all are kept where they are no more.

    Examples:
        >>> extremes([[0, 9, 0, 0, -9, 0]], limit=4)
        array([0, 1, 4, 5])
    """
    values = [np.asarray(curve, dtype=np.float64) for curve in curves]
    length = len(values[0])
    if length <= limit:
        return np.arange(length)
    kept = {0, length - 1}
    for stretch in np.array_split(np.arange(1, length - 1), (limit - 2) // (2 * len(values))):
        for ys in values:
            finite = stretch[np.isfinite(ys[stretch])]
            if len(finite):
                kept |= {int(finite[np.argmin(ys[finite])]), int(finite[np.argmax(ys[finite])])}
            else:
                kept.add(int(stretch[0]))
    return np.array(sorted(kept))


def fewer(
    points: Sequence[Point],
    place: Callable[[Point], float | str],
    height: Callable[[Point], float | None],
    limit: int = MARKS,
) -> list[Point]:
    """Returns about `limit` of some points: the lowest and the highest of each narrow span, and one without a height.

    Args:
        points: In any order; as they are if they are no more than the limit.
        place: Where a point stands, by which neighbours are told.
        height: How high it stands; None for one that has no height.
        limit: The most points, at least 3.

    Examples:
        >>> points = [(0, 1), (1, 9), (2, 5), (3, None), (4, 0), (5, 4), (6, 7)]
        >>> fewer(points, lambda point: point[0], lambda point: point[1], limit=3)
        [(1, 9), (3, None), (4, 0)]
    """
    if len(points) <= limit:
        return list(points)
    order = sorted(range(len(points)), key=lambda row: (isinstance(place(points[row]), str), place(points[row])))
    kept: set[int] = set()
    for span in np.array_split(np.array(order), max(1, limit // 3)):
        known = [(found, int(row)) for row in span if (found := height(points[row])) is not None]
        kept |= {min(known)[1], max(known)[1]} if known else set()
        lost = next((int(row) for row in span if height(points[row]) is None), None)
        kept |= set() if lost is None else {lost}
    return [points[row] for row in sorted(kept)]


def fewer_words(counts: Iterable[int]) -> str:
    """Returns the sentence that a caption ends with where `fewer` has left out points; nothing where it has not.

    Args:
        counts: How many points each of the drawn clouds has.
    """
    if max(counts, default=0) <= MARKS:
        return ""
    return f" Of more than {MARKS} dots of an arm, only those at the edges of each narrow span are drawn."

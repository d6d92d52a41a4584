"""The curves that more than one schedule is drawn from: the triangle, the half cosine, the cycle counter."""

from __future__ import annotations

import numpy as np

from clr_study.curves import Array


def half_cosine(height: Array) -> Array:
    """Returns the half cosine `(1 - cos(pi*height)) / 2`, which goes from 0 to 1 as the height does.

    Examples:
        >>> half_cosine(np.array([0.0, 0.5, 1.0])).round(15)
        array([0. , 0.5, 1. ])
    """
    return (1 - np.cos(np.pi * height)) / 2


def cycles_done(t: Array, length: float) -> Array:
    """Returns how many whole cycles lie before each update: `floor(t / length)`.

    Examples:
        >>> cycles_done(np.array([0.0, 3.0, 4.0, 9.0]), 4.0)
        array([0., 0., 1., 2.])
    """
    # A length such as 10/3 is no exact float: its rounding must not put update 10 before the end of cycle 3.
    return np.floor(t / length * (1 + 4 * np.finfo(np.float64).eps))


def triangle(t: Array, up: float, down: float) -> Array:
    """Returns the height in [0, 1] of a periodic triangle that starts at 0.

    With `p = t - (up+down) * floor(t / (up+down))`, the updates since the cycle began, the height is
    `min(p / up, (up+down-p) / down)`. For `up = down = s` this is `max(0, 1-x)` of the paper,
    with `x = abs(t/s - 2*cycle + 1)` and `cycle = floor(1 + t/(2s))`.

    Args:
        t: Updates, counted from 0.
        up: Updates from 0 to the peak.
        down: Updates from the peak back to 0.

    Examples:
        >>> triangle(np.arange(7.0), up=2.0, down=4.0)
        array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    length = up + down
    position = np.clip(t - length * cycles_done(t, length), 0, length)
    return np.minimum(position / up, (length - position) / down)

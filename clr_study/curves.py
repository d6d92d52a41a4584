"""Curves over updates: the one form in which measurements travel from the store to the analysis and the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CurveSet:
    """Curves of N runs on one common axis of T points.

    Args:
        updates: The axis [T]: optimizer steps done, strictly rising.
        values: One row a run [N, T]. NaN stands where a run has no value, as after it diverged.
        seeds: The replicate seed of each row [N]; rows of two arms with the same seed are a pair.

    Raises:
        ValueError: The shapes do not fit, or the axis does not rise.

    Examples:
        >>> curves = CurveSet(updates=[10, 20], values=[[0.5, 0.75]], seeds=[7])
        >>> curves.final
        array([0.75])
    """

    updates: Array
    values: Array
    seeds: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "updates", np.asarray(self.updates, dtype=np.float64))
        object.__setattr__(self, "values", np.asarray(self.values, dtype=np.float64))
        object.__setattr__(self, "seeds", np.asarray(self.seeds, dtype=np.int64))
        if self.updates.ndim != 1 or self.values.shape != (len(self.seeds), len(self.updates)):
            raise ValueError(
                f"updates [T], values [N, T] and seeds [N] must fit, but got {self.updates.shape}, "
                f"{self.values.shape} and {self.seeds.shape}"
            )
        if np.any(np.diff(self.updates) <= 0):
            raise ValueError(f"updates must rise strictly, but got {self.updates.tolist()}")

    @property
    def final(self) -> Array:
        """The last value of each run [N]; NaN where the run did not get there."""
        return self.values[:, -1]

    def __len__(self) -> int:
        return len(self.seeds)

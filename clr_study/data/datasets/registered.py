"""The registry of data sets."""

from __future__ import annotations

from collections.abc import Callable

from clr_study.data.splits import Splits
from clr_study.registry import Registry

DATASETS: Registry[Callable[..., Splits]] = Registry("data set")
add = DATASETS.add

"""From the `data` table of a study file to splits."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any

from clr_study.data.changes import add_label_noise, keep_part
from clr_study.data.datasets import DATASETS
from clr_study.data.splits import Splits, hold_out
from clr_study.errors import DataError, SpecError
from clr_study.spec import make


def load_splits(
    table: Mapping[str, Any],
    validation: float | int = 0.1,
    seed: int = 0,
    *,
    subset: float | int = 1.0,
    label_noise: float = 0.0,
) -> Splits:
    """Loads the data set that a table names, holds its validation split out, and changes what is left to train on.

    The last few results are kept in memory and shared, since a worker loads the same table for every batch of runs:
    do not write into their tensors, and do not expect a process to read files again that changed meanwhile.

    Args:
        table: `kind`, and the keyword arguments of that data set.
        validation: Fraction or number of the training samples to hold out; 0 for none. Unused if the data bring a
            validation split.
        seed: Fixes who is held out, who is kept and whose label changes; the same for all runs of a study.
        subset: The fraction or number of the training samples that is kept; 1.0 for all.
        label_noise: The fraction of the training labels that is replaced by another class.

    Raises:
        UnknownKindError: A kind that no data set has.
        SpecError: No kind, or an argument that the data set does not take or lacks.
        DataError: Data that are missing, unreadable or too few.

    Examples:
        >>> splits = load_splits({"kind": "synthetic", "samples": 100, "classes": 2}, validation=0.25)
        >>> len(splits.train), len(splits.validation), len(splits.test)
        (60, 20, 20)
        >>> load_splits({"kind": "synthetic", "sample": 100})
        Traceback (most recent call last):
        clr_study.errors.SpecError: [data] synthetic takes no key 'sample'; did you mean 'samples'?
    """
    try:
        canonical = json.dumps(dict(table), sort_keys=True, default=os.fspath)
    except TypeError as error:
        raise SpecError(f"the data table holds a value that no study file can hold: {error}") from None
    return _load(canonical, validation, seed, subset, label_noise)


@functools.lru_cache(maxsize=4, typed=True)
def _load(canonical: str, validation: float | int, seed: int, subset: float | int, label_noise: float) -> Splits:
    table = json.loads(canonical)
    splits = make(DATASETS, table, "[data]")
    if not isinstance(splits, Splits):
        raise DataError(f"data set {table['kind']!r} must return clr_study.data.Splits, but returned {splits!r:.200}")
    kept = keep_part(hold_out(splits, validation, seed), subset, seed)
    return add_label_noise(kept, label_noise, seed)

"""Arrays or tensors that a user has in memory, as splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from clr_study.data.splits import Split, Splits
from clr_study.errors import DataError


def splits_of(x: Any, y: Any) -> Splits:
    """Returns inputs and targets as the training split of a data set, nothing held out.

    Args:
        x: Inputs [N, ...], an array or a tensor. uint8 stays uint8, int64 of a tensor are tokens, all else becomes
            float32.
        y: Targets: whole numbers are classes, others are regressed on.

    Raises:
        DataError: Lengths that differ, no samples, numbers that are not finite, or what is no array of numbers.

    Examples:
        >>> splits = splits_of(np.zeros((4, 3)), np.array([0, 1, 2, 1]))
        >>> splits.classes, splits.sample_shape
        (3, (3,))
        >>> splits_of(np.zeros((4, 3)), np.zeros(5))
        Traceback (most recent call last):
        clr_study.errors.DataError: 4 inputs but 5 targets: shapes (4, 3) and (5,)
    """
    inputs, targets = _tensor("inputs", x), _tensor("targets", y)
    for name, tensor in (("inputs", inputs), ("targets", targets)):
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise DataError(f"{name} hold NaN or inf: {bad} of {tensor.numel()} numbers; leave out those samples")
    tokens = isinstance(x, Tensor) and inputs.dtype == torch.int64
    if inputs.dtype != torch.uint8 and not tokens:
        inputs = inputs.float()
    whole = not targets.is_floating_point()
    split = Split(inputs, targets.long() if whole else targets.float())
    classes = int(targets.max()) + 1 if whole else None
    return Splits(split, None, None, classes=classes, note="arrays in memory")


def _tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must be an array of numbers, but got {type(value).__name__} of dtype {array.dtype}")
    return torch.from_numpy(np.ascontiguousarray(array))

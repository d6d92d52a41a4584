"""A data set is a few tensors: a training, a validation and a test split."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clr_study.data.order import permutation
from clr_study.data.stream import ImageFiles
from clr_study.errors import DataError, SpecError


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Samples and what a model should say about each.

    Args:
        inputs: [N, ...], uint8 (kept so, a quarter of the memory) or floating; int64 for tokens; or images that stay in
            their files.
        targets: [N] int64 for classes, [N, T] for one a token; [N] or [N, D] float32 for regression.

    Raises:
        DataError: No samples, lengths that differ, or a type that no loss takes.

    Examples:
        >>> split = Split(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 1]))
        >>> len(split)
        3
        >>> Split(torch.zeros(3, 2), torch.tensor([0, 1]))
        Traceback (most recent call last):
        clr_study.errors.DataError: 3 inputs but 2 targets: shapes (3, 2) and (2,)
    """

    inputs: Tensor | ImageFiles
    targets: Tensor

    def __post_init__(self) -> None:
        if self.inputs.ndim < 2:
            raise DataError(f"inputs need a sample axis and at least one more, but got shape {_shape(self.inputs)}")
        if self.inputs.dtype not in (torch.uint8, torch.int64) and not self.inputs.is_floating_point():
            raise DataError(f"inputs must be uint8, floating, or int64 for tokens, but got {self.inputs.dtype}")
        tokens = self.targets.ndim == 2 and self.targets.shape[1] > 1
        classes = self.targets.dtype == torch.int64 and (self.targets.ndim == 1 or tokens)
        values = self.targets.dtype == torch.float32 and self.targets.ndim in (1, 2)
        if not (classes or values):
            raise DataError(
                "targets must be int64 [N] or [N, T] (classes) or float32 [N] or [N, D] (regression), "
                f"but got {self.targets.dtype} of shape {_shape(self.targets)}"
            )
        if len(self.inputs) != len(self.targets):
            raise DataError(
                f"{len(self.inputs)} inputs but {len(self.targets)} targets: "
                f"shapes {_shape(self.inputs)} and {_shape(self.targets)}"
            )
        if len(self.inputs) == 0:
            raise DataError("a split needs at least one sample, but got none")

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, indices: NDArray[np.int64]) -> Split:
        """Returns the split of the samples at `indices`, in that order."""
        chosen = torch.from_numpy(indices)
        inputs = self.inputs.only(indices) if isinstance(self.inputs, ImageFiles) else self.inputs[chosen]
        return Split(inputs, self.targets[chosen])

    def to(self, device: torch.device) -> Split:
        """Returns the split on another device."""
        return Split(self.inputs.to(device), self.targets.to(device))

    def chunks(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields inputs and targets of at most `size` samples, in their order."""
        edges = range(0, len(self), size)
        if isinstance(self.inputs, ImageFiles):
            self.inputs.expect(np.arange(first, min(first + size, len(self))) for first in edges)
        for first in edges:
            yield self.inputs[first : first + size], self.targets[first : first + size]


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """What a data set gives: the split to train on, the one to select on and the one to measure on.

    Args:
        train: The training split.
        validation: What settings are selected by; None until `hold_out` takes it off `train`.
        test: What is read in the measure phase only; None if the data have none.
        classes: Number of classes; None means regression.
        note: Where the data came from, in words, for the report.

    Raises:
        DataError: Splits that do not belong together, or targets outside the classes.

    Examples:
        >>> train = Split(torch.zeros(3, 1, 8, 8), torch.tensor([0, 1, 1]))
        >>> Splits(train, None, None, classes=2).sample_shape
        (1, 8, 8)
        >>> Splits(train, None, None, classes=1)
        Traceback (most recent call last):
        clr_study.errors.DataError: the train targets run from 0 to 1, but 1 class allows 0 to 0
    """

    train: Split
    validation: Split | None
    test: Split | None
    classes: int | None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            split: Split | None = getattr(self, name)
            if split is None:
                continue
            if split.inputs.shape[1:] != self.train.inputs.shape[1:]:
                raise DataError(
                    f"a train sample has shape {self.sample_shape}, but a {name} sample has {_shape(split.inputs)[1:]}"
                )
            if split.inputs.dtype != self.train.inputs.dtype:
                raise DataError(f"train inputs are {self.train.inputs.dtype}, but {name}'s {split.inputs.dtype}")
            if split.targets.shape[1:] != self.train.targets.shape[1:]:
                raise DataError(
                    f"train targets have shape {_shape(self.train.targets)}, but {name}'s {_shape(split.targets)}"
                )
            _check_targets(name, split.targets, self.classes)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one input, for example (1, 8, 8)."""
        return _shape(self.train.inputs)[1:]

    @property
    def outputs(self) -> int:
        """How many numbers a model gives for a sample: one per class, or one per regressed value."""
        if self.classes is not None:
            return self.classes
        return 1 if self.train.targets.ndim == 1 else self.train.targets.shape[1]


def hold_out(splits: Splits, validation: float | int, seed: int) -> Splits:
    """Takes the validation split off the training split, unless the data bring one.

    A fixed permutation of (seed, "validation") decides who goes, class by class in proportion, so that both sides
    keep the shares of the classes. Every class keeps at least one training sample.

    Args:
        splits: The data.
        validation: A fraction in (0, 1), a number of samples, or 0 for none.
        seed: Fixes the permutation; the same for all runs of a study.

    Raises:
        SpecError: `validation` is neither a fraction below 1 nor a count.
        DataError: The training split is too small for it.

    Examples:
        >>> data = Splits(Split(torch.zeros(8, 2), torch.tensor([0, 1] * 4)), None, None, classes=2)
        >>> held = hold_out(data, 0.25, seed=0)
        >>> len(held.train), sorted(held.validation.targets.tolist())
        (6, [0, 1])
    """
    if splits.validation is not None or validation == 0:
        return splits
    train, samples = splits.train, len(splits.train)
    count = _held_out_count(validation, samples)
    if splits.classes is None or train.targets.ndim > 1:
        chosen = np.sort(permutation(seed, 0, "validation", samples)[:count])
    else:
        present = len(torch.unique(train.targets))
        if not present <= count <= samples - present:
            raise DataError(
                f"validation = {validation} takes {count} of {samples} training samples, but {present} classes "
                f"need at least {present} on either side"
            )
        chosen = stratified(train.targets.numpy(), count, seed, "validation")
    kept = np.setdiff1d(np.arange(samples), chosen, assume_unique=True)
    return dataclasses.replace(splits, train=train.take(kept), validation=train.take(chosen))


def stratified(labels: NDArray[np.int64], count: int, seed: int, purpose: str) -> NDArray[np.int64]:
    """Chooses `count` samples at random so that every class keeps its share, and returns their indices, sorted.

    Shares are rounded by largest remainders, and no class gives up its last sample.

    Args:
        labels: The class of every sample [N].
        count: How many to choose, from 0 to N minus the number of classes.
        seed: Fixes the choice.
        purpose: What it is for; two purposes choose independently.

    Examples:
        >>> chosen = stratified(np.array([0] * 6 + [1] * 3), 3, seed=0, purpose="test")
        >>> (chosen < 6).sum(), (chosen >= 6).sum()
        (np.int64(2), np.int64(1))
    """
    classes, sizes = np.unique(labels, return_counts=True)
    quotas = sizes * (count / len(labels))
    taken = np.minimum(np.floor(quotas).astype(np.int64), sizes - 1)
    while taken.sum() < count:
        owed = np.where(taken < sizes - 1, quotas - taken, -np.inf)
        taken[np.argmax(owed)] += 1
    shuffled = permutation(seed, 0, purpose, len(labels))
    chosen = [shuffled[labels[shuffled] == label][:n] for label, n in zip(classes, taken, strict=True)]
    return np.sort(np.concatenate(chosen))


def _held_out_count(validation: float | int, samples: int) -> int:
    if isinstance(validation, bool) or not math.isfinite(validation) or validation < 0:
        raise SpecError(f"validation = {validation!r} must be a fraction in (0, 1) or a number of samples")
    if isinstance(validation, float):
        if validation >= 1:
            raise SpecError(
                f"validation = {validation} must be a fraction in (0, 1); write a number of samples as an integer"
            )
        count = round(validation * samples)
    else:
        count = validation
    if not 1 <= count < samples:
        raise DataError(
            f"validation = {validation} takes {count} of {samples} training samples; both sides need at least one"
        )
    return count


def _check_targets(name: str, targets: Tensor, classes: int | None) -> None:
    if classes is None:
        if targets.dtype == torch.int64:
            raise DataError(f"regression needs float32 targets, but the {name} targets are int64")
        return
    if targets.dtype != torch.int64:
        raise DataError(f"{classes} classes need int64 targets, but the {name} targets are {targets.dtype}")
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= classes:
        noun = "class allows" if classes == 1 else "classes allow"
        raise DataError(f"the {name} targets run from {low} to {high}, but {classes} {noun} 0 to {classes - 1}")


def _shape(tensor: Tensor | ImageFiles) -> tuple[int, ...]:
    return tuple(tensor.shape)

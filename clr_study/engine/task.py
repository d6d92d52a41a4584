"""A task: data on the device, and what a run's samples are at each of its updates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clr_study.data import (
    Augmentation,
    ImageFiles,
    Normaliser,
    Split,
    Splits,
    Window,
    augmentation_from_dict,
    batch_indices,
    generator,
    load_splits,
)
from clr_study.engine.losses import Loss, cross_entropy, squared_error
from clr_study.errors import DataError
from clr_study.losses import build_loss, check_targets, takes_what

COMMON = ("validation", "subset", "label_noise", "normalise", "augment", "loss", "metric")


@dataclass(frozen=True, eq=False)
class Task:
    """Splits on a device with their scaling, augmentation and loss.

    Args:
        train: The training split.
        validation: The split on which settings are selected; None if there is none.
        test: The split that the measure phase reads; None if there is none.
        classes: The number of classes; None for regression.
        outputs: How many numbers a model gives a sample.
        normalise: From raw inputs to the floats that a model gets.
        augment: Augmentations, in order.
        chosen: The loss that the study names; None for the usual one.
        metric: What is measured besides accuracy and loss.
        binary: Whether one output stands for two classes.
        own_shape: Whether the loss is a user's own, which may take outputs of any shape.
    """

    train: Split
    validation: Split | None
    test: Split | None
    classes: int | None
    outputs: int
    normalise: Normaliser
    augment: tuple[Augmentation, ...]
    chosen: Loss | None = None
    metric: str = "accuracy"
    binary: bool = False
    own_shape: bool = False

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one input as a model gets it."""
        return self._shapes[-1]

    @property
    def _shapes(self) -> list[tuple[int, ...]]:
        """The shape of a sample before each augmentation, and after the last."""
        shapes = [tuple(self.train.inputs.shape[1:])]
        for augmentation in self.augment:
            shapes.append(augmentation.shape(shapes[-1]))
        return shapes

    @property
    def device(self) -> torch.device:
        """Where the data are."""
        return self.train.inputs.device

    @property
    def dtype(self) -> torch.dtype:
        """In what precision the models compute."""
        return self.normalise.mean.dtype

    @property
    def loss(self) -> Loss:
        """The study's; if it names none, softmax cross-entropy for classes and mean squared error for regression."""
        if self.chosen is not None:
            return self.chosen
        return cross_entropy if self.classes is not None else squared_error

    def draws(self, seed: int, start: int, stop: int, batch_size: int) -> tuple[Tensor, ...]:
        """Returns the samples [T, B] and each augmentation's numbers [T, B, k] of the updates from start to stop."""
        order = batch_indices(seed, start, stop, len(self.train), batch_size)
        if isinstance(self.train.inputs, ImageFiles):
            self.train.inputs.expect(list(order))
        numbers: list[np.ndarray[Any, Any]] = [order]
        for place, (augmentation, shape) in enumerate(zip(self.augment, self._shapes, strict=False)):
            purpose = f"augment {place}"
            rows = [
                augmentation.draw(generator(seed, update, purpose), batch_size, shape) for update in range(start, stop)
            ]
            numbers.append(np.stack(rows))
        return tuple(torch.from_numpy(array).to(self.device) for array in numbers)

    def batch(self, samples: Tensor, numbers: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Returns the inputs and targets of some samples, [B] or [N, B], augmented and normalised."""
        flat = samples.reshape(-1)
        inputs = self.train.inputs[flat]
        for augmentation, draws in zip(self.augment, numbers, strict=True):
            inputs = augmentation.apply(inputs, draws.reshape(len(flat), -1))
        inputs = self.normalise(inputs).reshape(*samples.shape, *self.sample_shape)
        return inputs, self.train.targets[flat].reshape(*samples.shape, *self.train.targets.shape[1:])

    def batch_bytes(self, samples: int) -> int:
        """Returns the bytes that the inputs of so many samples take as a model gets them."""
        return samples * math.prod(self.sample_shape) * self.dtype.itemsize

    def still(self, inputs: Tensor) -> Tensor:
        """Returns the normalised inputs of some samples [B] as they are evaluated, without chance."""
        for augmentation in self.augment:
            inputs = augmentation.still(inputs)
        return self.normalise(inputs)


def load_task(table: Mapping[str, Any], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Task:
    """Loads a trial's data onto a device; the last few stay in memory, since every batch of runs asks again.

    Args:
        table: The data set's table with the common keys validation, subset, label_noise, normalise and augment.
        device: Where the data go, as they are: uint8 stays uint8.
        dtype: In what precision the models compute.

    Raises:
        SpecError: The table asks for something that cannot be.
        DataError: The data are missing, unreadable or unfit.
    """
    return _load_task(json.dumps(dict(table), sort_keys=True), str(device), dtype)


@lru_cache(maxsize=2)
def _load_task(canonical: str, device: str, dtype: torch.dtype) -> Task:
    table = json.loads(canonical)
    own = {key: value for key, value in table.items() if key not in COMMON}
    splits = load_splits(
        own,
        table.get("validation", 0.1),
        subset=table.get("subset", 1.0),
        label_noise=table.get("label_noise", 0.0),
    )
    return make_task(splits, device, dtype, table)


def make_task(
    splits: Splits,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    table: Mapping[str, Any] = MappingProxyType({}),
) -> Task:
    """Returns the task of data that are loaded.

    Args:
        splits: The data, their validation split held out.
        device: Where they go.
        dtype: In what precision the models compute.
        table: The common keys normalise, augment, loss and metric.

    Raises:
        SpecError: The table asks for something that does not suit the data.
        DataError: Likewise.
    """
    kind = table.get("normalise", "auto")
    normalise = Normaliser.fit(splits.train, None if kind == "auto" else kind, dtype)
    augment = tuple(augmentation_from_dict(part) for part in table.get("augment", ()))
    if augment and len(splits.sample_shape) != 3:
        raise DataError(
            f"[data] augment takes images of shape (channels, height, width), but a sample has shape "
            f"{splits.sample_shape}; leave augment out"
        )
    if kind == "mean_image" and any(isinstance(part, Window) for part in augment):
        raise DataError(
            '[data] normalise = "mean_image" takes one number off each pixel of the whole image, which a window moves; '
            'take "channel" beside augment window'
        )
    place = torch.device(device)
    chosen, binary = _loss(table.get("loss"), splits)
    return Task(
        train=_ready(splits.train, place, binary),
        validation=_ready(splits.validation, place, binary) if splits.validation else None,
        test=_ready(splits.test, place, binary) if splits.test else None,
        classes=splits.classes,
        outputs=1 if binary and splits.classes else splits.outputs,
        normalise=normalise.to(place),
        augment=augment,
        chosen=chosen,
        metric=table.get("metric", "accuracy"),
        binary=binary,
        own_shape="loss" in table and takes_what(table["loss"]) is None,
    )


def _loss(table: Mapping[str, Any] | None, splits: Splits) -> tuple[Loss | None, bool]:
    """The loss that a study names, and whether it takes one output for two classes."""
    tokens = splits.classes is not None and splits.train.targets.ndim > 1
    if table is None and not tokens:
        return None, False
    table = table or {"kind": "cross_entropy"}
    loss = build_loss(table)
    check_targets(table, splits.classes, splits.train.targets)
    if dict(table) == {"kind": "cross_entropy"} and not tokens:  # the written-out one is faster, and the same
        return None, False
    return loss, takes_what(table) == "binary"


def _ready(split: Split, place: torch.device, binary: bool) -> Split:
    """A split on its device, its two classes as numbers where one output stands for both."""
    placed = split.to(place)
    return Split(placed.inputs, placed.targets.float()) if binary else placed

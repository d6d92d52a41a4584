"""Augmentation as a pure function of a batch and of a few numbers per sample.

Each kind has two halves: `draw` asks a numpy generator for `k` integers per sample, on the host; `apply` changes a
batch by them, on its device. `apply` works on uint8 and on floats, and under `torch.func.vmap`, where every lane
brings its own draws and shares the images or not. What an image lacks is filled with zeros: black before
normalisation, the mean after it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clr_study.errors import SpecError
from clr_study.registry import Registry
from clr_study.spec import call
from clr_study.spec.make import kind_in


class Augmentation(Protocol):
    """What the engine asks of an augmentation.

    Attributes:
        k: Integers per sample.
    """

    k: ClassVar[int]

    def draw(self, generator: np.random.Generator, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Returns the draws [batch, k] for images of the sample shape (C, H, W)."""

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Returns the images [B, C, H, W] changed by their draws [B, k] int64, on the same device."""

    def still(self, images: Tensor) -> Tensor:
        """Returns the images as they are evaluated: without chance, in the shape that `apply` gives."""

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of a sample after it, from that before it."""


AUGMENTATIONS: Registry[Callable[..., Augmentation]] = Registry("augmentation")


class SameShape:
    """The base of what leaves images as they are when they are evaluated."""

    def still(self, images: Tensor) -> Tensor:
        """Returns the images."""
        return images

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape."""
        return shape


@AUGMENTATIONS.add
@dataclasses.dataclass(frozen=True)
class Flip(SameShape):
    """Mirrors an image left to right with probability 1/2.

    Examples:
        >>> images = torch.tensor([[1, 2, 3], [4, 5, 6]]).reshape(2, 1, 1, 3)
        >>> Flip().apply(images, torch.tensor([[0], [1]])).reshape(2, 3).tolist()
        [[1, 2, 3], [6, 5, 4]]
    """

    k: ClassVar[int] = 1

    def draw(self, generator: np.random.Generator, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Returns 1 for the images to mirror, 0 for the others: [batch, 1]."""
        _image_size("flip", shape)
        return generator.integers(0, 2, size=(batch, self.k))

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Returns the images with those mirrored whose draw is 1."""
        return torch.where(draws[:, :, None, None] == 1, images.flip(-1), images)


@AUGMENTATIONS.add
@dataclasses.dataclass(frozen=True)
class Crop(SameShape):
    """Pads an image with zeros on all four sides and cuts a window of the old size out of it.

    The pad-and-crop of He et al., Deep Residual Learning for Image Recognition (2015), section 4.2, with `pad = 4`.

    Args:
        pad: Pixels on each side, >= 1.

    Examples:
        >>> images = torch.tensor([[1, 2], [3, 4]]).reshape(1, 1, 2, 2)
        >>> Crop(pad=1).apply(images, torch.tensor([[2, 0]])).reshape(2, 2).tolist()  # one up, one right
        [[0, 3], [0, 0]]
    """

    pad: int = 4
    k: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_pixels("crop", "pad", self.pad)

    def draw(self, generator: np.random.Generator, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Returns the window's top and left edge in the padded image: [batch, 2] in [0, 2 * pad]."""
        _image_size("crop", shape)
        return generator.integers(0, 2 * self.pad + 1, size=(batch, self.k))

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Returns the windows whose top and left edges are the draws."""
        height, width = images.shape[-2:]
        rows = torch.arange(height, device=images.device) + draws[:, 0, None] - self.pad  # [B, H]
        columns = torch.arange(width, device=images.device) + draws[:, 1, None] - self.pad  # [B, W]
        inside = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None, :]
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        # One gather over flattened pixels: it costs half of one over the rows and one over the columns.
        pixels = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)  # [B, H * W]
        flat = images.flatten(-2)
        windows = flat.gather(2, pixels[:, None, :].expand(flat.shape)).reshape(images.shape)
        return torch.where(inside[:, None], windows, 0)


@AUGMENTATIONS.add
@dataclasses.dataclass(frozen=True)
class Cutout(SameShape):
    """Blanks a square whose centre is anywhere in the image; what stands over the edge is lost.

    DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout (2017).

    Args:
        size: Side of the square in pixels, >= 1.

    Examples:
        >>> images = torch.ones(1, 1, 3, 3, dtype=torch.uint8)
        >>> Cutout(size=2).apply(images, torch.tensor([[1, 0]])).reshape(3, 3).tolist()
        [[0, 1, 1], [0, 1, 1], [1, 1, 1]]
    """

    size: int = 8
    k: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_pixels("cutout", "size", self.size)

    def draw(self, generator: np.random.Generator, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Returns the row and the column of the square's centre: [batch, 2]."""
        return generator.integers(0, _image_size("cutout", shape), size=(batch, self.k))

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Returns the images with the squares around their draws blanked."""
        height, width = images.shape[-2:]
        rows = torch.arange(height, device=images.device) - draws[:, 0, None] + self.size // 2  # [B, H]
        columns = torch.arange(width, device=images.device) - draws[:, 1, None] + self.size // 2  # [B, W]
        blank = _inside(rows, self.size)[:, :, None] & _inside(columns, self.size)[:, None, :]
        return torch.where(blank[:, None], 0, images)


@AUGMENTATIONS.add
@dataclasses.dataclass(frozen=True)
class Window:
    """Cuts a smaller square out of an image: anywhere in training, in the middle in evaluation.

    Caffe's `crop_size`: its ImageNet networks see 224 or 227 pixels of 256.

    Args:
        size: Side of the square in pixels, >= 1.

    Examples:
        >>> images = torch.arange(9).reshape(1, 1, 3, 3)
        >>> Window(size=1).apply(images, torch.tensor([[2, 0]])).tolist()  # the third row, the first column
        [[[[6]]]]
        >>> Window(size=1).still(images).tolist(), Window(size=1).shape((1, 3, 3))
        ([[[[4]]]], (1, 1, 1))
    """

    size: int
    k: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_pixels("window", "size", self.size)

    def draw(self, generator: np.random.Generator, batch: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Returns the window's top and left edge: [batch, 2]."""
        height, width = _image_size("window", shape)
        self.shape(shape)
        return generator.integers(0, (height - self.size + 1, width - self.size + 1), size=(batch, self.k))

    def apply(self, images: Tensor, draws: Tensor) -> Tensor:
        """Returns the windows whose top and left edges are the draws."""
        reach = torch.arange(self.size, device=images.device)
        rows, columns = draws[:, 0, None] + reach, draws[:, 1, None] + reach  # [B, size]
        pixels = (rows[:, :, None] * images.shape[-1] + columns[:, None, :]).flatten(1)  # [B, size * size]
        flat = images.flatten(-2)
        windows = flat.gather(2, pixels[:, None, :].expand(-1, images.shape[1], -1))
        return windows.reshape(*images.shape[:2], self.size, self.size)

    def still(self, images: Tensor) -> Tensor:
        """Returns the windows in the middle."""
        top, left = ((side - self.size) // 2 for side in images.shape[-2:])
        return images[..., top : top + self.size, left : left + self.size]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape with both sides cut to the window's.

        Raises:
            SpecError: The images are smaller than that.
        """
        if min(_image_size("window", shape)) < self.size:
            raise SpecError(f"augmentation 'window': size = {self.size} is more than the images have: {shape}")
        return (shape[0], self.size, self.size)


def augmentation_from_dict(table: Mapping[str, Any]) -> Augmentation:
    """Builds an augmentation from its table in a study file.

    Args:
        table: `kind` (flip, crop, cutout, window, or a user's own) and the arguments of that kind.

    Raises:
        UnknownKindError: A kind that does not exist.
        SpecError: No kind, an unknown argument or an unfit value.

    Examples:
        >>> augmentation_from_dict({"kind": "crop", "pad": 2})
        Crop(pad=2)
        >>> augmentation_from_dict({"kind": "crop", "padding": 2})
        Traceback (most recent call last):
        clr_study.errors.SpecError: [data] augment: crop takes no key 'padding'; did you mean 'pad'?
        >>> augmentation_from_dict({"kind": "cut_out"})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        clr_study.errors.UnknownKindError: [data] augment kind: no augmentation is called 'cut_out'; did you mean ...
    """
    kind = table.get("kind")
    if kind is None:
        raise SpecError(
            f"[data] augment: a table needs a kind, but got {dict(table)}; known are: {', '.join(AUGMENTATIONS)}"
        )
    arguments = {key: value for key, value in table.items() if key != "kind"}
    thing = kind_in(AUGMENTATIONS, kind, "[data] augment")
    augmentation: Augmentation = call(thing, arguments, "[data] augment:", noun=str(kind))
    return augmentation


def _inside(positions: Tensor, length: int) -> Tensor:
    return (positions >= 0) & (positions < length)


def _check_pixels(kind: str, key: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SpecError(f"augmentation {kind!r}: {key} must be an integer >= 1 (pixels), but got {value!r}")


def _image_size(kind: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 3:
        raise SpecError(f"augmentation {kind!r} needs images of shape (C, H, W), but a sample has shape {shape}")
    return shape[1], shape[2]


add = AUGMENTATIONS.add

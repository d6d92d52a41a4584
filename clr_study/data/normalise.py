"""Normalisation: one shift and one scale, measured on the training split, applied on the device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from clr_study.data.splits import Split
from clr_study.data.stream import ImageFiles
from clr_study.errors import SpecError, did_you_mean

KINDS = ("channel", "feature", "mean_image", "none")

# Samples per float64 piece: small enough to stay in a processor cache.
_CHUNK = 256

# So many means can be read, and copied into a training script.
_FEW = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Normaliser:
    """Maps raw inputs to floats: `(x - mean) * scale`.

    Args:
        mean: What is taken off, broadcastable to a sample.
        scale: What the rest is multiplied by, broadcastable to a sample, of the same dtype and device.

    Examples:
        >>> normalise = Normaliser(mean=torch.tensor([2.0, 0.0]), scale=torch.tensor([0.5, 1.0]))
        >>> normalise(torch.tensor([[4, 7]], dtype=torch.uint8))
        tensor([[1., 7.]])
    """

    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, split: Split, kind: str | None = None, dtype: torch.dtype = torch.float32) -> Normaliser:
        """Measures mean and scale, in float64, on a training split; of images in files on a fixed part of it.

        Args:
            split: The training split; no other may be seen here.
            kind: `"channel"`: mean 0 and variance 1 over each channel of [N, C, ...] (what images get if nothing is
                said); `"feature"`: over each entry of a sample (what anything else gets); `"mean_image"`: the mean
                of each entry is taken off and nothing is scaled, as Caffe does; `"none"`: only the cast. An entry
                that never varies is not scaled.
            dtype: What the normaliser gives.

        Raises:
            SpecError: An unknown kind.

        Examples:
            >>> split = Split(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([0, 1]))
            >>> Normaliser.fit(split)(split.inputs)
            tensor([[-1.,  0.],
                    [ 1.,  0.]])
        """
        inputs = split.inputs.some() if isinstance(split.inputs, ImageFiles) else split.inputs
        if split.inputs.dtype == torch.int64:
            if kind not in (None, "none"):
                raise SpecError(f"normalise = {kind!r} takes numbers, but the inputs are tokens; leave it out")
            kind = "none"
        if kind is None:
            kind = "channel" if inputs.ndim == 4 else "feature"
        if kind not in KINDS:
            raise SpecError(f"no normalisation is called {kind!r}; {did_you_mean(kind, KINDS)}")
        if kind == "none":
            return cls(torch.zeros((), dtype=dtype), torch.ones((), dtype=dtype))
        axes = [0, *range(2, inputs.ndim)] if kind == "channel" else [0]
        mean = _mean(inputs, axes)
        scale = torch.ones_like(mean) if kind == "mean_image" else _inverse_deviation(inputs, mean, axes)
        return cls(mean.to(dtype), scale.to(dtype))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Normaliser:
        """Returns the same normaliser on another device or in another dtype."""
        return Normaliser(self.mean.to(device=device, dtype=dtype), self.scale.to(device=device, dtype=dtype))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Returns normalised inputs [..., *sample shape], in the dtype of `mean`; tokens stay what they are."""
        if inputs.dtype == torch.int64:
            return inputs
        return (inputs.to(self.mean.dtype) - self.mean) * self.scale

    def in_words(self, dtype: torch.dtype) -> str:
        """Returns what it does, with its numbers where they are few, so that a training script can do the same.

        Args:
            dtype: Of the raw inputs; uint8 ones are told as pixels between 0 and 1 too.

        Examples:
            >>> normalise = Normaliser(mean=torch.tensor([[[51.0]]]), scale=torch.tensor([[[0.02]]]))
            >>> normalise.in_words(torch.uint8)
            'from each channel its mean 51 is taken off, the rest divided by 50; of pixels in [0, 1]: 0.2 and 0.1961'
            >>> Normaliser(torch.zeros(()), torch.ones(())).in_words(torch.float32)
            'as they are'
        """
        if self.mean.ndim == 0:
            return "as they are"
        if self.mean.numel() > _FEW:
            return f"from each of {self.mean.numel()} entries its mean is taken off, the rest divided by its deviation"
        means, deviations = self.mean.flatten().double(), 1 / self.scale.flatten().double()
        pixels = dtype == torch.uint8
        unit = f"; of pixels in [0, 1]: {_listed(means / 255)} and {_listed(deviations / 255)}" if pixels else ""
        each = "channel" if self.mean.ndim > 1 else "entry"
        return (
            f"from each {each} its mean {_listed(means)} is taken off, the rest divided by {_listed(deviations)}{unit}"
        )


def _listed(numbers: Tensor) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers.tolist())


def _mean(inputs: Tensor, axes: list[int]) -> Tensor:
    total = _sum(inputs, axes, lambda chunk: chunk)
    return total / (inputs.numel() / total.numel())


def _inverse_deviation(inputs: Tensor, mean: Tensor, axes: list[int]) -> Tensor:
    variance = _sum(inputs, axes, lambda chunk: chunk.sub_(mean).square_()) / (inputs.numel() / mean.numel())
    deviation = variance.sqrt()
    # Below the resolution of float32 a deviation is rounding, and its inverse would blow it up.
    limits = torch.finfo(torch.float32)
    varies = deviation > torch.clamp(mean.abs() * limits.eps, min=limits.tiny)
    return torch.where(varies, 1 / deviation, 1.0)


def _sum(inputs: Tensor, axes: list[int], what: Callable[[Tensor], Tensor]) -> Tensor:
    """Sums in float64 pieces: the whole set at once would take eight times its memory."""
    shape = [1 if axis in axes else side for axis, side in enumerate(inputs.shape)][1:]
    total = torch.zeros(shape, dtype=torch.float64, device=inputs.device)
    for start in range(0, len(inputs), _CHUNK):
        chunk = inputs[start : start + _CHUNK].to(torch.float64, copy=True)
        total += what(chunk).sum(dim=axes, keepdim=True)[0]
    return total

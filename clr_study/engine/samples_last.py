"""Layers of many lanes at once with the samples last, [N, features, B] and [N, C, H, W, B]: one batched product each.

A tensor whose axis of lanes has length 1 stands for one that all lanes share.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

Pair: TypeAlias = tuple[int, int]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Returns the outputs [N, O, B] of a linear layer.

    Args:
        x: [N, K, B] or [1, K, B].
        weight: [N, O, K].
        bias: [N, O], or None.

    Examples:
        >>> linear(torch.tensor([[[3.0], [4.0]]]), torch.eye(2)[:, None], None).flatten()  # two lanes, one sample
        tensor([3., 4.])
    """
    lanes, outputs, inputs = weight.shape
    if len(x) == 1:  # one product for all lanes, whose rows lie as they are to come out
        rows = weight.reshape(lanes * outputs, inputs)
        flat = rows @ x[0] if bias is None else torch.addmm(bias.reshape(-1, 1), rows, x[0])
        return flat.view(lanes, outputs, -1)
    return torch.bmm(weight, x) if bias is None else torch.baddbmm(bias[:, :, None], weight, x)


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """Returns the outputs [N, O, H', W', B] of a convolution.

    An image with fewer pixels than the kernel is multiplied with the whole matrix of the layer, which then has few
    zeros; of a larger one each window is copied out, in pieces of B numbers that lie together.

    Args:
        x: [N, C, H, W, B] or [1, C, H, W, B].
        weight: [N, O, C, kh, kw].
        bias: [N, O], or None.
        stride: Along height and width.
        padding: Zeros on each side of height and width.
    """
    lanes, outputs = weight.shape[:2]
    kernel: Pair = (weight.shape[3], weight.shape[4])
    size, samples = (x.shape[2], x.shape[3]), x.shape[4]
    out = _sizes(size, kernel, stride, padding)
    if size[0] * size[1] < kernel[0] * kernel[1] and len(x) > 1:
        matrix: Tensor = _Matrix.apply(weight, size, stride, padding)
        spread = None if bias is None else bias.repeat_interleave(out[0] * out[1], dim=1)
        y = linear(x.reshape(lanes, -1, samples), matrix, spread)
    else:
        windows: Tensor = _Windows.apply(x, kernel, stride, padding)
        y = linear(windows, weight.flatten(2), bias)
    return y.view(lanes, outputs, *out, samples)


def batch_norm(
    x: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    *,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Returns what a BatchNorm makes of x [N, C, ..., B]; in training it writes into the running mean and variance.

    Args:
        x: The activations; the statistics are those of a lane's channel over all that stands behind it.
        mean: The running mean [N, C].
        variance: The running variance [N, C].
        weight: [N, C], or None.
        bias: [N, C], or None.
        training: Whether the batch's own statistics are used.
        momentum: The weight of the batch in the running statistics.
        eps: Added to the variance.
    """
    mean, variance, weight, bias = (part if part is None else part.flatten() for part in (mean, variance, weight, bias))
    flat = x.reshape(1, -1, x[0, 0].numel())
    return functional.batch_norm(flat, mean, variance, weight, bias, training, momentum, eps).view(x.shape)


def _sizes(sizes: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    rows, columns = (
        (size + 2 * pad - side) // step + 1
        for size, side, step, pad in zip(sizes, kernel, stride, padding, strict=True)
    )
    return rows, columns


class _Windows(torch.autograd.Function):
    """Each window of the images as a column, [N, C*kh*kw, H'*W'*B]; backward it adds up what each pixel gave."""

    @staticmethod
    def forward(context: Any, x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        lanes, channels, height, width, samples = x.shape
        out = _sizes((height, width), kernel, stride, padding)
        context.geometry = (x.shape, kernel, stride, padding, out)
        padded = functional.pad(x.contiguous(), (0, 0, padding[1], padding[1], padding[0], padding[0]))
        lane, channel, row, column, _ = padded.stride()
        view = padded.as_strided(
            (lanes, channels, *kernel, *out, samples),
            (lane, channel, row, column, stride[0] * row, stride[1] * column, 1),
        )
        return view.reshape(lanes, channels * kernel[0] * kernel[1], out[0] * out[1] * samples)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (lanes, channels, height, width, samples), kernel, stride, padding, out = context.geometry
        windows = gradients[0].reshape(lanes, channels, *kernel, *out, samples)
        gradient = windows.new_zeros(lanes, channels, height, width, samples)
        for row, column in product(range(kernel[0]), range(kernel[1])):
            rows = _meeting(row - padding[0], stride[0], out[0], height)
            columns = _meeting(column - padding[1], stride[1], out[1], width)
            if rows and columns:
                gradient[:, :, rows[1], columns[1]].add_(windows[:, :, row, column, rows[0], columns[0]])
        return gradient, None, None, None


def _meeting(shift: int, step: int, out: int, size: int) -> tuple[slice, slice] | None:
    """The output pixels of an axis that a place of the kernel does not lay on the padding, and where it lays them."""
    first, last = max(0, -(shift // step)), min(out - 1, (size - 1 - shift) // step)
    if last < first:
        return None
    return slice(first, last + 1), slice(first * step + shift, last * step + shift + 1, step)


class _Matrix(torch.autograd.Function):
    """The whole matrix of a convolution, [N, O*H'*W', C*H*W], from its weights [N, O, C, kh, kw]."""

    @staticmethod
    def forward(context: Any, weight: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
        lanes, outputs, channels, *sides = weight.shape
        kernel = (sides[0], sides[1])
        out = _sizes(size, kernel, stride, padding)
        context.places = _places(size, kernel, stride, padding)
        context.shapes = weight.shape, (lanes, outputs, out[0] * out[1], channels, size[0] * size[1])
        matrix = weight.new_zeros(context.shapes[1])
        for to, source, row, column in context.places:
            matrix[:, :, to, :, source] = weight[:, :, :, row, column]
        return matrix.view(lanes, outputs * out[0] * out[1], channels * size[0] * size[1])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        shape, parts = context.shapes
        matrix, gradient = gradients[0].reshape(parts), gradients[0].new_zeros(shape)
        for to, source, row, column in context.places:
            gradient[:, :, :, row, column].add_(matrix[:, :, to, :, source])
        return gradient, None, None, None


@lru_cache(maxsize=256)
def _places(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> tuple[tuple[int, int, int, int], ...]:
    """Each output pixel and input pixel that meet, and the place of the kernel at which they do."""
    height, width = _sizes(size, kernel, stride, padding)
    met = []
    for to_row, to_column, row, column in product(range(height), range(width), range(kernel[0]), range(kernel[1])):
        at_row, at_column = to_row * stride[0] + row - padding[0], to_column * stride[1] + column - padding[1]
        if 0 <= at_row < size[0] and 0 <= at_column < size[1]:
            met.append((to_row * width + to_column, at_row * size[1] + at_column, row, column))
    return tuple(met)

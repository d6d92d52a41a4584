"""Layers of many lanes at once with the samples last, [N, features, B] and [N, H, W, C, B]: few batched products each.

A tensor whose axis of lanes has length 1 stands for one that all lanes share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

Pair: TypeAlias = tuple[int, int]
Part: TypeAlias = tuple[slice, slice]
Group: TypeAlias = tuple[Part, list[Part]]
Kept: TypeAlias = tuple[Any, ...]

# Output pixels of a convolution that get a product of their own, at most: each costs nine operations.
MOST_PRODUCTS = 9


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
    x = x.expand(len(weight), -1, -1)
    return torch.bmm(weight, x) if bias is None else torch.baddbmm(bias[:, :, None], weight, x)


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """Returns the outputs [N, H', W', O, B] of a convolution.

    Where they have few pixels, each is a product of its own with the part of its window that lies on the image, so that
    nothing is multiplied with the zeros beside it. Of more pixels, or of images that all lanes share, each window is
    copied out, and one product does for all.

    Args:
        x: [N, H, W, C, B] or [1, H, W, C, B].
        weight: [N, O, C, kh, kw].
        bias: [N, O], or None.
        stride: Along height and width.
        padding: Zeros on each side of height and width.
    """
    y: Tensor = _Convolution.apply(x, laid(weight), bias, stride, padding)
    return y


def laid(weight: Tensor) -> Tensor:
    """Returns a convolution's weights [N, O, C, kh, kw] as the pixels of a window lie, [N, O, kh, kw, C]."""
    return weight.permute(0, 1, 3, 4, 2).contiguous()


def linear_gradients(x: Tensor, weight: Tensor, gradient: Tensor, wanted: bool) -> tuple[Tensor | None, Tensor, Tensor]:
    """Returns the gradients by x, by the weight and by the bias of a linear layer, from that by its outputs [N, O, B].

    Args:
        x: As it was given to `linear`.
        weight: Likewise.
        gradient: By the outputs.
        wanted: Whether that by x is; it is None if not.
    """
    of_weight = torch.bmm(gradient, x.expand(len(gradient), -1, -1).mT)
    return torch.bmm(weight.mT, gradient) if wanted else None, of_weight, gradient.sum(2)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> tuple[Tensor, Kept]:
    """Returns the outputs of a convolution, as `convolution`, and what its gradients are made of.

    Args:
        x: As `convolution`.
        weight: As `laid` lays it.
        bias: As `convolution`.
        stride: As `convolution`.
        padding: As `convolution`.
    """
    lanes, outputs, *kernel, _ = weight.shape
    geometry = ((x.shape[1], x.shape[2]), (kernel[0], kernel[1]), stride, padding)
    rows, columns = _sizes(*geometry)
    few = len(x) > 1 and rows * columns <= MOST_PRODUCTS
    groups = _groups(*geometry) if few else None
    if groups is None:
        windows, matrices = [_windows(x, *geometry)], [weight.flatten(2)]
    else:
        windows = [x[:, part[0], part[1]].reshape(lanes, -1, x.shape[-1]) for part, _ in groups]
        matrices = [
            torch.stack([weight[:, :, place[0], place[1]] for place in places], 1).flatten(3).flatten(1, 2)
            for _, places in groups
        ]
    found = []
    for matrix, window in zip(matrices, windows, strict=True):
        times = matrix.shape[1] // outputs
        found.append(linear(window, matrix, bias if bias is None or times == 1 else bias.repeat(1, times)))
    kept = (x.shape, weight.shape, geometry, groups, windows, matrices)
    if groups is None:
        return found[0].view(lanes, outputs, rows, columns, -1).permute(0, 2, 3, 1, 4), kept
    pixels = [part.view(lanes, -1, outputs, x.shape[-1]) for part in found]
    y = torch.cat(pixels, 1) if len(pixels) > 1 else pixels[0]
    return y.view(lanes, rows, columns, outputs, -1), kept


def convolution_gradients(kept: Kept, gradient: Tensor, wanted: bool) -> tuple[Tensor | None, Tensor, Tensor]:
    """Returns the gradients by x, by the laid weight and by the bias, from that by the outputs [N, H', W', O, B].

    Args:
        kept: From `convolve`.
        gradient: By its outputs.
        wanted: Whether that by x is; it is None if not.
    """
    shape, weight_shape, geometry, groups, windows, matrices = kept
    if groups is None:
        flat = gradient.movedim(3, 1).flatten(2)
        of_windows, of_weight, of_bias = linear_gradients(windows[0], matrices[0], flat, wanted)
        of_x = None if of_windows is None else _windows_added(of_windows, shape, *geometry)
        return of_x, of_weight.view(weight_shape), of_bias
    of_x = gradient.new_zeros(shape) if wanted else None
    of_weight = gradient.new_zeros(weight_shape)
    pixels = gradient.flatten(1, 2)
    first = 0
    for (part, places), window, matrix in zip(groups, windows, matrices, strict=True):
        own = pixels[:, first : first + len(places)].flatten(1, 2)
        first += len(places)
        if of_x is not None:
            seen = of_x[:, part[0], part[1]]
            seen.add_(torch.bmm(matrix.mT, own).view(seen.shape))
        products = torch.bmm(own, window.mT).view(len(own), len(places), weight_shape[1], -1)
        for place, one in zip(places, products.unbind(1), strict=True):
            used = of_weight[:, :, place[0], place[1]]
            used.add_(one.view(used.shape))
    return of_x, of_weight, pixels.sum(3).sum(1)


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
    """Returns what a BatchNorm makes of x [N, ..., C, B]; in training it writes into the running mean and variance.

    Args:
        x: The activations; the statistics are those of a lane's channel over its samples and pixels.
        mean: The running mean [N, C].
        variance: The running variance [N, C].
        weight: [N, C], or None.
        bias: [N, C], or None.
        training: Whether the batch's own statistics are used.
        momentum: The weight of the batch in the running statistics.
        eps: Added to the variance.
    """
    mean, variance, weight, bias = (part if part is None else part.flatten() for part in (mean, variance, weight, bias))
    channels_first = x.movedim(-2, 1)
    flat = channels_first.reshape(1, -1, channels_first[0, 0].numel())
    normed = functional.batch_norm(flat, mean, variance, weight, bias, training, momentum, eps)
    return normed.view(channels_first.shape).movedim(1, -2)


def _sizes(sizes: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    rows, columns = (
        (size + 2 * pad - side) // step + 1
        for size, side, step, pad in zip(sizes, kernel, stride, padding, strict=True)
    )
    return rows, columns


class _Convolution(torch.autograd.Function):
    """`convolve` and its gradients for torch's own backward pass."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
        y, context.kept = convolve(x, weight, bias, stride, padding)
        return y

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None, None]:
        wanted, _, biased, *_ = context.needs_input_grad
        of_x, of_weight, of_bias = convolution_gradients(context.kept, gradients[0], wanted)
        return of_x, of_weight, of_bias if biased else None, None, None


@lru_cache(maxsize=256)
def _groups(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> list[Group]:
    """The part of an image that some output pixels see, and of each of them the part of the kernel that lies on it.

    All pixels in one group if all see the same, as of an image smaller than the kernel; else each in its own.
    """
    ways = [_seen(*axis) for axis in zip(size, kernel, stride, padding, strict=True)]
    pixels = [((row[0], column[0]), (row[1], column[1])) for row, column in product(*ways)]
    if all(part == pixels[0][0] for part, _ in pixels):
        return [(pixels[0][0], [place for _, place in pixels])]
    return [(part, [place]) for part, place in pixels]


def _seen(size: int, kernel: int, step: int, pad: int) -> list[Part]:
    """For each output pixel of an axis the part of the image that it sees, and the kernel's that lies there."""
    found = []
    for begin in range(-pad, size + pad - kernel + 1, step):
        first, last = min(max(0, begin), size), min(max(0, begin + kernel), size)
        found.append((slice(first, last), slice(first - begin, last - begin)))
    return found


def _windows(x: Tensor, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    """Each window of the images as a column, [N, kh*kw*C, H'*W'*B]."""
    lanes, _, _, channels, samples = x.shape
    out = _sizes(size, kernel, stride, padding)
    padded = functional.pad(x.contiguous(), (0, 0, 0, 0, padding[1], padding[1], padding[0], padding[0]))
    lane, row, column, channel, _ = padded.stride()
    view = padded.as_strided(
        (lanes, *kernel, channels, *out, samples),
        (lane, row, column, channel, stride[0] * row, stride[1] * column, 1),
    )
    return view.reshape(lanes, kernel[0] * kernel[1] * channels, out[0] * out[1] * samples)


def _windows_added(
    windows: Tensor, shape: Sequence[int], size: Pair, kernel: Pair, stride: Pair, padding: Pair
) -> Tensor:
    """What the windows of `_windows` give each pixel of an image, added up [N, H, W, C, B]."""
    out = _sizes(size, kernel, stride, padding)
    windows = windows.reshape(len(windows), *kernel, shape[3], *out, shape[4])
    total = windows.new_zeros(shape)
    for row, column in product(range(kernel[0]), range(kernel[1])):
        rows = _meeting(row - padding[0], stride[0], out[0], size[0])
        columns = _meeting(column - padding[1], stride[1], out[1], size[1])
        if rows and columns:
            met = windows[:, row, column, :, rows[0], columns[0]]
            total[:, rows[1], columns[1]].add_(met.movedim(1, 3))
    return total


def _meeting(shift: int, step: int, out: int, size: int) -> tuple[slice, slice] | None:
    """The output pixels of an axis that a place of the kernel does not lay on the padding, and where it lays them."""
    first, last = max(0, -(shift // step)), min(out - 1, (size - 1 - shift) // step)
    if last < first:
        return None
    return slice(first, last + 1), slice(first * step + shift, last * step + shift + 1, step)

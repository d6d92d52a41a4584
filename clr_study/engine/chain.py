"""Chains of layers over many lanes: one batched product a layer, where vmap would choose worse ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor, nn

from clr_study.engine.samples_last import batch_norm, convolution, linear
from clr_study.optim import Params

Link: TypeAlias = Callable[[Mapping[str, Tensor], Tensor], Tensor]

ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.ELU, nn.Sigmoid, nn.Identity)
# Pixels of the largest images whose convolutions are chained. Beyond it grouped convolutions, which copy no windows,
# are as fast or faster: measured on one core with 32 lanes of small_cnn, batch 64, CPU us a lane, chained and under
# vmap: 406 and 560 with 8x8 pixels, 1189 and 1009 with 10x10, 1145 and 1082 with 12x12, all windows still copied out.
MOST_PIXELS = 64


@dataclass(frozen=True)
class Chain:
    """The forward pass of all lanes of a chain at once.

    Between its layers the samples come last, [N, features, B] or [N, H, W, C, B]: a layer is then W @ x with the
    weights as they lie, the gradient of a weight comes out as the weight lies, a window of an image lies in pieces of
    its rows, and the softmax runs along memory. Measured with 64 lanes of the mlp on digits, batch 64, on one core:
    2.3 ms a forward and backward pass, where vmap's take 3.7.

    Args:
        links: The layers, as functions of all tensors and of what comes out of the layer before.
        convolves: Whether there are convolutions among them.
    """

    links: tuple[Link, ...]
    convolves: bool

    def suits(self, inputs: Tensor) -> bool:
        """Returns whether this is the fastest way with samples of this size, the last axes being an image's.

        On a GPU, where small nets wait for the launches of kernels, a convolution is to be one.
        """
        return not self.convolves or (inputs.is_cpu and math.prod(inputs.shape[-2:]) <= MOST_PIXELS)

    def laid(self, inputs: Tensor, shared: bool) -> Tensor:
        """Returns inputs [N, B, ...], or [B, ...] if they are shared, as the first layer takes them."""
        x = inputs.movedim(0, -1)[None] if shared else inputs.movedim(1, -1)
        return x.movedim(1, -2) if self.convolves else x

    def __call__(self, params: Params, buffers: Params, inputs: Tensor, shared: bool) -> Tensor:
        """Returns the outputs [N, B, ...]; BatchNorm in training writes into the buffers.

        Args:
            params: The weights, stacked.
            buffers: The running statistics, stacked.
            inputs: [N, B, ...], or [B, ...] if they are shared.
            shared: Whether all lanes see the same samples.
        """
        x = self.laid(inputs, shared)
        tensors = {**params, **buffers}
        for link in self.links:
            x = link(tensors, x)
        return x.transpose(1, 2)


def chain_of(model: nn.Module) -> Chain | None:
    """Returns a network as a chain, or None if it is none.

    A chain is an `nn.Sequential` of linear layers, convolutions, BatchNorm, one flattening and element-wise functions,
    as the mlp and small_cnn are.

    Args:
        model: The network; only its structure is used.

    Examples:
        >>> import torch
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1))
        >>> chain = chain_of(model)
        >>> weights = {"1.weight": torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), "1.bias": torch.zeros(2, 1)}
        >>> chain(weights, {}, torch.tensor([[3.0, 4.0]]), True).flatten()  # two lanes see the same sample
        tensor([3., 4.])
        >>> chain_of(nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.Softmax(dim=1))) is None
        True
    """
    if type(model) is not nn.Sequential or len(set(map(id, model))) < len(model):
        return None  # a layer that stands twice has its weights under one name only
    if any(part._forward_hooks or part._forward_pre_hooks for part in model.modules()):
        return None
    links: list[Link] = []
    flat = weighs = False
    convolves = any(isinstance(layer, nn.Conv2d) for layer in model)
    for at, layer in enumerate(model):
        link = _link(str(at), layer, flat, weighs, convolves)
        if link is None:
            return None
        links.append(link)
        flat = flat or isinstance(layer, nn.Flatten)
        weighs = weighs or isinstance(layer, (nn.Linear, nn.Conv2d))
    if not (flat and weighs):
        return None
    return Chain(tuple(links), convolves)


def _link(name: str, layer: nn.Module, flat: bool, weighs: bool, convolves: bool) -> Link | None:
    """One layer of a chain; None for what a chain cannot hold.

    Args:
        name: Of the layer in the chain, and so of its tensors.
        layer: The layer.
        flat: Whether the samples are rows of numbers by now.
        weighs: Whether a layer with weights came before, so that each lane has activations of its own.
        convolves: Whether the chain has convolutions, so that images come with their channels behind their pixels.
    """
    kind = type(layer)
    weight, bias = f"{name}.weight", f"{name}.bias"
    if (
        isinstance(layer, nn.Flatten)
        and kind is nn.Flatten
        and not flat
        and (layer.start_dim, layer.end_dim) == (1, -1)
    ):
        return lambda tensors, x: (x.movedim(-2, 1) if convolves else x).flatten(1, -2)
    if kind is nn.Linear and flat:
        return lambda tensors, x: linear(x, tensors[weight], tensors.get(bias))
    if isinstance(layer, nn.Conv2d) and kind is nn.Conv2d and not flat and _is_usual(layer):
        stride, padding = pair(layer.stride), pair(layer.padding)
        return lambda tensors, x: convolution(x, tensors[weight], tensors.get(bias), stride, padding)
    if isinstance(layer, nn.modules.batchnorm._BatchNorm) and weighs:
        return _norm(name, layer) if kind is (nn.BatchNorm1d if flat else nn.BatchNorm2d) else None
    return (lambda tensors, x: layer(x)) if kind in ELEMENTWISE else None


def _is_usual(layer: nn.Conv2d) -> bool:
    plain = layer.groups == 1 and layer.dilation == (1, 1)
    return plain and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def _norm(name: str, layer: nn.modules.batchnorm._BatchNorm) -> Link:
    def link(tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
        if layer.training and layer.track_running_stats:
            tensors[f"{name}.num_batches_tracked"].add_(1)
        return batch_norm(
            x,
            tensors.get(f"{name}.running_mean"),
            tensors.get(f"{name}.running_var"),
            tensors.get(f"{name}.weight"),
            tensors.get(f"{name}.bias"),
            training=layer.training or not layer.track_running_stats,
            momentum=layer.momentum or 0.0,
            eps=layer.eps,
        )

    return link


def pair(size: object) -> tuple[int, int]:
    """Returns a size along height and width, which a layer may name once for both."""
    rows, columns = size if isinstance(size, tuple) else (size, size)
    return rows, columns

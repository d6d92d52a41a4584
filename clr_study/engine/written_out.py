"""The step of a chain's lanes written out: gradients without torch's graph, and all numbers of a lane in one row.

Small networks wait for Python, above all where lanes train in several threads, which take turns at its lock: this way a
step of the mlp takes 27 operations in place of 50. CPU time a lane's update of 64 on digits, batch 64, in two threads:
43 us in place of 60 to 67.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clr_study.engine.chain import Chain, pair
from clr_study.engine.losses import Loss, cross_entropy, cross_entropy_and_gradient
from clr_study.engine.samples_last import (
    Pair,
    convolution_gradients,
    convolve,
    laid,
    linear,
    linear_gradients,
)
from clr_study.optim import Params, State

ROW = "row"
Found = tuple[Tensor | None, Params]


class Layer(Protocol):
    """A layer of a chain: what it makes of x and keeps, and the gradients by x and by its weights."""

    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        """Returns the outputs and what `backward` needs."""

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        """Returns the gradient by x, if it is wanted, and those by the weights; it may write over what it is given."""


@dataclass(frozen=True)
class _Weighted:
    name: str

    def tensors(self, tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        return tensors[f"{self.name}.weight"], tensors.get(f"{self.name}.bias")

    def named(self, tensors: Mapping[str, Tensor], of_weight: Tensor, of_bias: Tensor) -> Params:
        found = {f"{self.name}.weight": of_weight, f"{self.name}.bias": of_bias}
        return {name: gradient for name, gradient in found.items() if name in tensors}


class _Linear(_Weighted):
    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        return linear(x, *self.tensors(tensors)), x

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        of_x, *own = linear_gradients(kept, self.tensors(tensors)[0], gradient, wanted)
        return of_x, self.named(tensors, *own)


@dataclass(frozen=True)
class _Convolution(_Weighted):
    stride: Pair
    padding: Pair

    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        return convolve(x, *self.tensors(tensors), self.stride, self.padding)

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        of_x, *own = convolution_gradients(kept, gradient, wanted)
        return of_x, self.named(tensors, *own)


@dataclass(frozen=True)
class _Flatten:
    images: bool

    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        x = x.movedim(-2, 1) if self.images else x
        return x.flatten(1, -2), x.shape

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        gradient = gradient.view(len(gradient), *kept[1:])
        return gradient.movedim(1, -2) if self.images else gradient, {}


@dataclass(frozen=True)
class _Rectifier:
    in_place: bool

    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        y = x.relu_() if self.in_place else x.relu()
        return y, y

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        return torch.ops.aten.threshold_backward.grad_input(gradient, kept, 0, grad_input=gradient), {}


@dataclass(frozen=True)
class _Elementwise:
    layer: nn.Module

    def forward(self, tensors: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Any]:
        leaf = x.detach().requires_grad_()
        with torch.enable_grad():
            y = self.layer(leaf)
        return y.detach(), (leaf, y)

    def backward(self, tensors: Mapping[str, Tensor], kept: Any, gradient: Tensor, wanted: bool) -> Found:
        leaf, y = kept
        return torch.autograd.grad(y, leaf, gradient)[0], {}


def layers_of(model: nn.Module, chain: Chain) -> list[Layer] | None:
    """Returns the layers of a chain with their gradients; None if one of them has statistics.

    Args:
        model: The network, which is a chain.
        chain: The chain.
    """
    found: list[Layer] = []
    for name, layer in model.named_children():
        fresh = bool(found) and isinstance(found[-1], _Weighted)  # an output that nothing else needs
        if isinstance(layer, nn.Flatten):
            found.append(_Flatten(chain.convolves))
        elif isinstance(layer, nn.Linear):
            found.append(_Linear(name))
        elif isinstance(layer, nn.Conv2d):
            found.append(_Convolution(name, pair(layer.stride), pair(layer.padding)))
        elif isinstance(layer, nn.ReLU):
            found.append(_Rectifier(fresh))
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            return None
        elif getattr(layer, "inplace", False):
            return None  # a leaf cannot be written into
        else:
            found.append(_Elementwise(layer))
    return found


def value_and_gradients(
    layers: list[Layer], tensors: Mapping[str, Tensor], x: Tensor, targets: Tensor, loss: Loss
) -> tuple[Tensor, Params]:
    """Returns the loss of each lane [N] and the gradients by all weights.

    Args:
        layers: From `layers_of`.
        tensors: The weights, stacked, those of convolutions as `laid` lays them.
        x: The inputs as `Chain.laid` lays them.
        targets: [N, B, ...].
        loss: Of all lanes, from outputs [N, B, ...] and targets.
    """
    tape = []
    for layer in layers:
        x, kept = layer.forward(tensors, x)
        tape.append(kept)
    if loss is cross_entropy:
        value, gradient = cross_entropy_and_gradient(x, targets)
    else:
        outputs = x.transpose(1, 2).detach().requires_grad_()
        with torch.enable_grad():
            value = loss(outputs, targets)
            gradient = torch.autograd.grad(value.sum(), outputs)[0].transpose(1, 2).contiguous()
    first = next(place for place, layer in enumerate(layers) if isinstance(layer, _Weighted))
    gradients: Params = {}
    back: Tensor | None = gradient
    for place in range(len(layers) - 1, first - 1, -1):
        assert back is not None
        back, own = layers[place].backward(tensors, tape[place], back, place > first)
        gradients |= own
    return value.detach(), gradients


class Rows:
    """All weights of a lane as a row of one matrix, and so its slots: one update for all of them.

    Args:
        params: The weights, stacked, as they are to come back.

    Examples:
        >>> rows = Rows({"w": torch.zeros(2, 1, 2), "b": torch.zeros(2, 1)})
        >>> packed = rows.pack({"w": torch.tensor([[[1.0, 2.0]], [[4.0, 5.0]]]), "b": torch.tensor([[3.0], [6.0]])})
        >>> packed
        {'row': tensor([[1., 2., 3.],
                [4., 5., 6.]])}
        >>> rows.unpack(packed)["b"]
        tensor([[3.],
                [6.]])
    """

    def __init__(self, params: Params) -> None:
        self.shapes = {name: self._lay(param[:1]).shape[1:] for name, param in params.items()}
        self.sizes = [shape.numel() for shape in self.shapes.values()]

    def views(self, row: Tensor) -> Params:
        """Returns the part of each weight in rows [N, P], those of convolutions laid."""
        parts = zip(self.shapes.items(), torch.split(row, self.sizes, dim=1), strict=True)
        return {name: part.view(len(row), *shape) for (name, shape), part in parts}

    def joined(self, tensors: Params) -> Tensor:
        """Returns the rows [N, P] of tensors that lie as `views`."""
        return torch.cat([tensors[name].flatten(1) for name in self.shapes], dim=1)

    def pack(self, tensors: Params) -> Params:
        """Returns tensors, one a weight, as rows; others as they are."""
        if tensors.keys() != self.shapes.keys():
            return tensors
        return {ROW: self.joined({name: self._lay(tensor) for name, tensor in tensors.items()})}

    def unpack(self, tensors: Params) -> Params:
        """Returns what `pack` packed."""
        if ROW not in tensors:
            return tensors
        views = self.views(tensors[ROW])
        return {
            name: (view.permute(0, 1, 4, 2, 3) if view.dim() == 5 else view).contiguous()
            for name, view in views.items()
        }

    def pack_slots(self, state: State) -> State:
        """Returns the slots of an optimizer, each packed."""
        return {slot: self.pack(tensors) for slot, tensors in state.items()}

    def unpack_slots(self, state: State) -> State:
        """Returns what `pack_slots` packed."""
        return {slot: self.unpack(tensors) for slot, tensors in state.items()}

    @staticmethod
    def _lay(tensor: Tensor) -> Tensor:
        return laid(tensor) if tensor.dim() == 5 else tensor

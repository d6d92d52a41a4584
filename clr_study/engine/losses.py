"""What is minimised: the softmax cross-entropy of classes, and the squared error of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

# Below that exponentials are subnormal, which takes a processor ten times as long, and add nothing to a sum.
LEAST_EXPONENT = -87.0


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean softmax cross-entropy over a batch.

    Args:
        outputs: [..., B, classes]; what stands before the batch, as an axis of lanes, stays.
        targets: The classes [..., B].

    Examples:
        >>> cross_entropy(torch.zeros(3, 2), torch.tensor([0, 1, 0]))  # log 2
        tensor(0.6931)
    """
    return cross_entropies(outputs, targets).mean(dim=-1)


def cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the softmax cross-entropy of each sample [..., B], from outputs [..., B, classes] and targets [..., B].

    Examples:
        >>> cross_entropies(torch.zeros(1, 2), torch.tensor([0]))  # log 2
        tensor([0.6931])
    """
    if outputs.dim() == 2:
        return functional.cross_entropy(outputs, targets, reduction="none")
    value: Tensor = _CrossEntropies.apply(outputs, targets)
    return value


def cross_entropy_and_gradient(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the mean softmax cross-entropy of each lane [N], and its gradient by the outputs.

    Args:
        outputs: [N, classes, B].
        targets: The classes [N, B].

    Examples:
        >>> cross_entropy_and_gradient(torch.zeros(1, 2, 1), torch.tensor([[0]]))  # log 2, and 1/2 - 1
        (tensor([0.6931]), tensor([[[-0.5000],
                 [ 0.5000]]]))
    """
    lanes, _, samples = outputs.shape
    row = targets.unsqueeze(1)
    below = outputs - outputs.amax(dim=1, keepdim=True)
    picked = below.gather(1, row)
    exponentials = below.clamp_min_(LEAST_EXPONENT).exp_()
    total = exponentials.sum(dim=1, keepdim=True)
    value = (total.log() - picked).mean(dim=(1, 2))
    gradient = exponentials.div_(total.mul_(samples))
    return value, gradient.scatter_add_(1, row, gradient.new_full((), -1 / samples).expand(lanes, 1, samples))


class _CrossEntropies(torch.autograd.Function):
    """Written out for an axis of lanes in any layout; torch's own wants classes in one place, and copies for it."""

    @staticmethod
    def forward(context: Any, outputs: Tensor, targets: Tensor) -> Tensor:
        highest = outputs.amax(dim=-1, keepdim=True)
        exponentials = (outputs - highest).clamp_min_(LEAST_EXPONENT).exp_()
        total = exponentials.sum(dim=-1, keepdim=True)
        column = targets.unsqueeze(-1)
        context.save_for_backward(exponentials, total, column)
        return (total.log() + highest - outputs.gather(-1, column)).squeeze(-1)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        exponentials, total, column = context.saved_tensors
        gradient = gradients[0].unsqueeze(-1)
        return (exponentials * (gradient / total)).scatter_add_(-1, column, -gradient), None


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean squared error of outputs [B, D] against targets [B] or [B, D]."""
    return functional.mse_loss(outputs.reshape(targets.shape), targets.to(outputs.dtype))

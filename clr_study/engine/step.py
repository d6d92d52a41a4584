"""One training step, pure in its tensors. Fused training is the same step with its halves under vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import vmap

from clr_study.engine.precision import forward_pass
from clr_study.models import multipliers_of
from clr_study.optim import Optimizer, Params, State
from clr_study.spec import Precision

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Hyper: TypeAlias = dict[str, Tensor]
Stepped: TypeAlias = tuple[Params, Params, State, Tensor]
Step: TypeAlias = Callable[[Params, Params, State, Tensor, Tensor, Tensor, Hyper], Stepped]


def make_step(
    model: nn.Module,
    loss: Loss,
    optimizer: Optimizer,
    *,
    fused: bool = False,
    shared_inputs: bool = False,
    precision: Precision = "float32",
    clip: float | None = None,
) -> Step:
    """Returns the step `(params, buffers, state, inputs, targets, lr, hyper) -> (params, buffers, state, loss)`.

    It writes into none of its arguments. The returned loss is the batch's, before the update.

    The fused step takes every tensor with a leading axis [N] of lanes. The forward pass and the optimizer's update go
    through vmap; the gradient is taken outside of it, of the sum of the lanes' losses: no lane's loss depends on
    another's weights, so each gets its own gradient, and torch's ordinary backward pass costs less than a transformed
    one.

    Args:
        model: The network; only its structure is used.
        loss: From outputs and targets to a mean over the batch.
        optimizer: A pair of pure functions.
        fused: Whether the tensors are stacked lanes.
        shared_inputs: Whether all lanes see the same samples, as lanes of one replicate seed do; inputs and targets
            then have no axis of lanes, and the first layer is one ordinary layer over all of them.
        precision: `bf16` for a forward pass in mixed precision; the loss, the gradients and the update are float32.
        clip: The largest norm of a lane's gradient; None for any.
    """
    multipliers = multipliers_of(model)

    def forward(params: Params, buffers: Params, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Params]:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}  # BatchNorm writes into these
        outputs = forward_pass(model, params, buffers, inputs, precision)
        return loss(outputs, targets), buffers

    def update(gradients: Params, state: State, params: Params, lr: Tensor, hyper: Hyper) -> tuple[Params, State]:
        if clip is not None:
            gradients = clipped(gradients, clip)
        return optimizer.update(gradients, state, params, lr, hyper, multipliers)

    samples = None if shared_inputs else 0
    ahead = vmap(forward, in_dims=(0, 0, samples, samples)) if fused else forward
    after = vmap(update) if fused else update

    def step(
        params: Params, buffers: Params, state: State, inputs: Tensor, targets: Tensor, lr: Tensor, hyper: Hyper
    ) -> Stepped:
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        value, buffers = ahead(leaves, buffers, inputs, targets)
        found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        with torch.no_grad():
            gradients = {
                name: torch.zeros_like(params[name]) if gradient is None else gradient
                for name, gradient in zip(leaves, found, strict=True)
            }
            params, state = after(gradients, state, params, lr, hyper)
        return params, {name: buffer.detach() for name, buffer in buffers.items()}, state, value.detach()

    return step


def clipped(gradients: Params, clip: float) -> Params:
    """Returns the gradients of one run, shortened to the norm `clip` if they are longer, as torch's clip_grad_norm_.

    Examples:
        >>> clipped({"w": torch.tensor([3.0]), "b": torch.tensor([4.0])}, clip=1.0)  # the norm is 5
        {'w': tensor([0.6000]), 'b': tensor([0.8000])}
    """
    norm = torch.stack([gradient.square().sum() for gradient in gradients.values()]).sum().sqrt()
    factor = (clip / (norm + 1e-6)).clamp(max=1.0)
    return {name: gradient * factor for name, gradient in gradients.items()}

"""One pure training step. Plain training calls it; fused training calls the same function under vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from clr_study.models import multipliers_of
from clr_study.optim import Optimizer, Params, State

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Hyper: TypeAlias = dict[str, Tensor]
Stepped: TypeAlias = tuple[Params, Params, State, Tensor]
Step: TypeAlias = Callable[[Params, Params, State, Tensor, Tensor, Tensor, Hyper], Stepped]


def make_step(model: nn.Module, loss: Loss, optimizer: Optimizer) -> Step:
    """Returns the step `(params, buffers, state, inputs, targets, lr, hyper) -> (params, buffers, state, loss)`.

    It writes into none of its arguments. The returned loss is the batch's, before the update.

    Args:
        model: The network; only its structure is used.
        loss: From outputs and targets to a mean over the batch.
        optimizer: A pair of pure functions.
    """
    multipliers = multipliers_of(model)

    def objective(params: Params, buffers: Params, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Params]:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}  # BatchNorm writes into these
        outputs = functional_call(model, (params, buffers), (inputs,))
        return loss(outputs, targets), buffers

    def step(
        params: Params, buffers: Params, state: State, inputs: Tensor, targets: Tensor, lr: Tensor, hyper: Hyper
    ) -> Stepped:
        gradients, (value, buffers) = grad_and_value(objective, has_aux=True)(params, buffers, inputs, targets)
        params, state = optimizer.update(gradients, state, params, lr, hyper, multipliers)
        return params, buffers, state, value

    return step


def make_plain_step(model: nn.Module, loss: Loss, optimizer: Optimizer) -> Step:
    """Returns the same step for one run, by torch's own backward pass.

    It costs less per update than a transformed function, and takes models that no function transform can.
    """
    multipliers = multipliers_of(model)

    def step(
        params: Params, buffers: Params, state: State, inputs: Tensor, targets: Tensor, lr: Tensor, hyper: Hyper
    ) -> Stepped:
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        value = loss(functional_call(model, (leaves, buffers), (inputs,)), targets)
        found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
        with torch.no_grad():
            gradients = {
                name: torch.zeros_like(params[name]) if gradient is None else gradient
                for name, gradient in zip(leaves, found, strict=True)
            }
            params, state = optimizer.update(gradients, state, params, lr, hyper, multipliers)
        return params, buffers, state, value.detach()

    return step


def make_fused_step(model: nn.Module, loss: Loss, optimizer: Optimizer, shared_inputs: bool) -> Step:
    """Returns the step over stacked lanes: every tensor has a leading axis [N], inputs unless they are shared.

    Args:
        model: The network; only its structure is used.
        loss: From outputs and targets to a mean over the batch.
        optimizer: A pair of pure functions.
        shared_inputs: Whether all lanes see the same samples, as lanes of one replicate seed do. The first layer is
            then one ordinary layer over all lanes.
    """
    samples = None if shared_inputs else 0
    return vmap(make_step(model, loss, optimizer), in_dims=(0, 0, 0, samples, samples, 0, 0))

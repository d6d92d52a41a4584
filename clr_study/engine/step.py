"""One training step, pure in its tensors. Fused training is the same step with its halves under vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import vmap

from clr_study.engine.chain import chain_of
from clr_study.engine.losses import Loss, cross_entropy
from clr_study.engine.precision import forward_pass, in_precision
from clr_study.engine.written_out import ROW, Rows, layers_of, value_and_gradients
from clr_study.models import laid_out, multipliers_of
from clr_study.optim import Multipliers, Optimizer, Params, State
from clr_study.spec import Precision

Hyper: TypeAlias = dict[str, Tensor]
Stepped: TypeAlias = tuple[Params, Params, State, Tensor]
Forward: TypeAlias = Callable[[Params, Params, Tensor], tuple[Tensor, Params]]
Update: TypeAlias = Callable[[Params, State, Params, Tensor, Hyper], tuple[Params, State]]
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
    bound: bool = True,
) -> Step:
    """Returns the step `(params, buffers, state, inputs, targets, lr, hyper) -> (params, buffers, state, loss)`.

    It writes into none of its arguments. The returned loss is the batch's, before the update.

    The fused step takes every tensor with a leading axis [N] of lanes. Only the network goes through vmap, and not
    even that where it is a chain of layers with a batched form. The gradient is taken outside of it, of the sum of the
    lanes' losses: no lane's loss depends on another's weights, so each gets its own gradient, and torch's ordinary
    backward pass costs less than a transformed one.

    Args:
        model: The network; only its structure is used.
        loss: From outputs and targets to a mean over the batch.
        optimizer: A pair of pure functions.
        fused: Whether the tensors are stacked lanes.
        shared_inputs: Whether all lanes see the same samples, as lanes of one replicate seed do; inputs and targets
            then have no axis of lanes, and the first layer is one ordinary layer over all of them.
        precision: `bf16` for a forward pass in mixed precision; the loss, the gradients and the update are float32.
        clip: The largest norm of a lane's gradient; None for any.
        bound: Whether the step of one run may put tensors into the model, which is fast, and no compiler can follow.
    """
    alone = bound_forward if bound else plain_forward
    forward = lanes_forward(model, shared_inputs, precision) if fused else alone(model, precision)
    judge = lanes_loss(loss, shared_inputs) if fused else loss
    after = _update(optimizer, multipliers_of(model), clip, fused)

    def step(
        params: Params, buffers: Params, state: State, inputs: Tensor, targets: Tensor, lr: Tensor, hyper: Hyper
    ) -> Stepped:
        leaves = {name: param.detach().requires_grad_() for name, param in params.items()}
        outputs, buffers = forward(leaves, buffers, inputs)
        value = judge(outputs, targets)
        found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        with torch.no_grad():
            gradients = {
                name: torch.zeros_like(params[name]) if gradient is None else gradient
                for name, gradient in zip(leaves, found, strict=True)
            }
            params, state = after(gradients, state, params, lr, hyper)
        return params, {name: buffer.detach() for name, buffer in buffers.items()}, state, value.detach()

    return step


def make_written_step(
    model: nn.Module,
    loss: Loss,
    optimizer: Optimizer,
    params: Params,
    inputs: Tensor,
    *,
    shared_inputs: bool,
    precision: Precision = "float32",
    clip: float | None = None,
) -> tuple[Step, Rows] | None:
    """Returns `make_step`'s fused step for weights and slots in rows, where all of it can be written out; else None.

    It takes chains without statistics, parameters without multipliers, and optimizers that go number by number.

    Args:
        model: The network; only its structure is used.
        loss: As `make_step`.
        optimizer: As `make_step`.
        params: The weights, stacked.
        inputs: Some, maybe none: their shape and device tell which way is fast.
        shared_inputs: As `make_step`.
        precision: As `make_step`.
        clip: As `make_step`.
    """
    chain = chain_of(model)
    even = all(pair == (1.0, 1.0) for pair in multipliers_of(model).values())
    if chain is None or not chain.suits(inputs) or not even or not optimizer.elementwise or precision == "bf16":
        return None
    layers = layers_of(model, chain)
    if layers is None:
        return None
    rows, after, judge = Rows(params), _update(optimizer, {}, clip, fused=True), lanes_loss(loss, False)

    @torch.no_grad()
    def step(
        params: Params, buffers: Params, state: State, inputs: Tensor, targets: Tensor, lr: Tensor, hyper: Hyper
    ) -> Stepped:
        if shared_inputs:
            targets = targets.expand(len(lr), *targets.shape)
        weights = rows.views(params[ROW])
        value, gradients = value_and_gradients(layers, weights, chain.laid(inputs, shared_inputs), targets, judge)
        row = {ROW: rows.joined(gradients)}
        del gradients, weights  # an update needs room
        params, state = after(row, state, params, lr, hyper)
        return params, buffers, state, value

    return step, rows


def plain_forward(model: nn.Module, precision: Precision) -> Forward:
    """Returns `(params, buffers, inputs) -> (outputs, buffers)` of one run; it writes into none of its arguments."""

    def forward(params: Params, buffers: Params, inputs: Tensor) -> tuple[Tensor, Params]:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}  # BatchNorm writes into these
        return forward_pass(model, params, buffers, inputs, precision), buffers

    return forward


def bound_forward(model: nn.Module, precision: Precision) -> Forward:
    """Returns `plain_forward` without the cost of `functional_call`, for use outside of vmap.

    The tensors are put into the model, and stay there until the next call: the model is the engine's own.
    """
    # A part that does more when it is given a tensor, as torch's recurrent layers do, is left to functional_call.
    if any(type(part).__setattr__ is not nn.Module.__setattr__ for part in model.modules()):
        return plain_forward(model, precision)
    weights, statistics = _holders(model, "_parameters"), _holders(model, "_buffers")

    def forward(params: Params, buffers: Params, inputs: Tensor) -> tuple[Tensor, Params]:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        for holder, key, name in weights:
            holder[key] = params[name]
        for holder, key, name in statistics:
            holder[key] = buffers[name]
        laid = laid_out(model, inputs)
        return in_precision(precision, lambda: model(laid), inputs), buffers

    return forward


def _holders(model: nn.Module, kind: str) -> list[tuple[dict[str, Any], str, str]]:
    """Where each tensor of a model stands: the dictionary, the key in it, and its first name if it stands twice."""
    found: list[tuple[dict[str, Any], str, str]] = []
    names: dict[int, str] = {}
    for path, part in model.named_modules():
        holder = getattr(part, kind)
        for key, tensor in holder.items():
            if tensor is not None:
                found.append((holder, key, names.setdefault(id(tensor), f"{path}.{key}" if path else key)))
    return found


def lanes_forward(model: nn.Module, shared_inputs: bool, precision: Precision) -> Forward:
    """Returns `(params, buffers, inputs) -> (outputs, buffers)` of stacked lanes; see `make_step`."""
    chain = chain_of(model)
    if chain and chain.convolves and precision == "bf16":
        chain = None  # its sums over windows would be rounded at other places than a convolution's
    mapped = vmap(plain_forward(model, precision), in_dims=(0, 0, None if shared_inputs else 0))

    def forward(params: Params, buffers: Params, inputs: Tensor) -> tuple[Tensor, Params]:
        if chain is None or not chain.suits(inputs):
            return mapped(params, buffers, inputs)
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}  # BatchNorm writes into these
        return in_precision(precision, lambda: chain(params, buffers, inputs, shared_inputs), inputs), buffers

    return forward


def lanes_loss(loss: Loss, shared_targets: bool) -> Loss:
    """Returns the loss of each lane [N], from outputs [N, B, ...] and targets [N, B, ...], or [B, ...] if shared."""
    if loss is not cross_entropy:
        return vmap(loss, in_dims=(0, None if shared_targets else 0))
    if shared_targets:
        return lambda outputs, targets: cross_entropy(outputs, targets.expand(len(outputs), -1))
    return cross_entropy


def _update(optimizer: Optimizer, multipliers: Multipliers, clip: float | None, fused: bool) -> Update:
    def update(gradients: Params, state: State, params: Params, lr: Tensor, hyper: Hyper) -> tuple[Params, State]:
        return optimizer.update(gradients, state, params, lr, hyper, multipliers)

    def shorten(gradients: Params) -> Params:
        return gradients if clip is None else clipped(gradients, clip)

    after: Update = update
    before = shorten
    if fused:
        after = _rowwise(update) if optimizer.elementwise else vmap(update)
        before = shorten if clip is None else vmap(shorten)
    return lambda gradients, *rest: after(before(gradients), *rest)


def _rowwise(update: Update) -> Update:
    """The update of all lanes as rows of matrices, each with its own LR in front: what vmap comes to, without it."""

    def rows(gradients: Params, state: State, params: Params, lr: Tensor, hyper: Hyper) -> tuple[Params, State]:
        slots = {slot: _rows(tensors) for slot, tensors in state.items()}
        weights, after = update(_rows(gradients), slots, _rows(params), lr[:, None], _rows(hyper))
        return _like(weights, params), {slot: _like(tensors, state[slot]) for slot, tensors in after.items()}

    return rows


def _rows(tensors: Params) -> Params:
    return {name: tensor.reshape(len(tensor), -1) for name, tensor in tensors.items()}


def _like(tensors: Params, shaped: Params) -> Params:
    return {name: tensor.reshape(shaped[name].shape) for name, tensor in tensors.items()}


def clipped(gradients: Params, clip: float) -> Params:
    """Returns the gradients of one run, shortened to the norm `clip` if they are longer, as torch's clip_grad_norm_.

    Examples:
        >>> clipped({"w": torch.tensor([3.0]), "b": torch.tensor([4.0])}, clip=1.0)  # the norm is 5
        {'w': tensor([0.6000]), 'b': tensor([0.8000])}
    """
    norm = torch.stack([gradient.square().sum() for gradient in gradients.values()]).sum().sqrt()
    factor = (clip / (norm + 1e-6)).clamp(max=1.0)
    return {name: gradient * factor for name, gradient in gradients.items()}

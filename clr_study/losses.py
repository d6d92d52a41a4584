"""Losses: what is minimised. A function of outputs and targets that returns the mean over the batch, `@LOSSES.add`.

The keyword arguments of one are what its table in a study file takes: `loss = { kind = "huber", delta = 0.5 }`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from clr_study.errors import InputError, SpecError
from clr_study.registry import Registry
from clr_study.spec import arguments_of

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Targets: TypeAlias = Literal["classes", "values", "binary"]
F = TypeVar("F", bound=Callable[..., Tensor])

LOSSES: Registry[Callable[..., Tensor]] = Registry("loss")


def takes(targets: Targets) -> Callable[[F], F]:
    """Marks what targets a loss is for, so that a study with others is refused before it trains.

    Args:
        targets: `classes`, of which a model gives one output each; `values`, of which it gives as many as there are;
            `binary`, two classes for one output, or numbers in [0, 1].

    Examples:
        >>> LOSSES["bce"].takes
        'binary'
    """

    def mark(loss: F) -> F:
        loss.takes = targets  # type: ignore[attr-defined]
        return loss

    return mark


def build_loss(table: Mapping[str, Any]) -> Loss:
    """Returns the loss that a study file's table asks for.

    Raises:
        UnknownKindError: No loss is called so.
        SpecError: An argument is unknown, missing or of the wrong type.

    Examples:
        >>> build_loss({"kind": "huber", "delta": 2.0})(torch.tensor([3.0]), torch.tensor([0.0]))  # 2 * (3 - 2/2)
        tensor(4.)
        >>> build_loss({"kind": "huber", "dleta": 2.0})
        Traceback (most recent call last):
        clr_study.errors.SpecError: [loss] huber takes no key 'dleta'; did you mean 'delta'?
    """
    loss, arguments = arguments_of(LOSSES, table, "[loss]", ("outputs", "targets"))
    return partial(loss, **arguments)


def takes_what(table: Mapping[str, Any]) -> Targets | None:
    """Returns what targets the loss of a table is for; None for a user's own that does not say."""
    return getattr(LOSSES[table["kind"]], "takes", None)


@LOSSES.add
@takes("classes")
def cross_entropy(outputs: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Measures the softmax cross-entropy, of classes or of the tokens of a sequence.

    `logsumexp(z) - (1 - s) * z[target] - s * mean(z)`, a mean over samples and tokens. With smoothing s the target is
    mixed with the uniform distribution (Szegedy et al., "Rethinking the Inception Architecture", arXiv 1512.00567).

    Args:
        outputs: [B, ..., classes].
        targets: [B, ...] int64.
        label_smoothing: In [0, 1).

    Raises:
        InputError: The shapes do not fit, or the smoothing is out of bounds.

    Examples:
        >>> cross_entropy(torch.zeros(3, 2), torch.tensor([0, 1, 0]))  # log 2
        tensor(0.6931)
    """
    if not 0 <= label_smoothing < 1:
        raise InputError(f"[loss] label_smoothing must lie in [0, 1), but got label_smoothing={label_smoothing}")
    if outputs.ndim != targets.ndim + 1 or outputs.shape[:-1] != targets.shape:
        raise InputError(
            f"loss cross_entropy takes outputs of shape {(*targets.shape, 'classes')} for targets of shape "
            f"{tuple(targets.shape)}, but the model gave {tuple(outputs.shape)}"
        )
    own = outputs.gather(-1, targets[..., None])[..., 0]
    aim = own if label_smoothing == 0 else (1 - label_smoothing) * own + label_smoothing * outputs.mean(dim=-1)
    return (outputs.logsumexp(dim=-1) - aim).mean()


@LOSSES.add
@takes("values")
def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Measures the mean squared error.

    Args:
        outputs: [B, D], or [B, 1] for targets [B].
        targets: [B, D] or [B], floating.

    Raises:
        InputError: The shapes do not fit.

    Examples:
        >>> mse(torch.tensor([[3.0], [1.0]]), torch.tensor([1.0, 1.0]))
        tensor(2.)
    """
    return (alike(outputs, targets, "mse") - targets.to(outputs.dtype)).square().mean()


@LOSSES.add
@takes("binary")
def bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Measures the binary cross-entropy of logits: one output for two classes, or one for each of several labels.

    `max(z, 0) - z*y + log(1 + exp(-abs(z)))`, a mean over samples and labels; PyTorch's `BCEWithLogitsLoss`.

    Args:
        outputs: [B, D], or [B, 1] for targets [B].
        targets: [B, D] or [B], in [0, 1].

    Raises:
        InputError: The shapes do not fit.

    Examples:
        >>> bce(torch.zeros(2, 1), torch.tensor([0.0, 1.0]))  # log 2
        tensor(0.6931)
    """
    logits = alike(outputs, targets, "bce")
    return (logits.clamp(min=0) - logits * targets.to(logits.dtype) + torch.log1p(torch.exp(-logits.abs()))).mean()


@LOSSES.add
@takes("values")
def huber(outputs: Tensor, targets: Tensor, *, delta: float = 1.0) -> Tensor:
    """Measures Huber's loss: half the squared error up to delta, and straight on from there.

    `e**2 / 2` where `abs(e) <= delta`, else `delta * (abs(e) - delta / 2)`; PyTorch's `HuberLoss`.

    Args:
        outputs: [B, D], or [B, 1] for targets [B].
        targets: [B, D] or [B], floating.
        delta: Above 0.

    Raises:
        InputError: The shapes do not fit, or delta is out of bounds.

    Examples:
        >>> huber(torch.tensor([3.0]), torch.tensor([0.0]))
        tensor(2.5000)
    """
    if not delta > 0:
        raise InputError(f"[loss] delta > 0 must hold, but got delta={delta}")
    return functional.huber_loss(alike(outputs, targets, "huber"), targets.to(outputs.dtype), delta=delta)


def alike(outputs: Tensor, targets: Tensor, loss: str) -> Tensor:
    """Returns the outputs in the shape of the targets, of which those with one number a sample have an axis less.

    Raises:
        InputError: There are more, or fewer, outputs than targets.
    """
    if outputs.shape == targets.shape:
        return outputs
    if outputs.shape == (*targets.shape, 1):
        return outputs[..., 0]
    raise InputError(
        f"loss {loss} takes outputs of the targets' shape {tuple(targets.shape)}, but the model gave "
        f"{tuple(outputs.shape)}"
    )


def check_targets(table: Mapping[str, Any], classes: int | None, targets: Tensor) -> None:
    """Refuses a loss that is not for such targets.

    Args:
        table: The loss's table.
        classes: How many classes the data have; None for regression.
        targets: Those of the training split.

    Raises:
        SpecError: It is not.
    """
    kind, wants = table["kind"], takes_what(table)
    shape = tuple(targets.shape)
    if wants == "classes" and classes is None:
        raise SpecError(
            f'[loss] {kind} takes classes, but the targets are numbers of shape {shape}: take "mse" or "huber", or '
            '"bce" if they are 0 and 1'
        )
    if wants == "values" and classes is not None:
        raise SpecError(f'[loss] {kind} takes numbers, but the targets are {classes} classes: take "cross_entropy"')
    if wants == "binary" and classes not in (None, 2):
        raise SpecError(f'[loss] {kind} takes two classes, but the data have {classes}: take "cross_entropy"')
    if wants == "binary" and classes is None and not bool(((targets >= 0) & (targets <= 1)).all()):
        low, high = float(targets.min()), float(targets.max())
        raise SpecError(f"[loss] {kind} takes targets in [0, 1], but they run from {low:g} to {high:g}")


add = LOSSES.add

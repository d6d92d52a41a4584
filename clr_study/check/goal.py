"""Whether what a model gives suits what the loss takes, said with shapes before a step fails in torch's words."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clr_study.engine import Task
from clr_study.errors import ClrStudyError, SpecError
from clr_study.losses import LOSSES

SAMPLES = 8


def check_goal(model: nn.Module, task: Task, where: str) -> str:
    """Refuses outputs of the wrong shape, and a loss that is not one number.

    A model that fails altogether is left to the step that is tried with it, whose trace says more.

    Args:
        model: As it was built.
        task: Its data.
        where: The model's place and name, for messages.

    Returns:
        What looks like a mistake although it can be trained, as a sentence; mostly nothing.

    Raises:
        SpecError: The outputs do not fit the targets, or the loss is no mean.
    """
    inputs, targets = next(task.train.chunks(min(SAMPLES, len(task.train))))
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(task.still(inputs))
    except Exception:
        return ""
    finally:
        model.train()
    if not isinstance(outputs, Tensor):
        raise SpecError(f"{where} must give one tensor for a batch, but gave a {type(outputs).__name__}")
    _check_shape(outputs, targets, task, where)
    try:
        value = task.loss(outputs, targets)
    except ClrStudyError as error:
        raise type(error)(str(error) if str(error).startswith("[") else f"{where}: {error}") from None
    except Exception as error:
        raise SpecError(
            f"[loss] failed on outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.shape != ():
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise SpecError(f"[loss] must return one number, the mean over the batch, but returned {got}")
    return _softmax_twice(outputs, task, where)


def _softmax_twice(outputs: Tensor, task: Task, where: str) -> str:
    """Says that a model ends in a softmax, where the loss takes one itself: it learns all the same, and badly."""
    usual = task.chosen is None and task.classes is not None
    if not usual and getattr(task.chosen, "func", None) is not LOSSES["cross_entropy"]:
        return ""
    sums = outputs.sum(dim=-1)
    if (outputs < 0).any() or not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        return ""
    return (
        f"{where} gives probabilities (each row of its outputs sums to 1), but cross_entropy takes the softmax itself: "
        "leave the network's last softmax out, or it learns slowly and badly"
    )


def _check_shape(outputs: Tensor, targets: Tensor, task: Task, where: str) -> None:
    if task.own_shape:  # a loss of the user's own may take any outputs
        return
    if task.classes is not None and not task.binary:
        wanted = [(*targets.shape, task.classes)]
        why = f"{task.classes} classes"
    else:
        wanted = [tuple(targets.shape), (*targets.shape, 1)] if targets.ndim == 1 else [tuple(targets.shape)]
        why = f"targets of shape {tuple(targets.shape)}"
    if tuple(outputs.shape) not in wanted:
        raise SpecError(
            f"{where} gives outputs of shape {tuple(outputs.shape)} for {len(targets)} samples of shape "
            f"{task.sample_shape}, but {why} want {wanted[-1]}"
        )

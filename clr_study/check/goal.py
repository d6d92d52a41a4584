"""Whether what a model gives suits what the loss takes, said with shapes before a step fails in torch's words."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clr_study.engine import Task
from clr_study.errors import ClrStudyError, SpecError

SAMPLES = 8


def check_goal(model: nn.Module, task: Task, where: str) -> None:
    """Refuses outputs of the wrong shape, and a loss that is not one number.

    A model that fails altogether is left to the step that is tried with it, whose trace says more.

    Args:
        model: As it was built.
        task: Its data.
        where: The model's place and name, for messages.

    Raises:
        SpecError: The outputs do not fit the targets, or the loss is no mean.
    """
    inputs, targets = next(task.train.chunks(min(SAMPLES, len(task.train))))
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(task.still(inputs))
    except Exception:
        return
    finally:
        model.train()
    if not isinstance(outputs, Tensor):
        raise SpecError(f"{where} must give one tensor for a batch, but gave a {type(outputs).__name__}")
    _check_shape(outputs, targets, task, where)
    try:
        value = task.loss(outputs, targets)
    except ClrStudyError as error:
        raise type(error)(f"{where}: {error}") from None
    except Exception as error:
        raise SpecError(
            f"[loss] failed on outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.shape != ():
        got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise SpecError(f"[loss] must return one number, the mean over the batch, but returned {got}")


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

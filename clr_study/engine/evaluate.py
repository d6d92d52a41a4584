"""Evaluation of all lanes on a whole split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor, nn

from clr_study.data import Split
from clr_study.engine.gauge import Gauge
from clr_study.engine.losses import cross_entropies, cross_entropy
from clr_study.engine.side_by_side import Abandoned, Over, shared_out, side_by_side, structures
from clr_study.engine.state import Lanes
from clr_study.engine.step import Forward, lanes_forward, lanes_loss, plain_forward
from clr_study.engine.task import Task
from clr_study.models import laid_out
from clr_study.optim import Params
from clr_study.spec import Precision

# Samples at a time, for any number of lanes: the float32 sum of a loss must not depend on who is evaluated beside it.
CHUNK = 512


@dataclass(frozen=True, eq=False)
class Scores:
    """What an evaluation says of each lane.

    Args:
        loss: Mean loss [N] float64.
        accuracy: Share of samples that are right [N] float64; NaN for regression.
        metric: The task's metric [N] float64; NaN where it is accuracy or loss.
        finite: Whether the loss is a number [N] bool; true where there was nothing to evaluate on.
    """

    loss: Tensor
    accuracy: Tensor
    metric: Tensor
    finite: Tensor

    @classmethod
    def none(cls, lanes: int) -> Scores:
        """The scores on a split that is not there: NaN."""
        blank = torch.full((lanes,), float("nan"), dtype=torch.float64)
        return cls(blank, blank, blank, torch.ones(lanes, dtype=torch.bool))


def evaluate(
    model: nn.Module, lanes: Lanes, task: Task, split: Split | None, fused: bool, precision: Precision = "float32"
) -> Scores:
    """Evaluates every lane on a split, without augmentation, with the model in evaluation mode.

    Args:
        model: The network; only its structure is used. It is left in training mode.
        lanes: The weights and statistics.
        task: Where the data are scaled.
        split: The samples; None gives NaN.
        fused: Whether all lanes go through the network together, rather than one after the other.
        precision: As it was trained with.
    """
    if split is None:
        return Scores.none(len(lanes))
    model.eval()
    try:
        shares = shared_out(len(lanes), task.device, apart=not fused)
        calls = [
            partial(_share, part, lanes.take(share), task, split, precision, fused)
            for part, share in zip(structures(model, len(shares)), shares, strict=True)
        ]
        return _joined(side_by_side(calls, even_part=fused))
    finally:
        model.train()


def _joined(parts: Sequence[Scores]) -> Scores:
    return Scores(*(torch.cat([getattr(scores, field.name) for scores in parts]) for field in fields(Scores)))


def _share(
    model: nn.Module, lanes: Lanes, task: Task, split: Split, precision: Precision, fused: bool, over: Over
) -> Scores:
    with torch.no_grad():
        if fused:
            return _scores(lanes_forward(model, True, precision), lanes, task, split, over)
        forward = _single(model, plain_forward(model, precision))
        return _joined([_scores(forward, lanes.take([lane]), task, split, over) for lane in range(len(lanes))])


def _single(model: nn.Module, forward: Forward) -> Forward:
    """The forward pass for a state of one lane."""

    def call(params: Params, buffers: Params, inputs: Tensor) -> tuple[Tensor, Params]:
        one = {k: p[0] for k, p in params.items()}, {k: b[0] for k, b in buffers.items()}
        outputs, _ = forward(*one, laid_out(model, inputs))
        return outputs[None], buffers

    return call


def _scores(forward: Forward, lanes: Lanes, task: Task, split: Split, over: Over) -> Scores:
    loss = torch.zeros(len(lanes), dtype=torch.float64, device=task.device)
    right = torch.zeros_like(loss)
    gauge = Gauge(task.metric, len(lanes))
    for inputs, targets in split.chunks(CHUNK):
        if over.is_set():
            raise Abandoned
        outputs, _ = forward(lanes.params, lanes.buffers, task.still(inputs))
        if task.loss is cross_entropy:
            loss += cross_entropies(outputs, targets.expand(len(outputs), -1)).sum(dim=-1)
        else:
            loss += lanes_loss(task.loss, shared_targets=True)(outputs, targets) * len(targets)
        right += _right(outputs, targets, task)
        gauge.add(outputs, targets)
    mean = (loss / len(split)).cpu()
    return Scores(mean, (right / len(split)).cpu(), gauge.values(), torch.isfinite(mean))


def _right(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    """How many samples of a piece are right [N]; of a sequence the part of its tokens counts."""
    if task.binary:
        hits = (outputs.reshape(len(outputs), *targets.shape) > 0) == (targets > 0.5)
    elif task.classes is not None:
        hits = outputs.max(dim=-1).indices == targets  # argmax takes five times as long on a CPU
    else:
        return torch.full((len(outputs),), float("nan"), dtype=torch.float64, device=outputs.device)
    return hits.flatten(1).sum(dim=-1, dtype=torch.float64) / targets[0].numel()

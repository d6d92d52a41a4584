"""Measures the study's metric on the outputs of all lanes, as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clr_study.metrics import ALWAYS, METRICS

Outputs = npt.NDArray[Any]


class Gauge:
    """A metric of each lane over a split that comes in pieces.

    Args:
        metric: Its name; accuracy and loss are measured elsewhere, and give NaN.
        lanes: How many.

    Examples:
        >>> gauge = Gauge("rmse", lanes=2)
        >>> gauge.add(torch.tensor([[[1.0], [2.0]], [[3.0], [3.0]]]), torch.tensor([1.0, 2.0]))
        >>> gauge.add(torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([1.0]))
        >>> gauge.values()
        tensor([0.0000, 1.4142], dtype=torch.float64)
    """

    def __init__(self, metric: str, lanes: int) -> None:
        self.metric = None if metric in ALWAYS else METRICS[metric]
        self.finish = getattr(self.metric, "finish", None)
        self.sums, self.samples = np.zeros(lanes), 0
        self.pieces: list[tuple[Outputs, Outputs]] = []

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Takes a piece: outputs [N, B, ...] and the targets [B, ...] that all lanes share."""
        if self.metric is None:
            return
        piece = outputs.detach().float().cpu().numpy(), targets.cpu().numpy()
        if self.finish is None:
            self.pieces.append(piece)
            return
        self.samples += len(targets)
        with np.errstate(all="ignore"):  # of a lane that is about to diverge
            self.sums += [self.metric(lane, piece[1]) * len(targets) for lane in piece[0]]

    def values(self) -> Tensor:
        """Returns the metric of each lane [N] float64."""
        with np.errstate(all="ignore"):
            return torch.tensor(self._values(), dtype=torch.float64)

    def _values(self) -> list[float]:
        if self.metric is None:
            return [float("nan")] * len(self.sums)
        if self.finish is not None:
            return [self.finish(total / self.samples) for total in self.sums]
        targets = np.concatenate([piece for _, piece in self.pieces])
        outputs = np.concatenate([piece for piece, _ in self.pieces], axis=1)
        return [float(self.metric(lane, targets)) for lane in outputs]

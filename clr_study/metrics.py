"""Metrics: what is measured of a model's outputs, and which direction is better.

A metric is a function of the outputs and the targets of a whole split, numpy arrays both, under `@METRICS.add`; of one
that is better when it is lower, `@lower_is_better` says so. Target, winner, pruner, figures and verdict follow that.
`accuracy` and `loss` are measured of every study; of the others a study names one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from clr_study.errors import SpecError
from clr_study.registry import Registry

Outputs: TypeAlias = npt.NDArray[Any]
Metric: TypeAlias = Callable[[Outputs, Outputs], float]
Better: TypeAlias = Literal["higher", "lower"]
M = TypeVar("M", bound=Metric)

METRICS: Registry[Metric] = Registry("metric")
# A database's column for a metric's name is this wide.
LONGEST_NAME = 16
ALWAYS = ("accuracy", "loss")
"""What is measured at every evaluation of every study."""


def lower_is_better(metric: M) -> M:
    """Marks a metric of which less is better.

    Examples:
        >>> @lower_is_better
        ... def largest_error(outputs, targets):
        ...     return float(np.abs(outputs - targets).max())
        >>> largest_error.lower_is_better
        True
    """
    metric.lower_is_better = True  # type: ignore[attr-defined]
    return metric


def in_pieces(finish: Callable[[float], float]) -> Callable[[M], M]:
    """Marks a metric that is `finish` of a mean over samples, so that the split need not be in memory at once.

    Args:
        finish: From the mean of what the function gives for pieces of the split to the metric.

    Examples:
        >>> METRICS["rmse"].finish(4.0)
        2.0
    """

    def mark(metric: M) -> M:
        metric.finish = finish  # type: ignore[attr-defined]
        return metric

    return mark


def higher_is_better(metric: str) -> bool:
    """Returns whether more is better of a metric, or of a column of one: `test_rmse`, `validation_accuracy`.

    Raises:
        UnknownKindError: There is no such metric.

    Examples:
        >>> higher_is_better("accuracy"), higher_is_better("test_rmse")
        (True, False)
    """
    return not getattr(METRICS[metric_of(metric)], "lower_is_better", False)


def metric_of(column: str) -> str:
    """Returns the metric that a column is about.

    Examples:
        >>> metric_of("validation_loss"), metric_of("test_top5"), metric_of("r2")
        ('loss', 'top5', 'r2')
    """
    for split in ("train_", "validation_", "test_"):
        column = column.removeprefix(split)
    return column


def is_share(metric: str) -> bool:
    """Returns whether a metric, or a column of one, is a share of samples, which is told in per cent.

    Examples:
        >>> is_share("test_accuracy"), is_share("validation_loss")
        (True, False)
    """
    return metric_of(metric) in ("accuracy", "top5")


def declare(name: str, better: Better) -> None:
    """Makes a metric known that a training loop of the user's own measures: a name and a direction.

    Args:
        name: Lower-case letters, digits and underscores.
        better: Whether more or less of it is better.

    Raises:
        SpecError: A metric of that name goes the other way, or it is no such name.

    Examples:
        >>> declare("bleu", "higher")
        >>> higher_is_better("validation_bleu")
        True
    """
    if not name.isidentifier() or name != name.lower() or len(name) > LONGEST_NAME:
        raise SpecError(
            f"metric name must be 1 to {LONGEST_NAME} lower-case letters, digits and underscores, as in 'bleu', but "
            f"got {name!r}"
        )
    if name in METRICS:
        if higher_is_better(name) != (better == "higher"):
            raise SpecError(
                f"metric {name!r} is known, and better when it is {'lower' if better == 'higher' else 'higher'}"
            )
        return

    def measured_elsewhere(outputs: Outputs, targets: Outputs) -> float:
        raise SpecError(f"metric {name!r} has no function; register one with @clr_study.metrics.add")

    measured_elsewhere.__name__ = name
    METRICS.add(measured_elsewhere if better == "higher" else lower_is_better(measured_elsewhere))


@METRICS.add
@in_pieces(float)
def accuracy(outputs: Outputs, targets: Outputs) -> float:
    """Measures the share of samples, or of tokens, whose largest output is that of their class.

    Of one output a sample, as `bce` has it, the share on whose side of 0 the output lies.

    Args:
        outputs: [S, ..., classes], or [S, 1].
        targets: [S, ...].

    Examples:
        >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
        0.5
    """
    if outputs.ndim > targets.ndim and outputs.shape[-1] > 1:
        return float(np.mean(outputs.argmax(axis=-1) == targets))
    return float(np.mean((_alike(outputs, targets, "accuracy") > 0) == (targets > 0.5)))


@METRICS.add
@lower_is_better
def loss(outputs: Outputs, targets: Outputs) -> float:
    """Measures the mean of the study's own loss; the training loop has it at hand, so nothing asks here.

    Raises:
        SpecError: Always: the outputs alone do not tell which loss it is.

    Examples:
        >>> higher_is_better("loss")
        False
    """
    raise SpecError("the loss is measured where the study's loss is known")


@METRICS.add
@in_pieces(float)
def top5(outputs: Outputs, targets: Outputs) -> float:
    """Measures the share of samples whose class is among their five largest outputs.

    Args:
        outputs: [S, ..., classes], at least six classes.
        targets: [S, ...].

    Raises:
        SpecError: There are five classes or fewer: everything would be right.

    Examples:
        >>> top5(np.array([[6.0, 5, 4, 3, 2, 1], [6.0, 5, 4, 3, 2, 1]]), np.array([4, 5]))
        0.5
    """
    if outputs.ndim <= targets.ndim or outputs.shape[-1] <= 5:
        raise SpecError(f"metric 'top5' takes more than 5 outputs a sample, but got outputs of shape {outputs.shape}")
    own = np.take_along_axis(outputs, targets[..., None], axis=-1)
    return float(np.mean((outputs > own).sum(axis=-1) < 5))


@METRICS.add
@lower_is_better
@in_pieces(lambda mean: float(np.sqrt(mean)))
def rmse(outputs: Outputs, targets: Outputs) -> float:
    """Measures the root of the mean squared error; this gives a piece's mean, of which the root is taken at the end.

    Args:
        outputs: [S] or [S, D].
        targets: The same.

    Examples:
        >>> METRICS["rmse"].finish(rmse(np.array([3.0, 5.0]), np.array([1.0, 7.0])))
        2.0
    """
    return float(np.mean(np.square(_alike(outputs, targets, "rmse") - targets, dtype=np.float64)))


@METRICS.add
def r2(outputs: Outputs, targets: Outputs) -> float:
    """Measures the share of the targets' variance that the outputs explain: `1 - SSE / SST`, a mean over columns.

    Args:
        outputs: [S] or [S, D].
        targets: The same.

    Examples:
        >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])), r2(np.full(3, 2.0), np.array([1.0, 2.0, 3.0]))
        (1.0, 0.0)
    """
    residual = np.square(_alike(outputs, targets, "r2") - targets, dtype=np.float64).sum(axis=0)
    whole = np.square(targets - targets.mean(axis=0, dtype=np.float64)).sum(axis=0)
    return float(np.mean(1 - residual / whole))


@METRICS.add
def auc(outputs: Outputs, targets: Outputs) -> float:
    """Measures the area under the ROC curve: the chance that a positive sample scores above a negative one.

    Args:
        outputs: [S] or [S, 1] scores; of [S, 2] the second minus the first.
        targets: [S], 0 or 1.

    Raises:
        SpecError: There are more than two classes, or the split holds one only.

    Examples:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        0.75
    """
    from sklearn.metrics import roc_auc_score  # a second to import, for this metric only

    scores = outputs[..., 1] - outputs[..., 0] if outputs.shape[1:] == (2,) else outputs
    scores = scores.reshape(len(scores), -1)
    present = np.unique(targets)
    if scores.shape[1] != 1 or targets.ndim != 1 or not np.array_equal(present, [0, 1]):
        raise SpecError(
            f"metric 'auc' takes two classes, both in the split, but got outputs of shape {outputs.shape} and the "
            f"targets {present[:6].tolist()}"
        )
    return float(roc_auc_score(targets, scores[:, 0])) if np.isfinite(scores).all() else float("nan")


@METRICS.add
@lower_is_better
@in_pieces(lambda mean: float(np.exp(np.minimum(mean, 700.0))))
def perplexity(outputs: Outputs, targets: Outputs) -> float:
    """Measures how many classes or tokens the model wavers between: e to the mean cross-entropy, without smoothing.

    This gives a piece's mean cross-entropy, of which the exponential is taken at the end.

    Args:
        outputs: [S, ..., classes].
        targets: [S, ...].

    Examples:
        >>> METRICS["perplexity"].finish(perplexity(np.zeros((1, 4)), np.array([2])))
        4.0
    """
    if outputs.ndim != targets.ndim + 1:
        raise SpecError(
            f"metric 'perplexity' takes an output for each class, but got outputs of shape {outputs.shape} for "
            f"targets of shape {targets.shape}"
        )
    largest = outputs.max(axis=-1, keepdims=True)
    whole = np.log(np.exp(outputs - largest, dtype=np.float64).sum(axis=-1)) + largest[..., 0]
    return float(np.mean(whole - np.take_along_axis(outputs, targets[..., None], axis=-1)[..., 0]))


def _alike(outputs: Outputs, targets: Outputs, metric: str) -> Outputs:
    """The outputs in the shape of the targets, of which those with one number a sample have an axis less."""
    if outputs.size != targets.size:
        raise SpecError(
            f"metric {metric!r} takes an output for each number of the targets, but got outputs of shape "
            f"{outputs.shape} for targets of shape {targets.shape}"
        )
    return outputs.reshape(targets.shape)


add = METRICS.add

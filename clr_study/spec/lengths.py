"""Whether the times of a schedule suit its run: a cycle has to hold an update, a milestone has to be reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from clr_study.errors import SpecError
from clr_study.spec.sections import Train
from clr_study.spec.space import Choices, Quantity, Range, Ratio
from clr_study.spec.study import Arm

EDGES = ("milestones", "boundaries")


def check_lengths(arm: Arm, per_epoch: int | None = None) -> None:
    """Refuses a cycle of less than one update, and a milestone or boundary that no run of the arm reaches.

    Args:
        arm: The arm; of a hole the end that is harder to suit counts.
        per_epoch: Updates in a pass over the training split; None leaves out what is given in epochs.

    Raises:
        SpecError: A time does not suit the run.

    Examples:
        >>> schedule = {"kind": "multistep", "lr": 0.1, "gamma": 0.1, "milestones": (60, 90)}
        >>> check_lengths(Arm(name="steps", schedule=schedule, optim={}, model={}, train=Train(updates=80)))
        Traceback (most recent call last):
        clr_study.errors.SpecError: [arms.steps.schedule] milestones[1] is at update 90, but a run has only 80 updates
    """
    _check(arm.schedule, _budget(arm.train, per_epoch), per_epoch, f"[arms.{arm.name}.schedule]")


def _budget(train: Train, per_epoch: int | None) -> float | None:
    if train.updates is not None or per_epoch is None:
        return train.updates
    return (train.epochs or 0) * per_epoch


def _check(table: Mapping[str, Any], length: float | None, per_epoch: int | None, where: str) -> None:
    cycle = _cycle(table, per_epoch)
    if cycle < 1:
        epoch = "" if per_epoch is None else f", and an epoch has {per_epoch}; a smaller batch_size gives it more"
        raise SpecError(f"{where} a cycle has only {cycle:.3g} updates; it needs one at the least{epoch}")
    edges = [_ends(edge, per_epoch)[1] for name in EDGES for edge in table.get(name, ())]
    for index, edge in enumerate(edges):
        if length is not None and edge >= length:
            name = next(name for name in EDGES if name in table)
            raise SpecError(
                f"{where} {name}[{index}] is at update {edge:.10g}, but a run has only {length:.10g} updates"
            )
    stops = [*edges, math.inf if length is None else length]
    for index, (part, start, stop) in enumerate(zip(table.get("schedules", ()), [0, *edges], stops, strict=False)):
        _check(part, stop - start if math.isfinite(stop - start) else None, per_epoch, f"{where} schedules[{index}]")


def _cycle(table: Mapping[str, Any], per_epoch: int | None) -> float:
    """The updates of the shortest cycle that the table allows; infinite where they are unknown or there is none."""
    if "step_size" not in table:
        return _ends(table.get("period"), per_epoch)[0]
    up = _ends(table["step_size"], per_epoch)[0]
    down = table.get("step_size_down")
    if isinstance(down, Ratio):
        return up * (1 + down.low)
    return up + (up if down is None else _ends(down, per_epoch)[0])


def _ends(leaf: Any, per_epoch: int | None) -> tuple[float, float]:
    """The fewest and the most updates that a leaf stands for; where they are unknown, what suits every run."""
    unknown = (math.inf, -math.inf)
    if isinstance(leaf, (Quantity, Range)) and leaf.unit == "epochs":
        if per_epoch is None:
            return unknown
        low, high = (leaf.value, leaf.value) if isinstance(leaf, Quantity) else (leaf.low, leaf.high)
        return low * per_epoch, high * per_epoch
    match leaf:
        case Quantity():
            return leaf.value, leaf.value
        case Range():
            return leaf.low, leaf.high
        case Choices() if all(_number(choice) for choice in leaf.choices):
            return min(leaf.choices), max(leaf.choices)  # type: ignore[return-value]
        case _ if _number(leaf):
            return leaf, leaf
        case _:
            return unknown


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

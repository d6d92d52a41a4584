"""From an arm and drawn values to the spec of a run: after this nothing is optional and the only unit is the update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clr_study.errors import SpecError
from clr_study.schedules import SCHEDULES, Schedule
from clr_study.spec.make import kind_in, make, parameters_of
from clr_study.spec.sections import Train
from clr_study.spec.space import Values, filled
from clr_study.spec.study import Arm, Study
from clr_study.spec.trial import TrialSpec

SNAPPED = ("step_size", "step_size_down", "period")


@dataclass(frozen=True)
class Budget:
    """How long a run of an arm is.

    Args:
        updates: Optimizer steps of a run.
        per_epoch: Updates in a pass over the training split; the last partial batch is left out.
        batch_size: Samples an update.

    Examples:
        >>> Budget.of(Train(batch_size=100, epochs=2), samples=1050)
        Budget(updates=20, per_epoch=10, batch_size=100)
    """

    updates: int
    per_epoch: int
    batch_size: int

    @classmethod
    def of(cls, train: Train, samples: int, where: str = "[train]") -> Budget:
        """Returns the budget over a training split of so many samples.

        Raises:
            SpecError: The batch is larger than the split.
        """
        per_epoch = train.updates_per_epoch or samples // train.batch_size
        if per_epoch < 1:
            raise SpecError(
                f"{where} batch_size = {train.batch_size} is larger than the training split of {samples} samples; "
                f"at most {samples} fit"
            )
        updates = train.updates if train.updates is not None else max(1, round((train.epochs or 0) * per_epoch))
        return cls(updates=updates, per_epoch=per_epoch, batch_size=train.batch_size)

    def grid(self, evaluations: int) -> tuple[int, ...]:
        """Returns the numbers of updates done at which a run is evaluated: evenly spread, the last at the end."""
        points = np.linspace(0, self.updates, min(evaluations, self.updates) + 1)[1:]
        return tuple(int(point) for point in np.unique(np.round(points)))


def fill(
    study: Study,
    arm: Arm,
    values: Values,
    budget: Budget,
    seed: int,
    *,
    test: bool = False,
    cycle_ends: bool = False,
    extra: Sequence[int] = (),
) -> TrialSpec:
    """Returns the spec of one run.

    A searched `step_size` is moved to the nearest one that makes the budget a whole number of cycles: a cyclical run
    must end where its LR is at its minimum (paper, section 3.2), and a half-done cycle would be held against it.

    Args:
        study: The study.
        arm: The arm, its range-test holes already ranges.
        values: A value for each of its holes.
        budget: The run's length.
        seed: The replicate seed.
        test: Whether the test split is read.
        cycle_ends: Whether the run is also evaluated at the ends of its cycles, as a pruner needs.
        extra: Further numbers of updates at which it is evaluated: a pruner's rungs.

    Raises:
        SpecError: The values do not make a schedule.
    """
    tables = filled(arm.tables, values, budget.per_epoch)
    where = f"[arms.{arm.name}.schedule]"
    schedule = build_schedule(tables["schedule"], budget.updates, where)
    if any(key in arm.space for key in SNAPPED):
        schedule = _fitted(schedule, budget.updates, where)
    points = {*budget.grid(arm.train.evaluations), *extra}
    if cycle_ends:
        points.update(schedule.cycle_ends(budget.updates))
    return TrialSpec(
        study=study.name,
        data=study.task,
        model=tables["model"],
        optim=tables["optim"],
        schedule=schedule.to_dict(),
        batch_size=budget.batch_size,
        updates=budget.updates,
        evaluate_at=tuple(sorted(points)),
        seed=seed,
        test=test,
        precision=arm.train.precision,
        compile=arm.train.compile,
        cuda_graphs=arm.train.cuda_graphs,
        clip=arm.train.clip,
        values=tables["values"],
    )


def _fitted(schedule: Schedule, updates: int, where: str) -> Schedule:
    try:
        return schedule.fitted(updates)
    except (ValueError, OverflowError):  # the cycle is so short or so long that float64 cannot count with it
        raise SpecError(f"{where} cycles of {schedule.cycle} updates cannot be fitted to {updates} updates") from None


def build_schedule(table: Mapping[str, Any], updates: int, where: str) -> Schedule:
    """Returns the schedule of a table without holes; a missing `updates` is the budget, or the part's share of it.

    Args:
        table: `kind` and its arguments; a joined schedule holds the tables of its parts.
        updates: The budget.
        where: The place in the file, for messages.

    Raises:
        SpecError: The table does not make a schedule.

    Examples:
        >>> build_schedule({"kind": "linear", "lr": 0.1}, 100, "[schedule]")
        Linear(lr=0.1, end_lr=0.0, updates=100)
    """
    if not isinstance(table, Mapping) or "kind" not in table:
        raise SpecError(f"{where} must be a table with a kind; schedules are: {', '.join(SCHEDULES)}")
    arguments = dict(table)
    if arguments["kind"] == "joined":
        arguments["schedules"] = _parts(arguments, updates, where)
    thing = kind_in(SCHEDULES, table["kind"], where)
    if "updates" in parameters_of(thing, f"{where} {table['kind']}"):
        arguments.setdefault("updates", updates)
    schedule = make(SCHEDULES, arguments, where)
    if not isinstance(schedule, Schedule):
        raise SpecError(f"{where} {table['kind']} must make a clr_study.schedules.Schedule, but made {schedule!r}")
    return schedule


def _parts(arguments: Mapping[str, Any], updates: int, where: str) -> tuple[Schedule, ...]:
    boundaries, parts = arguments.get("boundaries", ()), arguments.get("schedules", ())
    if not isinstance(parts, (list, tuple)) or not isinstance(boundaries, (list, tuple)):
        raise SpecError(f"{where} joined takes lists: schedules of tables and boundaries of updates")
    if not all(isinstance(edge, (int, float)) for edge in boundaries):
        raise SpecError(f"{where} boundaries must be numbers of updates, but got {list(boundaries)}")
    if len(boundaries) != len(parts) - 1:
        raise SpecError(
            f"{where} joined takes one boundary fewer than schedules, but got {len(parts)} schedules and "
            f"{len(boundaries)} boundaries"
        )
    edges = [0, *boundaries, updates]
    return tuple(
        build_schedule(part, max(1, int(stop) - int(start)), f"{where} schedules[{index}]")
        for index, (part, start, stop) in enumerate(zip(parts, edges[:-1], edges[1:], strict=True))
    )

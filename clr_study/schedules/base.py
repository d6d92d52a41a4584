"""What a schedule is: a frozen value that can be called with an update and returns the learning rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import numpy.typing as npt

from clr_study.curves import Array
from clr_study.registry import Registry
from clr_study.schedules.checks import conform, field_hints, must_hold, whole

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR, LRScheduler


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """The base of all schedules. It compares, hashes, prints, and goes to JSON and back.

    A new one is a frozen dataclass with a `formula`, and `rules` if its fields have any, under `@SCHEDULES.add`. Fields
    are annotated plainly (float, int, tuple[int, ...], Literal[...]); what an annotation does not allow is refused at
    birth, and so are nan, inf, and a bool for a number.

    Raises:
        ValueError: A field is not what its annotation says, or a rule does not hold; the message has the values.

    Examples:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Halving(Schedule):
        ...     lr: float
        ...
        ...     def rules(self):
        ...         return {"lr > 0": self.lr > 0}
        ...
        ...     def formula(self, t):
        ...         return self.lr * 0.5**t
        >>> halving = Halving(lr=8)
        >>> halving(1), halving(np.array([0, 1, 2]))
        (4.0, array([8., 4., 2.]))
        >>> Halving(lr=-1)
        Traceback (most recent call last):
        ValueError: lr > 0 must hold, but got lr=-1.0
    """

    @abstractmethod
    def formula(self, t: Array) -> Array:
        """Returns the learning rate at each update.

        Args:
            t: Updates [T], float64, counted from 0.
        """

    def rules(self) -> dict[str, bool]:
        """Returns what must hold between the fields: each rule as a message prints it, and whether it holds."""
        return {}

    def __post_init__(self) -> None:
        for name, hint in field_hints(type(self)).items():
            object.__setattr__(self, name, conform(name, getattr(self, name), hint))
        must_hold(self.rules(), vars(self))

    @overload
    def __call__(self, t: float | np.number[Any]) -> float: ...
    @overload
    def __call__(self, t: npt.NDArray[Any]) -> Array: ...
    def __call__(self, t: float | np.number[Any] | npt.NDArray[Any]) -> float | Array:
        """Returns the learning rate at update t.

        Args:
            t: An update, counted from 0, or an array of them of any shape.

        Raises:
            ValueError: t is negative or nan.
        """
        times = np.asarray(t, dtype=np.float64)
        if not np.all(times >= 0):
            raise ValueError(f"t >= 0 must hold, but got t={times.min()}")
        lrs = self.formula(times.reshape(-1)).reshape(times.shape)
        return lrs if isinstance(t, np.ndarray) else float(lrs)

    def table(self, updates: int) -> Array:
        """Returns the learning rates of a whole run [updates]: that of update t at index t.

        Args:
            updates: Length of the run, at least 1.

        Raises:
            ValueError: `updates` is not a whole number, or below 1.
        """
        return self(np.arange(whole("updates", updates, low=1)))

    @property
    def cycle(self) -> float | None:
        """The length of a cycle in updates, fractions allowed; None if the schedule does not repeat itself."""
        return None

    def cycle_ends(self, updates: int) -> tuple[int, ...]:
        """Returns after how many updates a cycle is complete, the learning rate being at its minimum.

        Args:
            updates: Length of the run, at least 1. If a cycle ends with the run, it counts.

        Returns:
            Counts of updates done, from 1 to `updates`, each rounded to the nearest whole one if the cycle is not;
            nothing if there is no cycle.

        Raises:
            ValueError: `updates` is not a whole number, or below 1.
        """
        done = np.arange(1, whole("updates", updates, low=1) + 1)
        if self.cycle is None:
            return ()
        nearest_end = np.rint(np.rint(done / self.cycle) * self.cycle)
        return tuple(done[nearest_end == done].tolist())

    def fitted(self, updates: int) -> Self:
        """Returns the nearest schedule of the same shape of which a run holds a whole number of cycles.

        A cyclical run has to stop at the end of a cycle, where the learning rate is at its minimum and the accuracy
        peaks (section 3.2 of the paper); stopped near a peak, it would be judged by the noise of its largest steps.
        So a run holds `n = max(1, round(updates / cycle))` cycles, and both halves of a cycle are stretched by the
        same factor `updates / (n * cycle)`. A step_size with a fraction is allowed and exact.

        Args:
            updates: Length of the run, at least 1.

        Returns:
            The stretched schedule; the schedule itself if it fits already, or has no cycle.

        Raises:
            ValueError: `updates` is not a whole number, or below 1.
        """
        updates = whole("updates", updates, low=1)
        if self.cycle is None:
            return self
        cycles = max(1, round(updates / self.cycle))
        if math.isclose(cycles * self.cycle, updates, rel_tol=1e-12):
            return self
        return self.with_cycle(updates / cycles)

    def with_cycle(self, length: float) -> Self:
        """Returns the schedule with a cycle of another length, in updates, all its parts stretched by one factor.

        Only a schedule that has a `cycle` has this too.
        """
        raise NotImplementedError(f"{type(self).__name__} has a cycle of {self.cycle}, so it has to have with_cycle")

    def to_dict(self) -> dict[str, Any]:
        """Returns the schedule as a plain table of JSON or TOML: its `kind` and its arguments, without those at None.

        `schedule_from_dict` is the way back.
        """
        arguments = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: _plain(value) for name, value in arguments.items() if value is not None}
        return {"kind": SCHEDULES.kind_of(type(self)), **given}

    def to_torch(self, optimizer: Optimizer) -> LambdaLR:
        """Returns a PyTorch scheduler, to be stepped once an update, that sets this learning rate in every group.

        The learning rate with which the optimizer was built does not matter: each group's `initial_lr` becomes 1, so
        that `LambdaLR`'s factor is the learning rate itself. The scheduler's `state_dict` holds plain values only.

        To resume, do as PyTorch asks: build the optimizer and this scheduler, then load both states. A scheduler that
        is built after the optimizer's state was loaded sets the learning rate of update 0 until its next step.

        Args:
            optimizer: Any optimizer of PyTorch, with any number of parameter groups.
        """
        from torch.optim.lr_scheduler import LambdaLR

        for group in optimizer.param_groups:
            group["initial_lr"] = 1.0

        # A plain function: of a callable object LambdaLR would save the fields, and loading would overwrite them.
        def learning_rate(update: int) -> float:
            return self(update)

        learning_rate.schedule = self  # type: ignore[attr-defined]
        return LambdaLR(optimizer, learning_rate)

    @staticmethod
    def from_torch(scheduler: LRScheduler, group: int | None = None) -> Schedule:
        """Returns the schedule that a PyTorch scheduler follows from its first update on, even if it was stepped since.

        Read are CyclicLR, OneCycleLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, StepLR, MultiStepLR,
        ExponentialLR, LinearLR, PolynomialLR, ConstantLR, SequentialLR of these, and the LambdaLR that `to_torch`
        makes. It must be stepped once an update: one that is stepped once an epoch counts epochs. After its T_max a
        CosineAnnealingLR rises again, where this one stays. The momentum that CyclicLR and OneCycleLR move by
        default is not a learning rate, and is left out.

        Args:
            scheduler: The scheduler.
            group: Which of the optimizer's parameter groups, if they have learning rates of their own.

        Raises:
            InputError: It is another scheduler, as ReduceLROnPlateau, or has a function of the user's own in it.

        Examples:
            >>> import torch
            >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
            >>> Schedule.from_torch(torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.5))
            Step(lr=0.1, gamma=0.5, every=30)
        """
        from clr_study.schedules.from_torch import from_torch  # which knows all schedules, as this module must not

        return from_torch(scheduler, group)


@dataclass(frozen=True, kw_only=True)
class Band(Schedule):
    """The family that moves between two bounds.

    Args:
        base_lr: The lower bound, at least 0 and below max_lr.
        max_lr: The upper bound.
    """

    base_lr: float
    max_lr: float

    def rules(self) -> dict[str, bool]:
        """Returns what must hold."""
        return {"base_lr >= 0": self.base_lr >= 0, "base_lr < max_lr": self.base_lr < self.max_lr}

    def between(self, height: Array) -> Array:
        """Returns the learning rate at each height: base_lr at 0, max_lr at 1."""
        return self.base_lr + (self.max_lr - self.base_lr) * height


SCHEDULES: Registry[type[Schedule]] = Registry("schedule")
add = SCHEDULES.add


def schedule_from_dict(table: Mapping[str, Any]) -> Schedule:
    """Returns the schedule that `Schedule.to_dict` wrote.

    Args:
        table: The `kind` and the arguments; a table among them, or in a list among them, is a schedule in its turn.

    Raises:
        UnknownKindError: No schedule is called so.
        TypeError: An argument is missing, or none of this kind.
        ValueError: An argument is refused by the schedule.

    Examples:
        >>> schedule_from_dict({"kind": "constant", "lr": 0.1})
        Constant(lr=0.1)
    """
    arguments = {name: _revived(value) for name, value in table.items() if name != "kind"}
    return SCHEDULES[table.get("kind", "")](**arguments)


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.to_dict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _revived(value: Any) -> Any:
    if isinstance(value, Mapping):
        return schedule_from_dict(value)
    return tuple(_revived(item) for item in value) if isinstance(value, list) else value

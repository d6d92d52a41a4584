"""Reads PyTorch's schedulers: the schedule that one follows, without stepping it, and without importing torch here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clr_study.errors import InputError
from clr_study.schedules.base import Schedule
from clr_study.schedules.compose import Joined, OneCycle
from clr_study.schedules.cyclic import ExpRange, Triangular, Triangular2, WarmRestarts
from clr_study.schedules.decay import Cosine, Exponential, Linear, Polynomial
from clr_study.schedules.fixed import Constant, Multistep, Step
from clr_study.schedules.ramp import LinearRamp

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler


def from_torch(scheduler: LRScheduler, group: int | None = None) -> Schedule:
    """Returns the schedule that a PyTorch scheduler follows from its first update on; see `Schedule.from_torch`."""
    name = next((cls.__name__ for cls in type(scheduler).__mro__ if cls.__module__ == "torch.optim.lr_scheduler"), "")
    read = _READERS.get(name)
    if read is None:
        why = "watches a metric" if name == "ReduceLROnPlateau" else "follows no formula that is known here"
        raise InputError(
            f"{type(scheduler).__name__} {why}, so it is no function of the update; known are: {', '.join(_READERS)}"
        )
    try:
        return read(scheduler, _group(scheduler, group))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None


def _group(scheduler: Any, group: int | None) -> int:
    groups = scheduler.optimizer.param_groups
    if group is not None:
        if not 0 <= group < len(groups):
            raise InputError(f"0 <= group < {len(groups)} must hold, but got group={group}")
        return group
    starts = [each.get("initial_lr") for each in groups]
    if len(set(starts)) > 1:
        raise InputError(f"the parameter groups have learning rates of their own, {starts}: say which one, as group=0")
    return 0


def _cyclic(scheduler: Any, group: int) -> Schedule:
    up = scheduler.total_size * scheduler.step_ratio
    # The parts are floats of torch's own making: 10.0 of 15 comes back as 10.000000000000002.
    up, whole = round(up, 9), round(scheduler.total_size, 9)
    band = {"base_lr": float(scheduler.base_lrs[group]), "max_lr": float(scheduler.max_lrs[group]), "step_size": up}
    if whole != 2 * up:
        band["step_size_down"] = round(whole - up, 9)
    if scheduler._scale_fn_custom is not None:
        raise ValueError("a scale_fn of your own cannot be read; write the schedule as a class under @SCHEDULES.add")
    if scheduler.mode == "exp_range":
        return ExpRange(**band, gamma=scheduler.gamma, shrinks="amplitude")
    return Triangular(**band) if scheduler.mode == "triangular" else Triangular2(**band)


def _one_cycle(scheduler: Any, group: int) -> Schedule:
    phases, settings = scheduler._schedule_phases, scheduler.optimizer.param_groups[group]
    if len(phases) != 2:
        raise ValueError("three_phase=True has no schedule here; write it as a Joined of three")
    return OneCycle(
        max_lr=settings["max_lr"],
        updates=scheduler.total_steps,
        warmup=(phases[0]["end_step"] + 1) / scheduler.total_steps,
        div=settings["max_lr"] / settings["initial_lr"],
        final_div=settings["initial_lr"] / settings["min_lr"],
        anneal="cosine" if scheduler._anneal_func_type == "cos" else "linear",
    )


def _multistep(scheduler: Any, group: int) -> Schedule:
    repeated = [update for update, count in scheduler.milestones.items() if count > 1]
    if repeated:
        raise ValueError(f"milestones must be different ones, but {repeated[0]} stands there more than once")
    milestones = tuple(sorted(scheduler.milestones))
    return Multistep(lr=scheduler.base_lrs[group], gamma=scheduler.gamma, milestones=milestones)


def _linear(scheduler: Any, group: int) -> Schedule:
    lr, updates = scheduler.base_lrs[group], scheduler.total_iters
    first, last = lr * scheduler.start_factor, lr * scheduler.end_factor
    if first == last:
        return Constant(lr=first)
    return (
        LinearRamp(low=first, high=last, updates=updates)
        if first < last
        else Linear(lr=first, end_lr=last, updates=updates)
    )


def _constant(scheduler: Any, group: int) -> Schedule:
    lr, factor = scheduler.base_lrs[group], scheduler.factor
    if factor == 1:
        return Constant(lr=lr)
    return Joined(schedules=(Constant(lr=lr * factor), Constant(lr=lr)), boundaries=(scheduler.total_iters,))


def _sequential(scheduler: Any, group: int) -> Schedule:
    parts = tuple(from_torch(part, group) for part in scheduler._schedulers)
    return Joined(schedules=parts, boundaries=tuple(scheduler._milestones))


def _lambda(scheduler: Any, group: int) -> Schedule:
    schedule = getattr(scheduler.lr_lambdas[group], "schedule", None)
    if not isinstance(schedule, Schedule):
        raise ValueError("a function of your own cannot be read; only the LambdaLR of schedule.to_torch can")
    return schedule


_READERS: dict[str, Callable[[Any, int], Schedule]] = {
    "ConstantLR": _constant,
    "CosineAnnealingLR": lambda s, group: Cosine(lr=s.base_lrs[group], end_lr=s.eta_min, updates=s.T_max),
    "CosineAnnealingWarmRestarts": lambda s, group: WarmRestarts(
        base_lr=s.eta_min, max_lr=s.base_lrs[group], period=s.T_0, period_mult=s.T_mult
    ),
    "CyclicLR": _cyclic,
    "ExponentialLR": lambda s, group: Exponential(lr=s.base_lrs[group], gamma=s.gamma),
    "LambdaLR": _lambda,
    "LinearLR": _linear,
    "MultiStepLR": _multistep,
    "OneCycleLR": _one_cycle,
    "PolynomialLR": lambda s, group: Polynomial(lr=s.base_lrs[group], updates=s.total_iters, power=s.power),
    "SequentialLR": _sequential,
    "StepLR": lambda s, group: Step(lr=s.base_lrs[group], gamma=s.gamma, every=s.step_size),
}

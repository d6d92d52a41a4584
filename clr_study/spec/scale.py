"""Makes a study shorter without changing its shape: a preview for a small machine."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from clr_study.errors import ClrStudyError, SpecError
from clr_study.spec.build import build_corners
from clr_study.spec.instead import asked
from clr_study.spec.lengths import check_lengths
from clr_study.spec.sections import RangeTest, Train
from clr_study.spec.space import Choices, Quantity, Range
from clr_study.spec.study import Arm, Study

Change: TypeAlias = Callable[[float], float]

# Keys of schedules that are times, and those of them that count whole updates.
TIMES = ("step_size", "step_size_down", "period", "every", "updates", "milestones", "boundaries")
WHOLE = ("every", "updates", "milestones", "boundaries")
# Schedules in which gamma belongs to every update, and what it becomes there when time shrinks by a factor.
GAMMAS: dict[str, Callable[[float, float], float]] = {
    "exponential": lambda gamma, factor: float(gamma ** (1 / factor)),
    "exp_range": lambda gamma, factor: float(gamma ** (1 / factor)),
    "inverse": lambda gamma, factor: gamma / factor,
}
# A preview with fewer evaluations has no curve to look at, and a range test nothing to read its bounds off.
EVALUATIONS = 10
RAMP_EVALUATIONS = 20
LONGEST_NAME = 64


def scaled(study: Study, factor: float) -> Study:
    """Returns a study in which everything takes a part of its time: a preview, under a name of its own.

    Every count of updates and of epochs is multiplied: budgets, step_size, period, milestones, boundaries, the range
    test. A gamma that is applied at every update becomes `gamma ** (1/factor)`, so that a run falls as far as before.
    Learning rates and ratios stay, and so do trials and seeds; evaluations are as far apart as before, but at least 10,
    and 20 of a range test.

    It is called `<name>-x<factor>`, its question says what it is, and its text begins with the key `scale`, with which
    a study file asks for the same.

    Args:
        study: The study.
        factor: Above 0 and below 1.

    Raises:
        SpecError: The factor is out of bounds, the study is scaled already, or so little time is left that a cycle
            has less than one update, two milestones fall on one update, or one on the end of the run.

    Examples:
        >>> from clr_study.spec import parse_study
        >>> study = parse_study('''name = "steps"
        ... question = "Drop early or late?"
        ... data = { kind = "digits" }
        ... model = { kind = "mlp" }
        ... train = { updates = 1000 }
        ... arms.early.schedule = { kind = "multistep", lr = 0.1, gamma = 0.1, milestones = [300, 600] }
        ... ''')
        >>> preview = scaled(study, 0.1)
        >>> preview.name, preview.arms[0].train.updates, preview.arms[0].schedule["milestones"]
        ('steps-x0.1', 100, (30, 60))
        >>> preview.question
        'Drop early or late? A preview at 0.1 of its length.'
    """
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < 1:
        raise SpecError(f"scale must be a number above 0 and below 1, but got {factor!r}")
    table = tomllib.loads(study.source)
    if "scale" in table:
        raise SpecError(f"scale: {study.name} is scaled already; scale the study that it is made from")
    name = f"{study.name}-x{factor:g}"
    if len(name) > LONGEST_NAME:
        raise SpecError(f"scale makes the name {name!r}, longer than {LONGEST_NAME} letters; give a shorter one")
    short = replace(
        study,
        name=name,
        question=asked({**(table or {"question": study.question}), "scale": factor}),
        arms=tuple(_arm(arm, factor) for arm in study.arms),
        range_test=_range_test(study.range_test, factor),
        source=f"scale = {factor!r}\n{study.source}",
    )
    try:
        build_corners(short)
        for arm in short.arms:
            check_lengths(arm)
    except ClrStudyError as error:
        raise SpecError(f"scale = {factor:g} leaves too little time: {error}") from None
    return short


def _arm(arm: Arm, factor: float) -> Arm:
    where = f"scale = {factor:g} leaves too little time: [arms.{arm.name}.schedule]"
    return replace(arm, schedule=_table(arm.schedule, factor, where), train=_train(arm.train, factor))


def _train(train: Train, factor: float) -> Train:
    return replace(
        train,
        epochs=train.epochs and train.epochs * factor,
        updates=train.updates and _at_least_one(train.updates * factor, factor),
        evaluations=_evaluations(train.evaluations, factor),
    )


def _range_test(test: RangeTest, factor: float) -> RangeTest:
    return replace(
        test,
        epochs=test.epochs and test.epochs * factor,
        updates=test.updates and _at_least_one(test.updates * factor, factor),
        evaluations=_evaluations(test.evaluations, factor, RAMP_EVALUATIONS),
    )


def _evaluations(evaluations: int, factor: float, least: int = EVALUATIONS) -> int:
    return max(min(evaluations, least), round(evaluations * factor))


def _at_least_one(updates: float, factor: float) -> int:
    if round(updates) < 1:
        raise SpecError(f"scale = {factor:g} leaves too little time: a run has only {updates:.3g} updates")
    return round(updates)


def _table(table: Mapping[str, Any], factor: float, where: str) -> dict[str, Any]:
    """The table of a schedule, and the tables of its parts, with their times multiplied."""
    short = dict(table)
    for key, value in table.items():
        place = f"{where} {key}"
        if key == "schedules":
            short[key] = tuple(_table(part, factor, f"{place}[{index}]") for index, part in enumerate(value))
        elif key in TIMES:
            short[key] = _changed(value, _time(factor, whole=key in WHOLE), _time(factor, whole=False), place)
        elif key == "gamma" and table["kind"] in GAMMAS:
            gamma = _gamma(table["kind"], factor)
            short[key] = _changed(value, gamma, gamma, place)
    return short


def _gamma(kind: str, factor: float) -> Change:
    def change(gamma: float) -> float:
        return GAMMAS[kind](gamma, factor)

    return change


def _time(factor: float, whole: bool) -> Change:
    def change(time: float) -> float:
        return round(time * factor) if whole else float(f"{time * factor:.12g}")

    return change


def _changed(leaf: Any, change: Change, in_epochs: Change, where: str) -> Any:
    """A number, a list of numbers or a hole, with its numbers changed; a ratio to a sibling stays what it is."""
    if isinstance(leaf, tuple):
        return tuple(_changed(part, change, in_epochs, where) for part in leaf)
    if isinstance(leaf, (Quantity, Range)) and leaf.unit == "epochs":
        change = in_epochs  # a part of an epoch becomes a whole number of updates once the epoch is known
    try:
        match leaf:
            case Quantity():
                return replace(leaf, value=change(leaf.value))
            case Range():
                low, high = change(leaf.low), change(leaf.high)
                return replace(leaf, low=low, high=high, integer=leaf.integer and low == int(low) and high == int(high))
            case Choices():
                return replace(leaf, choices=tuple(_changed(part, change, change, where) for part in leaf.choices))
            case int() | float() if not isinstance(leaf, bool):
                return change(leaf)
            case _:
                return leaf
    except (ValueError, OverflowError) as error:
        raise SpecError(f"{where} {error}") from None

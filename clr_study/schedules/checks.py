"""Refusals: what every field of a schedule has to be, and the one form in which a broken rule is told."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Literal


def finite(name: str, value: Any) -> float:
    """Returns a value as a float.

    Raises:
        ValueError: It is nan, infinite, a bool, or no number at all.

    Examples:
        >>> finite("lr", 1)
        1.0
        >>> finite("lr", float("nan"))
        Traceback (most recent call last):
        ValueError: lr must be a finite number, but got lr=nan
    """
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # an int of more than 308 digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, but got {name}={value!r}")
    return number


def whole(name: str, value: Any, low: int | None = None) -> int:
    """Returns a value as an int.

    Args:
        name: How the message calls it.
        value: An int, of Python or of numpy; a bool is none.
        low: The least allowed value; None allows all.

    Raises:
        ValueError: It is not a whole number, is below `low`, or is so large that float64 cannot count to it.

    Examples:
        >>> whole("updates", 3, low=1)
        3
        >>> whole("updates", 0, low=1)
        Traceback (most recent call last):
        ValueError: updates >= 1 must hold, but got updates=0
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be a whole number, but got {name}={value!r}")
    number = int(value)
    if low is not None and number < low:
        raise ValueError(f"{name} >= {low} must hold, but got {name}={number}")
    if number > 2**53:
        raise ValueError(f"{name} <= 2**53 must hold, but got {name}={number}")
    return number


def conform(name: str, value: Any, hint: Any) -> Any:
    """Returns a field's value in the one form that its annotation allows: 1 for a float becomes 1.0, a list a tuple.

    Two schedules that mean the same then compare, hash and print the same.

    Args:
        name: The field.
        value: What was given for it.
        hint: Its annotation: float, int, `... | None`, `Literal[...]`, `tuple[..., ...]` or a class.

    Raises:
        ValueError: The value does not fit the annotation.

    Examples:
        >>> conform("milestones", [10, 20], tuple[int, ...])
        (10, 20)
        >>> conform("anneal", "cubic", Literal["cosine", "linear"])
        Traceback (most recent call last):
        ValueError: anneal must be one of 'cosine', 'linear', but got anneal='cubic'
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is float:
        return finite(name, value)
    if hint is int:
        return whole(name, value)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else conform(name, value, inner[0])
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, inner))}, but got {name}={value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list, but got {name}={value!r}")
        return tuple(conform(f"{name}[{index}]", item, inner[0]) for index, item in enumerate(value))
    if not isinstance(value, hint):
        raise ValueError(f"{name} must be a {hint.__name__}, but got {name}={value!r}")
    return value


def must_hold(rules: Mapping[str, bool], values: Mapping[str, Any]) -> None:
    """Refuses the first rule that does not hold, with the values that it names.

    Args:
        rules: Each rule as it is printed, and whether it holds.
        values: The fields that rules may name.

    Raises:
        ValueError: A rule does not hold.

    Examples:
        >>> must_hold({"low < high": 2 < 1}, {"low": 2, "high": 1, "updates": 5})
        Traceback (most recent call last):
        ValueError: low < high must hold, but got low=2, high=1
    """
    for rule, holds in rules.items():
        if not holds:
            named = [name for name in dict.fromkeys(re.findall(r"\w+", rule)) if name in values]
            got = ", ".join(f"{name}={values[name]!r}" for name in named)
            raise ValueError(f"{rule} must hold, but got {got}")


def rise_from_one(numbers: tuple[int, ...]) -> bool:
    """Returns whether numbers are at least 1 and strictly rising.

    Examples:
        >>> rise_from_one((1, 5)), rise_from_one((5, 5)), rise_from_one((0, 5))
        (True, False, False)
    """
    return all(before < after for before, after in pairwise((0, *numbers)))


@cache
def field_hints(kind: type) -> Mapping[str, Any]:
    """Returns the evaluated annotation of every field of a dataclass, worked out once a class."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from clr_study.schedules import Constant, Joined, Triangular
from clr_study.schedules.base import Schedule
from clr_study.schedules.checks import conform, finite, must_hold, whole


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2), np.float32(2), np.int64(2), Fraction(2)])
def test_any_real_number_becomes_a_float(number):
    assert finite("lr", number) == 2.0
    assert type(finite("lr", number)) is float


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -math.inf, True, np.True_, None, "1", 1j, [1.0], 10**400, np.float32("nan")]
)
def test_what_is_no_finite_number_is_refused(number):
    with pytest.raises(ValueError, match="lr must be a finite number, but got lr="):
        finite("lr", number)


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3)])
def test_any_whole_number_becomes_an_int(number):
    assert whole("updates", number) == 3
    assert type(whole("updates", number)) is int


@pytest.mark.parametrize("number", [3.0, True, np.True_, None, "3", math.nan])
def test_what_is_no_whole_number_is_refused(number):
    with pytest.raises(ValueError, match="updates must be a whole number, but got updates="):
        whole("updates", number)


def test_whole_numbers_have_bounds():
    assert whole("updates", -5) == -5
    assert whole("updates", 2**53, low=1) == 2**53
    with pytest.raises(ValueError, match=r"^updates >= 1 must hold, but got updates=0$"):
        whole("updates", 0, low=1)
    with pytest.raises(ValueError, match=r"^updates <= 2\*\*53 must hold, but got updates=9007199254740993$"):
        whole("updates", 2**53 + 1)


def test_optional_fields_may_be_none():
    assert conform("step_size_down", None, float | None) is None
    assert conform("step_size_down", 3, float | None) == 3.0
    with pytest.raises(ValueError, match="step_size_down must be a finite number"):
        conform("step_size_down", "3", float | None)


def test_an_item_of_a_list_is_named_by_its_place():
    with pytest.raises(ValueError, match=r"milestones\[1\] must be a whole number, but got milestones\[1\]=2.5"):
        conform("milestones", [1, 2.5], tuple[int, ...])
    with pytest.raises(ValueError, match="milestones must be a list, but got milestones=3"):
        conform("milestones", 3, tuple[int, ...])


def test_other_types_are_checked_by_class():
    assert conform("schedule", Constant(lr=1), Schedule) == Constant(lr=1)
    with pytest.raises(ValueError, match="schedule must be a Schedule, but got schedule=5"):
        conform("schedule", 5, Schedule)


def test_a_literal_takes_its_values_only():
    hint = Literal["both", "amplitude"]
    assert conform("shrinks", "both", hint) == "both"
    for wrong in ("Both", None, ["both"]):
        with pytest.raises(ValueError, match="shrinks must be one of 'both', 'amplitude', but got shrinks="):
            conform("shrinks", wrong, hint)


def test_the_first_broken_rule_is_told_with_its_values():
    must_hold({"a < b": True}, {"a": 1, "b": 2})
    with pytest.raises(ValueError, match=r"^b < a must hold, but got b=2, a=1$"):
        must_hold({"a < b": True, "b < a": False, "a > 9": False}, {"a": 1, "b": 2})


def test_the_fixed_form_of_a_refusal():
    with pytest.raises(ValueError, match=r"^base_lr < max_lr must hold, but got base_lr=0.1, max_lr=0.01$"):
        Triangular(base_lr=0.1, max_lr=0.01, step_size=3)
    with pytest.raises(ValueError, match=r"^step_size > 0 must hold, but got step_size=0.0$"):
        Triangular(base_lr=0.01, max_lr=0.1, step_size=0)


def test_a_list_becomes_a_tuple_so_that_a_schedule_hashes():
    joined = Joined(schedules=[Constant(lr=1), Constant(lr=2)], boundaries=[3])
    assert joined.boundaries == (3,)
    assert hash(joined) == hash(Joined(schedules=(Constant(lr=1), Constant(lr=2)), boundaries=(3,)))

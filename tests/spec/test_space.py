"""Holes: what may be one, how it is named, filled and cornered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.spec import Choices, FromRangeTest, Quantity, Range, Ratio, corner, filled, holes, leaves, with_bounds

LR = Range(low=0.01, high=1.0, log=True)
TABLES = {
    "schedule": {
        "kind": "triangular",
        "max_lr": LR,
        "base_lr": Ratio(times="max_lr", low=0.05, high=0.5),
        "step_size": Range(low=2, high=10, unit="epochs"),
    },
    "optim": {"kind": "sgd", "momentum": Range(low=0.5, high=0.99), "weight_decay": FromRangeTest(times=(0.1, 1.0))},
    "model": {"kind": "mlp", "hidden": (Choices(choices=(8, 16)), 4), "warm": Quantity(value=1.5, unit="epochs")},
}
VALUES = {
    "max_lr": 0.5,
    "base_lr/max_lr": 0.1,
    "step_size": 2.5,
    "optim.momentum": 0.9,
    "optim.weight_decay": 0.01,
    "model.hidden.0": 16,
}


def test_holes_are_named_by_where_they_stand():
    assert list(holes(TABLES)) == list(VALUES)
    assert holes({"schedule": {"schedules": ({"lr": LR},)}}) == {"schedules.0.lr": LR}


def test_filling_turns_epochs_into_updates_and_ratios_into_products():
    known = with_bounds(TABLES, {"base_lr": 0.001, "max_lr": 0.1})
    assert filled(known, VALUES, updates_per_epoch=10) == {
        "schedule": {"kind": "triangular", "max_lr": 0.5, "base_lr": 0.05, "step_size": 25},
        "optim": {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.01},
        "model": {"kind": "mlp", "hidden": (16, 4), "warm": 15},
    }


def test_filling_leaves_the_tables_as_they_were():
    before = repr(TABLES)
    filled(with_bounds(TABLES, {"base_lr": 0.001, "max_lr": 0.1}), VALUES, 10)
    assert repr(TABLES) == before


@pytest.mark.parametrize("whole", [0.4, Range(low=0.1, high=0.4), Choices(choices=(0.2, 0.4))])
def test_a_ratio_takes_part_of_whatever_its_sibling_becomes(whole):
    table = {"schedule": {"max_lr": whole, "base_lr": Ratio(times="max_lr", low=0.1, high=0.5)}}
    got = filled(table, {"max_lr": 0.4, "base_lr/max_lr": 0.25}, 1)
    assert got == {"schedule": {"max_lr": 0.4, "base_lr": 0.1}}


def test_a_hole_called_base_lr_goes_by_that_bound_and_every_other_by_max_lr():
    test = FromRangeTest(times=(0.5, 2.0))
    bounds = {"base_lr": 0.01, "max_lr": 0.2}
    got = with_bounds({"base_lr": test, "lr": test, "parts": ({"base_lr": test}, test)}, bounds)
    near_base, near_max = Range(low=0.005, high=0.02, log=True), Range(low=0.1, high=0.4, log=True)
    assert got == {"base_lr": near_base, "lr": near_max, "parts": ({"base_lr": near_base}, near_max)}


def test_corners_are_the_ends_of_ranges_and_the_outer_choices():
    space = holes(TABLES)
    low, high = corner(space, "low"), corner(space, "high")
    assert (low["max_lr"], high["max_lr"]) == (0.01, 1.0)
    assert (low["model.hidden.0"], high["model.hidden.0"]) == (8, 16)
    assert (low["base_lr/max_lr"], high["base_lr/max_lr"]) == (0.05, 0.5)
    assert low.keys() == high.keys() == space.keys()


def test_leaves_come_in_the_order_of_the_file():
    assert [path for path, _ in leaves({"b": 1, "a": ({"c": 2}, 3)})] == [("b",), ("a", 0, "c"), ("a", 1)]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.floats(1e-3, 1e3), st.floats(0.01, 0.98), st.integers(1, 5000))
def test_no_drawn_pair_of_bounds_is_invalid(max_lr, ratio, per_epoch):
    got = filled(
        {"schedule": {"base_lr": Ratio(times="max_lr", low=0.01, high=0.99), "max_lr": LR}},
        {"max_lr": max_lr, "base_lr/max_lr": ratio},
        per_epoch,
    )
    assert 0 < got["schedule"]["base_lr"] < got["schedule"]["max_lr"]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.floats(1e-9, 1e9), st.integers(1, 10**6))
def test_a_number_of_epochs_is_at_least_one_whole_update(epochs, per_epoch):
    (updates,) = filled({"s": {"x": Quantity(value=epochs, unit="epochs")}}, {}, per_epoch)["s"].values()
    assert isinstance(updates, int)
    assert updates >= 1
    assert abs(updates - epochs * per_epoch) <= max(1, 1e-15 * updates)


INF = float("inf")


@pytest.mark.parametrize(
    ("hole", "arguments", "words"),
    [
        (Range, {"low": 1, "high": 1}, "low < high must hold, but got low=1, high=1"),
        (Range, {"low": float("nan"), "high": 1}, "low < high must hold"),
        (Range, {"low": 0, "high": INF}, "low < high must hold"),
        (Range, {"low": 0, "high": 1, "log": True}, "must start above 0, but got low=0"),
        (Range, {"low": 1.5, "high": 4, "integer": True}, "must be whole, but got low=1.5"),
        (Range, {"low": 0, "high": 4, "unit": "epochs"}, "a range of epochs must lie above 0"),
        (Range, {"low": 1, "high": 2e9, "unit": "updates"}, "at most at 1,000,000,000, but got low=1, high=2000000000"),
        (Choices, {"choices": (1, 1)}, "at least two different values"),
        (Ratio, {"times": "x", "low": 0, "high": 0.5}, "a ratio must be above 0"),
        (Ratio, {"times": "x", "low": 0.5, "high": 0.1}, "low < high must hold"),
        (FromRangeTest, {"times": (1.0, 0.3)}, "low < high must hold"),
        (FromRangeTest, {"times": (0.0, 0.3), "log": False}, "times must be above 0"),
        (Quantity, {"value": 0, "unit": "epochs"}, "0 < value <= 1,000,000,000 epochs must hold, but got value=0"),
        (Quantity, {"value": INF, "unit": "epochs"}, "must hold, but got value=inf"),
    ],
)
def test_a_hole_that_cannot_be_is_refused_at_birth(hole, arguments, words):
    with pytest.raises(ValueError, match=words):
        hole(**arguments)

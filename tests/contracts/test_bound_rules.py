"""What every registered bound rule must do, whatever it looks at."""

from __future__ import annotations

import inspect
import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from clr_study.analysis import BOUND_RULES, Bounds
from clr_study.spec.sections import RangeTest

LRS = np.geomspace(1e-4, 1.0, 40)
NOISE = np.random.default_rng(0).normal(0, 0.005, size=(3, 40))


def ramp(top=0.2, lrs=LRS, noise=NOISE):
    """Accuracies that rise near 0.01 and fall near `top`, losses that do the opposite, of three seeds."""
    rise = 1 / (1 + (0.01 / lrs) ** 2)
    fall = 1 / (1 + (lrs / top) ** 6)
    accuracies = 0.1 + 0.8 * rise * fall + noise
    return accuracies, 2.5 - 2 * (accuracies - 0.1) + np.where(lrs > 3 * top, 10 * lrs, 0)


every_rule = pytest.mark.parametrize("rule", [BOUND_RULES[kind] for kind in BOUND_RULES], ids=list(BOUND_RULES))


def test_the_rule_that_a_study_takes_by_default_exists():
    assert RangeTest().rule in BOUND_RULES


@every_rule
def test_a_good_range_test_gives_bounds_within_it(rule):
    found = rule(LRS, *ramp())
    assert isinstance(found, Bounds)
    assert found.max_lr is not None
    assert 1e-4 <= found.max_lr <= 0.6
    assert found.base_lr is None or 1e-4 <= found.base_lr < found.max_lr
    assert found.note.endswith(".")


@every_rule
def test_the_spread_is_ordered_and_around_what_the_mean_gives(rule):
    found = rule(LRS, *ramp())
    for value, spread in ((found.base_lr, found.base_lr_spread), (found.max_lr, found.max_lr_spread)):
        assert (value is None) == (spread is None)
        if spread is not None:
            assert 0 < spread[0] <= spread[1]
            assert spread[0] / 2 <= value <= 2 * spread[1]


@every_rule
def test_it_is_plain_json_and_gives_the_same_again(rule):
    found = rule(LRS, *ramp())
    assert rule(LRS, *ramp()) == found
    again = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert again["max_lr"] == found.max_lr
    assert all(value is None or math.isfinite(value) for value in (found.base_lr, found.max_lr))


@every_rule
def test_it_leaves_its_input_alone(rule):
    given = (LRS.copy(), *ramp())
    kept = [array.copy() for array in given]
    rule(*given)
    assert all(np.array_equal(now, then) for now, then in zip(given, kept, strict=True))


@every_rule
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("fill", [np.nan, 0.1, 0.0])
def test_curves_that_say_nothing_give_no_bounds_and_a_sentence(rule, fill, seeds):
    flat = np.full((seeds, 40), fill)
    found = rule(LRS, flat, flat)
    assert (found.base_lr, found.max_lr, found.base_lr_spread, found.max_lr_spread) == (None, None, None, None)
    assert found.note.endswith(".")


@every_rule
def test_a_seed_alone_has_no_spread(rule):
    accuracies, losses = ramp()
    found = rule(LRS, accuracies[:1], losses[:1])
    assert found.max_lr is not None
    assert (found.base_lr_spread, found.max_lr_spread) == (None, None)


@every_rule
@pytest.mark.parametrize("seed", [0, 2])
def test_where_a_seed_diverges_the_good_region_ends(rule, seed):
    accuracies, losses = ramp(top=10.0)
    accuracies[seed, 30:], losses[seed, 30:] = np.nan, np.nan
    found = rule(LRS, accuracies, losses)
    assert found.max_lr is not None
    assert found.max_lr < LRS[30]


@every_rule
def test_a_seed_that_diverged_at_once_is_left_out_and_told(rule):
    accuracies, losses = ramp()
    accuracies[1], losses[1] = np.nan, np.nan
    found = rule(LRS, accuracies, losses)
    assert found.max_lr == rule(LRS, accuracies[[0, 2]], losses[[0, 2]]).max_lr
    assert "1 of 3 seeds diverged by the first LR" in found.note


@every_rule
@pytest.mark.parametrize("points", [2, 3, 5, 10])
def test_a_handful_of_points_does_not_break_it(rule, points):
    accuracies, losses = ramp()
    rule(LRS[:points], accuracies[:, :points], losses[:, :points])


@every_rule
@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite_warn_of_nothing(rule):
    accuracies, losses = ramp()
    accuracies[0, 33], losses[0, 33], losses[1, 35] = np.nan, np.inf, 1e308
    losses[2, 34:] = 1e308
    rule(LRS, accuracies, losses)


@every_rule
def test_linear_ramps_are_read_too(rule):
    lrs = np.linspace(0.005, 1.0, 40)
    found = rule(lrs, *ramp(lrs=lrs))
    assert (found.base_lr or 0.01) >= 0.005
    assert found.max_lr is not None
    assert found.max_lr < 0.6


@every_rule
def test_it_can_be_called_by_name_and_tells_what_it_does(rule):
    assert list(inspect.signature(rule).parameters) == ["lrs", "accuracies", "losses"]
    assert "Examples:" in inspect.getdoc(rule)
    assert BOUND_RULES.kind_of(rule) == rule.__name__

"""From holes and drawn values to the spec of a run."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.errors import SpecError
from clr_study.schedules import Constant, Joined, Linear
from clr_study.spec import Budget, Train, TrialSpec, build_schedule, corner, fill, parse_study, with_bounds

STUDY = parse_study(
    """
name = "s"
data = { kind = "digits" }
model = { kind = "mlp", hidden = { choices = [8, 16] } }
optim = { kind = "sgd", momentum = { low = 0.5, high = 0.99 } }
train = { batch_size = 10, epochs = 10, evaluations = 5 }
search = { trials = 4 }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 0.01, high = 1.0, log = true }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = { low = 0.5, high = 5, unit = "epochs" }
[arms.fixed.schedule]
kind = "triangular"
max_lr = 0.1
base_lr = 0.01
step_size = { value = 3, unit = "epochs" }
[arms.stages.schedule]
kind = "joined"
schedules = [{ kind = "constant", lr = 0.1 }, { kind = "linear", lr = { low = 0.01, high = 0.1 } }]
boundaries = [{ value = 4, unit = "epochs" }]
[arms.tested.schedule]
kind = "constant"
lr = { from = "range_test", times = [0.5, 2.0] }
""".replace("hidden = { choices = [8, 16] }", 'activation = { choices = ["relu", "tanh"] }')
)
BUDGET = Budget(updates=100, per_epoch=10, batch_size=10)
CLR = {"max_lr": 0.5, "base_lr/max_lr": 0.2, "step_size": 1.3, "optim.momentum": 0.9, "model.activation": "tanh"}
REST = {"optim.momentum": 0.9, "model.activation": "relu"}


def test_values_land_where_their_holes_were():
    spec = fill(STUDY, STUDY.arm("clr"), CLR, BUDGET, seed=3)
    assert spec.model == {"kind": "mlp", "activation": "tanh"}
    assert spec.optim == {"kind": "sgd", "momentum": 0.9}
    assert spec.schedule["max_lr"] == 0.5
    assert spec.schedule["base_lr"] == pytest.approx(0.1)
    assert (spec.seed, spec.updates, spec.batch_size, spec.test) == (3, 100, 10, False)
    assert spec.evaluate_at == (20, 40, 60, 80, 100)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.floats(0.5, 5), st.integers(1, 3000))
def test_a_searched_step_size_makes_whole_cycles(epochs, updates):
    budget = dataclasses.replace(BUDGET, updates=updates)
    spec = fill(STUDY, STUDY.arm("clr"), {**CLR, "step_size": epochs}, budget, seed=0)
    cycles = updates / spec.lr_schedule.cycle
    assert cycles == pytest.approx(round(cycles))
    assert round(cycles) >= 1
    assert spec.lr_schedule.cycle_ends(updates)[-1] == updates


def test_a_fixed_step_size_is_left_alone():
    assert fill(STUDY, STUDY.arm("fixed"), REST, BUDGET, seed=0).schedule["step_size"] == 30


def test_parts_of_a_joined_schedule_get_their_share_of_the_budget():
    spec = fill(STUDY, STUDY.arm("stages"), {**REST, "schedules.1.lr": 0.05}, BUDGET, seed=0)
    first, second = Constant(lr=0.1), Linear(lr=0.05, updates=60)
    assert spec.lr_schedule == Joined(schedules=(first, second), boundaries=(40,))


def test_range_test_holes_become_ranges_around_the_bound():
    arm = STUDY.arm("tested")
    known = dataclasses.replace(arm, **with_bounds(arm.tables, {"base_lr": 0.01, "max_lr": 0.2}))
    assert corner(known.space, "low")["lr"] == pytest.approx(0.1)
    assert corner(known.space, "high")["lr"] == pytest.approx(0.4)


def test_a_pruned_run_is_also_seen_at_its_cycle_ends_and_rungs():
    spec = fill(STUDY, STUDY.arm("clr"), {**CLR, "step_size": 1.6}, BUDGET, seed=0, cycle_ends=True, extra=(50,))
    assert spec.evaluate_at == (20, 33, 40, 50, 60, 67, 80, 100)


def test_a_spec_goes_to_json_and_back_and_is_equal_where_its_text_is():
    spec = fill(STUDY, STUDY.arm("clr"), CLR, BUDGET, seed=3)
    again = TrialSpec.from_json(spec.to_json())
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.to_json() == spec.to_json()
    assert dataclasses.replace(spec, seed=4) != spec
    assert json.loads(spec.to_json())["data"]["kind"] == "digits"


def test_a_budget_counts_whole_batches():
    assert Budget.of(Train(batch_size=100, epochs=2.5), samples=1099) == Budget(25, 10, 100)
    assert Budget.of(Train(batch_size=100, updates=7), samples=1099) == Budget(7, 10, 100)
    with pytest.raises(SpecError, match=r"batch_size = 100 is larger than the training split of 99 samples"):
        Budget.of(Train(batch_size=100, epochs=1), samples=99)


def test_a_grid_of_more_points_than_updates_has_one_a_update():
    assert Budget(3, 10, 1).grid(20) == (1, 2, 3)


def test_a_schedule_without_updates_gets_the_budget():
    assert build_schedule({"kind": "linear", "lr": 0.1}, 70, "[x]") == Linear(lr=0.1, updates=70)
    assert build_schedule({"kind": "linear", "lr": 0.1, "updates": 9}, 70, "[x]") == Linear(lr=0.1, updates=9)

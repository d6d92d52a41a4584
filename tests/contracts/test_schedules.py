"""What every registered schedule must do, whatever its formula."""

from __future__ import annotations

import inspect
import io
import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from pydantic_core import ArgsKwargs

import clr_study.schedules as schedules
from clr_study.schedules import SCHEDULES, Schedule, schedule_from_dict

BAND = {"base_lr": 0.001, "max_lr": 0.006}

# Arguments of every kind, as a study file has them; a new kind needs a line here. Several lines are several cases.
EXAMPLES = {
    "constant": [{"lr": 0.1}],
    "cosine": [{"lr": 0.1, "updates": 90}, {"lr": 0.1, "end_lr": 0.01, "updates": 200}],
    "decay": [{**BAND, "step_size": 40}],
    "exp_range": [
        {**BAND, "step_size": 12, "gamma": 0.999},
        {**BAND, "step_size": 12.5, "step_size_down": 3, "gamma": 0.999, "shrinks": "amplitude"},
    ],
    "exponential": [{"lr": 0.1, "gamma": 0.99}],
    "exponential_ramp": [{"low": 1e-4, "high": 1, "updates": 90}],
    "inverse": [{"lr": 0.01, "gamma": 1e-4, "power": 0.75}],
    "joined": [
        {
            "schedules": [
                {"kind": "linear_ramp", "low": 0, "high": 0.1, "updates": 10},
                {"kind": "joined", "schedules": [{"kind": "constant", "lr": 0.1}], "boundaries": []},
                {"kind": "triangular2", **BAND, "step_size": 5},
            ],
            "boundaries": [10, 30],
        }
    ],
    "linear": [{"lr": 0.1, "updates": 90}],
    "linear_ramp": [{"low": 0, "high": 0.02, "updates": 90}],
    "multistep": [{"lr": 0.1, "gamma": 0.1, "milestones": [32, 48]}],
    "one_cycle": [{"max_lr": 0.1, "updates": 90}, {"max_lr": 0.1, "updates": 90, "warmup": 0, "anneal": "linear"}],
    "parabolic": [{**BAND, "step_size": 12}],
    "polynomial": [{"lr": 0.1, "updates": 90, "power": 0.9}],
    "sinusoidal": [{**BAND, "step_size": 12, "step_size_down": 30}],
    "step": [{"lr": 0.1, "gamma": 0.5, "every": 30}],
    "trapezoid": [{"lr": 0.1, "updates": 90}, {"lr": 0.1, "updates": 90, "warmup": 0, "cooldown": 1}],
    "triangular": [{**BAND, "step_size": 12}, {**BAND, "step_size": 0.3}],
    "triangular2": [{**BAND, "step_size": 12, "step_size_down": 7.25}],
    "warm_restarts": [{**BAND, "period": 25}, {**BAND, "period": 10.5, "period_mult": 2}],
}
TABLES = [{"kind": kind, **arguments} for kind, cases in EXAMPLES.items() for arguments in cases]
CASES = [schedule_from_dict(table) for table in TABLES]

every_case = pytest.mark.parametrize("schedule", CASES, ids=repr)
every_kind = pytest.mark.parametrize("kind", sorted(SCHEDULES))


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(SCHEDULES)


def test_every_kind_is_exported_under_its_class_name():
    for kind, cls in SCHEDULES.items():
        assert getattr(schedules, cls.__name__) is cls, kind
        assert cls.__name__ in schedules.__all__


@every_case
def test_a_scalar_gives_a_float_and_an_array_the_same_numbers(schedule):
    t = np.arange(300)
    lrs = schedule(t)
    one_by_one = [schedule(int(update)) for update in t]
    assert all(type(lr) is float for lr in one_by_one)
    assert lrs.dtype == np.float64
    assert lrs.tolist() == one_by_one
    assert type(schedule(np.int64(7))) is float


@every_case
def test_an_array_keeps_its_shape_and_its_order(schedule):
    t = np.arange(24)[::-1].reshape(2, 3, 4)
    np.testing.assert_array_equal(schedule(t), schedule.table(24)[::-1].reshape(2, 3, 4))
    assert schedule(np.array(5)).shape == ()
    assert schedule(np.empty((0, 2))).shape == (0, 2)


@every_case
def test_learning_rates_are_finite_and_never_negative(schedule):
    lrs = schedule(np.append(np.arange(5000), [10**6, 10**9, 10**12]))
    assert np.all(np.isfinite(lrs))
    assert np.all(lrs >= 0)
    assert lrs.max() > 0


@every_case
@pytest.mark.parametrize("t", [-1, math.nan, np.array([3, -2])])
def test_an_update_before_the_start_is_refused(schedule, t):
    with pytest.raises(ValueError, match="t >= 0 must hold, but got t="):
        schedule(t)


@every_case
@pytest.mark.parametrize("updates", [0, -3, 2.5, True, "10"])
def test_a_run_of_no_length_is_refused(schedule, updates):
    for method in (schedule.table, schedule.cycle_ends, schedule.fitted):
        with pytest.raises(ValueError, match="updates"):
            method(updates)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_json_and_back_is_the_same_schedule(table):
    schedule = schedule_from_dict(table)
    text = json.dumps(schedule.to_dict(), allow_nan=False)
    assert schedule_from_dict(json.loads(text)) == schedule
    assert table.items() <= schedule.to_dict().items() or table["kind"] == "joined"
    assert "null" not in text  # TOML has no null


@every_case
def test_repr_evaluates_to_the_same_schedule(schedule):
    assert eval(repr(schedule), dict(vars(schedules))) == schedule


@every_case
def test_equal_schedules_hash_alike_and_survive_a_pickle(schedule):
    twin = pickle.loads(pickle.dumps(schedule))
    assert twin == schedule
    assert hash(twin) == hash(schedule)
    assert len({twin, schedule}) == 1


@every_case
def test_another_value_is_another_schedule(schedule):
    for field in fields(schedule):
        value = getattr(schedule, field.name)
        if isinstance(value, float) and value > 0:
            other = replace(schedule, **{field.name: value * 0.999})
            assert other != schedule
            assert other.to_dict() != schedule.to_dict()


@every_case
def test_a_schedule_is_frozen_and_takes_keywords_only(schedule):
    name = fields(schedule)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(schedule, name, 1.0)
    with pytest.raises(TypeError, match="positional"):
        type(schedule)(getattr(schedule, name))


@every_case
def test_numbers_that_are_none_are_refused_by_name(schedule):
    for field in fields(schedule):
        value = getattr(schedule, field.name)
        if isinstance(value, int | float):
            bad = [math.nan, math.inf, -math.inf, True, "1", [1], 10**400]
            for wrong in [*bad, 1.5] if isinstance(value, int) else bad:
                with pytest.raises(ValueError, match=rf"^{field.name} .*but got {field.name}="):
                    replace(schedule, **{field.name: wrong})


@every_case
def test_negative_numbers_are_refused_by_name(schedule):
    for field in fields(schedule):
        if isinstance(getattr(schedule, field.name), int | float):
            with pytest.raises(ValueError, match=rf"must hold, but got .*{field.name}=-"):
                replace(schedule, **{field.name: -1})


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_pydantic_builds_it_from_its_annotations(table):
    arguments = {name: value for name, value in table.items() if name != "kind"}
    if "schedules" in arguments:
        arguments["schedules"] = [schedule_from_dict(inner) for inner in arguments["schedules"]]
    built = TypeAdapter(SCHEDULES[table["kind"]]).validate_python(ArgsKwargs((), arguments))
    assert built == schedule_from_dict(table)


@every_kind
def test_the_docstring_describes_every_argument_and_shows_an_example(kind):
    cls = SCHEDULES[kind]
    text = inspect.getdoc(cls)  # without its indentation, which Python 3.13 itself takes off
    assert "Examples:" in text
    assert ">>>" in text
    arguments = text.split("Args:")[1].split("Examples:")[0]
    for field in fields(cls):
        assert f"\n    {field.name}: " in arguments


@every_case
def test_the_ends_of_a_shorter_run_are_the_first_ends_of_a_longer_one(schedule):
    ends = schedule.cycle_ends(400)
    assert list(ends) == sorted(set(ends))
    for updates in (1, 2, 10, 31, 99, 250, 399, 400):
        assert schedule.cycle_ends(updates) == tuple(end for end in ends if end <= updates)
    assert all(type(end) is int and end >= 1 for end in ends)


@every_case
@pytest.mark.parametrize("updates", [1, 7, 100, 1000, 4999])
def test_fitted_makes_a_whole_number_of_cycles_and_changes_nothing_twice(schedule, updates):
    fitted = schedule.fitted(updates)
    assert type(fitted) is type(schedule)
    assert fitted.fitted(updates) is fitted
    if schedule.cycle is None:
        assert fitted is schedule
    elif fitted.cycle >= 1:
        cycles = max(1, round(updates / schedule.cycle))
        assert fitted.cycle * cycles == pytest.approx(updates, rel=1e-12)
        assert fitted.cycle_ends(updates)[-1] == updates
        assert len(fitted.cycle_ends(updates)) == cycles


def optimizer_of_three_groups(lrs=(0.5, 0.0, 123.0)):
    return torch.optim.SGD([{"params": [torch.zeros(2, requires_grad=True)], "lr": lr} for lr in lrs])


def learning_rates_of(optimizer, scheduler, updates):
    seen = []
    for _ in range(updates):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


@every_case
def test_torch_sees_exactly_the_table_in_every_group(schedule):
    optimizer = optimizer_of_three_groups()
    seen = learning_rates_of(optimizer, schedule.to_torch(optimizer), 60)
    assert seen == [[lr] * 3 for lr in schedule.table(60).tolist()]


@every_case
def test_the_torch_scheduler_resumes_from_a_checkpoint(schedule):
    optimizer = optimizer_of_three_groups()
    scheduler = schedule.to_torch(optimizer)
    learning_rates_of(optimizer, scheduler, 23)
    checkpoint = io.BytesIO()
    torch.save([optimizer.state_dict(), scheduler.state_dict()], checkpoint)

    checkpoint.seek(0)
    optimizer_state, scheduler_state = torch.load(checkpoint, weights_only=True)
    optimizer = optimizer_of_three_groups(lrs=(9.0, 9.0, 9.0))
    scheduler = schedule.to_torch(optimizer)
    optimizer.load_state_dict(optimizer_state)
    scheduler.load_state_dict(scheduler_state)
    assert scheduler.get_last_lr() == [schedule(23)] * 3
    assert learning_rates_of(optimizer, scheduler, 20) == [[lr] * 3 for lr in schedule.table(43)[23:].tolist()]


def test_the_base_itself_cannot_be_built():
    with pytest.raises(TypeError, match="abstract"):
        Schedule()

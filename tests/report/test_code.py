"""The code to paste is run as it stands, and held against the schedule that it was written from."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch
from made_results import make_results, other_study

from clr_study.analysis import compare
from clr_study.report import summary_rows
from clr_study.report.code import FORMS, Winner, code, winner_of
from clr_study.report.code.formulas import PYTHON, formula
from clr_study.report.code.points import TOLERANCE, knots
from clr_study.schedules import SCHEDULES, schedule_from_dict
from clr_study.spec import build_schedule, parse_study

UPDATES = 1000
BAND = {"base_lr": 0.001, "max_lr": 0.006}
TABLES = [
    {"kind": "constant", "lr": 0.1},
    {"kind": "cosine", "lr": 0.1, "updates": 900},
    {"kind": "cosine", "lr": 0.1, "end_lr": 0.01, "updates": 1200},
    {"kind": "decay", **BAND, "step_size": 400.5},
    {"kind": "exp_range", **BAND, "step_size": 100, "gamma": 0.999},
    {"kind": "exp_range", **BAND, "step_size": 100, "step_size_down": 33, "gamma": 0.999, "shrinks": "amplitude"},
    {"kind": "exponential", "lr": 0.1, "gamma": 0.995},
    {"kind": "exponential_ramp", "low": 1e-4, "high": 1, "updates": 900},
    {"kind": "inverse", "lr": 0.01, "gamma": 1e-3, "power": 0.75},
    {
        "kind": "joined",
        "schedules": [
            {"kind": "linear_ramp", "low": 0, "high": 0.1, "updates": 10},
            {"kind": "cosine", "lr": 0.1, "updates": 300},
            {"kind": "triangular2", **BAND, "step_size": 50},
        ],
        "boundaries": [10, 300],
    },
    {"kind": "linear", "lr": 0.1, "updates": 900},
    {"kind": "linear", "lr": 0.1, "end_lr": 0.03, "updates": 1000},
    {"kind": "linear_ramp", "low": 0, "high": 0.02, "updates": 1000},
    {"kind": "multistep", "lr": 0.1, "gamma": 0.1, "milestones": [320, 480]},
    {"kind": "one_cycle", "max_lr": 0.1, "updates": 1000},
    {"kind": "one_cycle", "max_lr": 0.1, "updates": 900, "warmup": 0.3333, "anneal": "linear"},
    {"kind": "one_cycle", "max_lr": 0.1, "updates": 900, "warmup": 0.0},
    {"kind": "parabolic", **BAND, "step_size": 125},
    {"kind": "polynomial", "lr": 0.1, "updates": 900, "power": 0.9},
    {"kind": "sinusoidal", **BAND, "step_size": 120, "step_size_down": 30},
    {"kind": "step", "lr": 0.1, "gamma": 0.5, "every": 300},
    {"kind": "trapezoid", "lr": 0.1, "updates": 1000},
    {"kind": "trapezoid", "lr": 0.1, "updates": 900, "warmup": 0.0, "cooldown": 1.0},
    {"kind": "triangular", **BAND, "step_size": 100},
    {"kind": "triangular", **BAND, "step_size": 10 / 6},
    {"kind": "triangular", "base_lr": 0.0, "max_lr": 0.5, "step_size": 62.5},
    {"kind": "triangular2", **BAND, "step_size": 100 / 3},
    {"kind": "triangular2", **BAND, "step_size": 120, "step_size_down": 72.25},
    {"kind": "warm_restarts", **BAND, "period": 250},
    {"kind": "warm_restarts", **BAND, "period": 1000 / 3},
    {"kind": "warm_restarts", **BAND, "period": 105, "period_mult": 2},
]
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table["kind"])


def winner(table, optim=None) -> Winner:
    whole = schedule_from_dict(table).to_dict()
    return Winner("fixed", whole, optim or {"kind": "sgd", "momentum": 0.9}, None, UPDATES, ("Why this one.",))


def names_of(text: str) -> dict:
    names: dict = {}
    exec(compile(text, "pasted", "exec"), names)
    return names


def stepped(optimizer, scheduler) -> np.ndarray:
    lrs = []
    for _ in range(UPDATES):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(lrs)


def tolerance(table) -> dict[str, float]:
    short = formula(schedule_from_dict(table).to_dict(), PYTHON) is not None
    return {"rtol": 1e-9 if short else TOLERANCE, "atol": 1e-15}


def test_every_schedule_is_tried():
    assert {table["kind"] for table in TABLES} == set(SCHEDULES)
    without = {table["kind"] for table in TABLES if formula(schedule_from_dict(table).to_dict(), PYTHON) is None}
    assert without == {"joined", "warm_restarts"}


@every_table
def test_torch_sets_the_learning_rate_of_every_update(table):
    text = code(winner(table), "torch")
    assert "clr_study" not in text
    assert text.startswith("# Why this one.\n\n")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=123.0)
    lrs = stepped(optimizer, names_of(text)["make_scheduler"](optimizer))
    np.testing.assert_allclose(lrs, schedule_from_dict(table).table(UPDATES), **tolerance(table))


def test_torch_resumes_from_its_state():
    make = names_of(code(winner({"kind": "triangular", **BAND, "step_size": 100}), "torch"))["make_scheduler"]
    first, second = (torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0) for _ in range(2))
    scheduler, again = make(first), make(second)
    for _ in range(137):
        first.step()
        scheduler.step()
    second.load_state_dict(first.state_dict())
    again.load_state_dict(scheduler.state_dict())
    np.testing.assert_array_equal(stepped(second, again), stepped(first, scheduler))


@every_table
def test_keras_follows_the_formula(table, monkeypatch):
    """Keras itself is not needed: its operations are numpy's here, in single precision as there."""
    ops = types.SimpleNamespace(
        minimum=np.minimum, maximum=np.maximum, floor=np.floor, cos=np.cos, where=np.where, sum=np.sum, take=np.take,
        cast=np.asarray, convert_to_tensor=lambda value: np.asarray(value, "float32"),
    )  # fmt: skip
    schedules = types.SimpleNamespace(LearningRateSchedule=object)
    keras = types.SimpleNamespace(ops=ops, optimizers=types.SimpleNamespace(schedules=schedules))
    monkeypatch.setitem(sys.modules, "keras", keras)
    schedule = names_of(code(winner(table), "keras"))["Winning"]()
    lrs = np.array([float(schedule(update)) for update in range(UPDATES)])
    wanted = schedule_from_dict(table)
    expected = wanted.table(UPDATES)
    # In single precision a restart may come an update late or early where the period has a fraction.
    good = np.isclose(lrs, expected, rtol=2e-3, atol=2e-4 * expected.max())
    assert (~good).sum() <= (len(wanted.cycle_ends(UPDATES)) if table.get("period", 1) % 1 else 0)
    assert schedule.get_config() == {}


@every_table
def test_python_makes_the_very_schedule(table):
    names = names_of(code(winner(table), "python"))
    assert names["schedule"] == schedule_from_dict(table)
    assert len(names["lrs"]) == UPDATES


@every_table
def test_toml_is_an_arm_without_holes(table):
    text = code(winner(table, {"kind": "adamw", "beta1": 0.8, "weight_decay": 1e-05}), "toml")
    study = parse_study(
        'name = "again"\ndata = { kind = "digits" }\nmodel = { kind = "mlp" }\n'
        f"train = {{ batch_size = 64, updates = {UPDATES} }}\n{text}"
    )
    assert not study.arm("fixed").space
    made = build_schedule(study.arm("fixed").schedule, UPDATES, "here")
    assert made == schedule_from_dict(table)
    assert study.arm("fixed").optim == {"kind": "adamw", "beta1": 0.8, "weight_decay": 1e-05}


@pytest.mark.parametrize(
    ("optim", "cls", "expected"),
    [
        ({"kind": "sgd", "momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
        ({"kind": "sgd", "weight_decay": 5e-4}, "SGD", {"momentum": 0, "weight_decay": 5e-4}),
        ({"kind": "sgd", "momentum": 0.5, "convention": "caffe"}, "SGD", {"momentum": 0.5}),
        ({"kind": "adam", "beta2": 0.99, "eps": 1e-7}, "Adam", {"betas": (0.9, 0.99), "eps": 1e-7}),
        ({"kind": "adamw"}, "AdamW", {"betas": (0.9, 0.999), "weight_decay": 0.01}),
        ({"kind": "rmsprop", "alpha": 0.9, "momentum": 0.5}, "RMSprop", {"alpha": 0.9, "momentum": 0.5}),
        ({"kind": "adagrad", "weight_decay": 0.1}, "Adagrad", {"weight_decay": 0.1}),
        ({"kind": "adadelta", "rho": 0.8}, "Adadelta", {"rho": 0.8}),
        ({"kind": "mine:lion"}, "SGD", {}),
    ],
)  # fmt: skip
def test_lightning_and_hugging_face_get_the_optimizer_and_a_scheduler_per_update(optim, cls, expected):
    table = {"kind": "triangular", **BAND, "step_size": 100}
    wanted = schedule_from_dict(table).table(UPDATES)
    model = torch.nn.Linear(2, 1)
    given = names_of(code(winner(table, optim), "lightning"))["configure_optimizers"](model)
    assert given["lr_scheduler"]["interval"] == "step"
    pairs = [(given["optimizer"], given["lr_scheduler"]["scheduler"])]
    pairs.append(names_of(code(winner(table, optim), "huggingface"))["make_optimizers"](model))
    for optimizer, scheduler in pairs:
        assert type(optimizer).__name__ == cls
        assert {key: optimizer.param_groups[0][key] for key in expected} == expected
        np.testing.assert_allclose(stepped(optimizer, scheduler), wanted, rtol=1e-9)
    note = {"caffe": "# Measured with Caffe's momentum", "mine:lion": "# Measured with mine:lion"}
    for key, text in note.items():
        assert (text in code(winner(table, optim), "lightning")) == (key in optim.values())


def test_points_are_few_and_near():
    schedule = schedule_from_dict({"kind": "exponential", "lr": 1.0, "gamma": 0.9999})
    lrs = schedule.table(70_000)
    updates, values = knots(lrs)
    assert len(updates) < 200
    np.testing.assert_allclose(np.interp(np.arange(70_000), updates, values), lrs, rtol=TOLERANCE)
    assert knots(np.array([0.5]))[0].tolist() == [0]


def test_the_winner_is_what_was_measured(results, comparison):
    best = winner_of(results, comparison, comparison.best)
    measured = results.of(comparison.best, "measure")[0].spec
    assert (best.schedule, best.optim, best.updates) == (measured.schedule, measured.optim, measured.updates)
    assert best.model is None
    assert not best.own_budget
    head = " ".join(best.head)
    shown = summary_rows(comparison)[[one.arm for one in comparison.arms].index(comparison.best)]["accuracy"]
    assert f"made, arm {comparison.best}: test_accuracy {shown} over" in head
    assert "over 8 seeds." in head
    assert comparison.verdict in head
    assert "50 samples; a run has 500 of them. Measured with the optimizer sgd: momentum 0.9." in head
    assert "Inputs were scaled to mean 0 and variance 1 on the training split" in head
    for form in FORMS:
        head, body = code(best, form).split("\n\n", 1)
        assert all(line.startswith("# ") and len(line) <= 102 for line in head.splitlines())
        assert body.strip()


def test_without_a_measured_run_there_is_no_winner():
    results = make_results(phases=("search",))
    assert winner_of(results, compare(results, resamples=200), "fixed") is None


def test_what_was_drawn_for_the_model_and_a_budget_of_its_own_go_into_the_toml():
    study = other_study(
        '[arms.a]\nupdates = 250\n[arms.a.schedule]\nkind = "constant"\nlr = 0.1\n'
        '[arms.a.model]\nkind = "mlp"\nhidden = { choices = [4, 8] }\n'
        '[arms.b.schedule]\nkind = "constant"\nlr = 0.1\n'
    )
    results = make_results(study)
    found = winner_of(results, compare(results, resamples=200), "a")
    text = code(found, "toml")
    assert "[arms.a]\nupdates = 250\n" in text
    assert f'[arms.a.model]\nkind = "mlp"\nhidden = {found.model["hidden"]}\n' in text

"""Plain = fused, resumed = uninterrupted, diverged lanes leave their neighbours alone: in float64, model by model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clr_study.data import Split
from clr_study.engine import Lanes, Training, load_task
from clr_study.engine.losses import cross_entropy
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
IMAGES = {**DIGITS, "augment": [{"kind": "flip"}, {"kind": "crop", "pad": 1}]}
MODELS = [
    {"kind": "mlp", "hidden": (8,)},
    {"kind": "small_cnn", "width": 2},
    {"kind": "small_cnn", "width": 2, "norm": "batch"},
    {"kind": "cifar10_full"},
    {"kind": "cifar10_quick"},
    {"kind": "cifar10_full_sigmoid_bn"},
    {"kind": "resnet", "depth": 8, "width": 2},
    {"kind": "resnet", "depth": 11, "width": 1, "block": "bottleneck"},
    {"kind": "densenet", "depth": 7, "growth": 2},
]
OPTIMIZERS = [
    {"kind": "sgd", "momentum": 0.9, "weight_decay": 1e-3},
    {"kind": "sgd", "momentum": 0.8, "nesterov": True},
    {"kind": "sgd", "momentum": 0.9, "weight_decay": 1e-3, "convention": "caffe"},
    {"kind": "adam"},
    {"kind": "adamw", "weight_decay": 0.1},
    {"kind": "adagrad", "weight_decay": 1e-3},
    {"kind": "rmsprop", "momentum": 0.5},
    {"kind": "adadelta", "eps": 1e-3},
]


def task_of(table: dict, dtype: torch.dtype = torch.float64):
    task = load_task(table, dtype=dtype)
    few = np.arange(64)
    return replace(task, validation=task.validation.take(few), test=task.test.take(few))


def spec_of(**changes) -> TrialSpec:
    fields = {
        "study": "test",
        "data": DIGITS,
        "model": MODELS[0],
        "optim": OPTIMIZERS[0],
        "schedule": {"kind": "triangular", "base_lr": 0.005, "max_lr": 0.02, "step_size": 3},
        "batch_size": 8,
        "updates": 6,
        "evaluate_at": (3, 6),
        "seed": 1,
        "test": False,
    }
    return TrialSpec(**{**fields, **changes})


def trained(specs: list[TrialSpec], task) -> Training:
    training = Training(specs, task)
    for _ in training.run():
        pass
    return training


def assert_same(one: Lanes, other: Lanes, exact: bool = False) -> None:
    mine, yours = one.tensors(), other.tensors()
    assert mine.keys() == yours.keys()
    for name in mine.keys() - {"seconds"}:
        tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-9, "atol": 1e-12}
        torch.testing.assert_close(mine[name], yours[name], msg=lambda text, name=name: f"{name}: {text}", **tolerance)


@pytest.mark.parametrize("seeds", [(1, 1, 1), (1, 2, 1)], ids=["one seed", "two seeds"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_fused_lane_is_the_run_trained_alone(model, seeds):
    task = task_of(IMAGES if model["kind"] != "mlp" else DIGITS)
    specs = [
        spec_of(model=model, seed=seed, schedule={"kind": "linear", "lr": lr, "updates": 6})
        for seed, lr in zip(seeds, (0.02, 0.01, 0.005), strict=True)
    ]
    fused = trained(specs, task)
    for lane, spec in enumerate(specs):
        assert_same(fused.lanes.take([lane]), trained([spec], task).lanes)


@pytest.mark.parametrize("optim", OPTIMIZERS, ids=str)
def test_lanes_with_their_own_numbers_fuse_for_every_optimizer(optim):
    task = task_of(DIGITS)
    specs = [spec_of(optim={**optim, "weight_decay": decay}) for decay in (0.0, 0.01)]
    fused = trained(specs, task)
    for lane, spec in enumerate(specs):
        assert_same(fused.lanes.take([lane]), trained([spec], task).lanes)
    weights = fused.lanes.params[next(iter(fused.lanes.params))]
    assert not torch.equal(weights[0], weights[1]), "weight decay changed nothing"


@pytest.mark.parametrize("optim", OPTIMIZERS, ids=str)
def test_resumed_is_uninterrupted_bit_for_bit(optim):
    task = task_of(IMAGES, torch.float32)
    specs = [spec_of(model=MODELS[2], optim=optim, seed=seed) for seed in (1, 2)]
    whole = trained(specs, task)
    first = Training(specs, task)
    list(first.run(until=3))
    second = Training(specs, task, Lanes.from_tensors(first.lanes.tensors(), first.lanes.update))
    list(second.run())
    assert_same(second.lanes, whole.lanes, exact=True)


def test_evaluations_of_a_resumed_run_are_those_of_an_uninterrupted_one():
    task = task_of(DIGITS, torch.float32)
    specs = [spec_of(evaluate_at=(2, 4, 6))]
    whole = [snapshot.evaluations[0] for snapshot in Training(specs, task).run()]
    first = Training(specs, task)
    parts = [snapshot.evaluations[0] for snapshot in first.run(until=4)]
    parts += [snapshot.evaluations[0] for snapshot in Training(specs, task, first.lanes).run()]
    for mine, theirs in zip(parts, whole, strict=True):
        assert (mine.update, mine.lr, mine.train_loss) == (theirs.update, theirs.lr, theirs.train_loss)
        assert mine.validation_accuracy == theirs.validation_accuracy
        np.testing.assert_array_equal(mine.losses, theirs.losses)


@pytest.mark.parametrize("model", [MODELS[0], MODELS[2]], ids=str)
def test_a_diverged_lane_is_named_and_leaves_its_neighbours_bit_identical(model):
    task = task_of(DIGITS, torch.float32)
    calm = spec_of(model=model, evaluate_at=(12,), updates=12)
    wild = replace(calm, schedule={"kind": "constant", "lr": 1e30})
    training = Training([calm, wild, calm], task)
    (snapshot,) = training.run()
    assert list(snapshot.diverged) == [1]
    assert snapshot.diverged[1].lr == 1e30
    assert 1 <= snapshot.diverged[1].update <= 3
    assert sorted(snapshot.evaluations) == [0, 2]
    control = trained([calm, calm, calm], task)
    assert_same(training.lanes, control.lanes.take([0, 2]), exact=True)


def test_a_lane_that_diverges_at_the_last_step_is_diverged():
    task = task_of(DIGITS, torch.float32)
    spec = spec_of(
        schedule={
            "kind": "joined",
            "schedules": [{"kind": "constant", "lr": 0.01}, {"kind": "constant", "lr": 1e38}],
            "boundaries": [5],
        }
    )
    first, last = Training([spec, spec_of()], task).run()
    assert sorted(first.evaluations) == [0, 1]
    assert list(last.diverged) == [0]
    assert list(last.evaluations) == [1]


def test_runs_are_evaluated_where_they_are_due_and_keep_every_loss():
    task = task_of(DIGITS)
    specs = [spec_of(evaluate_at=(2, 6)), spec_of(evaluate_at=(3, 6))]
    seen = [(s.update, {run: len(e.losses) for run, e in s.evaluations.items()}) for s in Training(specs, task).run()]
    assert seen == [(2, {0: 2}), (3, {1: 3}), (6, {0: 4, 1: 3})]


def test_dropping_a_lane_leaves_the_others_untouched():
    task = task_of(DIGITS)
    specs = [spec_of(seed=seed) for seed in (1, 2, 3)]
    training = Training(specs, task)
    for snapshot in training.run():
        if snapshot.update == 3:
            training.drop([1])
    assert training.running == [0, 2]
    for lane, run in enumerate(training.running):
        assert_same(training.lanes.take([lane]), trained([specs[run]], task).lanes)


def test_the_lr_that_trains_is_the_schedules():
    """One step of plain SGD moves the weights by the LR times the gradient: compare two LRs of one table."""
    task = task_of(DIGITS)
    plain = {"kind": "sgd"}
    moved = []
    for lr in (0.01, 0.03):
        spec = spec_of(optim=plain, updates=1, evaluate_at=(1,), schedule={"kind": "constant", "lr": lr})
        before = Training([spec], task)
        start = {name: tensor.clone() for name, tensor in before.lanes.params.items()}
        list(before.run())
        moved.append({name: before.lanes.params[name] - start[name] for name in start})
    for name in moved[0]:
        torch.testing.assert_close(3 * moved[0][name], moved[1][name])


def test_the_test_split_is_read_only_when_the_spec_says_so():
    task = task_of(DIGITS)
    without = next(Training([spec_of()], task).run()).evaluations[0]
    with_test = next(Training([spec_of(test=True)], task).run()).evaluations[0]
    assert np.isnan(without.test_accuracy)
    assert 0 <= with_test.test_accuracy <= 1
    assert without.validation_accuracy == with_test.validation_accuracy


def test_regression_learns_and_has_no_accuracy():
    task = load_task(DIGITS)
    linear = task.train.inputs.float().flatten(1).mean(dim=1, keepdim=True) / 16
    split = Split(task.train.inputs, linear)
    task = replace(task, train=split, validation=split, test=None, classes=None, outputs=1)
    spec = spec_of(updates=60, evaluate_at=(1, 60), schedule={"kind": "constant", "lr": 0.01})
    first, last = (snapshot.evaluations[0] for snapshot in Training([spec], task).run())
    assert last.validation_loss < first.validation_loss / 2
    assert np.isnan(last.validation_accuracy)


def test_the_cross_entropy_is_torchs():
    outputs = torch.randn(64, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 20
    targets = torch.arange(64) % 10
    torch.testing.assert_close(cross_entropy(outputs, targets), torch.nn.functional.cross_entropy(outputs, targets))

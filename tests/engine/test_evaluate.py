"""Evaluation of all lanes on a whole split."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from clr_study.data import Split
from clr_study.engine import Scores, Training, evaluate, load_task, together
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}


def trained(model, lrs, task, updates=3):
    specs = [
        TrialSpec(
            study="test",
            data=DIGITS,
            model=model,
            optim={"kind": "sgd"},
            schedule={"kind": "constant", "lr": lr},
            batch_size=8,
            updates=updates,
            evaluate_at=(updates,),
            seed=1,
            test=False,
        )
        for lr in lrs
    ]
    training = Training(specs, replace(task, validation=None))
    list(training.run())
    return training


@pytest.mark.parametrize(
    "model",
    [{"kind": "mlp", "hidden": (8,)}, {"kind": "small_cnn", "width": 2, "norm": "batch"}],
    ids=lambda model: model["kind"],
)
def test_loss_and_accuracy_are_torchs_of_each_lane_with_its_own_statistics(model):
    task = load_task(DIGITS, dtype=torch.float64)
    training = trained(model, (0.01, 0.1, 0.3), task)
    scores = evaluate(training.model, training.lanes, task, task.validation, fused=True)
    inputs, targets = task.normalise(task.validation.inputs), task.validation.targets
    network = training.model
    for lane in range(3):
        state = training.lanes.take([lane])
        weights = {name: tensor[0] for name, tensor in (*state.params.items(), *state.buffers.items())}
        network.to(torch.float64).load_state_dict(weights)
        with torch.no_grad():
            outputs = network.eval()(inputs)
        assert scores.loss[lane] == pytest.approx(float(functional.cross_entropy(outputs, targets)), rel=1e-10)
        assert scores.accuracy[lane] == float((outputs.argmax(1) == targets).double().mean())
    assert scores.finite.all()


def test_the_network_is_left_in_training_mode_and_its_statistics_alone():
    task = load_task(DIGITS)
    training = trained({"kind": "small_cnn", "width": 2, "norm": "batch"}, (0.1,), task)
    before = {name: tensor.clone() for name, tensor in training.lanes.tensors().items()}
    evaluate(training.model, training.lanes, task, task.validation, fused=False)
    assert training.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in training.lanes.tensors().items())


def test_a_lanes_scores_do_not_depend_on_who_is_beside_it():
    """In float32 too, on a split of several pieces: a resumed run may have other neighbours."""
    task = load_task(DIGITS)
    long = Split(task.train.inputs.repeat(3, 1, 1, 1), task.train.targets.repeat(3))
    training = trained({"kind": "mlp", "hidden": (64,)}, [0.01 * n for n in range(1, 13)], task)
    whole = evaluate(training.model, training.lanes, task, long, fused=True)
    for lanes in ([0, 1], [3, 4, 5], [11, 0, 7, 2, 5]):
        part = evaluate(training.model, training.lanes.take(lanes), task, long, fused=True)
        assert torch.equal(part.loss, whole.loss[lanes])
        assert torch.equal(part.accuracy, whole.accuracy[lanes])


def test_without_a_split_there_is_nothing_to_say():
    task = load_task(DIGITS)
    training = trained({"kind": "mlp", "hidden": (8,)}, (0.1, 0.2), task)
    scores = evaluate(training.model, training.lanes, task, None, fused=True)
    assert len(scores.loss) == 2
    assert all(math.isnan(value) for value in (*scores.loss, *scores.accuracy))
    assert scores.finite.all()
    assert isinstance(scores, Scores)


def test_a_lane_whose_outputs_are_not_finite_is_told():
    task = load_task(DIGITS)
    training = trained({"kind": "mlp", "hidden": (8,)}, (0.1, 0.1), task)
    wild = {name: tensor * 1e30 for name, tensor in training.lanes.take([1]).params.items()}
    lanes = together([training.lanes.take([0]), replace(training.lanes.take([1]), params=wild)])
    assert lanes.finite().all(), "the weights themselves are finite"
    assert evaluate(training.model, lanes, task, task.validation, fused=True).finite.tolist() == [True, False]


def test_regression_is_the_mean_squared_error_and_has_no_accuracy():
    task = load_task(DIGITS, dtype=torch.float64)
    values = task.train.inputs.float().flatten(1).mean(dim=1, keepdim=True) / 16
    split = Split(task.train.inputs, values)
    task = replace(task, train=split, validation=split, test=None, classes=None, outputs=1)
    training = trained({"kind": "mlp", "hidden": (8,)}, (0.001,), task)
    (loss,), (accuracy,) = (
        getattr(evaluate(training.model, training.lanes, task, split, fused=False), name)
        for name in ("loss", "accuracy")
    )
    state = {name: tensor[0] for name, tensor in training.lanes.params.items()}
    with torch.no_grad():
        outputs = torch.func.functional_call(training.model, state, (task.normalise(split.inputs),))
    assert float(loss) == pytest.approx(float(np.mean((outputs - split.targets).numpy() ** 2)), rel=1e-10)
    assert math.isnan(accuracy)

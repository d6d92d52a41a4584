"""BatchNorm's running statistics at the end of a learning-rate cycle: those of the weights that are evaluated there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from clr_study.engine import Training, evaluate, load_task
from clr_study.models.caffe import CaffeBatchNorm
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
CYCLE, CYCLES = 120, 2
TASK = load_task(DIGITS)
# The largest LR lies an order above the least, so that the weights of a peak are far from those of a cycle's end.
SPEC = TrialSpec(
    study="test",
    data=DIGITS,
    model={"kind": "small_cnn", "width": 4, "norm": "batch"},
    optim={"kind": "sgd", "momentum": 0.9},
    schedule={"kind": "triangular", "base_lr": 0.01, "max_lr": 0.2, "step_size": CYCLE / 2},
    batch_size=64,
    updates=CYCLE * CYCLES,
    evaluate_at=(CYCLE, CYCLE * CYCLES),
    seed=1,
    test=False,
)


def trained(**changes):
    training = Training([replace(SPEC, **changes)], TASK)
    list(training.run())
    return training


def with_exact_statistics(training):
    """The network with the statistics of all training samples, in batches as it was trained with."""
    network = training.model
    one = training.lanes.take([0])
    network.load_state_dict({name: value[0] for name, value in (*one.params.items(), *one.buffers.items())})
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain mean over all batches
        elif isinstance(part, CaffeBatchNorm):
            part.fraction = 1.0
            for blob in part.buffers():
                blob.zero_()
    network.train()
    with torch.no_grad():
        for inputs in TASK.normalise(TASK.train.inputs).split(SPEC.batch_size):
            network(inputs)
    return network.eval()


def losses(training):
    """On the validation split: with the running statistics, and with exact ones."""
    running = evaluate(training.model, training.lanes, TASK, TASK.validation, fused=False).loss[0].item()
    with torch.no_grad():
        outputs = with_exact_statistics(training)(TASK.normalise(TASK.validation.inputs))
    return running, nn.functional.cross_entropy(outputs, TASK.validation.targets).item()


def test_at_a_cycles_end_they_are_those_of_the_training_samples():
    running, exact = losses(trained())
    assert running < 0.5, "it has learned"
    assert running == pytest.approx(exact, rel=0.1)


def test_caffes_own_lag_behind_in_a_run_no_longer_than_their_memory():
    """They remember 1,000 updates, so short cycles are judged with statistics of weights that are gone."""
    sigmoids = trained(
        model={"kind": "cifar10_full_sigmoid_bn"},
        optim={"kind": "sgd", "momentum": 0.9, "convention": "caffe"},
        schedule={"kind": "triangular", "base_lr": 0.001, "max_lr": 0.02, "step_size": CYCLE / 2},
        updates=CYCLE,
        evaluate_at=(CYCLE,),
    )
    running, exact = losses(sigmoids)
    assert exact < 1.2, "it has learned"
    assert running > 1.3 * exact

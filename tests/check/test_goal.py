"""What a model gives, what a loss returns and what a metric takes are checked before anything trains."""

from __future__ import annotations

import re

import pytest

from clr_study.check import check_study
from clr_study.errors import ClrStudyError
from clr_study.spec import parse_study

STUDY = """
name = "goal"
data = { kind = "DATA", validation = 0.2 }
model = { kind = "MODEL" }
train = { batch_size = 32, updates = 4 }
EXTRA
[arms.fixed.schedule]
kind = "constant"
lr = 0.01
"""
MODULE = """
import torch
from torch import nn
import clr_study.losses, clr_study.metrics

def narrow(*, shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 if len(shape) > 1 else shape[0], 3))

class Twice(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.one = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.one(x.flatten(1))
        return x, x

def pair(*, shape, classes):
    return Twice(64, classes)

class Short(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(60, 10)

    def forward(self, x):
        return self.one(x.flatten(1))

def short(*, shape, classes):
    return Short()

def shares(*, shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes), nn.Softmax(dim=1))

class Picky(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.one = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.one(x.flatten(1))
        return x if float(x.mean()) > 0 else x * 1.0

def picky(*, shape, classes):
    return Picky(64, classes)

def vector(outputs, targets):
    return (outputs.sum(dim=-1) - targets) ** 2

def broken(outputs, targets):
    return outputs @ targets.float()

def focal(outputs, targets, *, gamma: float = 2.0):
    share = outputs.softmax(dim=-1).gather(-1, targets[:, None])[:, 0]
    return (-((1 - share) ** gamma) * share.log()).mean()

@clr_study.metrics.add
def worst_class(outputs, targets):
    import numpy as np
    right = outputs.argmax(axis=-1) == targets
    return float(min(right[targets == label].mean() for label in np.unique(targets)))
"""


@pytest.fixture
def checked(tmp_path, monkeypatch):
    (tmp_path / "goal_things.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def check(data="digits", model="mlp", extra=""):
        text = STUDY.replace("DATA", data).replace("MODEL", model).replace("EXTRA", extra)
        return check_study(parse_study(text))

    return check


REFUSED = {
    "too few outputs": (
        {"model": "goal_things:narrow"},
        r"\[model\] of arm fixed: goal_things:narrow gives outputs of shape \(8, 3\) for 8 samples of shape "
        r"\(1, 8, 8\), but 10 classes want \(8, 10\)",
    ),
    "outputs for one target": (
        {"data": "diabetes", "model": "goal_things:narrow", "extra": 'metric = "rmse"'},
        r"gives outputs of shape \(8, 3\) .* targets of shape \(8,\) want \(8, 1\)",
    ),
    "a layer of another size": (
        {"model": "goal_things:short"},
        r"on samples of shape \(1, 8, 8\) failed: RuntimeError: .*64.*goal_things.py, line \d+, in forward",
    ),
    "two tensors": ({"model": "goal_things:pair"}, r"must give one tensor for a batch, but gave a tuple"),
    "a loss of a vector": (
        {"extra": 'loss = { kind = "goal_things:vector" }'},
        r"\[loss\] must return one number, the mean over the batch, but returned a tensor of shape \(8,\)",
    ),
    "a loss that fails": (
        {"extra": 'loss = { kind = "goal_things:broken" }'},
        r"\[loss\] failed on outputs of shape \(8, 10\) and targets of shape \(8,\): RuntimeError",
    ),
    "a metric of other data": ({"extra": 'metric = "auc"'}, r"\[metric\] metric 'auc' takes two classes.*\(288, 10\)"),
    "a metric of numbers for classes": (
        {"extra": 'metric = "rmse"'},
        r"^\[metric\] metric 'rmse' takes an output for each number of the targets, but got .*\(288, 10\)",
    ),
    "accuracy of numbers": (
        {"data": "diabetes"},
        r'regression \(targets of shape \(.*,\) and type torch.float32\), which has no accuracy: write metric = "loss"',
    ),
    "smoothing out of bounds": (
        {"extra": 'loss = { kind = "cross_entropy", label_smoothing = 1.5 }'}, r"^\[loss\] label_smoothing must lie in",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_with_shapes(checked, what):
    arguments, words = REFUSED[what]
    with pytest.raises(ClrStudyError, match=words):
        checked(**arguments)


def test_a_loss_and_a_metric_of_ones_own_train(checked):
    extra = 'imports = ["goal_things"]\nmetric = "worst_class"\nloss = { kind = "goal_things:focal", gamma = 1.5 }'
    assert not checked(extra=extra).unfusable


def test_what_vmap_cannot_take_is_named_and_runs_plain(checked):
    report = checked(model="goal_things:picky")
    assert "vmap cannot take the model" in report.unfusable["fixed"]
    assert re.search(
        r"calling .item\(\) on a Tensor \(.*goal_things.py, line \d+, in forward", report.unfusable["fixed"]
    )


def test_a_softmax_before_cross_entropy_is_said_and_not_refused(checked):
    (doubt,) = checked(model="goal_things:shares").doubts
    assert "goal_things:shares gives probabilities" in doubt
    assert "leave the network's last softmax out" in doubt
    assert not checked().doubts
    assert not checked(model="goal_things:shares", extra='loss = { kind = "goal_things:focal" }').doubts

"""A user registers one of everything by the public decorators, and a study of its things runs to its report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go
import torch
from torch import nn

import clr_study
from clr_study.data import Split, Splits
from clr_study.report import Figure, Table


@clr_study.schedules.add
@dataclass(frozen=True, kw_only=True)
class Wobble(clr_study.schedules.Schedule):
    """Goes up and down by a tenth every other update."""

    lr: float

    def formula(self, t):
        return self.lr * (1 + 0.1 * (-1) ** t)


@clr_study.data.add
def stripes(*, samples: int = 120):
    """Draws images of a horizontal or a vertical stripe."""
    random = np.random.default_rng(0)
    labels = np.arange(samples) % 2
    images = random.integers(0, 40, (samples, 1, 6, 6)).astype(np.uint8)
    for image, label in zip(images, labels):
        place = random.integers(6)
        image[0, place if label else slice(None), slice(None) if label else place] += 200
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    return Splits(Split(inputs[:90], targets[:90]), None, Split(inputs[90:], targets[90:]), classes=2, note="stripes")


@clr_study.augmentations.add
@dataclass(frozen=True)
class Darken(clr_study.augmentations.SameShape):
    """Takes up to so much light off an image."""

    most: int = 10
    k: ClassVar[int] = 1

    def draw(self, generator, batch, shape):
        return generator.integers(0, self.most + 1, (batch, 1))

    def apply(self, images, draws):
        return (images.short() - draws[:, :, None, None].short()).clamp(0, 255).to(images.dtype)


@clr_study.models.add
def flat(*, shape, classes, width: int = 8):
    """Builds a layer between."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[-1] ** 2, width), nn.Tanh(), nn.Linear(width, classes))


@clr_study.losses.add
def margin(outputs, targets, *, gap: float = 1.0):
    """Measures the hinge of the right class against the best other one."""
    own = outputs.gather(-1, targets[:, None])
    others = outputs.masked_fill(torch.nn.functional.one_hot(targets, 2).bool(), float("-inf")).amax(-1, keepdim=True)
    return torch.relu(gap - own + others).mean()


@clr_study.metrics.lower_is_better
@clr_study.metrics.add
def worst_error(outputs, targets):
    """Measures the error of the class that does worst."""
    wrong = outputs.argmax(axis=-1) != targets
    return float(max(wrong[targets == label].mean() for label in np.unique(targets)))


@clr_study.optimizers.add
def signs(*, weight_decay: float = 0.0):
    """Steps by the sign of the gradient."""
    def update(gradients, state, params, lr, hyper, multipliers):
        return {name: params[name] - lr * torch.sign(gradients[name]) for name in params}, state

    return clr_study.optimizers.Optimizer(init=lambda params: {}, update=update, hyper={}, elementwise=True)


@clr_study.figures.add
@dataclass(frozen=True, kw_only=True)
class Counts(Figure):
    """How many runs each arm has."""

    title = "Counts"

    def summarise(self, results, comparison):
        return tuple((arm.name, len(results.of(arm.name, "measure"))) for arm in results.study.arms)

    def draw(self, info, theme):
        return theme.figure([go.Bar(x=[name for name, _ in info], y=[count for _, count in info])])

    def caption(self, info):
        return "Runs of each arm."

    def table(self, info):
        return Table.of(("arm", "runs"), info)
'''
STUDY = """
name = "own"
imports = ["own_things"]
data = { kind = "stripes", validation = 0.3, augment = [{ kind = "darken", most = 20 }] }
model = { kind = "flat", width = 6 }
optim = { kind = "signs" }
loss = { kind = "margin", gap = 0.5 }
metric = "worst_error"
target = { worst_error = 0.4 }
train = { batch_size = 16, epochs = 6, evaluations = 3 }
search = { trials = 2 }
measure = { seeds = 3 }
[arms.wobble.schedule]
kind = "wobble"
lr = { low = 1e-3, high = 1e-2, log = true }
[arms.flat.schedule]
kind = "constant"
lr = { low = 1e-3, high = 1e-2, log = true }
"""
PAGE = """
title = "Own"
intro = "Mine."
[[sections]]
title = "Counts"
figures = [{ kind = "counts" }]
"""


def test_one_of_each(tmp_path):
    (tmp_path / "own_things.py").write_text(MODULE)
    (tmp_path / "own.toml").write_text(STUDY)
    (tmp_path / "page.toml").write_text(PAGE)
    # In a process of its own: what it registers is no part of what the other tests go through.
    for words in (["run", "own.toml", "--devices", "cpu"], ["report", "own", "--page", "page.toml"]):
        line = [Path(sys.executable).with_name("clr-study"), *words]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "results" / "own" / "results.json").read_text())
    assert (document["metric"], document["higher_is_better"]) == ("test_worst_error", False)
    assert "Runs of each arm." in (tmp_path / "results" / "own" / "report.html").read_text()

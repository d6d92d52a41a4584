"""A schedule read from a PyTorch scheduler gives the learning rates that the scheduler itself sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as known

from clr_study.errors import InputError
from clr_study.schedules import SCHEDULES, Joined, Schedule, Triangular

UPDATES = 120


def sgd(lr=0.1, groups=1):
    parts = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(groups)]
    return torch.optim.SGD(parts, lr=lr, momentum=0.9)


def followed(scheduler, updates=UPDATES):
    lrs = []
    for _ in range(updates):
        lrs.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return np.array(lrs)


MAKERS = {
    "constant": lambda o: known.ConstantLR(o, factor=0.25, total_iters=30),
    "constant throughout": lambda o: known.ConstantLR(o, factor=1.0, total_iters=30),
    "cosine": lambda o: known.CosineAnnealingLR(o, T_max=UPDATES, eta_min=0.01),
    "cosine to zero": lambda o: known.CosineAnnealingLR(o, T_max=UPDATES),
    "cyclic": lambda o: known.CyclicLR(o, 0.01, 0.5, step_size_up=20, cycle_momentum=False),
    "cyclic with two sides": lambda o: known.CyclicLR(o, 0.01, 0.5, step_size_up=10, step_size_down=5),
    "cyclic with odd sides": lambda o: known.CyclicLR(o, 0.01, 0.5, step_size_up=7, step_size_down=16),
    "cyclic halved": lambda o: known.CyclicLR(o, 0.01, 0.5, step_size_up=20, mode="triangular2"),
    "cyclic shrinking": lambda o: known.CyclicLR(o, 0.01, 0.5, step_size_up=9, mode="exp_range", gamma=0.99),
    "exponential": lambda o: known.ExponentialLR(o, gamma=0.97),
    "linear up": lambda o: known.LinearLR(o, start_factor=0.1, total_iters=40),
    "linear down": lambda o: known.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=40),
    "linear flat": lambda o: known.LinearLR(o, start_factor=0.5, end_factor=0.5, total_iters=40),
    "multistep": lambda o: known.MultiStepLR(o, milestones=[70, 30], gamma=0.3),
    "one cycle": lambda o: known.OneCycleLR(o, max_lr=0.5, total_steps=UPDATES + 1),
    "one cycle, straight": lambda o: known.OneCycleLR(
        o, max_lr=0.5, epochs=11, steps_per_epoch=11, anneal_strategy="linear", pct_start=0.4, div_factor=10
    ),
    "polynomial": lambda o: known.PolynomialLR(o, total_iters=100, power=2.0),
    "restarts": lambda o: known.CosineAnnealingWarmRestarts(o, T_0=20, eta_min=0.001),
    "restarts, longer and longer": lambda o: known.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2),
    "step": lambda o: known.StepLR(o, step_size=25, gamma=0.5),
    "warm-up, then cosine": lambda o: known.SequentialLR(
        o, [known.LinearLR(o, 0.1, total_iters=20), known.CosineAnnealingLR(o, T_max=100)], milestones=[20]
    ),
    "three stages": lambda o: known.SequentialLR(
        o,
        [known.ConstantLR(o, 0.5, total_iters=200), known.StepLR(o, 10, 0.5), known.ExponentialLR(o, 0.99)],
        milestones=[15, 60],
    ),
    "ours": lambda o: Triangular(base_lr=0.1, max_lr=0.5, step_size=10).to_torch(o),
}


@pytest.mark.parametrize("name", MAKERS)
def test_it_follows_the_scheduler(name):
    optimizer = sgd()
    scheduler = MAKERS[name](optimizer)
    schedule = Schedule.from_torch(scheduler)
    assert SCHEDULES.kind_of(type(schedule)) in SCHEDULES
    np.testing.assert_allclose(schedule.table(UPDATES), followed(scheduler), rtol=1e-9, atol=1e-12)
    assert Schedule.from_torch(scheduler) == schedule  # one that was stepped is read as from its beginning


def test_every_reader_is_tried():
    from clr_study.schedules.from_torch import _READERS

    assert {type(MAKERS[name](sgd())).__name__ for name in MAKERS} == set(_READERS)


def test_ours_comes_back_as_it_was():
    joined = Joined(schedules=[Triangular(base_lr=0.1, max_lr=0.5, step_size=10)], boundaries=[])
    assert Schedule.from_torch(joined.to_torch(sgd())) is joined


def test_groups_with_learning_rates_of_their_own_want_a_word():
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.2)], lr=1)
    scheduler = known.StepLR(optimizer, 10)
    with pytest.raises(InputError, match=r"learning rates of their own, \[0.1, 0.2\]: say which one, as group=0"):
        Schedule.from_torch(scheduler)
    assert Schedule.from_torch(scheduler, group=1).lr == 0.2
    with pytest.raises(InputError, match="0 <= group < 2 must hold, but got group=2"):
        Schedule.from_torch(scheduler, group=2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: known.ReduceLROnPlateau(o), "ReduceLROnPlateau watches a metric, so it is no function"),
        (lambda o: known.MultiplicativeLR(o, lambda t: 0.9), "MultiplicativeLR follows no formula that is known here"),
        (lambda o: known.LambdaLR(o, lambda t: 0.9), "LambdaLR: a function of your own cannot be read"),
        (lambda o: known.CyclicLR(o, 0.1, 1.0, scale_fn=lambda x: 1.0), "CyclicLR: a scale_fn of your own"),
        (lambda o: known.OneCycleLR(o, 1.0, total_steps=50, three_phase=True), "OneCycleLR: three_phase=True"),
        (lambda o: known.MultiStepLR(o, [3, 3]), "MultiStepLR: milestones must be different ones, but 3"),
        (lambda o: known.StepLR(o, 3, gamma=2.0), r"StepLR: 0 < gamma <= 1 must hold, but got gamma=2.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(make, words):
    with pytest.raises(InputError, match=words):
        Schedule.from_torch(make(sgd()))

"""Ten thousand updates of PyTorch's schedulers against our formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as theirs

from clr_study.schedules import (
    Constant,
    Cosine,
    Exponential,
    ExpRange,
    Joined,
    Linear,
    LinearRamp,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    Triangular,
    Triangular2,
    WarmRestarts,
)

UPDATES = 10_000
BAND = {"base_lr": 0.001, "max_lr": 0.006}

CASES = {
    "triangular": (
        Triangular(**BAND, step_size=2000),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=2000),
    ),
    "triangular, uneven": (
        Triangular(**BAND, step_size=37, step_size_down=411),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=37, step_size_down=411),
    ),
    "triangular, a cycle of three": (
        Triangular(**BAND, step_size=1, step_size_down=2),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=1, step_size_down=2),
    ),
    "triangular, a fraction": (
        Triangular(**BAND, step_size=333.25, step_size_down=120.5),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=333.25, step_size_down=120.5),
    ),
    "triangular2": (
        Triangular2(**BAND, step_size=500),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=500, mode="triangular2"),
    ),
    "triangular2, uneven": (
        Triangular2(**BAND, step_size=700, step_size_down=50),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=700, step_size_down=50, mode="triangular2"),
    ),
    "exp_range": (
        ExpRange(**BAND, step_size=2000, gamma=0.99994, shrinks="amplitude"),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=2000, mode="exp_range", gamma=0.99994),
    ),
    "exp_range, uneven": (
        ExpRange(**BAND, step_size=170, step_size_down=20, gamma=0.9991, shrinks="amplitude"),
        lambda o: theirs.CyclicLR(o, 0.001, 0.006, step_size_up=170, step_size_down=20, mode="exp_range", gamma=0.9991),
    ),
    "one_cycle": (
        OneCycle(max_lr=0.4, updates=UPDATES),
        lambda o: theirs.OneCycleLR(o, 0.4, total_steps=UPDATES),
    ),
    "one_cycle, linear": (
        OneCycle(max_lr=0.4, updates=UPDATES, warmup=0.45, div=10, final_div=100, anneal="linear"),
        lambda o: theirs.OneCycleLR(
            o,
            0.4,
            total_steps=UPDATES,
            pct_start=0.45,
            div_factor=10,
            final_div_factor=100,
            anneal_strategy="linear",
        ),
    ),
    "one_cycle, peak between two updates": (
        OneCycle(max_lr=0.4, updates=UPDATES, warmup=0.12345),
        lambda o: theirs.OneCycleLR(o, 0.4, total_steps=UPDATES, pct_start=0.12345),
    ),
    "one_cycle, without a rise": (
        OneCycle(max_lr=0.4, updates=UPDATES, warmup=0),
        lambda o: theirs.OneCycleLR(o, 0.4, total_steps=UPDATES, pct_start=0.0),
    ),
    "warm_restarts": (
        WarmRestarts(base_lr=0.01, max_lr=0.3, period=700),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, T_0=700, eta_min=0.01),
    ),
    "warm_restarts, every one": (
        WarmRestarts(base_lr=0, max_lr=0.3, period=1),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, T_0=1),
    ),
    "warm_restarts, doubled": (
        WarmRestarts(base_lr=0.01, max_lr=0.3, period=10, period_mult=2),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2, eta_min=0.01),
    ),
    "warm_restarts, tripled": (
        WarmRestarts(base_lr=0.01, max_lr=0.3, period=7, period_mult=3),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, T_0=7, T_mult=3, eta_min=0.01),
    ),
    # From here on, theirs multiplies the learning rate of the update before.
    "constant": (Constant(lr=0.3), lambda o: theirs.ConstantLR(o, factor=1.0)),
    "step": (Step(lr=0.3, gamma=0.7, every=900), lambda o: theirs.StepLR(o, step_size=900, gamma=0.7)),
    "multistep": (
        MultiStep(lr=0.3, gamma=0.1, milestones=[1, 3200, 4800]),
        lambda o: theirs.MultiStepLR(o, milestones=[1, 3200, 4800], gamma=0.1),
    ),
    "exponential": (Exponential(lr=0.3, gamma=0.9995), lambda o: theirs.ExponentialLR(o, gamma=0.9995)),
    "polynomial": (
        Polynomial(lr=0.3, updates=9000, power=1.7),
        lambda o: theirs.PolynomialLR(o, total_iters=9000, power=1.7),
    ),
    "cosine": (
        Cosine(lr=0.3, end_lr=0.002, updates=UPDATES),
        lambda o: theirs.CosineAnnealingLR(o, T_max=UPDATES, eta_min=0.002),
    ),
    "linear": (
        Linear(lr=0.3, end_lr=0.03, updates=8000),
        lambda o: theirs.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=8000),
    ),
    "linear_ramp": (
        LinearRamp(low=0.03, high=0.3, updates=8000),
        lambda o: theirs.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=8000),
    ),
    "joined": (
        Joined(schedules=[LinearRamp(low=0.03, high=0.3, updates=500), Linear(lr=0.3, updates=9500)], boundaries=[500]),
        lambda o: theirs.SequentialLR(
            o,
            [
                theirs.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=500),
                theirs.PolynomialLR(o, total_iters=9500, power=1.0),
            ],
            milestones=[500],
        ),
    ),
}


def table_of_torch(build):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3, momentum=0.9)
    scheduler = build(optimizer)
    lrs = []
    for _ in range(UPDATES):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(lrs)


@pytest.mark.parametrize("case", CASES)
def test_ten_thousand_updates_agree(case):
    ours, build = CASES[case]
    np.testing.assert_allclose(ours.table(UPDATES), table_of_torch(build), rtol=1e-12, atol=1e-15)

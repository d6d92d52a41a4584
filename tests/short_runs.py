"""The specs of two short runs, for tests that ask for something else than what such a run learns."""

from __future__ import annotations

from dataclasses import replace

from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
CYCLICAL = TrialSpec(
    study="test",
    data=DIGITS,
    model={"kind": "mlp", "hidden": [16]},
    optim={"kind": "sgd", "momentum": 0.9},
    schedule={"kind": "triangular", "base_lr": 0.01, "max_lr": 0.1, "step_size": 4},
    batch_size=32,
    updates=8,
    evaluate_at=(4, 8),
    seed=1,
    test=False,
)
FLAT = replace(
    CYCLICAL,
    model={"kind": "mlp", "hidden": (8,)},  # which JSON gives back as a list
    schedule={"kind": "constant", "lr": 0.1},
    batch_size=8,
    updates=10,
    evaluate_at=(10,),
)

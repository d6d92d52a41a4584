"""The shipped studies of the paper and of the claims, and their schedules on the real data."""

from __future__ import annotations

from dataclasses import replace

from clr_study.shipped import shipped_folder
from clr_study.spec import Arm, Budget, Study, corner, fill, load_study, with_bounds

PREFIXES = ("paper-", "claims-", "super-")
NAMES = sorted(path.stem for path in shipped_folder("studies").glob("*.toml") if path.stem.startswith(PREFIXES))
SAMPLES = 50_000
IMAGENET = 1_281_167


def shipped(name: str) -> Study:
    return load_study(shipped_folder("studies") / f"{name}.toml")


def schedule_of(study: Study, arm: Arm):
    """The arm's schedule on the real data, its holes at their lower ends, and how many updates a run has."""
    budget = Budget.of(arm.train, (IMAGENET if "imagenet" in study.name else SAMPLES) - study.data.validation)
    arm = replace(arm, **with_bounds(arm.tables, {"base_lr": 0.001, "max_lr": 0.006}))
    return fill(study, arm, corner(arm.space, "low"), budget, seed=0).lr_schedule, budget

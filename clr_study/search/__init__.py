"""Running a study: ask, pack, prune, tell, measure."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clr_study.search import quiet as quiet  # before anything else imports Optuna

if TYPE_CHECKING:
    from clr_study.search.dashboard import serve_dashboard
    from clr_study.search.one_call import FoundBounds, range_test
    from clr_study.search.plan import PhasePlan, Plan, plan_study
    from clr_study.search.run import run_range_test, run_study
    from clr_study.search.tuning import tune
    from clr_study.search.upkeep import Pruned, copy_study, prune_checkpoints
    from clr_study.where import Where

__all__ = [
    "FoundBounds",
    "PhasePlan",
    "Plan",
    "Pruned",
    "Where",
    "copy_study",
    "plan_study",
    "prune_checkpoints",
    "range_test",
    "run_range_test",
    "run_study",
    "serve_dashboard",
    "tune",
]

_HOMES = {
    "clr_study.search.dashboard": {"serve_dashboard"},
    "clr_study.search.one_call": {"FoundBounds", "range_test"},
    "clr_study.search.plan": {"PhasePlan", "Plan", "plan_study"},
    "clr_study.search.run": {"run_range_test", "run_study"},
    "clr_study.search.tuning": {"tune"},
    "clr_study.search.upkeep": {"Pruned", "copy_study", "prune_checkpoints"},
    "clr_study.where": {"Where"},
}


def __getattr__(name: str) -> Any:
    # Looked up on demand, so that the dashboard and the upkeep of a storage do not wait seconds for torch.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

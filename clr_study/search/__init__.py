"""Running a study: ask, pack, prune, tell, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clr_study.on_demand import on_demand
from clr_study.search import quiet as quiet  # before anything else imports Optuna
from clr_study.where import Where

if TYPE_CHECKING:
    from clr_study.search.dashboard import serve_dashboard
    from clr_study.search.one_call import FoundBounds, range_test
    from clr_study.search.plan import PhasePlan, Plan, plan_study
    from clr_study.search.run import run_range_test, run_study
    from clr_study.search.tuning import tune
    from clr_study.search.upkeep import Pruned, copy_study, prune_checkpoints

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
    "dashboard": {"serve_dashboard"},
    "one_call": {"FoundBounds", "range_test"},
    "plan": {"PhasePlan", "Plan", "plan_study"},
    "run": {"run_range_test", "run_study"},
    "tuning": {"tune"},
    "upkeep": {"Pruned", "copy_study", "prune_checkpoints"},
}


def __getattr__(name: str) -> Any:
    # The dashboard and the upkeep of a storage do not wait seconds for torch.
    return on_demand(__name__, _HOMES, name)

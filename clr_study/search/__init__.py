"""Running a study: ask, pack, prune, tell, measure."""

from clr_study.search.dashboard import serve_dashboard
from clr_study.search.one_call import FoundBounds, range_test
from clr_study.search.plan import PhasePlan, Plan, plan_study
from clr_study.search.run import run_range_test, run_study
from clr_study.search.tune import tune
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

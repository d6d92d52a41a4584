"""What the measurements say, with intervals: pure functions over values, numpy and scipy only."""

from clr_study.analysis.across import Across, across, change
from clr_study.analysis.bounds import BOUND_RULES, Bounds
from clr_study.analysis.compare import compare
from clr_study.analysis.comparison import ArmSummary, Comparison, Difference, Estimate, TimeToTarget
from clr_study.analysis.cost import Cost, ledger
from clr_study.analysis.effort import Effort, effort, leaders
from clr_study.analysis.importance import Importance, importance
from clr_study.analysis.profiles import Profile, median_times, profile
from clr_study.analysis.sensitivity import Sensitivity, VarianceSplit, sensitivity, variance_split

__all__ = [
    "BOUND_RULES",
    "Across",
    "ArmSummary",
    "Bounds",
    "Comparison",
    "Cost",
    "Difference",
    "Effort",
    "Estimate",
    "Importance",
    "Profile",
    "Sensitivity",
    "TimeToTarget",
    "VarianceSplit",
    "across",
    "change",
    "compare",
    "effort",
    "importance",
    "leaders",
    "ledger",
    "median_times",
    "profile",
    "sensitivity",
    "variance_split",
]

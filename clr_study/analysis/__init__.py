"""What the measurements say, with intervals: pure functions over values, numpy and scipy only."""

from clr_study.analysis.compare import compare
from clr_study.analysis.comparison import ArmSummary, Comparison, Difference, Estimate, TimeToTarget

__all__ = ["ArmSummary", "Comparison", "Difference", "Estimate", "TimeToTarget", "compare"]

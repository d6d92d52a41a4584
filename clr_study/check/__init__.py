"""The check of a study at its corners."""

from clr_study.check.corners import CheckReport, check_study
from clr_study.check.goal import check_goal

__all__ = ["CheckReport", "check_goal", "check_study"]

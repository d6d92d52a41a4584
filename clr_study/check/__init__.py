"""The check of a study at its corners."""

from clr_study.check.corners import CheckReport, check_study

__all__ = ["CheckReport", "check_study"]

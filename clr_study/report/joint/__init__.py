"""The figures over several studies, one a file."""

from clr_study.report.figure import JOINT_FIGURES
from clr_study.report.joint.leads import Leads
from clr_study.report.joint.profile import Profile

__all__ = ["JOINT_FIGURES", "Leads", "Profile"]

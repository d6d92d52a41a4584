"""The figures over several studies, one a file."""

from clr_study.report.figure import JOINT_FIGURES
from clr_study.report.joint.leads import Leads
from clr_study.report.joint.profile import Profile
from clr_study.report.joint.study_to_study import StudyToStudy

__all__ = ["JOINT_FIGURES", "Leads", "Profile", "StudyToStudy"]

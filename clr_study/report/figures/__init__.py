"""The figures of the report, one a file."""

from clr_study.report.figure import FIGURES
from clr_study.report.figures.cost import Cost
from clr_study.report.figures.divergence import Divergence
from clr_study.report.figures.effort import Effort
from clr_study.report.figures.final import Final
from clr_study.report.figures.forest import Forest
from clr_study.report.figures.importance import Importance
from clr_study.report.figures.learning import Learning
from clr_study.report.figures.learning_over_lr import LearningOverLr
from clr_study.report.figures.printed import Printed
from clr_study.report.figures.range_test import RangeTest
from clr_study.report.figures.schedules import Schedules
from clr_study.report.figures.search import Search
from clr_study.report.figures.sensitivity import Sensitivity
from clr_study.report.figures.step_size_map import StepSizeMap
from clr_study.report.figures.time_to_target import TimeToTarget
from clr_study.report.figures.timeline import Timeline

__all__ = [
    "FIGURES",
    "Cost",
    "Divergence",
    "Effort",
    "Final",
    "Forest",
    "Importance",
    "Learning",
    "LearningOverLr",
    "Printed",
    "RangeTest",
    "Schedules",
    "Search",
    "Sensitivity",
    "StepSizeMap",
    "TimeToTarget",
    "Timeline",
]

"""Where each arm stands against the best of its study, study by study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.report.figure import JOINT_FIGURES, Absent, JointFigure
from clr_study.report.figures.forest import Forest, ForestInfo, against_best
from clr_study.report.table import Table
from clr_study.report.theme import Theme


@JOINT_FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Leads(JointFigure[ForestInfo]):
    """A panel a study: the paired difference of each arm to the best one, with its 95 % interval and its adjusted p.

    Examples:
        figures = [{ kind = "leads" }]
    """

    title = "How far the others are behind"

    def summarise(self, comparisons: Mapping[str, Comparison]) -> ForestInfo | Absent:
        """Returns the differences of each study in which an arm can be called best."""
        families = [
            against_best(comparison, f"best in {study}")
            for study, comparison in comparisons.items()
            if comparison.best is not None
        ]
        shown = tuple(family for family in families if any(math.isfinite(row.estimate.value) for row in family.rows))
        return ForestInfo(shown) if shown else Absent("In none of the studies have two arms shared a seed.")

    def draw(self, info: ForestInfo, theme: Theme) -> go.Figure:
        """Returns a panel a study."""
        return Forest().draw(info, theme)

    def caption(self, info: ForestInfo) -> str:
        """Returns every difference with its interval, p and number of pairs."""
        return Forest().caption(info)

    def table(self, info: ForestInfo) -> Table:
        """Returns a row a study and arm."""
        return Forest().table(info)

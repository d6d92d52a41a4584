"""Learning curves beside what the paper prints of their ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.report.figure import FIGURES, Absent
from clr_study.report.figures.learning import Learning, LearningInfo
from clr_study.report.marks import dots
from clr_study.report.theme import Theme
from clr_study.spec import Results, printed_rows

# Stars of one update that are nearer to each other than this share of the view would hide one another.
NEAR = 0.05
SIZE, SMALL, STEP = 15, 11, 8


@dataclass(frozen=True)
class PrintedInfo(LearningInfo):
    """What the figure shows.

    Args:
        marks: Arm, last update and the accuracy that the paper prints for it, as a share.
    """

    marks: tuple[tuple[str, int, float], ...] = ()

    @property
    def places(self) -> Counter[tuple[int, float]]:
        """How many arms share each star."""
        return Counter((update, value) for _, update, value in self.marks)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of each star; of those that nearly share a place an earlier one is larger, and looks out from under."""
        near, places = NEAR * (self.view[1] - self.view[0]), list(self.places)
        crowds = [
            [other for other in places if other[0] == update and abs(other[1] - value) < near]
            for _, update, value in self.marks
        ]
        return tuple(
            SIZE if len(crowd) == 1 else SMALL + STEP * (len(crowd) - 1 - crowd.index((update, value)))
            for crowd, (_, update, value) in zip(crowds, self.marks, strict=True)
        )


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Printed(Learning):
    """Learning curves with a star where the paper's run ends, for arms that are readings of a printed row.

    Args:
        column: Which column; `deciding` is the metric on which the arms are compared.
    """

    title = "Learning curves and what the paper prints"

    def summarise(self, results: Results, comparison: Comparison) -> PrintedInfo | Absent:
        """Returns the curves, and the printed accuracies of those arms that have one."""
        info = super().summarise(results, comparison)
        if isinstance(info, Absent):
            return info
        ends = {curve.arm: int(curve.updates[-1]) for curve in info.curves}
        marks = tuple(
            (arm, ends[arm], printed_rows()[row.row].accuracy / 100)
            for row in results.study.paper
            for arm in row.arms
            if arm in ends
        )
        values = [value for _, _, value in marks]
        view = (min([info.view[0], *values]), max([info.view[1], *values]))
        return PrintedInfo(**vars(replace(info, view=view)), marks=marks)

    def draw(self, info: LearningInfo, theme: Theme) -> go.Figure:
        """Returns the learning curves with a star for each printed accuracy."""
        drawing = super().draw(info, theme)
        if not isinstance(info, PrintedInfo):
            return drawing
        for size, (arm, update, value) in zip(info.sizes, info.marks, strict=True):
            star: dict[str, Any] = {"symbol": "star", "size": size, "line": {"color": theme.ink, "width": 1}}
            if info.places[update, value] > 1:
                star["color"] = theme.ink  # the colour of one arm would hide the others
            drawing.add_trace(
                dots(
                    theme,
                    arm,
                    [update],
                    [value],
                    marker=star,
                    cliponaxis=False,
                    hovertemplate=f"<b>{arm}</b>, the paper prints %{{y:.1%}}<extra></extra>",
                )
            )
        return drawing

    def caption(self, info: LearningInfo) -> str:
        """Returns what the lines are, and what the stars."""
        if not isinstance(info, PrintedInfo) or not info.marks:
            return super().caption(info)
        shared = "; one in no arm's colour is for several of them" if len(info.places) < len(info.marks) else ""
        return f"{super().caption(info)} A star is what the paper prints for the end of its run at full length{shared}."

"""The learning rate of each arm over a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import line
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import thinned
from clr_study.report.words import inert, settings
from clr_study.schedules import schedule_from_dict
from clr_study.spec import Results


@dataclass(frozen=True)
class ScheduleCurve:
    """The learning rate of one arm's measured runs.

    Args:
        arm: Whose.
        n: How many measured runs that ended have followed it.
        words: The schedule with its arguments.
        updates: Updates [T], counted from 0.
        lrs: The learning rate of each [T].
    """

    arm: str
    n: int
    words: str
    updates: tuple[float, ...]
    lrs: tuple[float, ...]


@dataclass(frozen=True)
class ScheduleInfo:
    """What the figure shows.

    Args:
        curves: One an arm.
        searched: Whether they won a search; otherwise the study file gave them.
        searches: How many searches an arm had.
    """

    curves: tuple[ScheduleCurve, ...]
    searched: bool
    searches: int = 1


def of_many(searches: int) -> str:
    """Returns which of the schedules that won an arm's searches is drawn."""
    return (
        f"Of each arm the schedule that was confirmed best among the winners of its {searches} searches; each measured "
        "run followed that of a search of its own."
    )


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Schedules(Figure[ScheduleInfo]):
    """The learning rate of each arm, update by update.

    Args:
        log: Whether the scale of learning rates is logarithmic; one that reaches 0 then leaves the picture.
    """

    title = "Learning rate of each arm"

    log: bool = False

    def summarise(self, results: Results, comparison: Comparison) -> ScheduleInfo | Absent:
        """Returns the curves; an arm without a winner has none."""
        curves = []
        for summary in comparison.arms:
            if summary.schedule and summary.updates:
                lrs = schedule_from_dict(summary.schedule).table(summary.updates)
                x, y = thinned(np.arange(len(lrs)), lrs)
                curves.append(ScheduleCurve(summary.arm, summary.n, settings(summary.schedule, summary.values), x, y))
        return (
            ScheduleInfo(tuple(curves), results.study.search is not None, results.study.searches)
            if curves
            else Absent("No arm has a winner yet, so there is no schedule to draw.")
        )

    def draw(self, info: ScheduleInfo, theme: Theme) -> go.Figure:
        """Returns one line an arm."""
        traces = [
            line(
                theme,
                curve.arm,
                curve.updates,
                curve.lrs,
                text=inert(curve.words),
                hovertemplate=f"<b>{curve.arm}</b><br>%{{text}}<br>update %{{x}}: lr %{{y:.4~g}}<extra></extra>",
            )
            for curve in info.curves
        ]
        scale = {"type": "log"} if self.log else {"rangemode": "tozero"}
        return theme.figure(
            traces,
            xaxis={"title": {"text": "updates"}},
            yaxis={"title": {"text": "learning rate"}, "exponentformat": "power", **scale},
            showlegend=True,
        )

    def caption(self, info: ScheduleInfo) -> str:
        """Returns what the lines are, and how many runs followed them."""
        runs = ", ".join(f"{curve.arm} {curve.n}" for curve in info.curves)
        which = "that won the search of each arm" if info.searched else "that the study file gives each arm"
        if info.searches > 1:
            return f"{of_many(info.searches)} Runs: {runs}."
        return f"The schedule {which}, which all its measured runs followed. Runs: {runs}."

    def table(self, info: ScheduleInfo) -> Table:
        """Returns the drawn points."""
        return Table.of(
            ("arm", "update", "lr"),
            [
                (curve.arm, int(at), lr)
                for curve in info.curves
                for at, lr in zip(curve.updates, curve.lrs, strict=True)
            ],
        )

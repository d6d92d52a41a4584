"""Learning curves above the learning rates that made them, on one axis of updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.words import listed
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.figures.learning import Learning, LearningCurve, LearningInfo
from clr_study.report.figures.schedules import ScheduleCurve, Schedules, of_many
from clr_study.report.marks import band, hover_form, line, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import inert
from clr_study.schedules import schedule_from_dict
from clr_study.spec import Results

HEIGHT = 520
UPPER, LOWER = (0.42, 1.0), (0.0, 0.36)
ENDS_AXIS = {"range": [0, 1], "fixedrange": True, "visible": False}


@dataclass(frozen=True)
class LearningOverLrInfo:
    """What the figure shows.

    Args:
        learning: The upper panel.
        schedules: The lower panel: the learning rate of each arm that has a learning curve.
        rates: The learning rate of the last update before each point of the upper panel, arm by arm.
        boundaries: The updates at which each cyclical arm's cycles end, as far as they are drawn.
        searches: How many searches an arm had.
    """

    learning: LearningInfo
    schedules: tuple[ScheduleCurve, ...]
    rates: tuple[tuple[float, ...], ...]
    boundaries: tuple[tuple[str, tuple[float, ...]], ...]
    searches: int = 1


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class LearningOverLr(Figure[LearningOverLrInfo]):
    """The mean of the deciding metric above the learning rate, over the same updates, the ends of cycles marked."""

    title = "Learning above the learning rate"

    def summarise(self, results: Results, comparison: Comparison) -> LearningOverLrInfo | Absent:
        """Returns both panels of every arm of which a measured run has the metric."""
        learning = Learning().summarise(results, comparison)
        schedules = Schedules().summarise(results, comparison)
        if isinstance(learning, Absent):
            return learning
        if isinstance(schedules, Absent):
            return schedules
        arms = {curve.arm for curve in learning.curves}
        return LearningOverLrInfo(
            learning,
            tuple(curve for curve in schedules.curves if curve.arm in arms),
            tuple(_rates(curve, comparison.arm(curve.arm).schedule) for curve in learning.curves),
            tuple((curve.arm, ends) for curve in learning.curves if (ends := _boundaries(curve))),
            schedules.searches,
        )

    def draw(self, info: LearningOverLrInfo, theme: Theme) -> go.Figure:
        """Returns two panels, with a vertical line through both where a cycle ends."""
        learning, form = info.learning, hover_form(info.learning.column)
        traces = [_ends(arm, ends, theme, yaxis=axis) for arm, ends in info.boundaries for axis in ("y3", "y4")]
        traces += [band(theme, curve.arm, curve.updates, curve.low, curve.high) for curve in learning.curves]
        for curve in learning.curves:
            hover = f"<b>{curve.arm}</b>, n = {curve.n}<br>update %{{x}}: %{{y:{form}}}<extra></extra>"
            traces.append(line(theme, curve.arm, curve.updates, curve.mean, hovertemplate=hover))
        for rate in info.schedules:
            hover = f"<b>{rate.arm}</b><br>%{{text}}<br>update %{{x}}: lr %{{y:.4~g}}<extra></extra>"
            more = {"text": inert(rate.words), "hovertemplate": hover, "showlegend": False, "yaxis": "y2"}
            traces.append(line(theme, rate.arm, rate.updates, rate.lrs, **more))
        low, high = learning.view
        margin = 0.04 * (high - low)
        return theme.figure(
            traces,
            showlegend=True,
            height=HEIGHT,
            xaxis={"title": {"text": "updates"}, "anchor": "y2"},
            yaxis={**metric_axis(learning.column), "range": [low - margin, high + margin], "domain": list(UPPER)},
            yaxis2={
                "title": {"text": "learning rate"},
                "rangemode": "tozero",
                "exponentformat": "power",
                "domain": list(LOWER),
                "anchor": "x",
            },
            # The lines of cycle ends fill their panel, wherever it is zoomed to.
            yaxis3={**ENDS_AXIS, "overlaying": "y"},
            yaxis4={**ENDS_AXIS, "overlaying": "y2"},
        )

    def caption(self, info: LearningOverLrInfo) -> str:
        """Returns how to read the panels together, and the number of runs and cycles."""
        counts = ", ".join(f"{curve.arm} {curve.n}" for curve in info.learning.curves)
        cycles = listed([f"{arm} {len(ends)}" for arm, ends in info.boundaries])
        ends = f" A dotted line ends a cycle, where the rate is at its minimum: {cycles}." if cycles else ""
        cut = " The steepest parts lie outside the view; a double click shows all." if info.learning.cut else ""
        below = f" {of_many(info.searches)}" if info.searches > 1 else ""
        return (
            f"Above: the {info.learning.lines}. Below: the learning rate at the same update.{below} A rising rate "
            f"often costs for a while what the falling one brings back.{ends} Runs: {counts}.{cut}"
        )

    def table(self, info: LearningOverLrInfo) -> Table:
        """Returns a row an arm and evaluation, with the learning rate of the update before it."""
        metric = info.learning.column
        rows = [
            (curve.arm, int(at), mean, alive, lr)
            for curve, lrs in zip(info.learning.curves, info.rates, strict=True)
            for at, mean, alive, lr in zip(curve.updates, curve.mean, curve.alive, lrs, strict=True)
        ]
        return Table.of(("arm", "update", f"mean {metric}", "n", "lr of the last step"), rows)


def _rates(curve: LearningCurve, schedule: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(schedule_from_dict(schedule)(np.array(curve.updates, dtype=np.int64) - 1).tolist())


def _boundaries(curve: LearningCurve) -> tuple[float, ...]:
    return tuple(at for at, _ in curve.marks)


def _ends(arm: str, ends: tuple[float, ...], theme: Theme, **where: str) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for at in ends:
        x += [at, at, None]
        y += [0, 1, None]
    stroke = {"width": 1, "dash": "dot"}
    return line(theme, arm, x, y, line=stroke, opacity=0.55, hoverinfo="skip", showlegend=False, **where)

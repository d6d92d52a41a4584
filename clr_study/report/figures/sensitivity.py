"""How much the setting matters: the score against each drawn value, and where the good ones lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, Estimate
from clr_study.analysis import sensitivity as sensitivity_of
from clr_study.analysis.words import column, in_percent, number
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.figures.search import drawn_axis
from clr_study.report.marks import arranged, axes, dots, hover_form, log_axis, metric_axis, panel_name
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import fewer, fewer_words
from clr_study.report.words import inert, scalar
from clr_study.spec import Results

# So many margins below the best the picture ends; what is worse lies on its edge, or the good ones would be one line.
MARGINS_IN_VIEW = 10


@dataclass(frozen=True)
class SensitivityPoint:
    """One trial.

    Args:
        trial: Its number.
        x: What was drawn.
        score: Its score; None where it did not complete.
        near: Whether it comes near the best.
    """

    trial: int
    x: float | str
    score: float | None
    near: bool


@dataclass(frozen=True)
class SensitivityPanel:
    """The trials of one arm against one drawn value.

    Args:
        arm: Which.
        name: What was drawn, with its unit.
        log: Whether it is drawn on a log scale.
        region: Between which values the trials near the best lie; None where words were drawn.
        points: One a trial.
    """

    arm: str
    name: str
    log: bool
    region: tuple[float, float] | None
    points: tuple[SensitivityPoint, ...]


@dataclass(frozen=True)
class SensitivityArm:
    """One arm in a line.

    Args:
        arm: Which.
        best: Its best score.
        margin: What still counts as near it.
        near: The part of its trials that come near, with a Wilson interval.
    """

    arm: str
    best: float
    margin: float
    near: Estimate


@dataclass(frozen=True)
class SensitivityInfo:
    """What the figure shows.

    Args:
        metric: The column of the scores.
        higher_is_better: Whether more of it is better.
        arms: Those that were searched evenly.
        panels: One an arm and drawn value.
        refused: A sentence for each arm that is not shown.
    """

    metric: str
    higher_is_better: bool
    arms: tuple[SensitivityArm, ...]
    panels: tuple[SensitivityPanel, ...]
    refused: tuple[str, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Sensitivity(Figure[SensitivityInfo]):
    """The score of every trial against each value drawn for it, arm by arm, the region near the best shaded."""

    title = "How much the setting matters"

    def summarise(self, results: Results, comparison: Comparison) -> SensitivityInfo | Absent:
        """Returns a panel for each drawn value of each arm that was searched evenly, and why others have none."""
        if not any(arm.space for arm in results.study.arms):
            return Absent("Nothing was searched: every arm ran as it stands in the study file.")
        metric = f"validation_{results.study.metric}"
        arms, panels, refused = [], [], []
        for arm in results.study.arms:
            found, reason = sensitivity_of(results, arm.name)
            if found is None:
                refused.append(reason)
                continue
            arms.append(SensitivityArm(arm.name, found.best, found.margin, found.near))
            runs = [run for run in results.of(arm.name, "search") if run.ending is not None]
            for drawn, hole in arm.space.items():
                points = []
                for run in runs:
                    score, value = run.final(metric), run.values[drawn]
                    known = math.isfinite(score)
                    points.append(
                        SensitivityPoint(
                            trial=run.key.trial,
                            x=value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value),
                            score=score if known else None,
                            near=known and abs(score - found.best) <= found.margin + 1e-12,
                        )
                    )
                name, log = drawn_axis(drawn, hole)
                panels.append(SensitivityPanel(arm.name, name, log, found.regions.get(drawn), tuple(points)))
        refused = list(dict.fromkeys(refused))
        if not panels:
            return Absent(" ".join(refused))
        return SensitivityInfo(metric, comparison.higher_is_better, tuple(arms), tuple(panels), tuple(refused))

    def draw(self, info: SensitivityInfo, theme: Theme) -> go.Figure:
        """Returns a panel an arm and drawn value; hollow dots are not near the best, those on the edge are worse."""
        layout = arranged(len(info.panels), columns=3, height=250)
        view = _view(info)
        traces, names = [], []
        for index, panel in enumerate(info.panels):
            x, y = axes(index)
            if panel.region:
                traces.append(_shading(panel, view, theme, xaxis=x, yaxis=y))
            traces.append(_trials(panel, info, view, theme, xaxis=x, yaxis=y))
            names.append(panel_name(panel.arm, x, y, theme))
            layout[f"xaxis{x[1:]}"] |= {"title": {"text": inert(panel.name)}, **_scale(panel)}
            layout[f"yaxis{y[1:]}"] |= {**metric_axis(info.metric), "range": _padded(view), "title": {"text": ""}}
        layout["yaxis"] |= {"title": metric_axis(info.metric)["title"]}
        return theme.figure(
            traces,
            showlegend=False,
            annotations=names,
            margin={"l": 64, "r": 16, "t": 36, "b": 48},
            **layout,
        )

    def caption(self, info: SensitivityInfo) -> str:
        """Returns the part of the trials near the best, arm by arm."""
        shares = "; ".join(
            f"{arm.arm} {_percent(arm.near)} of n = {arm.near.n} trials, best {number(arm.best, info.metric)}"
            for arm in info.arms
        )
        margin = "1 point" if in_percent(info.metric) else "a twentieth"
        refused = f" Not shown: {' '.join(info.refused)}" if info.refused else ""
        return (
            f"A dot is one trial: its {column(info.metric)} against what was drawn for it. Filled dots come within "
            f"{margin} of the arm's best, and the shaded region reaches from the first to the last of them: a wide one "
            "forgives a poor guess. Triangles on the edge lie outside the view, crosses did not complete. Near the "
            f"best: {shares}.{refused}" + fewer_words(len(panel.points) for panel in info.panels)
        )

    def table(self, info: SensitivityInfo) -> Table:
        """Returns a row a trial and drawn value."""
        return Table.of(
            ("arm", "trial", "drawn", "value", info.metric, "near the best", "region low", "region high"),
            [
                (
                    panel.arm,
                    point.trial,
                    panel.name,
                    point.x,
                    point.score,
                    "yes" if point.near else "no",
                    *(panel.region or (None, None)),
                )
                for panel in info.panels
                for point in panel.points
            ],
        )


def _percent(share: Estimate) -> str:
    return f"{100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _view(info: SensitivityInfo) -> tuple[float, float]:
    """The worst and the best score in view, in this order."""
    scores = [point.score for panel in info.panels for point in panel.points if point.score is not None]
    sign = 1 if info.higher_is_better else -1
    best = max(sign * arm.best for arm in info.arms)
    least = min(sign * arm.best - arm.margin for arm in info.arms)
    margin = max(arm.margin for arm in info.arms) or 1.0
    worst = max(min(sign * score for score in scores), min(least, best - MARGINS_IN_VIEW * margin))
    return sign * min(worst, best - margin), sign * best


def _padded(view: tuple[float, float]) -> list[float]:
    worst, best = view
    span = best - worst
    return sorted((worst - 0.14 * span, best + 0.05 * span))


def _scale(panel: SensitivityPanel) -> dict[str, object]:
    if any(isinstance(point.x, str) for point in panel.points):
        return {"type": "category"}
    return log_axis() if panel.log else {"type": "linear"}


def _shading(panel: SensitivityPanel, view: tuple[float, float], theme: Theme, **where: str) -> go.Scatter:
    assert panel.region is not None
    low, high = panel.region
    bottom, top = _padded(view)
    return go.Scatter(
        x=[low, high, high, low, low],
        y=[bottom, bottom, top, top, bottom],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=theme.style(panel.arm).faded(0.16),
        hoverinfo="skip",
        name=panel.arm,
        legendgroup=panel.arm,
        showlegend=False,
        **where,
    )


def _trials(
    panel: SensitivityPanel, info: SensitivityInfo, view: tuple[float, float], theme: Theme, **where: str
) -> go.Scatter:
    style, (worst, best) = theme.style(panel.arm), view
    points = fewer(panel.points, lambda point: point.x, lambda point: point.score)
    edge = worst - 0.08 * (best - worst)
    pointing = "triangle-down-open" if info.higher_is_better else "triangle-up-open"

    def symbol(point: SensitivityPoint) -> str:
        if point.score is None:
            return "x-thin"
        if _outside(point.score, view):
            return pointing
        return style.symbol if point.near else f"{style.symbol}-open"

    return dots(
        theme,
        panel.arm,
        [inert(point.x) if isinstance(point.x, str) else point.x for point in points],
        [edge if point.score is None or _outside(point.score, view) else point.score for point in points],
        marker={"symbol": [symbol(point) for point in points], "line": {"color": style.colour, "width": 1.5}},
        text=[_hover(panel, point, info) for point in points],
        hovertemplate="%{text}<extra></extra>",
        **where,
    )


def _outside(score: float, view: tuple[float, float]) -> bool:
    worst, best = view
    return score < worst if best > worst else score > worst


def _hover(panel: SensitivityPanel, point: SensitivityPoint, info: SensitivityInfo) -> str:
    form = hover_form(info.metric).replace("~", "")
    said = "did not complete" if point.score is None else format(point.score, form)
    return f"<b>{panel.arm}</b>, trial {point.trial}<br>{inert(f'{panel.name} {scalar(point.x)}')}: {said}"

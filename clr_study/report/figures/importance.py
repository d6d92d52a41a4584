"""Which of the drawn values decide whether a setting is good."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis import Importance as Found
from clr_study.analysis import importance as importance_of
from clr_study.analysis.words import listed, p_value
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import arranged, axes, panel_name
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import inert
from clr_study.spec import Results

ALPHA = 0.05
BAR = 34


@dataclass(frozen=True)
class ImportanceInfo:
    """What the figure shows.

    Args:
        arms: What matters in each arm, the most important first.
        refused: A sentence for each arm that is not shown.
    """

    arms: tuple[tuple[str, tuple[Found, ...]], ...]
    refused: tuple[str, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Importance(Figure[ImportanceInfo]):
    """How much each drawn value matters, arm by arm, by PED-ANOVA; pale where chance gives as much."""

    title = "Which values matter"

    def summarise(self, results: Results, comparison: Comparison) -> ImportanceInfo | Absent:
        """Returns the importance of each drawn value of each arm with enough trials, and why others have none."""
        if not any(arm.space for arm in results.study.arms):
            return Absent("Nothing was searched: every arm ran as it stands in the study file.")
        arms, refused = [], []
        for arm in results.study.arms:
            found, reason = importance_of(results, arm.name, seed=comparison.seed)
            if found:
                arms.append((arm.name, found))
            else:
                refused.append(reason)
        if not arms:
            return Absent(" ".join(refused))
        return ImportanceInfo(tuple(arms), tuple(refused))

    def draw(self, info: ImportanceInfo, theme: Theme) -> go.Figure:
        """Returns a panel of bars an arm."""
        tallest = max(len(found) for _, found in info.arms)
        layout = arranged(len(info.arms), columns=2, height=70 + BAR * tallest, gap=0.2)
        traces, names = [], []
        for index, (arm, found) in enumerate(info.arms):
            x, y = axes(index)
            traces.append(_bars(arm, found, theme, xaxis=x, yaxis=y))
            names.append(panel_name(arm, x, y, theme))
            layout[f"xaxis{x[1:]}"] |= {"range": [0, 1.02], "tickformat": ".0%", "title": {"text": "importance"}}
            layout[f"yaxis{y[1:]}"] |= {
                "tickvals": list(range(len(found))),
                "ticktext": [inert(each.name) for each in found],
                "range": [tallest - 0.4, -0.6],
                "showgrid": False,
                "zeroline": False,
            }
        return theme.figure(
            traces,
            showlegend=False,
            annotations=names,
            bargap=0.35,
            margin={"l": 96, "r": 16, "t": 36, "b": 48},
            **layout,
        )

    def caption(self, info: ImportanceInfo) -> str:
        """Returns what a bar is, what is more than chance, and on how many trials it rests."""
        said = "; ".join(f"{arm}, n = {found[0].trials}: {_what_matters(found)}" for arm, found in info.arms)
        refused = f" Not shown: {' '.join(info.refused)}" if info.refused else ""
        few = " Few trials tell only what matters much." if any(each[0].trials < 50 for _, each in info.arms) else ""
        return (
            "How far the best tenth of the trials, at least five, is from being spread as all are (PED-ANOVA), as a "
            "share of all values drawn for the arm. A pale bar is no more than chance: shuffled scores give as much in "
            f"at least 5 % of the cases. {said}.{few}{refused}"
        )

    def table(self, info: ImportanceInfo) -> Table:
        """Returns a row an arm and drawn value."""
        return Table.of(
            ("arm", "drawn", "importance", "p by shuffles", "trials", "best trials"),
            [
                (arm, each.name, each.share, each.p, each.trials, each.best)
                for arm, found in info.arms
                for each in found
            ],
        )


def _what_matters(found: tuple[Found, ...]) -> str:
    if math.isnan(found[0].p):
        return f"{found[0].name} most, but its sampler learned from its trials, so chance cannot be told"
    known = [f"{each.name} ({p_value(each.p)})" for each in found if each.p < ALPHA]
    return f"{listed(known)} more than chance" if known else "nothing more than chance"


def _bars(arm: str, found: tuple[Found, ...], theme: Theme, **where: str) -> go.Bar:
    style = theme.style(arm)
    return go.Bar(
        x=[each.share for each in found],
        y=list(range(len(found))),
        orientation="h",
        name=arm,
        legendgroup=arm,
        marker={
            "color": [style.faded(0.25) if each.p >= ALPHA else style.colour for each in found],
            "line": {"color": style.colour, "width": 1},
        },
        text=[_hover(arm, each) for each in found],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
        **where,
    )


def _hover(arm: str, each: Found) -> str:
    sure = "" if math.isnan(each.p) else f", {p_value(each.p)} by shuffles"
    return f"<b>{arm}</b>, {inert(each.name)}<br>{each.share:.0%}{sure}<br>{each.best} best of {each.trials} trials"

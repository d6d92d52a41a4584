"""Where the runs ended: every seed a dot, pairs joined, means with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, Estimate
from clr_study.analysis.words import column
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import dots, hover_form, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import HEIGHT, Theme
from clr_study.report.words import with_interval
from clr_study.spec import Results

# Beside more arms than these the names stand upright, and would take the height of the runs.
TURNED, LETTER = 12, 7
SPREAD = 0.2
MEAN_AT = 0.32


@dataclass(frozen=True)
class FinalArm:
    """The measured runs of one arm.

    Args:
        arm: Which.
        runs: Seed and final value of each completed run, by seed.
        mean: Their mean with its interval.
        incomplete: How many runs ended without completing.
    """

    arm: str
    runs: tuple[tuple[int, float], ...]
    mean: Estimate
    incomplete: int


@dataclass(frozen=True)
class FinalInfo:
    """What the figure shows."""

    metric: str
    arms: tuple[FinalArm, ...]


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Final(Figure[FinalInfo]):
    """The final value of every measured run, with the mean of each arm and its 95 % interval."""

    title = "Where every run ended"

    def summarise(self, results: Results, comparison: Comparison) -> FinalInfo | Absent:
        """Returns the final values of the completed runs."""
        arms = []
        for summary in comparison.arms:
            ended = [(run.key.seed, run.final(comparison.metric)) for run in results.of(summary.arm, "measure")]
            runs = tuple(sorted((seed, value) for seed, value in ended if math.isfinite(value)))
            arms.append(FinalArm(summary.arm, runs, summary.final, summary.incomplete))
        if not any(arm.runs for arm in arms):
            return Absent("No measured run has completed, so there is no final value to show.")
        return FinalInfo(comparison.metric, tuple(arms))

    def draw(self, info: FinalInfo, theme: Theme) -> go.Figure:
        """Returns dots, pairs and means."""
        seeds = sorted({seed for arm in info.arms for seed, _ in arm.runs})
        offset = {seed: SPREAD * (2 * index / max(1, len(seeds) - 1) - 1) for index, seed in enumerate(seeds)}
        traces = [_pairs(info, offset, theme)]
        for place, arm in enumerate(info.arms):
            form = hover_form(info.metric)
            traces.append(
                dots(
                    theme,
                    arm.arm,
                    [place + offset[seed] for seed, _ in arm.runs],
                    [value for _, value in arm.runs],
                    customdata=[seed for seed, _ in arm.runs],
                    marker={"opacity": 0.85},
                    hovertemplate=f"<b>{arm.arm}</b>, seed %{{customdata}}<br>%{{y:{form}}}<extra></extra>",
                )
            )
            traces.append(_mean(arm, place, info.metric, theme))
        return theme.figure(
            traces,
            showlegend=False,
            height=HEIGHT + (LETTER * max(len(arm.arm) for arm in info.arms) if len(info.arms) > TURNED else 0),
            meta={"narrow": {"xaxis.tickfont.size": 10}},
            xaxis={
                "tickvals": list(range(len(info.arms))),
                "ticktext": [_label(arm) for arm in info.arms],
                "autotickangles": [0, -40, -90],
                "range": [-0.5, len(info.arms) - 0.4],
                "showgrid": False,
                "zeroline": False,
            },
            yaxis=metric_axis(info.metric),
        )

    def caption(self, info: FinalInfo) -> str:
        """Returns what the dots are and where the means lie."""
        means = "; ".join(f"{arm.arm} {with_interval(arm.mean, info.metric)}, n = {arm.mean.n}" for arm in info.arms)
        return (
            f"Final {column(info.metric)}: a dot is one run from one seed, a thin line joins the runs of two arms from "
            f"the same seed, the bar beside them is the mean with its 95 % interval. {means}."
        )

    def table(self, info: FinalInfo) -> Table:
        """Returns a row a run."""
        return Table.of(
            ("arm", "seed", info.metric), [(arm.arm, seed, value) for arm in info.arms for seed, value in arm.runs]
        )


def _label(arm: FinalArm) -> str:
    of = f" of {len(arm.runs) + arm.incomplete}" if arm.incomplete else ""
    return f"{arm.arm}<br>n = {len(arm.runs)}{of}"


def _mean(arm: FinalArm, place: int, metric: str, theme: Theme) -> go.Scatter:
    known = math.isfinite(arm.mean.low) and math.isfinite(arm.mean.high)
    return dots(
        theme,
        arm.arm,
        [place + MEAN_AT],
        [arm.mean.value],
        marker={"size": 12, "line": {"color": theme.ink, "width": 1.5}},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [arm.mean.high - arm.mean.value if known else 0],
            "arrayminus": [arm.mean.value - arm.mean.low if known else 0],
            "color": theme.ink,
            "thickness": 1.5,
            "width": 5,
        },
        hovertemplate=f"<b>{arm.arm}</b>, mean of {arm.mean.n}<br>{with_interval(arm.mean, metric)}<extra></extra>",
    )


def _pairs(info: FinalInfo, offset: dict[int, float], theme: Theme) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    values = [dict(arm.runs) for arm in info.arms]
    for seed in offset:
        for place, known in enumerate(values):
            value = known.get(seed)
            x.append(None if value is None else place + offset[seed])
            y.append(value)
        x.append(None)
        y.append(None)
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": theme.pale, "width": 1},
        hoverinfo="skip",
        showlegend=False,
        connectgaps=False,
    )

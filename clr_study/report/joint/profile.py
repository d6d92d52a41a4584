"""Performance profiles: how often an arm is nearly as fast as the fastest one, over several studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, median_times, profile
from clr_study.analysis.words import listed
from clr_study.report.figure import JOINT_FIGURES, Absent, JointFigure
from clr_study.report.marks import line
from clr_study.report.table import Table
from clr_study.report.theme import Theme

BEYOND = 1.15


@dataclass(frozen=True)
class ProfileInfo:
    """What the figure shows.

    Args:
        studies: Those with a target.
        ratios: Times the fastest arm's time, rising from 1 [K].
        arms: Of each arm its name and the part of the studies in which it was there by then [K].
    """

    studies: tuple[str, ...]
    ratios: tuple[float, ...]
    arms: tuple[tuple[str, tuple[float, ...]], ...]


@JOINT_FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Profile(JointFigure[ProfileInfo]):
    """The part of the studies in which each arm reached the target within so many times the fastest arm's time.

    Examples:
        figures = [{ kind = "profile" }]
    """

    title = "How often an arm is nearly the fastest"

    def summarise(self, comparisons: Mapping[str, Comparison]) -> ProfileInfo | Absent:
        """Returns the profiles of the arms that all studies with a target have."""
        times = {study: table for study, table in median_times(comparisons).items() if table}
        if not times:
            return Absent("None of the studies names a target and has measured the time to it.")
        found = profile(times)
        if not found.arms:
            return Absent("No arm stands in every study with a target.")
        curves = tuple((arm, tuple(row.tolist())) for arm, row in zip(found.arms, found.solved, strict=True))
        return ProfileInfo(tuple(times), tuple(found.ratios.tolist()), curves)

    def draw(self, info: ProfileInfo, theme: Theme) -> go.Figure:
        """Returns one staircase an arm."""
        end = max(info.ratios[-1] * BEYOND, 2.0)
        traces = [
            line(
                theme,
                arm,
                (*info.ratios, end),
                (*shares, shares[-1]),
                line={"shape": "hv", "width": 2 + 2 * (len(info.arms) - 1 - place)},  # those beneath show at the rims
                hovertemplate=f"<b>{arm}</b><br>in %{{y:.0%}} of {len(info.studies)} studies within %{{x:.3~g}} times "
                "the fastest<extra></extra>",
            )
            for place, (arm, shares) in enumerate(info.arms)
        ]
        ticks = [1, 1.5, 2, 3, 5, 10, 20, 50, 100]
        return theme.figure(
            traces,
            showlegend=True,
            xaxis={
                "title": {"text": "times the fastest arm's updates to target"},
                "type": "log",
                "range": [0, math.log10(end)],
                "tickvals": ticks,
                "ticktext": [f"{tick:g}" for tick in ticks],
            },
            yaxis={"title": {"text": "studies solved by then"}, "tickformat": ".0%", "range": [-0.03, 1.05]},
        )

    def caption(self, info: ProfileInfo) -> str:
        """Returns how to read the stairs, and where each begins and ends."""
        count = len(info.studies)
        said = "; ".join(
            f"{arm} is fastest in {round(shares[0] * count)} and gets there in {round(shares[-1] * count)}"
            for arm, shares in info.arms
        )
        return (
            "Each study's median time to its target, over that of its fastest arm (Dolan and Moré 2002). At 1 a line "
            "shows how often an arm is the fastest, at the right how often it gets there at all; higher is better. "
            f"Of {count} studies ({listed(info.studies)}): {said}."
        )

    def table(self, info: ProfileInfo) -> Table:
        """Returns a row an arm and step."""
        return Table.of(
            ("arm", "times the fastest", "part of the studies"),
            [
                (arm, ratio, share)
                for arm, shares in info.arms
                for ratio, share in zip(info.ratios, shares, strict=True)
            ],
        )

"""What becomes of an arm from one study to the next: its mean in each, and how far that is from the first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison, Estimate, change
from clr_study.analysis.words import column, listed
from clr_study.report.figure import JOINT_FIGURES, Absent, JointFigure
from clr_study.report.marks import hover_form, line, metric_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import difference, inert, with_interval

SPREAD = 0.12


@dataclass(frozen=True)
class Followed:
    """One arm through the studies.

    Args:
        arm: Which.
        means: Its mean in each study [S]; NaN where none of its runs completed.
        changes: Each later mean less that of the first study [S - 1]; the runs of two studies are no pairs.
    """

    arm: str
    means: tuple[Estimate, ...]
    changes: tuple[Estimate, ...]


@dataclass(frozen=True)
class StudyToStudyInfo:
    """What the figure shows.

    Args:
        metric: What is compared, the same in all studies.
        studies: Their names [S].
        arms: Those that stand in all of them.
    """

    metric: str
    studies: tuple[str, ...]
    arms: tuple[Followed, ...]


@JOINT_FIGURES.add
@dataclass(frozen=True, kw_only=True)
class StudyToStudy(JointFigure[StudyToStudyInfo]):
    """The mean of each arm in every study, and how far it is from its mean in the first: what noise or less data costs.

    Examples:
        figures = [{ kind = "study_to_study" }]
    """

    title = "From one study to the next"

    def summarise(self, comparisons: Mapping[str, Comparison]) -> StudyToStudyInfo | Absent:
        """Returns the means of the arms that stand in all studies, where these are decided by one metric."""
        metrics = {comparison.metric for comparison in comparisons.values()}
        if len(comparisons) < 2 or len(metrics) > 1:
            return Absent("The studies are decided by different metrics." if len(metrics) > 1 else "")
        own = [{each.arm: each.final for each in comparison.arms} for comparison in comparisons.values()]
        arms = []
        for arm in own[0]:
            means = tuple(finals[arm] for finals in own if arm in finals)
            if len(means) == len(own) and any(mean.n for mean in means):
                arms.append(Followed(arm, means, tuple(change(mean, means[0]) for mean in means[1:])))
        if not arms:
            return Absent("No arm that stands in all studies has completed a measured run.")
        return StudyToStudyInfo(metrics.pop(), tuple(comparisons), tuple(arms))

    def draw(self, info: StudyToStudyInfo, theme: Theme) -> go.Figure:
        """Returns a line an arm, with its interval in each study."""
        return theme.figure(
            [_through(arm, index, info, theme) for index, arm in enumerate(info.arms)],
            showlegend=True,
            xaxis={
                "tickvals": list(range(len(info.studies))),
                "ticktext": [inert(study) for study in info.studies],
                "range": [-0.4, len(info.studies) - 0.6],
                "showgrid": False,
                "zeroline": False,
            },
            yaxis=metric_axis(info.metric),
        )

    def caption(self, info: StudyToStudyInfo) -> str:
        """Returns how far each arm is from its mean in the first study."""
        said = [
            f"{arm.arm} {with_interval(arm.means[0], info.metric)}, then "
            + listed([difference(each, info.metric) for each in arm.changes])
            for arm in info.arms
        ]
        return (
            f"The mean {column(info.metric)} of each arm in every study, with its 95 % interval. From "
            f"{info.studies[0]} to {listed(info.studies[1:])}: {'; '.join(said)}. The runs of two studies are no "
            "pairs, so these intervals are wider than those within a study."
        )

    def table(self, info: StudyToStudyInfo) -> Table:
        """Returns a row an arm and study."""
        ends = ("low", "high")
        rows = []
        for arm in info.arms:
            moved = [(None, None, None), *((each.value, each.low, each.high) for each in arm.changes)]
            rows += [
                (arm.arm, study, mean.value, mean.low, mean.high, mean.n, *apart)
                for study, mean, apart in zip(info.studies, arm.means, moved, strict=True)
            ]
        return Table.of(("arm", "study", f"mean {info.metric}", *ends, "n", f"minus {info.studies[0]}", *ends), rows)


def _through(arm: Followed, index: int, info: StudyToStudyInfo, theme: Theme) -> go.Scatter:
    aside = SPREAD * (2 * index / max(1, len(info.arms) - 1) - 1)
    known = [math.isfinite(mean.low) for mean in arm.means]
    above = [mean.high - mean.value if told else 0 for mean, told in zip(arm.means, known, strict=True)]
    below = [mean.value - mean.low if told else 0 for mean, told in zip(arm.means, known, strict=True)]
    return line(
        theme,
        arm.arm,
        [place + aside for place in range(len(arm.means))],
        [mean.value if mean.n else None for mean in arm.means],
        mode="lines+markers",
        marker={"color": theme.style(arm.arm).colour, "symbol": theme.style(arm.arm).symbol, "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": above,
            "arrayminus": below,
            "thickness": 1.5,
            "width": 4,
        },
        customdata=[inert(study) for study in info.studies],
        hovertemplate=f"<b>{arm.arm}</b>, %{{customdata}}<br>%{{y:{hover_form(info.metric)}}}<extra></extra>",
    )

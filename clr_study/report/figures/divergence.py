"""Which learning rates were too high: where runs diverged, and where they did not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.words import listed
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.marks import arranged, dots, log_axis
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.thin import fewer, fewer_words
from clr_study.report.words import inert, scalar
from clr_study.spec import Results, RunResult


@dataclass(frozen=True)
class DivergenceSetting:
    """The runs of one setting that have ended.

    Args:
        arm: Whose.
        phase: `search` or `measure`.
        trial: The number of the trial.
        peak: The highest learning rate of the schedule.
        ratio: base_lr over max_lr; None for a schedule without the two.
        runs: How many runs have ended.
        diverged: How many of them diverged.
        note: What is said of the first that did.
    """

    arm: str
    phase: str
    trial: int
    peak: float
    ratio: float | None
    runs: int
    diverged: int
    note: str


@dataclass(frozen=True)
class DivergenceInfo:
    """What the figure shows.

    Args:
        arms: The arms of the study, in its order.
        settings: By arm, phase and trial.
    """

    arms: tuple[str, ...]
    settings: tuple[DivergenceSetting, ...]

    def of(self, arm: str) -> tuple[DivergenceSetting, ...]:
        """Returns the settings of an arm."""
        return tuple(setting for setting in self.settings if setting.arm == arm)


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Divergence(Figure[DivergenceInfo]):
    """The peak learning rate of every setting, and for cyclical arms the bound ratio: a cross where runs diverged."""

    title = "Which learning rates were too high"

    def summarise(self, results: Results, comparison: Comparison) -> DivergenceInfo | Absent:
        """Returns every setting that was run; absent without a word where nothing diverged."""
        groups: dict[tuple[str, str, int], list[RunResult]] = {}
        arms = tuple(arm.name for arm in results.study.arms)
        for arm in arms:
            for run in (*results.of(arm, "search"), *results.of(arm, "measure")):
                if run.ending is not None:
                    groups.setdefault((arm, run.key.phase, run.key.trial), []).append(run)
        settings = tuple(_setting(*key, runs) for key, runs in groups.items())
        if not any(setting.diverged for setting in settings):
            return Absent("")
        return DivergenceInfo(arms, settings)

    def draw(self, info: DivergenceInfo, theme: Theme) -> go.Figure:
        """Returns a row an arm over the peak LR and, where there are cyclical arms, a panel of peak LR and ratio."""
        with_ratio = tuple(setting for setting in info.settings if setting.ratio is not None)
        layout = arranged(2 if with_ratio else 1, columns=2, height=max(260, 110 + 44 * len(info.arms)))
        traces = []
        for place, arm in enumerate(info.arms):
            for shown in _alive_and_dead(info.of(arm)):
                traces.append(_marks(shown, [place] * len(shown), theme))
        for arm in info.arms:
            for shown in _alive_and_dead(setting for setting in with_ratio if setting.arm == arm):
                traces.append(_marks(shown, [setting.ratio for setting in shown], theme, xaxis="x2", yaxis="y2"))
        peak = {"title": {"text": "highest learning rate of the run"}, **log_axis()}
        layout["xaxis"] |= peak
        layout["yaxis"] |= {
            "tickvals": list(range(len(info.arms))),
            "ticktext": [f"{arm}<br>{_counted(info.of(arm))}" for arm in info.arms],
            "range": [len(info.arms) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        }
        if with_ratio:
            layout["xaxis2"] |= {**peak, "matches": "x"}
            layout["yaxis2"] |= {"title": {"text": "base_lr / max_lr"}, "rangemode": "tozero"}
        return theme.figure(traces, showlegend=False, **layout)

    def caption(self, info: DivergenceInfo) -> str:
        """Returns, arm by arm, how many runs diverged and from where on."""
        said = "; ".join(f"{arm}: {_edge(info.of(arm))}" for arm in info.arms if info.of(arm))
        panel = (
            " The other panel has the cyclical arms with the ratio of their bounds."
            if any(setting.ratio is not None for setting in info.settings)
            else ""
        )
        return (
            "A cross is a setting of which a run diverged, an open mark one of which none did, at the highest learning "
            f"rate that the schedule reaches; search and measured runs together.{panel} {said}."
            + fewer_words(len(info.of(arm)) for arm in info.arms)
        )

    def table(self, info: DivergenceInfo) -> Table:
        """Returns a row a setting."""
        return Table.of(
            ("arm", "phase", "trial", "highest lr", "base_lr / max_lr", "runs", "diverged", "note"),
            [
                (each.arm, each.phase, each.trial, each.peak, each.ratio, each.runs, each.diverged, each.note)
                for each in info.settings
            ],
        )


def _setting(arm: str, phase: str, trial: int, runs: list[RunResult]) -> DivergenceSetting:
    spec = runs[0].spec
    base, top = (spec.schedule.get(name) for name in ("base_lr", "max_lr"))
    dead = [run for run in runs if run.ending == "diverged"]
    return DivergenceSetting(
        arm=arm,
        phase=phase,
        trial=trial,
        peak=float(spec.lr_schedule.table(spec.updates).max()),
        ratio=base / top if isinstance(base, (int, float)) and isinstance(top, (int, float)) and top > 0 else None,
        runs=len(runs),
        diverged=len(dead),
        note=dead[0].note if dead else "",
    )


def _alive_and_dead(settings: Iterable[DivergenceSetting]) -> list[list[DivergenceSetting]]:
    """The settings of which no run diverged, then the others, which are drawn over them; no empty group."""
    alive: list[DivergenceSetting] = []
    dead: list[DivergenceSetting] = []
    for setting in settings:
        (dead if setting.diverged else alive).append(setting)
    return [group for group in (alive, dead) if group]


def _marks(settings: list[DivergenceSetting], y: list[float | None], theme: Theme, **where: str) -> go.Scatter:
    arm, style = settings[0].arm, theme.style(settings[0].arm)
    dead = bool(settings[0].diverged)
    shown = fewer(list(zip(settings, y, strict=True)), lambda mark: mark[0].peak, lambda mark: mark[1])
    settings, y = [setting for setting, _ in shown], [height for _, height in shown]
    return dots(
        theme,
        arm,
        [setting.peak for setting in settings],
        y,
        marker={
            "symbol": "x-thin" if dead else f"{style.symbol}-open",
            "size": 11 if dead else 8,
            "line": {"color": style.colour, "width": 2.5 if dead else 1.5},
        },
        text=[_hover(setting) for setting in settings],
        hovertemplate="%{text}<extra></extra>",
        **where,
    )


def _hover(setting: DivergenceSetting) -> str:
    ratio = "" if setting.ratio is None else f", ratio {setting.ratio:.2f}"
    said = f"<br>{inert(setting.note)[:200]}" if setting.note else ""
    head = f"<b>{setting.arm}</b>, {setting.phase}, trial {setting.trial}"
    return f"{head}<br>up to lr {scalar(setting.peak)}{ratio}<br>{_counted((setting,))}{said}"


def _counted(settings: Iterable[DivergenceSetting]) -> str:
    settings = tuple(settings)
    runs, dead = sum(setting.runs for setting in settings), sum(setting.diverged for setting in settings)
    return f"{dead} of {runs} diverged"


def _edge(settings: tuple[DivergenceSetting, ...]) -> str:
    """How many diverged, the lowest peak LR at which one did, and the highest at which none did."""
    dead = [setting.peak for setting in settings if setting.diverged]
    alive = [setting.peak for setting in settings if not setting.diverged]
    parts = [_counted(settings)]
    if dead:
        parts.append(f"the lowest at {scalar(min(dead))}")
    if dead and alive:
        parts.append(f"the highest without at {scalar(max(alive))}")
    return ", ".join(parts) if len(parts) < 3 else f"{parts[0]}, {listed(parts[1:])}"

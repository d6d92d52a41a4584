"""What finding out has cost, by arm, with everything that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from clr_study.analysis import Comparison
from clr_study.analysis.cost import Cost as Entry
from clr_study.analysis.cost import ledger
from clr_study.report.figure import FIGURES, Absent, Figure
from clr_study.report.table import Table
from clr_study.report.theme import Theme
from clr_study.report.words import duration, inert
from clr_study.spec import Results

FILLS = {"measure": "heavy", "confirm": "soft", "search": "middle", "range_test": "pale"}
PATTERNS = {"completed": "", "pruned": "/", "diverged": "x", "failed": ".", "unfinished": "-"}


@dataclass(frozen=True)
class CostInfo:
    """What the figure shows: the lines of the ledger."""

    entries: tuple[Entry, ...]

    @property
    def seconds(self) -> float:
        """All seconds together."""
        return sum(entry.seconds for entry in self.entries)


@FIGURES.add
@dataclass(frozen=True, kw_only=True)
class Cost(Figure[CostInfo]):
    """Training seconds by arm: measured runs, search and range tests, and what was pruned, diverged or failed."""

    title = "Training time"

    def summarise(self, results: Results, comparison: Comparison) -> CostInfo | Absent:
        """Returns the ledger."""
        entries = ledger(results)
        return CostInfo(entries) if entries else Absent("No run has started, so nothing was spent.")

    def draw(self, info: CostInfo, theme: Theme) -> go.Figure:
        """Returns a bar an arm; a phase has a shade, and what did not complete a pattern."""
        arms = list(dict.fromkeys(entry.arm for entry in info.entries))
        kinds = [(phase, ending) for phase in FILLS for ending in PATTERNS]
        traces = []
        for phase, ending in kinds:
            found = [entry for entry in info.entries if (entry.phase, entry.ending) == (phase, ending)]
            if found:
                traces.append(_bars(found, theme))
        totals = {arm: sum(entry.seconds for entry in info.entries if entry.arm == arm) for arm in arms}
        return theme.figure(
            traces,
            barmode="stack",
            bargap=0.35,
            showlegend=True,
            height=150 + 44 * len(arms),
            xaxis={"title": {"text": "seconds of training"}, "rangemode": "tozero"},
            yaxis={
                "categoryorder": "array",
                "categoryarray": arms[::-1],
                "tickvals": arms,
                "ticktext": [f"{inert(arm)}<br>{duration(totals[arm])}" for arm in arms],
                "showgrid": False,
            },
        )

    def caption(self, info: CostInfo) -> str:
        """Returns the sum, and what of it came to nothing."""
        spent = [entry for entry in info.entries if entry.ending in ("diverged", "failed", "pruned")]
        runs = sum(entry.runs for entry in info.entries)
        lost = sum(entry.seconds for entry in spent)
        share = (
            f", {100 * lost / info.seconds:.0f} % of it in runs that were pruned, diverged or failed"
            if info.seconds
            else ""
        )
        return (
            f"Seconds of training of all {runs} runs, a device's time shared over the runs that it trained together: "
            f"{duration(info.seconds)}{share}. Evaluation and set-up are not counted."
        )

    def table(self, info: CostInfo) -> Table:
        """Returns the ledger."""
        return Table.of(
            ("arm", "phase", "ending", "runs", "updates", "seconds"),
            [(each.arm, each.phase, each.ending, each.runs, each.updates, each.seconds) for each in info.entries],
        )


def _bars(entries: list[Entry], theme: Theme) -> go.Bar:
    phase, ending = entries[0].phase, entries[0].ending
    name = phase.replace("_", " ") + ("" if ending == "completed" else f", {ending}")
    colour = getattr(theme, FILLS[phase])
    pattern = {"shape": PATTERNS[ending], "fillmode": "overlay", "fgcolor": theme.paper, "size": 6, "solidity": 0.4}
    return go.Bar(
        x=[entry.seconds for entry in entries],
        y=[entry.arm for entry in entries],
        orientation="h",
        name=name,
        marker={
            "color": colour,
            "line": {"color": theme.paper, "width": 1},
            "pattern": pattern if PATTERNS[ending] else {},
        },
        customdata=[entry.runs for entry in entries],
        hovertemplate=f"<b>%{{y}}</b>, {name}<br>%{{customdata}} runs, %{{x:.3~g}} s<extra></extra>",
    )

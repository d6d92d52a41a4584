"""`clr-study plan`: what a study will cost, before it is run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.live import duration
from clr_study.cli.text import plain
from clr_study.search import Plan
from clr_study.spec import Study


def print_plan(study: Study, plan: Plan) -> None:
    """Prints a plan as a table, with its sum and what it does not know."""
    console = Console()
    table = Table(title=f"{study.name}: the plan", title_justify="left")
    for column in ("arm", "phase", "runs", "updates a run", "lanes", "time"):
        table.add_column(column, justify="left" if column in ("arm", "phase") else "right")
    for phase in plan.phases:
        counts = (f"{phase.runs:,}", f"{phase.updates:,}", str(phase.lanes))
        table.add_row(Text(plain(phase.arm)), phase.phase, *counts, _short(phase.seconds))
    console.print(table)
    runs, updates = sum(phase.runs for phase in plan.phases), sum(phase.runs * phase.updates for phase in plan.phases)
    workers = f"{len(plan.devices)} × {plan.devices[0]}" if len(plan.devices) > 1 else plan.devices[0]
    lines = [f"in all {runs:,} runs, {updates:,} updates, about {duration(plan.seconds)} of training on {workers}"]
    if plan.pruned:
        lines.append("at most: the pruner stops runs of the search early")
    lines += [f"{arm}: its runs train one by one: {why}" for arm, why in plan.unfusable.items()]
    console.print(Text("\n".join(plain(line) for line in lines)), soft_wrap=True)


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)

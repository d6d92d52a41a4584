"""`clr-study plan`: what a study will cost, before it is run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.analysis.words import one_by_one
from clr_study.cli.tables import duration
from clr_study.cli.text import in_bytes, plain
from clr_study.search import Plan
from clr_study.spec import Study

# What a column means, where its name alone does not say.
COLUMNS = {
    "updates": "of one run",
    "lanes": "how many runs share a training step, those of other arms among them",
    "a lane, a batch": "memory, by count; beside it there are the data, and what torch takes for itself",
}


def print_plan(study: Study, plan: Plan) -> None:
    """Prints a plan as a table, with its sum and what it does not know."""
    console = Console()
    table = Table(title=f"{study.name}: the plan", title_justify="left")
    for column in ("arm", "phase", "runs", "updates", "lanes", "a lane", "a batch", "time"):
        table.add_column(column, justify="left" if column in ("arm", "phase") else "right", overflow="fold")
    for arm in (arm.name for arm in study.arms):
        own = [phase for phase in plan.phases if phase.arm == arm]
        for phase in own:
            counts = (f"{phase.runs:,}", f"{phase.updates:,}", str(phase.lanes))
            memory = in_bytes(phase.lane_bytes), in_bytes(phase.lanes * phase.lane_bytes)
            table.add_row(Text(plain(arm)), phase.phase.replace("_", " "), *counts, *memory, _short(phase.seconds))
        if len(own) > 1:
            whole = sum(phase.runs for phase in own), sum(phase.seconds for phase in own)
            table.add_row("", "in all", f"{whole[0]:,}", "", "", "", "", _short(whole[1]), style="bold")
        table.add_section()
    console.print(table)
    runs, updates = sum(phase.runs for phase in plan.phases), sum(phase.runs * phase.updates for phase in plan.phases)
    workers = f"{len(plan.devices)} × {plan.devices[0]}" if len(plan.devices) > 1 else plan.devices[0]
    lines = [f"in all {runs:,} runs, {updates:,} updates, about {duration(plan.seconds)} of training on {workers}"]
    lines += [f"{one}: {words}" for one, words in COLUMNS.items()]
    if plan.pruned:
        lines.append("at most: the pruner stops runs of the search early")
    lines += one_by_one(plan.unfusable)
    console.print(Text("\n".join(plain(line) for line in lines)), soft_wrap=not console.is_terminal)


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)

"""What finding out has cost: every run counts, also the ones that came to nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from clr_study.spec.results import Results, RunResult
from clr_study.spec.trial import PHASES

ENDINGS = ("completed", "pruned", "diverged", "failed", "unfinished")


@dataclass(frozen=True)
class Cost:
    """A line of the ledger: the runs of one arm and phase that ended in one way.

    Args:
        arm: The arm; for a range test the name that its runs are kept under.
        phase: `range_test`, `search`, `confirm` or `measure`.
        ending: How they ended; `unfinished` if they have not.
        runs: How many.
        updates: Optimizer steps they took, as far as they were evaluated.
        seconds: Training seconds they took: the device's time shared over the lanes of a batch.
    """

    arm: str
    phase: str
    ending: str
    runs: int
    updates: int
    seconds: float


def ledger(results: Results) -> tuple[Cost, ...]:
    """Returns the cost of every run, summed by arm, phase and ending: arms in the file's order, then other names.

    Args:
        results: What the study has measured so far.
    """
    groups: dict[tuple[str, str, str], list[RunResult]] = defaultdict(list)
    for run in results.runs:
        groups[run.key.arm, run.key.phase, run.ending or "unfinished"].append(run)
    file_order = {arm.name: place for place, arm in enumerate(results.study.arms)}

    def place(group: tuple[str, str, str]) -> tuple[int, str, int, int]:
        arm, phase, ending = group
        return file_order.get(arm, len(file_order)), arm, PHASES.index(phase), ENDINGS.index(ending)

    return tuple(
        Cost(
            arm=group[0],
            phase=group[1],
            ending=group[2],
            runs=len(groups[group]),
            updates=sum(int(run.updates[-1]) for run in groups[group] if len(run.updates)),
            seconds=float(sum(run.seconds[-1] for run in groups[group] if len(run.seconds))),
        )
        for group in sorted(groups, key=place)
    )

"""What a study still owes: the difference between its plan and the runs that have ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from clr_study.spec import Results, RunResult


@dataclass(frozen=True)
class EndingsRow:
    """How the runs of an arm ended in a phase.

    Args:
        arm: The arm, or the name of a range test.
        phase: `search`, `measure` or `range_test`.
        endings: How many runs by ending; `unfinished` for those that are not done.
    """

    arm: str
    phase: str
    endings: tuple[tuple[str, int], ...]


def missing(results: Results) -> tuple[str, ...]:
    """Returns what is not done yet, a sentence an arm and phase; nothing for a finished study."""
    study, owed = results.study, []
    for arm in study.arms:
        if study.search is not None and arm.space and arm.name not in results.winners:
            ended = _ended(results.of(arm.name, "search"))
            if ended < study.search.trials:
                owed.append(f"{arm.name}: {ended} of {study.search.trials} trials of the search have ended.")
            else:
                owed.append(f"{arm.name}: the search is over, but no trial of it completed, so there is nothing to measure.")
            continue
        ended = _ended(results.of(arm.name, "measure"))
        if ended < study.measure.seeds:
            owed.append(f"{arm.name}: {ended} of {study.measure.seeds} measured runs have ended.")
    return tuple(owed)


def endings(results: Results) -> tuple[EndingsRow, ...]:
    """Returns how many runs ended in which way, by arm and phase; range tests come first, as they ran first."""
    order = {"range_test": 0, "search": 1, "measure": 2}
    arms = {arm.name: index for index, arm in enumerate(results.study.arms)}
    counts: dict[tuple[str, str], Counter[str]] = {}
    for run in results.runs:
        counts.setdefault((run.key.arm, run.key.phase), Counter())[run.ending or "unfinished"] += 1
    keys = sorted(counts, key=lambda key: (order[key[1]], arms.get(key[0], len(arms)), key[0]))
    return tuple(EndingsRow(arm, phase, tuple(counts[arm, phase].most_common())) for arm, phase in keys)


def lost(results: Results) -> tuple[RunResult, ...]:
    """Returns the runs that diverged or failed, with their notes."""
    return tuple(run for run in results.runs if run.ending in ("diverged", "failed"))


def _ended(runs: tuple[RunResult, ...]) -> int:
    return sum(run.ending is not None for run in runs)

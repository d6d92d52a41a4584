"""What a study still owes: the difference between its plan and the runs that have ended."""

from __future__ import annotations

from clr_study.spec import Results, RunResult


def missing(results: Results) -> tuple[str, ...]:
    """Returns what is not done yet, a sentence an arm and phase; nothing for a finished study."""
    study, owed = results.study, []
    for arm in study.arms:
        if study.search is not None and arm.space and arm.name not in results.winners:
            ended = _ended(results.of(arm.name, "search"))
            if ended < study.trials:
                owed.append(f"{arm.name}: {ended} of {study.trials} trials of the search have ended.")
            elif any(run.ending == "completed" for run in results.of(arm.name, "search")):
                ended = _ended(results.of(arm.name, "confirm"))
                owed.append(
                    f"{arm.name}: the search is over; {ended} of the runs that confirm its best trials have ended."
                )
            else:
                owed.append(
                    f"{arm.name}: the search is over, but no trial of it completed, so there is nothing to measure."
                )
            continue
        ended = _ended(results.of(arm.name, "measure"))
        if ended < study.measure.seeds:
            owed.append(f"{arm.name}: {ended} of {study.measure.seeds} measured runs have ended.")
    return tuple(owed)


def lost(results: Results) -> tuple[RunResult, ...]:
    """Returns the runs that diverged or failed, with their notes."""
    return tuple(run for run in results.runs if run.ending in ("diverged", "failed"))


def _ended(runs: tuple[RunResult, ...]) -> int:
    return sum(run.ending is not None for run in runs)

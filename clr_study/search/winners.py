"""From trials to winners: each arm's best trials are run again on fresh seeds, and the winner is measured on others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clr_study.data import replicate_seeds
from clr_study.metrics import higher_is_better
from clr_study.spec import Arm, Budget, PlannedRun, Results, RunKey, RunResult, Study, fill


def ranked(results: Results, arm: str, search: int | None = None) -> list[RunResult]:
    """Returns an arm's completed trials, the best score at its end first.

    Ties go to the lower validation loss, then to the earlier trial.

    Args:
        results: What the search has measured.
        arm: The arm's name.
        search: Which of its searches, counted from 0; None for all of them.
    """
    column, sign = _column(results.study)
    done = [run for run in _trials(results, arm, search) if run.ending == "completed"]
    return sorted(done, key=lambda run: (sign * run.final(column), run.final("validation_loss"), run.key.trial))


@dataclass(frozen=True)
class Confirmation:
    """What a trial came to when it was run again on fresh seeds.

    Args:
        lost: How many of its runs did not complete.
        done: How many did.
        score: Their mean at the end, in the metric that decides; NaN without one.
        loss: Their mean validation loss; likewise.
    """

    lost: int
    done: int
    score: float
    loss: float


def confirmation(results: Results, arm: str, trial: int) -> Confirmation | None:
    """Returns what a trial came to on fresh seeds; None if it was not run again."""
    runs = [run for run in results.of(arm, "confirm") if run.key.trial == trial]
    done = [run for run in runs if run.ending == "completed"]

    def mean(column: str) -> float:
        return sum(run.final(column) for run in done) / len(done) if done else math.nan

    score, loss = mean(_column(results.study)[0]), mean("validation_loss")
    return Confirmation(len(runs) - len(done), len(done), score, loss) if runs else None


def winner_of(results: Results, arm: str, search: int | None = None) -> RunResult | None:
    """Returns an arm's winning trial; None if none has completed.

    Of the trials that were run again, the one that completed most often wins, then the best mean score over those
    fresh seeds; the run that made it a finalist does not count, for it was picked for its luck. Ties go as in `ranked`.

    Args:
        results: What the search and its confirming runs have measured.
        arm: The arm's name.
        search: Which of its searches, counted from 0; None for the best of all.
    """
    trials, sign = ranked(results, arm, search), _column(results.study)[1]
    again = {run.key.trial for run in results.of(arm, "confirm")}
    finalists = [trial for trial in trials if trial.key.trial in again]
    if not finalists:
        return trials[0] if trials else None

    def lost_and_score(finalist: RunResult) -> tuple[int, float, float]:
        found = confirmation(results, arm, finalist.key.trial)
        assert found is not None
        return (found.lost, sign * found.score, found.loss) if found.done else (found.lost, 0.0, 0.0)

    return min(finalists, key=lost_and_score)  # which keeps the first of equals


def winners_of(results: Results, arm: str) -> list[RunResult]:
    """Returns the winning trial of each of an arm's searches; none if no trial of the arm has completed.

    A search that found nothing where others did is measured with its first trial, which did not complete either: to
    leave its seed out would forgive the arm.
    """
    found = [winner_of(results, arm, search) for search in range(results.study.searches)]
    if not any(found):
        return []
    return [winner or _trials(results, arm, search)[0] for search, winner in enumerate(found)]


def confirm_runs(
    study: Study, arms: Sequence[Arm], budgets: Mapping[str, Budget], results: Results
) -> list[PlannedRun]:
    """Returns the runs of the confirm phase: the best trials of each search, on seeds that all arms share.

    Args:
        study: The study.
        arms: Its arms that were searched, each range-test hole already a range.
        budgets: By arm.
        results: What the search has measured.
    """
    if study.search is None or not study.search.confirmed:
        return []
    each = study.search.confirm.seeds
    seeds = replicate_seeds(study.name, study.seed, "confirm", each * study.searches)
    planned = []
    for search in range(study.searches):
        best = {arm.name: ranked(results, arm.name, search)[: study.search.confirmed] for arm in arms}
        for seed in seeds[search * each : (search + 1) * each]:
            for arm in arms:
                finalists = best[arm.name]
                for trial in finalists if len(finalists) > 1 else ():
                    spec = fill(study, arm, trial.values, budgets[arm.name], seed)
                    key = RunKey(study.name, arm.name, "confirm", trial.key.trial, seed)
                    planned.append(PlannedRun(key, spec, trial.values))
    return planned


def measure_runs(
    study: Study, arms: Sequence[Arm], budgets: Mapping[str, Budget], winners: Mapping[str, Sequence[RunResult]]
) -> list[PlannedRun]:
    """Returns the runs of the measure phase: each winner, on seeds that all arms share and no search has seen.

    An arm with one search has its winner measured on all of them; one with a search for each seed, each on its own.

    Args:
        study: The study.
        arms: Its arms, each range-test hole already a range.
        budgets: By arm.
        winners: By arm with holes, one a search; none where nothing was found.
    """
    planned = []
    for place, seed in enumerate(replicate_seeds(study.name, study.seed, "measure", study.measure.seeds)):
        for arm in arms:
            found = winners.get(arm.name)
            if arm.space and not found:
                continue
            winner = found[place % len(found)] if found else None
            values = winner.values if winner else {}
            spec = fill(study, arm, values, budgets[arm.name], seed, test=True)
            key = RunKey(study.name, arm.name, "measure", winner.key.trial if winner else 0, seed)
            planned.append(PlannedRun(key, spec, values))
    return planned


def _trials(results: Results, arm: str, search: int | None) -> list[RunResult]:
    """The trials of one of an arm's searches, or of all of them, in their order."""
    return [run for run in results.of(arm, "search") if search in (None, results.study.search_of(run.key.trial))]


def _column(study: Study) -> tuple[str, int]:
    """The column that decides, and the sign with which less is better."""
    return f"validation_{study.metric}", -1 if higher_is_better(study.metric) else 1

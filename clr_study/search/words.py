"""What a running study says: where it runs, what was there before, what the search came to, what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clr_study.analysis.words import number, one_by_one
from clr_study.metrics import is_share
from clr_study.report.words import settings
from clr_study.search.winners import confirmation
from clr_study.spec import Ending, Results, RunKey, RunResult, Study

if TYPE_CHECKING:
    from clr_study.check import CheckReport


def beginning(device: str, workers: int, before: Mapping[RunKey, Ending | None], report: CheckReport) -> Iterator[str]:
    """Yields where a study runs, what an earlier call has done of it, which arms cannot share a step, what is doubtful.

    Args:
        device: A worker's, in words.
        workers: How many there are.
        before: How the runs ended that are stored already; None for those that have not.
        report: What the check has found.

    Examples:
        >>> from clr_study.check import CheckReport
        >>> own_loop = CheckReport(corners=2, budgets={}, samples=None, unfusable={})
        >>> list(beginning("CPU", 2, {RunKey("mine", "fixed", "measure", 0, seed=7): None}, own_loop))
        ['on CPU, 2 workers', 'begun before: 1 begin at their first update']
    """
    yield f"on {device}" + (f", {workers} workers" if workers > 1 else "")
    if before:
        done = sum(ending is not None for ending in before.values())
        kept = [f"{done} runs are done and stay as they are"] if done else []
        left, ours = len(before) - done, report.samples is not None
        on = "go on, from their last checkpoint where there is one" if ours else "begin at their first update"
        rest = [f"{left} {on}"] if left else []
        yield f"begun before: {', '.join([*kept, *rest])}"
    if report.samples is not None:  # a loop of the user's own does so anyhow
        yield from one_by_one(report.unfusable)
    yield from report.doubts


def sharing(model: str, lanes: int, rates: Mapping[int, float]) -> str:
    """Returns how many runs share a step, and by what that was decided.

    Args:
        model: The network's kind.
        lanes: How many.
        rates: Updates a second of all lanes together, by the numbers that were timed; empty where a count decided.

    Examples:
        >>> sharing("small_cnn", 8, {1: 150.0, 8: 348.2})
        'small_cnn: 8 runs share a step, 348 updates/s in all, 150 alone'
        >>> sharing("resnet", 1, {1: 3.0, 2: 2.0})
        'resnet: its runs train one by one: 3 updates/s alone, 2 for 2 in a step'
        >>> sharing("resnet", 1, {})
        'resnet: its runs train one by one: a step of one alone fills the caches, so lanes would win nothing'
        >>> sharing("resnet", 2, {})
        'resnet: 2 runs train side by side, since a step of one alone fills the caches'
    """
    if lanes > 1 and not rates:
        return f"{model}: {lanes} runs train side by side, since a step of one alone fills the caches"
    if lanes > 1:
        timed = f", {rates[lanes]:.3g} updates/s in all, {rates[1]:.3g} alone" if lanes in rates else ""
        return f"{model}: {lanes} runs share a step{timed}"
    rest = {count: rate for count, rate in rates.items() if count > 1}
    if rest:
        best = max(rest, key=lambda count: rest[count])
        why = f"{rates[1]:.3g} updates/s alone, {rest[best]:.3g} for {best} in a step"
    elif rates:
        why = f"{rates[1]:.3g} updates/s alone, and two in a step did not run"
    else:
        why = "a step of one alone fills the caches, so lanes would win nothing"
    return f"{model}: its runs train one by one: {why}"


def no_room(wanted: int, fitting: int) -> str:
    """Returns what happens where more lanes are wanted than memory has room for.

    Examples:
        >>> no_room(8, 2)
        '--lanes 8: a batch has room for 2 of these runs, so they train 2 at a time'
    """
    return f"--lanes {wanted}: a batch has room for {fitting} of these runs, so they train {fitting} at a time"


def searching(study: Study, arms: int) -> str:
    """Returns what the search phase is about to do.

    Args:
        study: A study with a search.
        arms: How many of its arms are searched.
    """
    assert study.search is not None
    own = f", a search for each of {study.searches} seeds" if study.searches > 1 else ""
    return f"search: {study.search.trials} trials for each of {arms} arms{own}, judged by validation {study.metric}"


def confirming(study: Study) -> str:
    """Returns what the confirm phase of a study with a search is about to do."""
    assert study.search is not None
    whose = "each search's" if study.searches > 1 else "each arm's"
    return f"confirm: {whose} best {study.search.confirmed} trials, on {study.search.confirm.seeds} fresh seeds"


def measuring(study: Study, tuned: bool) -> str:
    """Returns what the measure phase is about to do.

    Args:
        study: The study.
        tuned: Whether some arm has been searched.
    """
    seeds = study.measure.seeds
    if study.searches > 1 and tuned:
        return f"measure: a fresh seed for each of {seeds} winners of each arm"
    return f"measure: {seeds} fresh seed{'s' if seeds > 1 else ''} for {'each winner' if tuned else 'each arm'}"


def found(arm: str, winner: RunResult | None, results: Results) -> str:
    """Returns what the search of an arm came to: by the runs on fresh seeds where its best trials were run again.

    Args:
        arm: The arm's name.
        winner: Its winning trial, of several searches the best one's; None if no trial has completed.
        results: What the search and its confirming runs have measured.
    """
    if winner is None:
        ends = Counter(run.ending for run in results.of(arm, "search"))
        how = ", ".join(f"{count} {ending}" for ending, count in sorted(ends.items(), key=str))
        return f"{arm}: no trial has completed ({how}), so there is nothing to measure"
    metric = results.study.metric
    again = confirmation(results, arm, winner.key.trial)
    score, over = winner.final(f"validation_{metric}"), ""
    if again is not None and again.done:
        score, over = again.score, f" over {again.done} fresh seed{'' if again.done == 1 else 's'}"
    told = number(score, metric, 2 if is_share(metric) else None)
    searches = results.study.searches
    won = f"is the best of {searches} searches' winners" if searches > 1 else "won"
    return (
        f"{arm}: trial {winner.key.trial} {won}, validation {metric} {told}{over}, "
        f"{settings(winner.spec.schedule, winner.values)}"
    )


def complaint(results: Results, folder: Path) -> str:
    """Returns what to say of runs that failed; nothing if none has."""
    failed = [run for run in results.runs if run.ending == "failed"]
    if not failed:
        return ""
    return (
        f"{len(failed)} of {len(results.runs)} runs failed, first trial {failed[0].key.trial} of arm "
        f"{failed[0].key.arm}: {_last_line(failed[0].note)}; {folder / 'report.html'} shows what there is"
    )


def _last_line(note: str) -> str:
    lines = note.strip().splitlines()
    return lines[-1] if lines else "no note"

"""What a comparison says as tidy tables: a row a winner, a difference of two arms, a time to target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clr_study.analysis import ArmSummary, Comparison
from clr_study.metrics import is_share, metric_of
from clr_study.report.columns import Column, tabled
from clr_study.report.numbers import TIME_COLUMNS, difference_table, time_rows
from clr_study.report.table import Cell, Table

ACCURACY, LOSS = "share, 0 to 1", "mean per sample"
Described = tuple[Table, Sequence[Column[Any]]]


def unit_of(metric: str) -> str:
    """Returns the unit of a metric or of a column of one.

    Examples:
        >>> unit_of("accuracy"), unit_of("test_loss")
        ('share, 0 to 1', 'mean per sample')
    """
    return ACCURACY if is_share(metric) else LOSS if metric_of(metric) == "loss" else metric_of(metric)


def comparison_tables(study: str, comparison: Comparison, drawn: Sequence[Column[ArmSummary]]) -> dict[str, Described]:
    """Returns `winners`, `differences` and `times`, each with the columns that it is made of.

    Args:
        study: The study's name.
        comparison: What `compare` says.
        drawn: Columns for what was drawn for the winners.
    """
    won = [summary for summary in comparison.arms if summary.schedule]
    winners = [*_winner(study, comparison), *drawn, *_summary(comparison)]
    pairs, times = difference_table(comparison), [row for each in comparison.arms for row in time_rows(each)]
    differences = _by_place(study, pairs.columns, _DIFFERENCE)
    in_time = _by_place(study, TIME_COLUMNS, _TIME)
    return {
        "winners": (tabled(winners, won), winners),
        "differences": (tabled(differences, pairs.rows), differences),
        "times": (tabled(in_time, times), in_time),
    }


def _by_place(study: str, names: Sequence[str], meanings: Sequence[tuple[str, str]]) -> list[Column[tuple[Cell, ...]]]:
    """Columns of rows that are made already, under names that programs like."""

    def at(place: int) -> Callable[[tuple[Cell, ...]], Cell]:
        return lambda row: row[place]

    told = [
        Column(name.replace(" ", "_").replace("-", "_"), unit, meaning, at(place))
        for place, (name, (unit, meaning)) in enumerate(zip(names, meanings, strict=True))
    ]
    return [Column("study", "", "Name of the study.", lambda _: study), *told]


_AS_IN = "as in `in`"
_DIFFERENCE = (
    ("", "Which differences: to the reference arm, of the best arm, or of the best arm in time."),
    ("", "What is compared: a column, or updates to target."),
    ("", "The arm."),
    ("", "The arm that is subtracted."),
    (_AS_IN, "Mean difference over the runs from the same seed."),
    (_AS_IN, "Lower end of its 95 % bootstrap interval."),
    (_AS_IN, "Upper end."),
    ("pairs", "Seeds on which both completed."),
    ("", "Two-sided sign-flip permutation p."),
    ("", "p, adjusted by Holm over the family."),
    ("", "p, adjusted by the step-down max-T test over all pairs of arms; what the verdict goes by."),
    ("share, 0 to 1", "Part of the seeds on which the arm is better, ties as half."),
    ("", "Cohen's d of pairs."),
    (_AS_IN, "Largest absolute difference that the interval admits."),
)
_AS_UNIT = "as in `unit`"
_TIME = (
    ("", "The arm."),
    ("", "Updates, epochs, samples or seconds."),
    ("runs", "Measured runs that ended."),
    ("runs", "How many of them never reached the target."),
    (_AS_UNIT, "Kaplan-Meier median; nothing where half never got there."),
    (_AS_UNIT, "Lower end of its 95 % interval."),
    (_AS_UNIT, "Upper end; nothing beyond the budget."),
    (_AS_UNIT, "Mean time until the target or the budget, whichever came first."),
    (_AS_UNIT, "Lower end of its 95 % interval."),
    (_AS_UNIT, "Upper end."),
    ("", "Restricted mean of the first arm over that of this one, on shared seeds: above 1 is faster."),
    ("", "Lower end of its 95 % interval."),
    ("", "Upper end."),
)


def _winner(study: str, comparison: Comparison) -> list[Column[ArmSummary]]:
    return [
        Column("study", "", "Name of the study.", lambda _: study),
        Column("arm", "", "Name of the arm.", lambda summary: summary.arm),
        Column("trial", "", "Number of the winning setting; none where nothing was searched.", lambda s: s.trial),
        Column(
            "best", "yes or no", "Whether it is the best arm of the study.", lambda s: _yes(s.arm == comparison.best)
        ),
        Column("schedule", "JSON", "The winning schedule, in updates.", lambda summary: summary.schedule),
    ]


def _summary(comparison: Comparison) -> list[Column[ArmSummary]]:
    metric = comparison.metric
    unit = unit_of(metric)
    interval = f"of the 95 % bootstrap interval of the mean, {comparison.resamples} resamples"

    def time(name: str) -> Callable[[ArmSummary], Any]:
        return lambda summary: getattr(summary.to_target, name, None)

    return [
        Column("budget", "updates", "How many updates a run takes.", lambda summary: summary.updates),
        Column("planned", "runs", "How many runs are to be measured.", lambda summary: summary.planned),
        Column("ended", "runs", "How many of them have ended, in whatever way.", lambda summary: summary.n),
        Column("completed", "runs", "How many of them completed; the mean is over these.", lambda s: s.final.n),
        Column(
            f"mean_{metric}", unit, "Mean final value over the completed runs.", lambda summary: summary.final.value
        ),
        Column("low", unit, f"Lower end {interval}.", lambda summary: summary.final.low),
        Column("high", unit, f"Upper end {interval}.", lambda summary: summary.final.high),
        Column("interquartile_mean", unit, "Mean of their middle half.", lambda s: s.interquartile_mean.value),
        Column("seconds", "seconds", "Mean training time of a completed run.", lambda summary: summary.seconds),
        Column("median_to_target", "updates", "Kaplan-Meier; nothing where half never got there.", time("median")),
        Column("median_low", "updates", "Lower end of its 95 % interval.", time("low")),
        Column("median_high", "updates", "Upper end; nothing beyond the budget.", time("high")),
        Column("misses", "runs", "Runs that ended without having reached the target.", time("misses")),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"

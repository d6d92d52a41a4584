"""What a study has measured as tidy tables for other programs: a row a run, an evaluation, a winner.

Beside them lies their data dictionary: what each column means, and in which unit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np

from clr_study.analysis import ArmSummary, Comparison, compare
from clr_study.metrics import ALWAYS, is_share, metric_of
from clr_study.report.document import plain_json
from clr_study.report.files import write_whole
from clr_study.report.table import Cell, Table
from clr_study.spec import COLUMNS, Results, RunResult

Form: TypeAlias = Literal["csv", "json"]
Row = TypeVar("Row")
ACCURACY, LOSS = "share, 0 to 1", "mean per sample"
MEANINGS = {
    "lr": ("", "Learning rate of the last update."),
    "train_loss": (LOSS, "Mean training loss of the updates since the evaluation before."),
    "validation_loss": (LOSS, "Loss on the whole validation split."),
    "validation_accuracy": (ACCURACY, "Accuracy on the whole validation split."),
    "test_loss": (LOSS, "Loss on the whole test split, which only measured runs read."),
    "test_accuracy": (ACCURACY, "Accuracy on the whole test split, which only measured runs read."),
}


@dataclass(frozen=True)
class _Column(Generic[Row]):
    """A column: its name, its unit, what it means, and how a row's cell is found."""

    name: str
    unit: str
    meaning: str
    cell: Callable[[Row], Any]


def export_tables(results: Results, comparison: Comparison) -> dict[str, Table]:
    """Returns the tables of a study by name: `runs`, `evaluations`, `winners`, and `dictionary`, which explains them.

    `study`, `arm`, `phase`, `trial` and `seed` together name a run, in `runs` as in `evaluations`.

    Args:
        results: All that was measured so far.
        comparison: What `compare` says about it.
    """
    drawn = list(dict.fromkeys(name for run in results.runs for name in run.values))
    own = (
        () if results.study.metric in ALWAYS else (f"validation_{results.study.metric}", f"test_{results.study.metric}")
    )
    runs: list[_Column[RunResult]] = [*_KEY, *_drawn(drawn, lambda run: run.values), *_RUN, *_last_of(own)]
    evaluations = [*_EVALUATION, *(_Column(name, *_meaning(name), _at(name)) for name in own)]
    looks = [(run, row) for run in results.runs for row in range(len(run.updates))]
    won = [summary for summary in comparison.arms if summary.schedule]
    winners = [*_winner(results, comparison), *_drawn(drawn, lambda summary: summary.values), *_summary(comparison)]
    parts: dict[str, tuple[Table, Iterable[_Column[Any]]]] = {
        "runs": (_table(runs, results.runs), runs),
        "evaluations": (_table(evaluations, looks), evaluations),
        "winners": (_table(winners, won), winners),
    }
    dictionary = Table.of(
        ("table", "column", "unit", "meaning"),
        [
            (name, column.name, column.unit, column.meaning)
            for name, (_, columns) in parts.items()
            for column in columns
        ],
    )
    return {**{name: table for name, (table, _) in parts.items()}, "dictionary": dictionary}


def write_export(
    results: Results, folder: str | Path, form: Form = "csv", comparison: Comparison | None = None
) -> tuple[Path, ...]:
    """Writes the tables of a study, a file each, whole or not at all.

    CSV is UTF-8 with a header, an empty cell where nothing is known, and an apostrophe before a text that a
    spreadsheet would take for a formula. JSON is a list of objects, with null where nothing is known.

    Args:
        results: What the study has measured so far.
        folder: Where to; made if it is not there.
        form: `csv` or `json`.
        comparison: What `compare` says about the results, if that is known already.

    Returns:
        The paths, in the order of the tables.
    """
    tables = export_tables(results, comparison or compare(results))
    write = {"csv": Table.to_csv, "json": Table.to_json}[form]
    return tuple(write_whole(Path(folder) / f"{name}.{form}", write(table)) for name, table in tables.items())


def _table(columns: Iterable[_Column[Row]], rows: Iterable[Row]) -> Table:
    columns = tuple(columns)
    return Table.of(
        (column.name for column in columns), ((_cell(column.cell(row)) for column in columns) for row in rows)
    )


def _cell(value: Any) -> Cell:
    """A value as a cell: numpy's numbers as Python's, lists and tables as JSON, nothing for NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(plain_json(value), ensure_ascii=False)
    return None if isinstance(value, float) and math.isnan(value) else value


def _last(name: str) -> Callable[[RunResult], float | None]:
    """What a run has seen last of a column, however it ended."""

    def cell(run: RunResult) -> float | None:
        column = run.metrics.get(name)
        return None if column is None or not len(column) else float(column[-1])

    return cell


def _meaning(column: str) -> tuple[str, str]:
    """The unit of a metric's column, and what it means."""
    split, _, metric = column.partition("_")
    return MEANINGS.get(column) or (_unit(metric), f"The study's metric, {metric}, on the whole {split} split.")


def _unit(metric: str) -> str:
    return ACCURACY if is_share(metric) else LOSS if metric_of(metric) == "loss" else metric_of(metric)


def _last_of(names: Iterable[str]) -> list[_Column[RunResult]]:
    return [_Column(f"last_{name}", *_meaning(name), _last(name)) for name in names]


def _at(name: str) -> Callable[[tuple[RunResult, int]], float | None]:
    def cell(look: tuple[RunResult, int]) -> float | None:
        run, row = look
        return float(run.metrics[name][row]) if name in run.metrics else None

    return cell


def _drawn(names: Iterable[str], values: Callable[[Any], Mapping[str, Any]]) -> list[_Column[Any]]:
    def value(name: str) -> Callable[[Any], Any]:
        return lambda row: values(row).get(name)

    meaning = "The value that the search drew for {}; nothing where the arm has no such hole."
    return [_Column(f"drawn_{name}", "as in the study file", meaning.format(name), value(name)) for name in names]


def _of_run(column: _Column[RunResult]) -> _Column[tuple[RunResult, int]]:
    return _Column(column.name, column.unit, column.meaning, lambda look: column.cell(look[0]))


_KEY: list[_Column[RunResult]] = [
    _Column("study", "", "Name of the study.", lambda run: run.key.study),
    _Column("arm", "", "Name of the arm; of a range test, the name of its runs.", lambda run: run.key.arm),
    _Column("phase", "", "range_test, search, confirm or measure.", lambda run: run.key.phase),
    _Column("trial", "", "Number of the setting within its arm, counted from 0.", lambda run: run.key.trial),
    _Column(
        "seed", "", "Replicate seed; measured runs of two arms with the same seed are a pair.", lambda r: r.key.seed
    ),
]

_RUN: list[_Column[RunResult]] = [
    _Column("outcome", "", "completed, pruned, diverged or failed; nothing while unfinished.", lambda run: run.ending),
    _Column("budget", "updates", "How many updates the run was to take.", lambda run: run.spec.updates),
    _Column(
        "updates", "updates", "Updates done at its last evaluation.", lambda r: r.updates[-1] if len(r.updates) else 0
    ),
    _Column(
        "seconds",
        "seconds",
        "Training time up to then: the device's time, shared over the runs that it trained together.",
        lambda run: run.seconds[-1] if len(run.seconds) else 0.0,
    ),
    *_last_of(COLUMNS),
    _Column("schedule", "JSON", "The schedule, in updates.", lambda run: run.spec.schedule),
    _Column("optim", "JSON", "The optimizer.", lambda run: run.spec.optim),
    _Column("model", "JSON", "The model.", lambda run: run.spec.model),
    _Column("data", "JSON", "The data set.", lambda run: run.spec.data),
    _Column("batch_size", "samples", "Samples an update.", lambda run: run.spec.batch_size),
    _Column("setting", "SHA-256", "Of the full setting, the seed included.", lambda run: run.spec.digest),
    _Column("device", "", "What it was trained on.", lambda run: run.device),
    _Column("versions", "JSON", "The versions of what it ran on.", lambda run: run.versions),
    _Column("note", "", "Where it diverged, or what failed.", lambda run: run.note),
]

_EVALUATION: list[_Column[tuple[RunResult, int]]] = [
    *map(_of_run, _KEY),
    _Column("update", "updates", "Updates done.", lambda look: look[0].updates[look[1]]),
    _Column("seconds", "seconds", "Training time so far.", lambda look: look[0].seconds[look[1]]),
    *(_Column(name, *MEANINGS[name], _at(name)) for name in COLUMNS),
]


def _winner(results: Results, comparison: Comparison) -> list[_Column[ArmSummary]]:
    return [
        _Column("study", "", "Name of the study.", lambda _: results.study.name),
        _Column("arm", "", "Name of the arm.", lambda summary: summary.arm),
        _Column("trial", "", "Number of the winning setting; none where nothing was searched.", lambda s: s.trial),
        _Column(
            "best", "yes or no", "Whether it is the best arm of the study.", lambda s: _yes(s.arm == comparison.best)
        ),
        _Column("schedule", "JSON", "The winning schedule, in updates.", lambda summary: summary.schedule),
    ]


def _summary(comparison: Comparison) -> list[_Column[ArmSummary]]:
    metric = comparison.metric
    unit = _unit(metric)
    interval = f"of the 95 % bootstrap interval of the mean, {comparison.resamples} resamples"

    def time(name: str) -> Callable[[ArmSummary], Any]:
        return lambda summary: getattr(summary.to_target, name, None)

    return [
        _Column("budget", "updates", "How many updates a run takes.", lambda summary: summary.updates),
        _Column("planned", "runs", "How many runs are to be measured.", lambda summary: summary.planned),
        _Column("ended", "runs", "How many of them have ended, in whatever way.", lambda summary: summary.n),
        _Column("completed", "runs", "How many of them completed; the mean is over these.", lambda s: s.final.n),
        _Column(
            f"mean_{metric}", unit, "Mean final value over the completed runs.", lambda summary: summary.final.value
        ),
        _Column("low", unit, f"Lower end {interval}.", lambda summary: summary.final.low),
        _Column("high", unit, f"Upper end {interval}.", lambda summary: summary.final.high),
        _Column("interquartile_mean", unit, "Mean of their middle half.", lambda s: s.interquartile_mean.value),
        _Column("seconds", "seconds", "Mean training time of a completed run.", lambda summary: summary.seconds),
        _Column("median_to_target", "updates", "Kaplan-Meier; nothing where half never got there.", time("median")),
        _Column("median_low", "updates", "Lower end of its 95 % interval.", time("low")),
        _Column("median_high", "updates", "Upper end; nothing beyond the budget.", time("high")),
        _Column("misses", "runs", "Runs that ended without having reached the target.", time("misses")),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"

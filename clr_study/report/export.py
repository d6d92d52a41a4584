"""What a study has measured as tidy tables for other programs: a row a run, an evaluation, a winner.

Beside them lies their data dictionary: what each column means, and in which unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from clr_study.analysis import Comparison, compare
from clr_study.metrics import ALWAYS
from clr_study.report.columns import Column, tabled
from clr_study.report.export_comparison import ACCURACY, LOSS, comparison_tables, unit_of
from clr_study.report.files import write_whole
from clr_study.report.parquet import to_parquet
from clr_study.report.table import Table
from clr_study.spec import COLUMNS, Results, RunResult

Form: TypeAlias = Literal["csv", "json", "parquet"]
MEANINGS = {
    "lr": ("", "Learning rate of the last update."),
    "train_loss": (LOSS, "Mean training loss of the updates since the evaluation before."),
    "validation_loss": (LOSS, "Loss on the whole validation split."),
    "validation_accuracy": (ACCURACY, "Accuracy on the whole validation split."),
    "test_loss": (LOSS, "Loss on the whole test split, which only measured runs read."),
    "test_accuracy": (ACCURACY, "Accuracy on the whole test split, which only measured runs read."),
}


def export_tables(results: Results, comparison: Comparison) -> dict[str, Table]:
    """Returns the tables of a study by name.

    They are `runs`, `evaluations`, `winners`, `differences`, `times`, and `dictionary`, which explains their columns.
    `study`, `arm`, `phase`, `trial` and `seed` together name a run, in `runs` as in `evaluations`.

    Args:
        results: All that was measured so far.
        comparison: What `compare` says about it.
    """
    drawn = list(dict.fromkeys(name for run in results.runs for name in run.values))
    own = (
        () if results.study.metric in ALWAYS else (f"validation_{results.study.metric}", f"test_{results.study.metric}")
    )
    runs: list[Column[RunResult]] = [*_KEY, *_drawn(drawn, lambda run: run.values), *_RUN, *_last_of(own)]
    evaluations = [*_EVALUATION, *(Column(name, *_meaning(name), _at(name)) for name in own)]
    looks = [(run, row) for run in results.runs for row in range(len(run.updates))]
    parts: dict[str, tuple[Table, Iterable[Column[Any]]]] = {
        "runs": (tabled(runs, results.runs), runs),
        "evaluations": (tabled(evaluations, looks), evaluations),
        **comparison_tables(results.study.name, comparison, _drawn(drawn, lambda summary: summary.values)),
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
    spreadsheet would take for a formula. JSON is a list of objects, with null where nothing is known. Parquet keeps
    texts as they are; it needs the extra `frames`.

    Args:
        results: What the study has measured so far.
        folder: Where to; made if it is not there.
        form: `csv`, `json` or `parquet`.
        comparison: What `compare` says about the results, if that is known already.

    Returns:
        The paths, in the order of the tables.

    Raises:
        InputError: What writes Parquet is not installed.
    """
    tables = export_tables(results, comparison or compare(results))
    forms: dict[str, Callable[[Table], str | bytes]]
    forms = {"csv": Table.to_csv, "json": Table.to_json, "parquet": to_parquet}
    return tuple(write_whole(Path(folder) / f"{name}.{form}", forms[form](table)) for name, table in tables.items())


def _last(name: str) -> Callable[[RunResult], float | None]:
    """What a run has seen last of a column, however it ended."""

    def cell(run: RunResult) -> float | None:
        column = run.metrics.get(name)
        return None if column is None or not len(column) else float(column[-1])

    return cell


def _meaning(column: str) -> tuple[str, str]:
    """The unit of a metric's column, and what it means."""
    split, _, metric = column.partition("_")
    return MEANINGS.get(column) or (unit_of(metric), f"The study's metric, {metric}, on the whole {split} split.")


def _last_of(names: Iterable[str]) -> list[Column[RunResult]]:
    return [Column(f"last_{name}", *_meaning(name), _last(name)) for name in names]


def _at(name: str) -> Callable[[tuple[RunResult, int]], float | None]:
    def cell(look: tuple[RunResult, int]) -> float | None:
        run, row = look
        return float(run.metrics[name][row]) if name in run.metrics else None

    return cell


def _drawn(names: Iterable[str], values: Callable[[Any], Mapping[str, Any]]) -> list[Column[Any]]:
    def value(name: str) -> Callable[[Any], Any]:
        return lambda row: values(row).get(name)

    meaning = "The value that the search drew for {}; nothing where the arm has no such hole."
    return [Column(f"drawn_{name}", "as in the study file", meaning.format(name), value(name)) for name in names]


def _of_run(column: Column[RunResult]) -> Column[tuple[RunResult, int]]:
    return Column(column.name, column.unit, column.meaning, lambda look: column.cell(look[0]))


_KEY: list[Column[RunResult]] = [
    Column("study", "", "Name of the study.", lambda run: run.key.study),
    Column("arm", "", "Name of the arm; of a range test, the name of its runs.", lambda run: run.key.arm),
    Column("phase", "", "range_test, search, confirm or measure.", lambda run: run.key.phase),
    Column("trial", "", "Number of the setting within its arm, counted from 0.", lambda run: run.key.trial),
    Column(
        "seed", "", "Replicate seed; measured runs of two arms with the same seed are a pair.", lambda r: r.key.seed
    ),
]

_RUN: list[Column[RunResult]] = [
    Column("outcome", "", "completed, pruned, diverged or failed; nothing while unfinished.", lambda run: run.ending),
    Column("budget", "updates", "How many updates the run was to take.", lambda run: run.spec.updates),
    Column(
        "updates", "updates", "Updates done at its last evaluation.", lambda r: r.updates[-1] if len(r.updates) else 0
    ),
    Column(
        "seconds",
        "seconds",
        "Training time up to then: the device's time, shared over the runs that it trained together.",
        lambda run: run.seconds[-1] if len(run.seconds) else 0.0,
    ),
    *_last_of(COLUMNS),
    Column("schedule", "JSON", "The schedule, in updates.", lambda run: run.spec.schedule),
    Column("optim", "JSON", "The optimizer.", lambda run: run.spec.optim),
    Column("model", "JSON", "The model.", lambda run: run.spec.model),
    Column("data", "JSON", "The data set.", lambda run: run.spec.data),
    Column("batch_size", "samples", "Samples an update.", lambda run: run.spec.batch_size),
    Column("setting", "SHA-256", "Of the full setting, the seed included.", lambda run: run.spec.digest),
    Column("device", "", "What it was trained on.", lambda run: run.device),
    Column("versions", "JSON", "The versions of what it ran on.", lambda run: run.versions),
    Column("note", "", "Where it diverged, or what failed.", lambda run: run.note),
]

_EVALUATION: list[Column[tuple[RunResult, int]]] = [
    *map(_of_run, _KEY),
    Column("update", "updates", "Updates done.", lambda look: look[0].updates[look[1]]),
    Column("seconds", "seconds", "Training time so far.", lambda look: look[0].seconds[look[1]]),
    *(Column(name, *MEANINGS[name], _at(name)) for name in COLUMNS),
]

"""Tidy tables: everything is in them, every column is explained, and no cell is a formula."""

import csv
import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_results import edge_cases, make_results

from clr_study.analysis import compare
from clr_study.errors import InputError
from clr_study.report import Table, export_tables, write_export
from clr_study.report.parquet import to_parquet

TABLES = ("runs", "evaluations", "winners", "differences", "times", "dictionary")


@pytest.fixture(scope="module")
def tables(results, comparison):
    return export_tables(results, comparison)


def rows_of(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_every_run_and_evaluation_is_there(tables, results):
    runs, looks = rows_of(tables["runs"]), rows_of(tables["evaluations"])
    assert len(runs) == len(results.runs)
    assert len(looks) == sum(len(run.updates) for run in results.runs)
    for row, run in zip(runs, results.runs, strict=True):
        assert (row["arm"], row["phase"], row["trial"], row["seed"]) == (
            run.key.arm,
            run.key.phase,
            run.key.trial,
            run.key.seed,
        )
        assert row["outcome"] == run.ending
        assert row["updates"] == run.updates[-1]
        assert json.loads(row["schedule"]) == pytest.approx(dict(run.spec.schedule))
    run = results.of("triangular", "measure")[3]
    mine = [row for row in looks if (row["arm"], row["phase"], row["seed"]) == ("triangular", "measure", 3)]
    assert [row["update"] for row in mine] == run.updates.tolist()
    assert [row["test_accuracy"] for row in mine] == run.metrics["test_accuracy"].tolist()


def test_what_was_drawn_stands_in_columns_of_its_own(tables, results):
    rows = rows_of(tables["runs"])
    run = results.of("triangular", "search")[2]
    row = next(row for row in rows if (row["arm"], row["phase"], row["trial"]) == ("triangular", "search", 2))
    assert row["drawn_base_lr/max_lr"] == run.values["base_lr/max_lr"]
    assert row["drawn_lr"] is None


def test_winners_are_those_of_the_comparison(tables, comparison, results):
    rows = rows_of(tables["winners"])
    assert {row["arm"]: row["trial"] for row in rows} == results.winners
    assert [row["arm"] for row in rows if row["best"] == "yes"] == [comparison.best]
    assert [row["mean_test_accuracy"] for row in rows] == [summary.final.value for summary in comparison.arms]
    assert rows[0]["misses"] == comparison.arms[0].to_target.misses


def test_the_dictionary_explains_every_column_and_no_other(tables):
    explained = [(row["table"], row["column"]) for row in rows_of(tables["dictionary"])]
    columns = [
        (name, column)
        for name in ("runs", "evaluations", "winners", "differences", "times")
        for column in tables[name].columns
    ]
    assert explained == columns
    assert all(row["meaning"].endswith(".") for row in rows_of(tables["dictionary"]))


def test_both_forms_hold_the_same(results, comparison, tmp_path):
    as_csv = write_export(results, tmp_path / "deep" / "a", "csv", comparison)
    as_json = write_export(results, tmp_path / "b", "json", comparison)
    assert [path.name for path in as_csv] == [f"{name}.csv" for name in TABLES]
    for one, other in zip(as_csv, as_json, strict=True):
        found = list(csv.DictReader(io.StringIO(one.read_text(encoding="utf-8"))))
        known = json.loads(other.read_text(encoding="utf-8"))
        assert found == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in known]


def test_no_cell_is_a_formula_and_no_control_character_is_left(tmp_path):
    results = make_results(diverge=("fixed",), note="=cmd|' /C calc'!A0\x1b[31m")
    path = write_export(results, tmp_path, "csv", compare(results, resamples=100))[0]
    notes = {row["note"] for row in csv.DictReader(io.StringIO(path.read_text()))}
    assert notes == {"'=cmd|' /C calc'!A0"}


def test_what_is_not_finite_is_null_in_json(results, comparison, tmp_path):
    run = results.runs[0]
    ruined = replace(run, metrics={**run.metrics, "train_loss": np.full(len(run.updates), np.inf)})
    path = write_export(replace(results, runs=(ruined,)), tmp_path, "json", comparison)[0]
    assert json.loads(path.read_text())[0]["last_train_loss"] is None


@pytest.mark.parametrize("name", edge_cases())
def test_every_state_of_a_study_can_be_exported(name, tmp_path):
    results = edge_cases()[name]
    for path in write_export(results, tmp_path, "json", compare(results, resamples=100)):
        assert isinstance(json.loads(path.read_text()), list)


def test_parquet_holds_what_json_holds(results, comparison, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_export(results, tmp_path, "json", comparison)
    for path in write_export(results, tmp_path, "parquet", comparison):
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found = parquet.read_table(path)
        assert found.to_pylist() == known
    types = {field.name: str(field.type) for field in parquet.read_schema(tmp_path / "runs.parquet")}
    assert (types["trial"], types["seconds"], types["arm"], types["drawn_lr"]) == (
        "int64",
        "double",
        "string",
        "double",
    )


def test_parquet_takes_columns_of_words_and_numbers_and_hostile_texts(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = Table.of(("a", "b"), [("=1+1", 1), (0.5, 2.5), (None, None)])
    (tmp_path / "t.parquet").write_bytes(to_parquet(table))
    assert parquet.read_table(tmp_path / "t.parquet").to_pydict() == {"a": ["=1+1", "0.5", None], "b": [1.0, 2.5, None]}


def test_parquet_without_pyarrow_is_refused_with_what_to_install(results, comparison, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pyarrow, which is not installed: pip install 'clr_study\[frames\]'"):
        write_export(results, tmp_path, "parquet", comparison)
    assert list(tmp_path.iterdir()) == []


def test_the_differences_and_times_are_those_of_the_comparison(tables, comparison):
    pairs = rows_of(tables["differences"])
    assert [(row["family"], row["arm"], row["minus"]) for row in pairs] == [
        *(("to_reference", each.arm, each.reference) for each in comparison.to_reference),
        *(("to_best", each.arm, each.reference) for each in comparison.to_best),
    ]
    assert pairs[0]["none_larger_shown_than"] == comparison.to_reference[0].within
    times = {(row["arm"], row["unit"]): row for row in rows_of(tables["times"])}
    decay = comparison.arm("decay")
    assert times["decay", "updates"]["median"] == decay.to_target.median
    assert times["decay", "samples"]["median"] == 50 * decay.to_target.median
    assert times["decay", "seconds"]["restricted_mean"] == decay.to_target_seconds.restricted_mean.value
    assert times["decay", "updates"]["speed_up"] == decay.to_target.speed_up.value
    assert times["decay", "samples"]["speed_up"] is None


def test_a_study_decided_by_time_exports_the_differences_in_time():
    results = edge_cases()["budgets differ"]
    comparison = compare(results, resamples=100)
    pairs = rows_of(export_tables(results, comparison)["differences"])
    in_time = [row for row in pairs if row["family"] == "target_to_best"]
    assert [row["in"] for row in in_time] == ["updates to target"]
    assert in_time[0]["mean"] == comparison.target_to_best[0].estimate.value

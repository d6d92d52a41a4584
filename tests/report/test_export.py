"""Tidy tables: everything is in them, every column is explained, and no cell is a formula."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from made_results import edge_cases, make_results

from clr_study.analysis import compare
from clr_study.report import export_tables, write_export


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
    columns = [(name, column) for name in ("runs", "evaluations", "winners") for column in tables[name].columns]
    assert explained == columns
    assert all(row["meaning"].endswith(".") for row in rows_of(tables["dictionary"]))


def test_both_forms_hold_the_same(results, comparison, tmp_path):
    as_csv = write_export(results, tmp_path / "deep" / "a", "csv", comparison)
    as_json = write_export(results, tmp_path / "b", "json", comparison)
    assert [path.name for path in as_csv] == ["runs.csv", "evaluations.csv", "winners.csv", "dictionary.csv"]
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

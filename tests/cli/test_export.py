from __future__ import annotations

import csv
import json


def test_it_writes_the_tables_and_says_where(clr_study, stored, tmp_path):
    result = clr_study("export", "tiny", "--storage", stored, "--out", str(tmp_path))
    assert result.exit_code == 0
    names = [f"{name}.csv" for name in ("runs", "evaluations", "winners", "differences", "times", "dictionary")]
    assert result.output.splitlines() == [str(tmp_path / name) for name in names]
    rows = list(csv.DictReader((tmp_path / "runs.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["arm"], row["phase"]) for row in rows] == [("clr", "measure")] * 3 + [("fixed", "measure")] * 3


def test_it_writes_json(clr_study, stored, tmp_path):
    assert clr_study("export", "tiny", "--storage", stored, "--out", str(tmp_path), "--format", "json").exit_code == 0
    assert len(json.loads((tmp_path / "evaluations.json").read_text())) == 12


def test_a_folder_that_cannot_be_is_refused(clr_study, stored, tmp_path):
    (tmp_path / "taken").write_text("")
    result = clr_study("export", "tiny", "--storage", stored, "--out", str(tmp_path / "taken"))
    assert result.exit_code == 2
    assert f"--out {tmp_path / 'taken'}: cannot be written" in result.output


def test_a_form_that_there_is_not_is_refused(clr_study, stored):
    assert clr_study("export", "tiny", "--storage", stored, "--format", "xlsx").exit_code == 2

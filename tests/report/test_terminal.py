"""What a terminal is given."""

import numpy as np
import pytest
from made_results import edge_cases, make_results, other_study

from clr_study.analysis import compare
from clr_study.report import snippet, summary_rows


def test_a_row_has_the_columns_of_the_issue(comparison):
    rows = summary_rows(comparison)
    assert [row["arm"] for row in rows] == ["fixed", "decay", "triangular", "triangular2"]
    assert list(rows[0]) == ["arm", "n", "accuracy", "updates to target", "difference to fixed", "winning values"]
    assert rows[0]["n"] == "7 of 8"
    assert rows[0]["updates to target"] == "never; 8 of 8 missed"
    assert rows[0]["difference to fixed"] == "reference"
    assert rows[1]["difference to fixed"].startswith("+3.")
    assert "p = " in rows[1]["difference to fixed"]
    assert rows[2]["winning values"].startswith("triangular: base_lr 0.03536, max_lr 0.509, step_size 50")


def test_nothing_has_won_where_nothing_was_searched():
    rows = summary_rows(compare(edge_cases()["nothing searched"], resamples=200))
    assert list(rows[0])[-1] == "values"
    assert rows[0]["values"] == "constant: lr 0.1"


@pytest.mark.parametrize("name", edge_cases())
def test_every_state_of_a_study_has_rows_of_text(name):
    results = edge_cases()[name]
    rows = summary_rows(compare(results, resamples=200))
    assert len(rows) == len(results.study.arms)
    for row in rows:
        assert list(row) == list(rows[0])
        for cell in row.values():
            assert isinstance(cell, str)
            assert "nan" not in cell
            assert cell.isprintable()


@pytest.mark.parametrize("arm", [0, 1, 2, 3])
def test_the_snippet_makes_the_very_schedule(comparison, results, arm):
    summary = comparison.arms[arm]
    schedule = run_up_to_torch(snippet(summary))
    assert schedule == results.of(summary.arm, "measure")[0].spec.lr_schedule


def test_the_snippet_of_joined_schedules_imports_all_of_them():
    study = other_study(
        '[arms.a.schedule]\nkind = "joined"\nboundaries = [100]\n'
        'schedules = [{ kind = "constant", lr = 0.1 }, { kind = "linear", lr = 0.1 }]',
        search="",
    )
    results = make_results(study)
    text = snippet(compare(results, resamples=200).arms[0])
    assert text.startswith("from clr_study.schedules import Constant, Joined, Linear\n")
    expected = results.of("a", "measure")[0].spec.lr_schedule
    assert np.array_equal(run_up_to_torch(text).table(500), expected.table(500))


def test_the_snippet_names_what_was_drawn_beside_the_schedule():
    study = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = 0.1\n'
        '[arms.a.optim]\nkind = "sgd"\nmomentum = { low = 0.5, high = 0.9 }'
    )
    summary = compare(make_results(study), resamples=200).arms[0]
    assert f"# with optim.momentum = {summary.values['optim.momentum']!r}" in snippet(summary)


def test_no_winner_no_snippet():
    assert snippet(compare(edge_cases()["nothing has run"]).arms[0]) == ""


def run_up_to_torch(text):
    """Runs the snippet's lines but the one that needs an optimizer."""
    lines = [line for line in text.splitlines() if not line.startswith("scheduler")]
    names = {}
    exec("\n".join(lines), names)
    return names["schedule"]

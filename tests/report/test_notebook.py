from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import pytest
from made_results import make_results

from clr_study import figure, frames
from clr_study.errors import InputError, UnknownKindError
from clr_study.report import FIGURES, export_tables


@pytest.mark.parametrize("kind", ["final", "learning", "schedules"])
def test_a_figure_comes_by_its_name(results, comparison, kind):
    drawn = figure(results, kind, comparison=comparison)
    assert isinstance(drawn, go.Figure)
    assert len(drawn.data) > 0
    assert kind in FIGURES


def test_a_figure_takes_its_own_options_and_a_theme(results, comparison):
    light = figure(results, "learning", comparison=comparison, column="train_loss")
    dark = figure(results, "learning", comparison=comparison, column="train_loss", theme="dark")
    assert light.layout.yaxis.title.text == "train loss"
    assert light.layout.font.color != dark.layout.font.color


def test_what_cannot_be_drawn_is_said(results, comparison):
    with pytest.raises(UnknownKindError, match="no figure is called 'finall'; did you mean 'final'"):
        figure(results, "finall", comparison=comparison)
    with pytest.raises(InputError, match="figure final takes no key 'colour'"):
        figure(results, "final", comparison=comparison, colour="red")
    with pytest.raises(InputError, match="figure 'range_test': the study has nothing for it"):
        figure(replace(results, range_tests=()), "range_test", comparison=comparison)


def test_frames_are_the_exported_tables(results, comparison):
    tables, found = export_tables(results, comparison), frames(results, comparison)
    assert set(found) == set(tables) > {"runs", "evaluations", "winners", "dictionary"}
    for name, table in tables.items():
        assert found[name].columns.tolist() == list(table.columns)
        assert len(found[name]) == len(table.rows)
    assert found["runs"]["last_test_accuracy"].dtype == float


def test_results_as_the_last_line_of_a_cell_are_a_line(results):
    arms = [arm.name for arm in results.study.arms]
    assert repr(results) == f"<Results of 'made': arms {arms}; 88 completed, 5 diverged, 1 failed, 2 pruned>"


def test_an_unfinished_study_has_frames_too():
    found = frames(make_results(phases=("search",)))["runs"]
    assert set(found["phase"]) == {"search"}

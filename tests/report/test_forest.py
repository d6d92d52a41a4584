"""The forest plot by its info: the paired differences are those of the comparison."""

from dataclasses import replace

import numpy as np
import pytest
from made_results import edge_cases, make_results, make_study, other_study

from clr_study.analysis import compare
from clr_study.report import LIGHT
from clr_study.report.figures import Forest

THEME = LIGHT.of(("fixed", "decay", "triangular", "triangular2"))


def test_the_forest_holds_the_paired_differences_to_the_reference(results, comparison):
    info = Forest().summarise(results, comparison)
    against_reference, against_best = info.families
    assert (against_reference.against, against_reference.role) == ("fixed", "reference")
    assert [row.arm for row in against_reference.rows] == ["decay", "triangular", "triangular2"]
    decay = against_reference.rows[0]
    pairs = zip(results.of("decay", "measure"), results.of("fixed", "measure"), strict=True)
    differences = [run.final("test_accuracy") - other.final("test_accuracy") for run, other in pairs]
    assert decay.estimate.value == pytest.approx(np.nanmean(differences))
    assert decay.estimate.n == 7
    assert decay.p_adjusted == comparison.to_reference[0].p_adjusted
    assert against_best.against == comparison.best


def test_the_forest_turns_the_differences_of_the_best_towards_the_others(results, comparison):
    rows = Forest().summarise(results, comparison).families[1].rows
    for row, found in zip(rows, comparison.to_best, strict=True):
        assert row.arm == found.reference
        assert row.estimate.value == -found.estimate.value < 0
        assert (row.estimate.low, row.estimate.high) == (-found.estimate.high, -found.estimate.low)
        assert (row.improvement, row.p_adjusted) == (1 - found.improvement, found.p_adjusted)


def test_the_forest_draws_points_around_the_line_of_no_difference(results, comparison):
    figure = Forest()
    info = figure.summarise(results, comparison)
    drawing = figure.draw(info, THEME)
    mark, row = drawing.data[0], info.families[0].rows[0]
    assert mark.x[0] == pytest.approx(100 * row.estimate.value)
    assert mark.x[0] + mark.error_x.array[0] == pytest.approx(100 * row.estimate.high)
    assert mark.x[0] - mark.error_x.arrayminus[0] == pytest.approx(100 * row.estimate.low)
    assert [(shape.x0, shape.x1) for shape in drawing.layout.shapes] == [(0, 0), (0, 0)]
    assert drawing.layout.xaxis.title.text == "test accuracy, points; right is better"
    assert "n = 7" in figure.caption(info)


def test_long_names_never_reach_into_the_panel_beside(results, comparison):
    figure = Forest()
    info = figure.summarise(results, comparison)
    beside = figure.draw(info, THEME).layout
    assert beside.xaxis.domain[1] < beside.xaxis2.domain[0]
    named = replace(
        info.families[1], rows=tuple(replace(row, arm="an_arm_of_a_long_name") for row in info.families[1].rows)
    )
    below = figure.draw(
        replace(info, families=(info.families[0], named)), LIGHT.of(["an_arm_of_a_long_name", *THEME.arms])
    )
    assert below.layout.xaxis.domain == below.layout.xaxis2.domain == (0, 1)


def test_the_forest_has_one_family_where_the_reference_is_the_best():
    study = other_study(
        '[arms.fixed.schedule]\nkind = "constant"\nlr = 0.3\n[arms.poor.schedule]\nkind = "constant"\nlr = 0.001',
        search="",
    )
    results = make_results(study)
    comparison = compare(results, resamples=200)
    assert comparison.best == "fixed"
    assert [family.against for family in Forest().summarise(results, comparison).families] == ["fixed"]


def test_the_forest_compares_updates_to_target_where_budgets_differ():
    results = edge_cases()["budgets differ"]
    comparison = compare(results, resamples=200)
    figure = Forest()
    info = figure.summarise(results, comparison)
    family = info.families[-1]
    assert family.metric == "updates to target"
    assert family.rows[0].estimate.value == -comparison.target_to_best[0].estimate.value > 0
    title = figure.draw(info, LIGHT.of(["a", "b"])).layout.xaxis2.title.text
    assert title.endswith("left is better")
    assert " updates [" in figure.caption(info)


def test_the_forest_needs_two_arms_that_share_a_seed():
    alone, none = edge_cases()["one arm"], edge_cases()["the search alone"]
    assert "one arm" in Forest().summarise(alone, compare(alone)).why
    assert "same seed" in Forest().summarise(none, compare(none)).why


def test_one_pair_gives_the_forest_a_dot_without_an_interval():
    results = make_results(make_study(seeds=1))
    info = Forest().summarise(results, compare(results))
    marks = Forest().draw(info, THEME).data
    assert [mark.error_x.array[0] for mark in marks] == [0] * len(marks)
    assert "[" not in Forest().caption(info)

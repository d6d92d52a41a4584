"""The figures of the page `search` by their infos."""

from dataclasses import replace

import numpy as np
import pytest
from made_results import edge_cases, make_results, other_study

from clr_study.analysis import compare
from clr_study.report import LIGHT, Absent
from clr_study.report.figures import Divergence, Effort, Learning, LearningOverLr, Schedules, Sensitivity

THEME = LIGHT.of(("fixed", "decay", "triangular", "triangular2"))


def test_effort_ends_at_the_best_trial_and_begins_at_their_mean():
    unpruned = make_results()
    info = Effort().summarise(unpruned, compare(unpruned, resamples=200))
    decay = next(curve for curve in info.curves if curve.arm == "decay")
    runs = unpruned.of("decay", "search")
    scores = np.array([run.final("validation_accuracy") for run in runs])
    worst = min(
        s for run in unpruned.runs if (s := run.final("validation_accuracy")) == s and run.key.phase == "search"
    )
    assert decay.trials == tuple(range(1, 17))
    assert decay.expected[-1] == pytest.approx(np.nanmax(scores))
    assert decay.expected[0] == pytest.approx(np.where(np.isnan(scores), worst, scores).mean())
    assert decay.incomplete == np.isnan(scores).sum() == 1
    assert all(low <= mean <= high for low, mean, high in zip(decay.low, decay.expected, decay.high, strict=True))
    assert info.leaders[0][0] == 1
    assert info.leaders[-1][1] == 16
    assert "decay 16 (1 not completed)" in Effort().caption(info)
    thinned = replace(info, curves=(replace(info.curves[0], trials=(1, 2, 204, 2400)),))
    assert f"{info.curves[0].arm} 2,400" in Effort().caption(thinned)


def test_effort_leaves_out_an_arm_with_pruned_trials_and_says_why(results, comparison):
    info = Effort().summarise(results, comparison)
    assert [curve.arm for curve in info.curves] == ["decay", "triangular2"]
    assert info.refused == ("Trials were pruned, so what they would have reached is not known.",)
    assert "Not shown: Trials were pruned" in Effort().caption(info)


@pytest.mark.parametrize("sampler", ["tpe", "gp", "grid", "qmc"])
def test_effort_refuses_samplers_that_do_not_draw_independently(sampler):
    study = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1 }',
        search=f'search = {{ trials = 4, sampler = {{ kind = "{sampler}" }} }}',
    )
    results = make_results(study)
    why = Effort().summarise(results, compare(results)).why
    assert why.startswith(f"The {sampler} sampler does not draw its trials independently")


def test_sensitivity_shades_from_the_first_to_the_last_trial_near_the_best():
    results = make_results()
    info = Sensitivity().summarise(results, compare(results, resamples=200))
    assert [(panel.arm, panel.name) for panel in info.panels][:3] == [
        ("fixed", "lr"),
        ("decay", "lr"),
        ("triangular", "max_lr"),
    ]
    panel = info.panels[0]
    runs = results.of("fixed", "search")
    scores = [run.final("validation_accuracy") for run in runs]
    near = [run.values["lr"] for run, score in zip(runs, scores, strict=True) if score >= np.nanmax(scores) - 0.01]
    assert panel.region == (min(near), max(near))
    assert [point.x for point in panel.points if point.near] == near
    assert info.arms[0].near.value == len(near) / 16
    assert f"fixed {100 * len(near) / 16:.0f} %" in Sensitivity().caption(info)
    shading = Sensitivity().draw(info, THEME).data[0]
    assert (min(shading.x), max(shading.x)) == panel.region


def test_sensitivity_puts_what_is_far_below_the_best_on_the_edge():
    results = make_results()
    info = Sensitivity().summarise(results, compare(results, resamples=200))
    trace = Sensitivity().draw(info, THEME).data[1]
    best = max(arm.best for arm in info.arms)
    low = min(trace.y)
    shown = dict(zip(trace.marker.symbol, trace.y, strict=True))
    far = [point for point in info.panels[0].points if point.score is not None and point.score < best - 0.1]
    assert far
    assert list(trace.marker.symbol).count("triangle-down-open") == len(far)
    assert shown["triangle-down-open"] == low < best - 0.1


def test_sensitivity_shades_no_words():
    words = edge_cases()["words are drawn"]
    info = Sensitivity().summarise(words, compare(words))
    regions = {panel.name: panel.region for panel in info.panels}
    assert regions["model.activation"] is None
    assert regions["lr"] is not None
    assert Sensitivity().draw(info, LIGHT.of(["a"])).data


def test_learning_over_lr_joins_both_figures_on_one_axis(results, comparison):
    info = LearningOverLr().summarise(results, comparison)
    assert info.schedules == Schedules().summarise(results, comparison).curves
    assert info.learning.curves[1].mean == Learning().summarise(results, comparison).curves[1].mean
    assert dict(info.boundaries)["triangular"] == (100, 200, 300, 400, 500)
    assert set(dict(info.boundaries)) == {"triangular", "triangular2"}
    spec = results.of("decay", "measure")[0].spec
    lrs = spec.lr_schedule.table(spec.updates)
    assert info.rates[1] == tuple(lrs[int(at) - 1] for at in info.learning.curves[1].updates)
    drawing = LearningOverLr().draw(info, THEME)
    assert {trace.xaxis for trace in drawing.data} == {None}
    assert drawing.layout.xaxis.anchor == "y2"


def test_learning_over_lr_draws_no_fence_of_cycle_ends():
    study = other_study('[arms.a.schedule]\nkind = "triangular"\nmax_lr = 0.5\nbase_lr = 0.1\nstep_size = 5', search="")
    results = make_results(study)
    info = LearningOverLr().summarise(results, compare(results))
    assert len(info.learning.curves[0].cycle_ends) > 30
    assert info.boundaries == ()
    assert "ends a cycle" not in LearningOverLr().caption(info)
    learning = Learning()
    curves = learning.summarise(results, compare(results))
    assert "The cycles of a are too many for a dot each." in learning.caption(curves)
    assert all(len(trace.x) == 0 for trace in learning.draw(curves, LIGHT.of(["a"])).data if trace.mode == "markers")


def test_divergence_tells_from_which_learning_rate_on(results, comparison):
    info = Divergence().summarise(results, comparison)
    decay = info.of("decay")
    dead = [setting for setting in decay if setting.diverged]
    runs = [run for run in results.of("decay", "search") if run.ending == "diverged"]
    assert [setting.peak for setting in dead] == [run.values["lr"] for run in runs]
    assert all(setting.peak > 2 for setting in dead)
    assert dead[0].note == runs[0].note
    fixed = next(setting for setting in info.of("fixed") if setting.phase == "measure")
    assert (fixed.runs, fixed.diverged, fixed.ratio) == (8, 1, None)
    assert "fixed: 1 of 24 diverged" in Divergence().caption(info)
    cyclical = info.of("triangular")[0]
    assert cyclical.ratio == pytest.approx(results.of("triangular", "search")[0].values["base_lr/max_lr"])


def test_divergence_is_absent_without_a_word_where_nothing_diverged():
    flat = make_results(other_study('[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1 }'))
    assert Divergence().summarise(flat, compare(flat)) == Absent("")


def test_divergence_has_one_panel_where_no_arm_is_cyclical():
    lost = other_study('[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 9, log = true }')
    results = make_results(lost)
    info = Divergence().summarise(results, compare(results))
    drawing = Divergence().draw(info, LIGHT.of(["a"]))
    assert {trace.xaxis for trace in drawing.data} == {None}
    assert "other panel" not in Divergence().caption(info)

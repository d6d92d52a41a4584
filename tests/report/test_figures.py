"""Figures by their infos: the numbers that are drawn are those that the runs hold."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_results import edge_cases, make_range_test, make_results, make_study, other_study

from clr_study.analysis import Estimate, compare
from clr_study.report import LIGHT, Absent
from clr_study.report.figures import (
    Cost,
    Final,
    Learning,
    LearningOverLr,
    RangeTest,
    Schedules,
    Search,
    StepSizeMap,
    TimeToTarget,
)
from clr_study.schedules import schedule_from_dict
from clr_study.spec import Results

ARMS = ("fixed", "decay", "triangular", "triangular2")
THEME = LIGHT.of(ARMS)


def test_schedules_are_those_that_the_measured_runs_followed(results, comparison):
    info = Schedules().summarise(results, comparison)
    assert [curve.arm for curve in info.curves] == list(ARMS)
    for curve in info.curves:
        spec = results.of(curve.arm, "measure")[0].spec
        assert curve.lrs == tuple(schedule_from_dict(spec.schedule).table(spec.updates))
        assert curve.updates == tuple(range(500))
        assert curve.words.startswith(spec.schedule["kind"])


def test_schedules_that_nobody_searched_for_are_not_called_winners(results, comparison):
    figure, given = Schedules(), edge_cases()["nothing searched"]
    assert "won the search" in figure.caption(figure.summarise(results, comparison))
    assert "that the study file gives each arm" in figure.caption(figure.summarise(given, compare(given)))


def test_schedules_can_be_drawn_on_a_log_scale(results, comparison):
    figure = Schedules(log=True)
    assert figure.draw(figure.summarise(results, comparison), THEME).layout.yaxis.type == "log"


def test_final_has_a_dot_for_each_completed_run_and_counts_the_others(results, comparison):
    info = Final().summarise(results, comparison)
    fixed, decay = info.arms[:2]
    assert [seed for seed, _ in fixed.runs] == [0, 1, 3, 4, 5, 6, 7]
    assert (fixed.incomplete, decay.incomplete) == (1, 0)
    assert dict(decay.runs)[5] == results.of("decay", "measure")[5].metrics["test_accuracy"][-1]
    assert decay.mean.value == pytest.approx(np.mean([value for _, value in decay.runs]))


def test_final_joins_the_runs_of_a_seed_and_leaves_a_gap_where_one_is_missing(results, comparison):
    info = Final().summarise(results, comparison)
    pairs = Final().draw(info, THEME).data[0]
    by_seed = np.array([math.nan if y is None else y for y in pairs.y]).reshape(8, 5)
    assert np.isnan(by_seed[:, 4]).all()
    assert np.isnan(by_seed[2, 0])
    assert np.isfinite(by_seed[[0, 1, 3, 4, 5, 6, 7], :4]).all()
    assert by_seed[3, 1] == dict(info.arms[1].runs)[3]


def test_final_draws_no_interval_where_one_run_cannot_give_it():
    results = make_results(make_study(seeds=1))
    info = Final().summarise(results, compare(results))
    means = [trace for trace in Final().draw(info, THEME).data if trace.error_y.array is not None]
    assert [trace.error_y.array[0] for trace in means] == [0, 0, 0, 0]


def test_time_to_target_is_the_share_of_runs_that_were_seen_at_the_target(results, comparison):
    info = TimeToTarget().summarise(results, comparison)
    assert (info.metric, info.target) == ("test_accuracy", 0.94)
    for curve in info.curves:
        runs = results.of(curve.arm, "measure")
        assert curve.updates[0] == 0
        assert curve.updates[-1] == 500
        for at, share in zip(curve.updates, curve.shares, strict=True):
            reached = [(run.metrics["test_accuracy"][run.updates <= at] >= 0.94).any() for run in runs]
            assert share == pytest.approx(np.mean(reached))
    fixed = info.curves[0]
    assert fixed.time.misses == 8
    assert set(fixed.shares) == {0.0}


def test_the_axis_of_the_time_to_target_ends_where_all_were_there_but_not_before_a_miss(results, comparison):
    figure, info = TimeToTarget(), TimeToTarget().summarise(results, comparison)
    assert figure.draw(info, THEME).layout.xaxis.range is None
    early = replace(info, curves=tuple(replace(each, updates=(0, 80, 500), shares=(0, 1, 1)) for each in info.curves))
    assert figure.draw(early, THEME).layout.xaxis.range == (0, 100)
    assert "The axis ends" in figure.caption(early)
    assert "The axis ends" not in figure.caption(info)


def test_learning_is_the_mean_over_the_runs_that_are_still_alive(results, comparison):
    info = Learning().summarise(results, comparison)
    assert info.column == "test_accuracy"
    fixed = info.curves[0]
    assert (fixed.n, fixed.alive[0], fixed.alive[-1]) == (8, 8, 7)
    alive = [run for run in results.of("fixed", "measure") if run.ending == "completed"]
    assert fixed.mean[-1] == pytest.approx(np.mean([run.metrics["test_accuracy"][-1] for run in alive]))
    assert all(low <= mean <= high for low, mean, high in zip(fixed.low, fixed.mean, fixed.high, strict=True))


def test_learning_marks_the_ends_of_cycles_of_cyclical_arms_only(results, comparison):
    fixed, decay, triangular, _ = Learning().summarise(results, comparison).curves
    assert fixed.cycle_ends == decay.cycle_ends == ()
    assert [at for at, _ in triangular.cycle_ends] == [100, 200, 300, 400, 500]
    at_200 = triangular.updates.index(200)
    assert dict(triangular.cycle_ends)[200] == triangular.mean[at_200]


def test_learning_shows_another_column_and_says_so(results, comparison):
    figure = Learning(column="train_loss")
    info = figure.summarise(results, comparison)
    assert info.column == "train_loss"
    assert figure.heading(info) == "Learning curves: train loss"
    assert info.curves[0].mean[0] == pytest.approx(
        np.mean([run.metrics["train_loss"][0] for run in results.of("fixed", "measure")])
    )


def test_learning_leaves_a_steep_beginning_out_of_the_view_and_says_so(results, comparison):
    info = Learning().summarise(results, comparison)
    lowest = min(min(curve.low) for curve in info.curves)
    assert info.cut
    assert info.view[0] > lowest
    assert "outside the view" in Learning().caption(info)


def test_learning_is_not_flattened_by_a_runaway_loss(results):
    runs = list(results.runs)
    for run in runs:
        if run.key.arm == "fixed" and run.key.phase == "measure" and run.key.seed == 2:
            run.metrics["train_loss"][-1] = 1e30
    ruined = Results(study=results.study, runs=tuple(runs), winners=results.winners)
    info = Learning(column="train_loss").summarise(ruined, compare(ruined, resamples=200))
    assert info.view[1] < 10


def test_search_has_a_panel_for_each_drawn_value_and_a_dot_for_each_trial(results, comparison):
    info = Search().summarise(results, comparison)
    assert [panel.name for panel in info.panels] == ["max_lr, or lr", "base_lr/max_lr", "step_size, epochs"]
    assert [len(panel.points) for panel in info.panels] == [64, 32, 32]
    assert [panel.log for panel in info.panels] == [True, False, False]
    point = next(point for point in info.panels[0].points if (point.arm, point.trial) == ("decay", 7))
    run = results.of("decay", "search")[7]
    assert (point.x, point.score) == (run.values["lr"], run.metrics["validation_accuracy"][-1])


def test_search_marks_winners_and_gives_dead_trials_no_score(results, comparison):
    info = Search().summarise(results, comparison)
    points = info.panels[0].points
    assert {(point.arm, point.trial) for point in points if point.winner} == set(results.winners.items())
    assert all(point.score is None for point in points if point.ending in ("diverged", "failed"))
    pruned = next(point for point in points if point.ending == "pruned")
    run = results.of(pruned.arm, "search")[pruned.trial]
    assert pruned.score == run.metrics["validation_accuracy"][-1]
    assert info.trials[0] == ("fixed", 16, 1)


def test_search_draws_trials_without_a_score_beyond_the_worst_one(results, comparison):
    info = Search().summarise(results, comparison)
    drawing = Search().draw(info, THEME)
    trace = next(trace for trace in drawing.data if trace.name == "triangular2" and trace.x[0] is not None)
    points = [point for point in info.panels[0].points if point.arm == "triangular2"]
    worst = min(point.score for point in points if point.score is not None)
    for point, y, symbol in zip(points, trace.y, trace.marker.symbol, strict=True):
        assert (y < worst and symbol == "x-thin") if point.score is None else y == point.score


def test_search_puts_them_above_where_less_is_better():
    loss = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 9, log = true }', head='metric = "loss"'
    )
    results = make_results(loss)
    info = Search().summarise(results, compare(results))
    dead = [point.score is None for point in info.panels[0].points]
    assert any(dead)
    trace = Search().draw(info, LIGHT.of(["a"])).data[1]
    worst = max(point.score for point in info.panels[0].points if point.score is not None)
    assert all(y > worst for y, lost in zip(trace.y, dead, strict=True) if lost)


def test_search_draws_words_as_categories_and_keeps_them_inert():
    study = other_study(
        '[arms.a.schedule]\nkind = "constant"\nlr = 0.1\n'
        '[arms.a.model]\nkind = "mlp"\nname = { choices = ["<b>", "y"] }',
        search="search = { trials = 20 }",
    )
    results = make_results(study)
    info = Search().summarise(results, compare(results))
    drawing = Search().draw(info, LIGHT.of(["a"]))
    assert info.panels[0].name == "model.name"
    assert drawing.layout.xaxis.type == "category"
    assert set(drawing.data[1].x) == {"&lt;b&gt;", "y"}


def test_the_map_holds_the_trained_step_size_and_ratio_of_cyclical_arms_only(results, comparison):
    info = StepSizeMap().summarise(results, comparison)
    assert [arm for arm, _ in info.arms] == ["triangular", "triangular2"]
    for arm, points in info.arms:
        for point, run in zip(points, results.of(arm, "search"), strict=True):
            assert point.step_size == run.spec.schedule["step_size"]
            assert point.ratio == pytest.approx(run.values["base_lr/max_lr"])
            assert point.winner == (results.winners[arm] == point.trial)
    scores = [point.score for _, points in info.arms for point in points if point.score is not None]
    assert info.best == max(scores)
    assert info.worst == pytest.approx(np.quantile(scores, 0.2))


def test_the_map_is_absent_without_a_word_where_no_arm_is_cyclical():
    results = make_results(other_study('[arms.a.schedule]\nkind = "constant"\nlr = { low = 0.01, high = 1 }'))
    assert StepSizeMap().summarise(results, compare(results)) == Absent("")


def test_the_map_of_a_loss_is_bright_where_the_loss_is_small():
    arms = (
        '[arms.a.schedule]\nkind = "triangular"\nmax_lr = 0.5\nbase_lr = { times = "max_lr", low = 0.1, high = 0.5 }\n'
        "step_size = { low = 20, high = 100 }"
    )
    results = make_results(other_study(arms, head='metric = "loss"'))
    info = StepSizeMap().summarise(results, compare(results))
    scale = StepSizeMap().draw(info, LIGHT.of(["a"])).layout.coloraxis
    assert info.best < info.worst
    assert (scale.cmin, scale.cmax, scale.reversescale) == (info.best, info.worst, True)


def test_the_range_test_shows_the_bounds_of_the_study_rule_first(results, comparison):
    info = RangeTest().summarise(results, comparison)
    exponential, linear = info.ramps
    assert [bounds.rule for bounds in exponential.bounds] == ["smith", "minimum"]
    assert exponential.mean == pytest.approx(np.nanmean(results.range_tests[0].scores, axis=0).tolist())
    drawing = RangeTest().draw(info, THEME)
    band, line = drawing.layout.shapes
    assert (band.type, band.x0, band.x1) == ("rect", 0.004, 0.9)
    assert (line.type, line.x0, line.x1) == ("line", 0.004, 0.004)
    assert "no max_lr found" in RangeTest().caption(info)
    assert len(linear.scores) == 3
    captions = [RangeTest().caption(replace(info, ramps=(ramp,))) for ramp in info.ramps]
    assert ["shaded" in caption for caption in captions] == [True, False]
    assert ["a dotted line" in caption for caption in captions] == [False, True]
    assert captions[1].endswith(
        "Linear ramp, 3 seeds, rule smith: base_lr 0.004 (over the seeds 0.003 to 0.005), no max_lr found. "
        "No upper bound found up to 3."
    )


def test_the_range_test_bears_that_every_seed_died_and_that_no_rule_found_a_bound(results, comparison):
    test = make_range_test(found=False)
    test.scores[:, 30:] = np.nan
    test.bounds["smith"]["base_lr"] = None
    info = RangeTest().summarise(replace(results, range_tests=(test,)), comparison)
    assert math.isnan(info.ramps[0].mean[35])
    assert RangeTest().draw(info, THEME).layout.shapes == ()


def test_cost_counts_every_run_also_those_that_came_to_nothing(results, comparison):
    info = Cost().summarise(results, comparison)
    assert sum(entry.runs for entry in info.entries) == len(results.runs)
    assert info.seconds == pytest.approx(sum(run.seconds[-1] for run in results.runs))
    names = [trace.name for trace in Cost().draw(info, THEME).data]
    assert names == ["measure", "measure, diverged", "search", "search, pruned", "search, diverged", "search, failed"]


@pytest.mark.parametrize(("step_size", "between"), [(50, False), (40, True)])
def test_a_dot_between_two_evaluations_is_said_to_be_no_measurement(step_size, between):
    """Runs of 500 updates are evaluated every 25."""
    arm = f'[arms.a.schedule]\nkind = "triangular"\nbase_lr = 0.1\nmax_lr = 0.5\nstep_size = {step_size}'
    results = make_results(other_study(arm, search=""))
    caption = Learning().caption(Learning().summarise(results, compare(results)))
    assert "A dot marks the end of a cycle" in caption
    assert ("nothing was measured there" in caption) == between


def test_the_captions_of_single_runs_promise_no_interval(results, comparison):
    alone = make_results(make_study(seeds=1))
    for figure in (Learning(), LearningOverLr()):
        several = figure.caption(figure.summarise(results, comparison))
        assert "mean test accuracy over seeds, with its pointwise 95 % interval" in several
        single = figure.caption(figure.summarise(alone, compare(alone)))
        assert "test accuracy of one run an arm, which has no interval" in single
        assert "mean" not in single


def test_captions_name_the_number_of_runs(results, comparison):
    final = Final().caption(Final().summarise(results, comparison))
    assert "n = 7" in final
    assert "n = 8" in final
    assert "fixed 16 (1 not completed)" in Search().caption(Search().summarise(results, comparison))
    assert "all 96 runs" in Cost().caption(Cost().summarise(results, comparison))


def test_many_arms_with_long_names_leave_the_runs_their_height(results, comparison):
    few = Final().summarise(results, comparison)
    many = replace(few, arms=tuple(replace(few.arms[0], arm=f"rmsprop_triangular_2500_{index}") for index in range(33)))
    heights = [Final().draw(info, LIGHT.of([arm.arm for arm in info.arms])).layout.height for info in (few, many)]
    assert heights[1] - heights[0] >= 7 * len("rmsprop_triangular_2500_")


def test_an_interval_that_is_not_known_is_not_told(results, comparison):
    alone = Estimate(0.5, math.nan, math.nan, 1)
    info = Final().summarise(results, comparison)
    lone = replace(info, arms=(replace(info.arms[0], mean=alone),))
    assert "50.0 %, n = 1" in Final().caption(lone)

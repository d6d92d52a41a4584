from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from clr_study.analysis.effort import effort, expected_best, leaders
from clr_study.spec import Gp, Grid, Qmc, Search, Tpe

RNG = np.random.default_rng(2)
SCORES = np.round(RNG.random(8), 3)


@pytest.mark.parametrize("higher", [True, False])
def test_the_expected_best_is_that_over_every_subset(higher):
    pick = max if higher else min
    brute = [np.mean([pick(few) for few in combinations(SCORES, k)]) for k in range(1, 9)]
    assert expected_best(SCORES, higher) == pytest.approx(brute)


def test_many_trials_do_not_overflow():
    curve = expected_best(RNG.random(3_000))
    assert np.all(np.diff(curve) >= -1e-9)
    assert curve[9] == pytest.approx(10 / 11, abs=0.02)


def test_it_has_no_bias_against_fresh_searches():
    rng = np.random.default_rng(0)
    searches = rng.normal(size=(4_000, 6))
    assert expected_best(searches).mean(axis=0)[2] == pytest.approx(
        rng.normal(size=(40_000, 3)).max(axis=1).mean(), abs=0.03
    )


def searched(made, scores, *, arm="clr", endings=None):
    endings = endings or ["completed"] * len(scores)
    return [
        made.run(arm, 100 + trial, [0.1, score], phase="search", trial=trial, looks=2, ending=ending)
        for trial, (score, ending) in enumerate(zip(scores, endings, strict=True))
    ]


def test_the_curve_of_an_arm_with_its_band(made):
    found, reason = effort(made.results(searched(made, SCORES)), "clr")
    assert reason == ""
    assert found.trials.tolist() == list(range(1, 9))
    assert found.expected == pytest.approx(expected_best(SCORES))
    assert np.all(found.low <= found.expected)
    assert np.all(found.expected <= found.high + 1e-12)
    assert found.high.max() <= SCORES.max() + 1e-12


def test_a_loss_is_best_when_low(made):
    found, _ = effort(made.results(searched(made, SCORES), metric="loss"), "clr")
    assert found.expected == pytest.approx(expected_best(1 - SCORES, higher_is_better=False))


def test_a_diverged_trial_counts_as_the_worst_of_the_study(made):
    runs = searched(made, [0.9, 0.8, 0.7], endings=["completed", "diverged", "completed"])
    runs += searched(made, [0.3, 0.6], arm="fixed")
    found, _ = effort(made.results(runs), "clr")
    assert found.incomplete == 1
    assert found.expected == pytest.approx(expected_best([0.9, 0.3, 0.7]))


def test_the_band_holds_the_truth_about_as_often_as_it_says(made):
    rng, hits = np.random.default_rng(4), 0
    for _ in range(60):
        found, _ = effort(made.results(searched(made, rng.random(16))), "clr", resamples=400)
        hits += found.low[2] <= 0.75 <= found.high[2]
    assert hits >= 50


@pytest.mark.parametrize("sampler", [Tpe(), Gp(), Grid(), Qmc()])
def test_samplers_that_do_not_draw_independently_are_refused_in_words(made, sampler):
    found, reason = effort(made.results(searched(made, SCORES), search=Search(trials=8, sampler=sampler)), "clr")
    assert found is None
    assert f"The {sampler.kind} sampler does not draw its trials independently" in reason


def test_pruned_untuned_and_too_few_are_refused_in_words(made):
    pruned = made.results(searched(made, [0.5, 0.6, 0.7], endings=["completed", "pruned", "completed"]))
    untuned = made.results([], arms=("fixed", made.arm("clr", tuned=False)))
    few = made.results(searched(made, [0.5, 0.6], endings=["completed", "failed"]))
    none = replace(few, study=replace(few.study, search=None))
    reasons = [effort(results, "clr") for results in (pruned, untuned, few, none)]
    assert [found for found, _ in reasons] == [None] * 4
    assert [reason for _, reason in reasons] == [
        "Trials were pruned, so what they would have reached is not known.",
        "clr was not tuned.",
        "clr has fewer than two completed trials.",
        "clr was not tuned.",
    ]


def test_who_leads_with_how_many_trials(made):
    runs = searched(made, [0.6, 0.6, 0.6, 0.6], arm="fixed") + searched(made, [0.1, 0.2, 0.3, 0.9, 0.9], arm="clr")
    results = made.results(runs)
    curves = {arm: effort(results, arm)[0] for arm in ("fixed", "clr")}
    spans = leaders(curves)
    assert [arm for _, _, arm in spans] == ["fixed", "clr"]
    assert (spans[0][0], spans[0][1] + 1, spans[-1][1]) == (1, spans[1][0], 4)
    for first, last, arm in spans:
        other = "fixed" if arm == "clr" else "clr"
        assert np.all(curves[arm].expected[first - 1 : last] >= curves[other].expected[first - 1 : last])
    assert leaders(curves, higher_is_better=False)[0][2] == "clr"
    assert leaders({}) == ()

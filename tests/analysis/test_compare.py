from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clr_study.analysis import compare
from clr_study.analysis.bootstrap import estimate
from clr_study.analysis.significance import holm, sign_flip_p, step_down_p

RNG = np.random.default_rng(6)
LUCK = RNG.normal(0, 0.01, size=8)
NAN = float("nan")


def three_arms(made, **keywords):
    """`clr` is 2 points better than `fixed` on every seed; `decay` is hardly worse than `clr`."""
    finals = {
        "fixed": 0.90 + LUCK,
        "clr": 0.92 + LUCK + RNG.normal(0, 1e-3, 8),
        "decay": 0.9195 + LUCK[::-1],
    }
    runs = [run for arm, values in finals.items() for run in made.finals(arm, values)]
    return made.results(runs, arms=tuple(finals), **keywords), finals


def test_the_arms_in_the_file_s_order_with_their_intervals(made):
    results, finals = three_arms(made)
    found = compare(results)
    assert [summary.arm for summary in found.arms] == ["fixed", "clr", "decay"]
    for summary in found.arms:
        assert summary.final == estimate(finals[summary.arm])
        assert (summary.n, summary.endings, summary.planned, summary.updates) == (8, {"completed": 8}, 8, 40)
        assert (summary.trial, summary.values) == (3, {"lr": 0.1})
        assert summary.schedule == {"kind": "constant", "lr": 0.1}
        assert summary.seconds == 2.0
        assert summary.interquartile_mean.value == pytest.approx(np.sort(finals[summary.arm])[2:6].mean())
    assert (found.metric, found.higher_is_better, found.target, found.target_metric) == (
        "test_accuracy",
        True,
        0.5,
        "test_accuracy",
    )
    assert found.finished
    assert found.by == "final"


def test_the_best_arm_against_each_other_one_over_shared_seeds(made):
    results, finals = three_arms(made)
    found = compare(results)
    assert found.best == "clr"
    assert [(each.arm, each.reference) for each in found.to_best] == [("clr", "fixed"), ("clr", "decay")]
    ps = []
    for each in found.to_best:
        differences = finals["clr"] - finals[each.reference]
        ps.append(sign_flip_p(differences))
        assert each.estimate == estimate(differences)
        assert each.p == ps[-1]
        assert each.improvement == np.mean(differences > 0)
        assert each.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))
        assert each.within == max(abs(each.estimate.low), abs(each.estimate.high))
    pairs = [finals["clr"] - finals["fixed"], finals["clr"] - finals["decay"], finals["fixed"] - finals["decay"]]
    assert [each.p_holm for each in found.to_best] == pytest.approx(holm(ps))
    assert [each.p_adjusted for each in found.to_best] == step_down_p(np.column_stack(pairs))[:2].tolist()


def test_each_other_arm_against_the_first_one(made):
    results, _ = three_arms(made)
    found = compare(results)
    assert [(each.arm, each.reference) for each in found.to_reference] == [("clr", "fixed"), ("decay", "fixed")]
    clr = found.to_reference[0]
    assert clr.estimate.value == pytest.approx(0.02, abs=1e-3)
    assert (clr.improvement, clr.p) == (1.0, 2 / 2**8)
    assert (clr.p_holm, clr.p_adjusted) == (2 * clr.p, clr.p)
    assert clr.p_adjusted == found.to_best[0].p_adjusted


def test_pairs_are_made_by_seed_whatever_the_order_of_the_runs(made):
    results, _ = three_arms(made)
    shuffled = replace(results, runs=tuple(reversed(results.runs)))
    assert compare(shuffled).to_best[0].p == compare(results).to_best[0].p
    assert compare(shuffled).to_best[0].estimate.value == pytest.approx(compare(results).to_best[0].estimate.value)


def test_the_same_again_and_another_seed(made):
    results, _ = three_arms(made)
    assert compare(results, resamples=500, seed=3) == compare(results, resamples=500, seed=3)
    other = compare(results, resamples=500, seed=4)
    assert (other.resamples, other.seed) == (500, 4)
    assert other.arms[0].final != compare(results, resamples=500, seed=3).arms[0].final


def test_a_loss_is_better_when_lower(made):
    results, _ = three_arms(made, metric="loss", target=0.2)
    found = compare(results)
    assert (found.metric, found.higher_is_better, found.best) == ("test_loss", False, "clr")
    assert found.to_best[0].estimate.value == pytest.approx(-0.02, abs=1e-3)
    assert found.to_best[0].improvement == 1.0


def test_times_to_target_and_the_speed_up_against_the_first_arm(made):
    slow, fast = [0.1, 0.2, 0.3, 0.6], [0.1, 0.6, 0.7, 0.8]
    runs = [made.run("fixed", seed, slow) for seed in range(4)] + [made.run("clr", seed, fast) for seed in range(3)]
    runs.append(made.run("clr", 3, [0.1], ending="diverged"))
    fixed, clr = (summary.to_target for summary in compare(made.results(runs, seeds=4)).arms)
    assert (fixed.median, fixed.misses, fixed.n, fixed.speed_up) == (40, 0, 4, None)
    assert (clr.median, clr.misses, clr.n) == (20, 1, 4)
    assert clr.restricted_mean.value == (3 * 20 + 40) / 4
    assert clr.speed_up.value == pytest.approx(40 / 25)


def test_seconds_to_target_with_the_misses_censored_at_the_longest_run(made):
    runs = [made.run("fixed", seed, [0.1, 0.2, 0.3, 0.6]) for seed in range(3)]
    runs.append(made.run("fixed", 3, [0.1, 0.2], ending="diverged"))
    found = compare(made.results(runs, arms=("fixed",), seeds=4)).arms[0].to_target_seconds
    assert (found.median, found.misses, found.n, found.speed_up) == (2.0, 1, 4, None)
    assert found.restricted_mean.value == 2.0
    fast = compare(made.results([made.run("fixed", 0, [0.1, 0.6, 0.3, 0.6])], arms=("fixed",))).arms[0]
    assert (fast.to_target.median, fast.to_target_seconds.median) == (20, 1.0)


def test_a_run_s_best_is_where_its_validation_value_was(made):
    run = made.run("fixed", 0, [0.1, 0.8, 0.7, 0.6])
    run = replace(run, metrics={**run.metrics, "test_accuracy": np.array([0.1, 0.75, 0.9, 0.5])})
    diverged = made.run("fixed", 1, [0.9, 0.95], ending="diverged")
    found = compare(made.results([run, diverged], arms=("fixed",))).arms[0]
    assert (found.final.value, found.at_best.value, found.at_best.n) == (0.5, 0.75, 1)


def test_the_best_loss_is_the_lowest(made):
    run = made.run("fixed", 0, [0.1, 0.8, 0.7, 0.6])
    found = compare(made.results([run], arms=("fixed",), metric="loss", target=0.2)).arms[0]
    assert (found.final.value, found.at_best.value) == (pytest.approx(0.4), pytest.approx(0.2))


def test_the_gap_is_validation_loss_over_train_loss(made):
    found = compare(made.results(made.finals("fixed", 0.9 + LUCK), arms=("fixed",))).arms[0].gap
    assert (found.value, found.n) == (pytest.approx(0.1), 8)


def test_a_target_on_another_metric_than_the_one_that_decides(made):
    results = made.results(made.finals("fixed", [0.9] * 3), arms=("fixed",), metric="accuracy")
    target = replace(results.study.target, metric="loss", value=0.35)
    found = compare(replace(results, study=replace(results.study, target=target)))
    assert (found.metric, found.target_metric, found.target) == ("test_accuracy", "test_loss", 0.35)
    assert found.arms[0].to_target.median == 40


# Runs that did not complete


def test_runs_that_did_not_complete_count_and_lose(made):
    runs = made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.95] * 6)
    runs += [made.run("clr", 6, [0.3], ending="diverged"), made.run("clr", 7, [], ending="failed")]
    found = compare(made.results(runs))
    clr = found.arm("clr")
    assert (clr.n, clr.incomplete, clr.endings) == (8, 2, {"completed": 6, "diverged": 1, "failed": 1})
    assert (clr.final.value, clr.final.n) == (pytest.approx(0.95), 6)
    assert clr.to_target.misses == 2
    difference = found.to_best[0]
    assert (difference.improvement, difference.estimate.n) == (0.75, 6)
    assert difference.p > 0.05  # without the two it would be 2 / 2**6
    assert found.best == "clr"
    assert "2 of its 8 runs did not complete (1 diverged and 1 failed)" in found.verdict
    assert any(limit.startswith("clr: 2 of 8 measured runs did not complete") for limit in found.limits)


def test_an_arm_half_of_whose_runs_did_not_complete_cannot_be_the_best(made):
    runs = made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.99] * 4)
    runs += [made.run("clr", seed, [0.3], ending="diverged") for seed in range(4, 8)]
    found = compare(made.results(runs))
    assert found.best == "fixed"
    assert any("clr: 4 of 8 measured runs did not complete (4 diverged)" in limit for limit in found.limits)


def test_against_an_arm_that_always_diverges(made):
    runs = made.finals("fixed", [0.9] * 8) + [made.run("clr", seed, [0.1], ending="diverged") for seed in range(8)]
    found = compare(made.results(runs))
    assert (found.best, found.to_best[0].improvement, found.to_best[0].p) == ("fixed", 1.0, 2 / 2**8)
    assert np.isnan(found.to_best[0].estimate.value)
    assert "It is better than clr, counting the runs that did not complete" in found.verdict


def test_all_diverged(made):
    runs = [made.run(arm, seed, [0.1], ending="diverged") for arm in ("fixed", "clr") for seed in range(8)]
    found = compare(made.results(runs))
    assert (found.best, found.to_best) == (None, ())
    assert found.verdict == "No arm can be called best: of 16 measured runs none completed (16 diverged)."
    assert found.to_reference[0].p == 1.0


def test_half_of_every_arm_diverged(made):
    runs = [
        made.run(arm, seed, [0.1] * 4, ending="diverged" if seed % 2 else "completed")
        for arm in ("fixed", "clr")
        for seed in range(8)
    ]
    found = compare(made.results(runs))
    assert found.best is None
    assert found.verdict == (
        "No arm can be called best: of no arm did more than half of the measured runs complete (8 diverged of 16)."
    )


# Studies that are not done, or hardly there


def test_no_run_at_all(made):
    found = compare(made.results([], winners={}))
    assert found.verdict == "No run of the measure phase has ended yet, so nothing can be said."
    assert (found.best, found.to_reference, found.to_best, found.finished) == (None, (), (), False)
    assert found.arms[0].to_target is None
    assert (found.arms[0].n, found.arms[0].trial, dict(found.arms[0].values)) == (0, None, {})
    assert "0 of 16 runs have ended" in found.limits[0]


def test_the_winner_of_the_search_is_told_before_it_is_measured(made):
    runs = [made.run("clr", 50 + trial, [0.5], phase="search", trial=trial, values={"lr": trial}) for trial in range(5)]
    summary = compare(made.results(runs, winners={"clr": 3})).arm("clr")
    assert (summary.trial, summary.values, summary.n) == (3, {"lr": 3}, 0)


def test_an_unfinished_measure_phase_compares_what_there_is(made):
    runs = made.finals("fixed", 0.9 + LUCK) + made.finals("clr", 0.95 + LUCK)[:5]
    runs += [made.run("clr", seed, [0.1, 0.2], ending=None) for seed in (5, 6)]
    found = compare(made.results(runs))
    assert not found.finished
    assert (found.arm("clr").n, found.to_best[0].estimate.n) == (5, 5)
    assert found.verdict.startswith("So far (13 of 16 measured runs): ")
    assert found.limits[0] == (
        "The measure phase is not finished: 13 of 16 runs have ended. All of this is provisional."
    )


def test_one_arm_is_measured_and_the_other_not_yet(made):
    found = compare(made.results(made.finals("fixed", [0.9, 0.8])))
    assert (found.best, found.to_reference, found.to_best) == ("fixed", (), ())
    assert "No other arm has a measured run to compare it with." in found.verdict


def test_arms_that_share_no_seed_are_not_compared(made):
    found = compare(made.results([made.run("fixed", 1, [0.5] * 4), made.run("clr", 2, [0.6] * 4)]))
    assert (found.best, found.to_best) == ("clr", ())


def test_one_seed(made):
    found = compare(made.results(made.finals("fixed", [0.9]) + made.finals("clr", [0.95]), seeds=1))
    assert found.best == "clr"
    assert np.isnan(found.arm("clr").final.low)
    assert found.to_best[0].p == 1.0
    assert "nan" not in found.verdict + " ".join(found.limits)
    assert any("An arm with one completed run has no interval" in limit for limit in found.limits)


def test_no_variance_and_no_difference(made):
    found = compare(made.results(made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.9] * 8)))
    assert (found.arms[0].final.low, found.arms[0].final.high) == pytest.approx((0.9, 0.9))
    assert (found.to_best[0].p, found.to_best[0].improvement, found.to_best[0].within) == (1.0, 0.5, 0.0)
    assert found.verdict.startswith("No difference shown at this budget.")


def test_a_target_that_nobody_reached(made):
    found = compare(made.results(made.finals("fixed", 0.9 + LUCK) + made.finals("clr", 0.95 + LUCK), target=0.999))
    assert [summary.to_target.misses for summary in found.arms] == [8, 8]
    assert found.arms[0].to_target.median is None
    assert "No run of any arm reached the target, test accuracy 99.9 %." in found.limits


def test_no_target(made):
    found = compare(made.results(made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.95] * 8), target=None))
    assert (found.target, found.target_metric, found.arms[0].to_target) == (None, None, None)


def test_a_metric_that_no_run_has(made):
    runs = [replace(run, metrics={"lr": run.updates * 0.1}) for run in made.finals("fixed", [0.9] * 3)]
    found = compare(made.results(runs, arms=("fixed",)))
    assert found.best is None
    assert found.verdict.endswith("No arm can be called best: no measured run has a value of validation accuracy.")


def test_arms_without_search(made):
    arms = (made.arm("fixed", tuned=False), made.arm("clr", tuned=False))
    runs = made.finals("fixed", 0.9 + LUCK, trial=0, values={}) + made.finals("clr", 0.95 + LUCK, trial=0, values={})
    found = compare(made.results(runs, arms=arms, search=None, winners={}))
    assert [(summary.trial, summary.n) for summary in found.arms] == [(None, 8), (None, 8)]
    assert "Nothing was tuned: every arm ran with the setting in the study file." in found.limits


def test_only_runs_of_the_winning_trial_count(made):
    runs = made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.5] * 8, trial=1) + made.finals("clr", [0.95] * 8)
    found = compare(made.results(runs))
    assert (found.arm("clr").n, found.arm("clr").final.value) == (8, pytest.approx(0.95))


# Budgets that differ


def test_budgets_that_differ_are_compared_by_the_target(made):
    short = made.finals("fixed", 0.9 + LUCK)  # 40 updates, past 0.5 at 30
    long = made.finals("clr", 0.95 + LUCK, every=30)  # 120 updates, past 0.5 at 90
    found = compare(made.results(short + long))
    assert (found.by, found.best) == ("target", "fixed")  # although clr ends higher
    (difference,) = found.target_to_best
    assert (difference.arm, difference.reference) == ("fixed", "clr")
    assert difference.estimate.value == 30 - 40  # both count up to the smaller budget
    assert (difference.improvement, difference.p) == (1.0, 2 / 2**8)
    assert found.arm("clr").to_target.speed_up.value == pytest.approx(30 / 40)
    assert found.arm("clr").to_target.restricted_mean.value == 90
    assert "It is sooner than clr by 10 updates" in found.verdict
    assert any("fixed 40 updates and clr 120 updates" in limit for limit in found.limits)


def test_budgets_that_differ_and_nobody_at_the_target(made):
    found = compare(
        made.results(made.finals("fixed", [0.9] * 3) + made.finals("clr", [0.9] * 3, every=30), target=0.99)
    )
    assert (found.by, found.best, found.target_to_best) == ("target", None, ())
    assert "No run reached the target, test accuracy 99.0 %, within the smallest" in found.verdict


def test_budgets_that_differ_without_a_target_are_told(made):
    found = compare(
        made.results(made.finals("fixed", [0.9] * 8) + made.finals("clr", [0.95] * 8, every=30), target=None)
    )
    assert (found.by, found.best) == ("final", "clr")
    assert any("the final values are not like for like" in limit for limit in found.limits)


RUNS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 3),
        st.sampled_from(["completed", "completed", "diverged", "failed", None]),
        st.lists(st.sampled_from([0.2, 0.5, 0.7, NAN]), min_size=4, max_size=4),
        st.sampled_from([10, 30]),
    ),
    unique_by=lambda run: run[:2],
)


@settings(derandomize=True, max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RUNS, st.sampled_from([None, 0.5, 0.99]), st.sampled_from(["accuracy", "loss"]))
def test_whatever_has_been_measured_there_is_an_answer(made, runs, target, metric):
    runs = [
        made.run(arm, seed, curve if ending == "completed" else curve[:2], ending=ending, every=every)
        for arm, seed, ending, curve, every in runs
    ]
    found = compare(made.results(runs, arms=("a", "b", "c"), target=target, metric=metric, seeds=4), resamples=200)
    assert sum(summary.n for summary in found.arms) == sum(run.ending is not None for run in runs)
    assert found.verdict.endswith(".")
    assert found.limits
    assert "nan" not in (found.verdict + " ".join(found.limits))
    for difference in (*found.to_reference, *found.to_best, *found.target_to_best):
        assert 0 < difference.p <= min(difference.p_holm, difference.p_adjusted) <= 1
        assert max(difference.p_holm, difference.p_adjusted) <= 1
        assert 0 <= difference.improvement <= 1
    for estimated in (summary.final for summary in found.arms):
        assert not estimated.n > 1 or estimated.low <= estimated.value <= estimated.high

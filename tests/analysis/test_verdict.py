from dataclasses import replace

import numpy as np
import pytest

from clr_study.analysis import compare
from clr_study.spec import Search

LUCK = np.random.default_rng(1).normal(0, 0.004, size=8)


def result_of(made, **finals):
    runs = [run for arm, values in finals.items() for run in made.finals(arm, values)]
    return made.results(runs, arms=tuple(finals), seeds=len(next(iter(finals.values()))))


def test_the_whole_sentence_of_a_clear_case(made):
    found = compare(result_of(made, fixed=0.95 + LUCK, clr=0.97 + LUCK))
    best, gain = found.arm("clr").final, found.to_best[0].estimate
    assert found.verdict == (
        f"clr has the best mean test accuracy: {100 * best.value:.1f} % [{100 * best.low:.1f}, {100 * best.high:.1f}]"
        f" after 40 updates, n = 8. It is better than fixed by {100 * gain.value:.1f} points [2.0, 2.0]"
        " (adjusted p = 0.008, ahead on 100 % of the seeds). Its median time to test accuracy 50.0 % is 30 updates"
        " [30, 30]; no run missed it."
    )


def test_no_difference_is_an_answer_with_its_size(made):
    found = compare(result_of(made, fixed=0.95 + LUCK, clr=0.9501 + LUCK[::-1]))
    assert found.verdict.startswith("No difference shown at this budget. ")
    (difference,) = found.to_best
    assert difference.p_adjusted > 0.05
    told = float(found.verdict.split("no more than ")[1].split(" points")[0])
    assert 100 * difference.within <= told <= 100 * difference.within + 0.1


def test_some_shown_and_some_not(made):
    found = compare(result_of(made, fixed=0.90 + LUCK, clr=0.9503 + LUCK, decay=0.95 + LUCK[::-1]))
    assert "No difference shown at this budget" not in found.verdict
    assert "It is better than fixed by" in found.verdict
    assert "It is not shown to be better than decay (adjusted p = " in found.verdict


def test_a_mean_that_only_leads_because_the_rest_diverged(made):
    runs = made.finals("fixed", [0.90] * 20) + made.finals("clr", [0.91] * 11)
    runs += [made.run("clr", seed, [0.2], ending="diverged") for seed in range(11, 20)]
    verdict = compare(made.results(runs, seeds=20)).verdict
    assert verdict.startswith("No difference shown at this budget. clr has the best mean")
    assert "9 of its 20 runs did not complete (9 diverged)." in verdict


def test_a_median_that_may_lie_beyond_the_budget(made):
    runs = made.finals("fixed", [0.9] * 5) + [made.run("fixed", seed, [0.2] * 4) for seed in (5, 6, 7)]
    verdict = compare(made.results(runs, arms=("fixed",))).verdict
    assert (
        "Its median time to test accuracy 50.0 % is 30 updates [30, beyond the budget]; 3 of 8 runs missed it."
        in verdict
    )
    few = made.finals("fixed", [0.9] * 3) + [made.run("fixed", seed, [0.2] * 4) for seed in range(3, 8)]
    assert "5 of its 8 runs missed test accuracy 50.0 %." in compare(made.results(few, arms=("fixed",))).verdict


def test_too_few_seeds_for_any_p(made):
    few = compare(result_of(made, fixed=0.90 + LUCK[:4], clr=0.95 + LUCK[:4]))
    assert (
        "4 shared seeds are too few for any difference to reach p < 0.05; the smallest that they can give is 0.125."
        in few.limits
    )
    assert any(limit.startswith("Over fewer than 5 runs the intervals are Student's t") for limit in few.limits)
    assert few.verdict.startswith("No difference shown at this budget.")
    enough = compare(result_of(made, fixed=0.90 + LUCK, clr=0.95 + LUCK))
    assert not any("too few" in limit or "fewer" in limit for limit in enough.limits)


@pytest.mark.parametrize(("arms", "flattered"), [(2, False), (3, True)])
def test_that_the_best_of_several_was_picked_on_the_same_runs_is_told(made, arms, flattered):
    found = compare(result_of(made, **{f"arm{k}": 0.9 + k / 100 + LUCK for k in range(arms)}))
    assert any("a little flattered" in limit for limit in found.limits) == flattered


def test_what_was_tuned_and_how(made):
    mixed = (made.arm("fixed", tuned=False), made.arm("clr"))
    runs = made.finals("fixed", [0.9] * 8, trial=0) + made.finals("clr", [0.95] * 8)
    limits = compare(made.results(runs, arms=mixed, winners={"clr": 3}, search=Search(trials=5))).limits
    assert "fixed was not tuned, having nothing to search; the other arms were." in limits
    assert any("Each arm was tuned once, with 5 random trials" in limit for limit in limits)


def test_what_was_held_fixed(made):
    assert compare(result_of(made, fixed=[0.9] * 8)).limits[-1] == (
        "Tested on digits with mlp, sgd, batch size 32 and 40 updates; nothing else was."
    )


def test_values_of_the_split_that_chose_the_settings_are_marked(made):
    runs = [
        replace(run, metrics={"validation_accuracy": run.metrics["validation_accuracy"]})
        for run in made.finals("fixed", 0.9 + LUCK) + made.finals("clr", 0.95 + LUCK)
    ]
    found = compare(made.results(runs))
    assert found.metric == found.target_metric == "validation_accuracy"
    assert "The values are of the validation split, which the settings were chosen on." in found.limits

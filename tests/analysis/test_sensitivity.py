import numpy as np
import pytest
from scipy import stats

from clr_study.analysis.sensitivity import sensitivity, variance_split
from clr_study.spec import Search, Tpe


def trials(made, scores, *, values=None, endings=None):
    return [
        made.run(
            "clr",
            100 + trial,
            [0.1, score],
            phase="search",
            trial=trial,
            looks=2,
            values={"lr": 0.1 * (trial + 1), "anneal": "cos"} if values is None else values[trial],
            ending=(endings or {}).get(trial, "completed"),
        )
        for trial, score in enumerate(scores)
    ]


def test_the_part_of_the_trials_near_the_best_and_where_they_lie(made):
    scores = [0.5, 0.891, 0.9, 0.8899, 0.895, 0.7]
    found, reason = sensitivity(made.results(trials(made, scores, endings={5: "diverged"})), "clr")
    assert reason == ""
    assert (found.best, found.margin, found.near.value, found.near.n) == (0.9, 0.01, 0.5, 6)
    assert found.regions == {"lr": (pytest.approx(0.2), pytest.approx(0.5))}
    assert found.quartiles == pytest.approx(np.quantile(scores[:5], [0.25, 0.5, 0.75]))
    wilson = stats.binomtest(3, 6).proportion_ci(method="wilson")
    assert (found.near.low, found.near.high) == (wilson.low, wilson.high)


def test_near_the_best_loss_is_within_a_twentieth_of_it(made):
    found, _ = sensitivity(made.results(trials(made, [0.8, 0.791, 0.789]), metric="loss"), "clr")
    assert (found.best, found.margin) == (pytest.approx(0.2), pytest.approx(0.01))
    assert found.near.value == pytest.approx(2 / 3)


def test_the_interval_holds_the_true_part_of_the_space(made):
    rng, hits = np.random.default_rng(0), 0
    for _ in range(60):
        plateau = np.where(rng.random(16) < 0.3, 0.9, 0.5)
        plateau[0] = 0.9 if plateau.max() < 0.9 else plateau[0]
        near = sensitivity(made.results(trials(made, plateau)), "clr")[0].near
        hits += near.low <= 0.3 <= near.high
    assert hits >= 54


@pytest.mark.parametrize(
    ("search", "scores", "endings", "reason"),
    [
        (Search(trials=4, sampler=Tpe()), [0.5], {}, "The tpe sampler does not cover the search space evenly."),
        (Search(trials=4), [0.5], {0: "pruned"}, "Trials were pruned, so what they would have reached is not known."),
        (Search(trials=4), [0.5], {0: "failed"}, "clr has no completed trial."),
        (Search(trials=4), [], {}, "clr has no completed trial."),
        (None, [], {}, "clr was not tuned."),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(made, search, scores, endings, reason):
    results = made.results(trials(made, scores, endings=endings), search=search)
    assert sensitivity(results, "clr") == (None, reason)


def test_the_variance_of_seed_and_setting_are_told_apart(made):
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 0.01, size=400)
    settings = rng.normal(0, 0.03, size=400)
    runs = made.finals("clr", 0.5 + luck[:200]) + trials(made, 0.5 + settings + np.roll(luck, 7))
    found = variance_split(made.results(runs, seeds=200), "clr")
    assert (found.seeds, found.trials) == (200, 400)
    assert found.seed == pytest.approx(1e-4, rel=0.2)
    assert found.setting == pytest.approx(9e-4, rel=0.2)


def test_no_setting_s_variance_is_0_and_an_unknown_one_nan(made):
    same = made.finals("clr", [0.4, 0.5, 0.6]) + trials(made, [0.5, 0.5, 0.5])
    assert variance_split(made.results(same), "clr").setting == 0.0
    alone = variance_split(made.results(made.finals("clr", [0.4])), "clr")
    assert np.isnan([alone.seed, alone.setting]).all()
    assert (alone.seeds, alone.trials) == (1, 0)

"""Importance: Optuna's numbers, chance where there is only chance, and a refusal where there is too little."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from clr_study.analysis.importance import importance
from clr_study.spec import Choices, Range, Ratio, Search, Tpe

SPACE = {
    "max_lr": Range(low=1e-3, high=1.0, log=True),
    "base_lr/max_lr": Ratio(times="max_lr", low=0.05, high=0.5),
    "depth": Range(low=1, high=12, integer=True),
    "wide": Range(low=1, high=5000, integer=True, log=True),
    "activation": Choices(choices=("relu", "tanh", "gelu")),
}
OPTUNAS = {
    "max_lr": FloatDistribution(1e-3, 1.0, log=True),
    "base_lr/max_lr": FloatDistribution(0.05, 0.5),
    "depth": IntDistribution(1, 12),
    "wide": IntDistribution(1, 5000, log=True),
    "activation": CategoricalDistribution(("relu", "tanh", "gelu")),
}


def drawn(rng):
    return {
        "max_lr": float(10 ** rng.uniform(-3, 0)),
        "base_lr/max_lr": float(rng.uniform(0.05, 0.5)),
        "depth": int(rng.integers(1, 13)),
        "wide": int(np.exp(rng.uniform(0, np.log(5000)))),
        "activation": ("relu", "tanh", "gelu")[rng.integers(3)],
    }


def searched(made, trials, score, *, seed=0, search=None, ending="completed", metric="accuracy"):
    rng = np.random.default_rng(seed)
    settings = [drawn(rng) for _ in range(trials)]
    runs = [
        made.run("clr", number, [0.1, score(values, rng)], phase="search", trial=number, looks=2, values=values)
        for number, values in enumerate(settings)
    ]
    runs[0] = replace(runs[0], ending=ending)
    holes = {name.partition("/")[0]: hole for name, hole in SPACE.items()}
    arm = replace(made.arm("clr"), schedule={"kind": "triangular", **holes})
    return made.results(runs, arms=(arm,), metric=metric, search=search or Search(trials=trials)), settings


def by_peak(values, rng):
    return 0.9 - 0.2 * np.log10(values["max_lr"] / 0.1) ** 2 + 0.001 * rng.standard_normal()


def by_all(values, rng):
    return by_peak(values, rng) - 0.5 * (values["base_lr/max_lr"] - 0.2) ** 2 - 0.1 * (values["activation"] == "tanh")


@pytest.mark.parametrize("trials", [50, 120])
@pytest.mark.parametrize("score", [by_peak, by_all])
@pytest.mark.parametrize("metric", ["accuracy", "loss"])
@pytest.mark.filterwarnings("ignore")
def test_the_numbers_are_optunas(made, trials, score, metric):
    results, settings = searched(made, trials, score, metric=metric)
    found, reason = importance(results, "clr", shuffles=2)
    assert reason == ""
    study = optuna.create_study(direction="maximize" if metric == "accuracy" else "minimize")
    for values, run in zip(settings, results.runs, strict=True):
        value = run.final(f"validation_{metric}")
        study.add_trial(optuna.trial.create_trial(params=values, distributions=OPTUNAS, value=value))
    theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    assert {each.name: each.share for each in found} == pytest.approx(theirs, rel=1e-6)


def test_what_decides_is_told_from_what_does_not(made):
    results, _ = searched(made, 64, by_peak)
    found = {each.name: each for each in importance(results, "clr")[0]}
    assert max(found.values(), key=lambda each: each.share).name == "max_lr"
    assert found["max_lr"].p < 0.01
    assert found["depth"].p > 0.05
    assert sum(each.share for each in found.values()) == pytest.approx(1)
    assert (found["max_lr"].trials, found["max_lr"].best) == (64, 7)


def test_p_is_uniform_where_nothing_matters(made):
    ps = []
    for seed in range(60):
        results, _ = searched(made, 16, lambda values, rng: rng.random(), seed=seed)
        ps += [each.p for each in importance(results, "clr", shuffles=60, seed=seed)[0] if each.name == "max_lr"]
    assert np.mean(np.array(ps) <= 0.2) == pytest.approx(0.2, abs=0.13)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.12)


def test_a_diverged_trial_is_among_the_worst_and_a_learning_sampler_has_no_p(made):
    whole, _ = searched(made, 40, by_peak)
    lost, _ = searched(made, 40, by_peak, ending="diverged", search=Search(trials=40, sampler=Tpe()))
    found = importance(lost, "clr")[0]
    assert found[0].trials == importance(whole, "clr", shuffles=1)[0][0].trials == 40
    assert all(np.isnan(each.p) for each in found)


@pytest.mark.parametrize(
    ("trials", "said"), [(9, "clr has 9 trials that ended; importance takes 10"), (0, "clr has 0 trials that ended")]
)
def test_too_few_trials_are_refused(made, trials, said):
    results, _ = searched(made, max(trials, 1), by_peak)
    results = replace(results, runs=results.runs[:trials])
    found, reason = importance(results, "clr")
    assert found == ()
    assert reason.startswith(said)


def test_an_arm_that_was_not_tuned_says_so(made):
    results = made.results([], arms=(made.arm("clr", tuned=False),))
    assert importance(results, "clr") == ((), "clr was not tuned.")

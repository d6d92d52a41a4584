"""The range test: its runs, its length, and the ends that it gives to holes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clr_study.analysis import BOUND_RULES
from clr_study.errors import SpecError
from clr_study.range_tests import bounds_for_holes, ramp_updates, range_test_arm, range_test_runs, read_range_test
from clr_study.spec import Budget, RangeTest, RangeTestResult, RunResult, parse_study

TEXT = """
name = "ranged"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8], activation = { choices = ["relu", "tanh"] } }
optim = { kind = "sgd", momentum = { low = 0.5, high = 0.9 } }
train = { batch_size = 64, epochs = 3 }
search = { trials = 2 }
range_test = { low = 1e-3, high = 10.0, updates = 40, ramp = "exponential", seeds = 3, evaluations = 20 }
[arms.first.schedule]
kind = "constant"
lr = { from = "range_test", times = [0.3, 1.0] }
[arms.second]
model = { kind = "mlp", hidden = [99] }
schedule = { kind = "constant", lr = 0.1 }
"""
STUDY = parse_study(TEXT)
BUDGET = Budget(updates=51, per_epoch=17, batch_size=64)


@pytest.mark.parametrize(
    ("test", "updates"),
    [
        (RangeTest(updates=70), 70),
        (RangeTest(epochs=2.5, evaluations=20), 42),  # 2.5 * 17 = 42.5, to even
        (RangeTest(), 51),
        (RangeTest(evaluations=51), 51),
    ],
    ids=str,
)
def test_its_length_is_what_the_file_says_or_the_budget(test, updates):
    assert ramp_updates(test, BUDGET) == updates


def test_its_length_is_eight_epochs_at_most():
    assert ramp_updates(RangeTest(), replace(BUDGET, updates=10_000)) == 8 * 17


@pytest.mark.parametrize(
    ("test", "updates"),
    [(RangeTest(updates=39), 39), (RangeTest(epochs=2), 34), (RangeTest(evaluations=52), 51)],
    ids=str,
)
def test_a_test_shorter_than_its_evaluations_is_refused(test, updates):
    with pytest.raises(
        SpecError, match=rf"\[range_test\] is {updates} updates long, .* fewer than its {test.evaluations} "
    ):
        ramp_updates(test, BUDGET)


def test_one_ramp_is_run_on_every_seed_with_the_first_arms_network():
    runs = range_test_runs(STUDY, BUDGET, [5, 6, 7])
    assert [run.key.seed for run in runs] == [5, 6, 7]
    assert {(run.key.study, run.key.arm, run.key.phase, run.key.trial) for run in runs} == {
        ("ranged", "range_test.exponential", "range_test", 0)
    }
    for run in runs:
        spec = run.spec
        assert not spec.test, "the test split is read in the measure phase only"
        assert spec.model == {"kind": "mlp", "hidden": (8,), "activation": "relu"}, "holes are at their lower ends"
        assert spec.optim == {"kind": "sgd", "momentum": 0.5}
        assert (spec.updates, len(spec.evaluate_at), spec.evaluate_at[-1]) == (40, 20, 40)
        assert (spec.lr_schedule(0), spec.lr_schedule(40)) == (pytest.approx(1e-3), pytest.approx(10.0))


def test_a_linear_ramp_is_linear_and_kept_apart():
    study = replace(STUDY, range_test=replace(STUDY.range_test, ramp="linear"))
    run = range_test_runs(study, BUDGET, [5])[0]
    assert run.key.arm == range_test_arm("linear") == "range_test.linear"
    np.testing.assert_allclose(np.diff(run.spec.lr_schedule.table(40)), (10 - 1e-3) / 40)


def finished(accuracies, losses):
    """The runs of the study's test with these curves; a shorter one has diverged."""
    runs = range_test_runs(STUDY, BUDGET, range(len(accuracies)))
    return [
        RunResult(
            key=run.key,
            spec=run.spec,
            values={},
            ending="completed" if len(accuracy) == 20 else "diverged",
            updates=np.array(run.spec.evaluate_at[: len(accuracy)]),
            metrics={"validation_accuracy": np.asarray(accuracy), "train_loss": np.asarray(loss)},
            seconds=np.arange(len(accuracy), dtype=float),
        )
        for run, accuracy, loss in zip(runs, accuracies, losses, strict=True)
    ]


LRS = np.geomspace(1e-3, 10.0, 41)[1:-1:2]  # that of the last of every two updates
RISE = 0.1 + 0.8 / (1 + (0.01 / LRS) ** 2) / (1 + (LRS / 1.0) ** 6)


def test_the_curves_are_read_at_the_lr_of_the_step_before_each_look():
    result = read_range_test(
        STUDY.range_test, finished([RISE, RISE[:15], RISE], [3 - RISE, 3 - RISE[:15], 3 - RISE]), "accuracy"
    )
    np.testing.assert_allclose(result.lrs, LRS)
    assert (result.ramp, result.arm, result.seeds) == ("exponential", "range_test.exponential", (0, 1, 2))
    assert (result.scores.shape, result.losses.shape) == ((3, 20), (3, 20))
    assert np.isnan(result.scores[1, 15:]).all()
    np.testing.assert_array_equal(result.scores[1, :15], RISE[:15])


def test_every_rule_is_asked_and_its_answer_is_kept():
    result = read_range_test(STUDY.range_test, finished([RISE] * 3, [3 - RISE] * 3), "accuracy")
    assert set(result.bounds) == set(BOUND_RULES)
    for kind, found in result.bounds.items():
        direct = BOUND_RULES[kind](LRS, np.stack([RISE] * 3), np.stack([3 - RISE] * 3))
        assert found["max_lr"] == pytest.approx(direct.max_lr)
        assert found["note"] == direct.note


def test_a_score_that_falls_is_read_as_the_part_of_it_that_is_gone():
    losses = 40.0 * (1.1 - RISE)  # in what unit a loss is told must not matter
    runs = finished([losses] * 3, [losses] * 3)
    runs = [replace(run, metrics={"validation_loss": losses, "train_loss": losses}) for run in runs]
    found = read_range_test(STUDY.range_test, runs, "loss")
    assert found.score == "loss"
    np.testing.assert_array_equal(found.scores[0], losses)
    usual = read_range_test(STUDY.range_test, finished([RISE] * 3, [losses] * 3), "accuracy")
    for bound in ("base_lr", "max_lr"):
        assert found.bounds["smith"][bound] == pytest.approx(usual.bounds["smith"][bound])
    assert found.bounds["minimum"] == usual.bounds["minimum"]


def result_with(base_lr, max_lr, note="It is so.") -> RangeTestResult:
    blank = np.zeros((3, 20))
    found = {"base_lr": base_lr, "max_lr": max_lr, "note": note}
    return RangeTestResult("exponential", LRS, blank, blank, (0, 1, 2), {"smith": found}, "range_test.exponential")


@pytest.mark.parametrize(
    ("found", "bounds"),
    [
        ((0.01, 0.4), {"base_lr": 0.01, "max_lr": 0.4}),
        ((None, 0.4), {"base_lr": 0.1, "max_lr": 0.4}),  # the paper's rule of thumb: a quarter
        ((0.01, None), {"base_lr": 0.01, "max_lr": LRS[-1]}),  # everything up to the last LR was good
    ],
)
def test_what_a_rule_leaves_open_is_filled_in(found, bounds):
    assert bounds_for_holes(STUDY.range_test, result_with(*found)) == pytest.approx(bounds)


def test_a_rule_that_finds_nothing_is_told_with_its_reason():
    with pytest.raises(SpecError) as caught:
        bounds_for_holes(STUDY.range_test, result_with(None, None, "The accuracy never rose."))
    assert "the rule 'smith' found no bounds between 0.001 and 10.0: The accuracy never rose; give" in str(caught.value)

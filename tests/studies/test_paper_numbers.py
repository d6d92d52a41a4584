"""What the paper prints, in the shipped studies: its rows, bounds, updates and learning rates."""

from __future__ import annotations

import numpy as np
import pytest
from paper_studies import schedule_of, shipped

THOUSAND = 1_000

# What the paper prints for Caffe's network, and the arms that are readings of it: (policy, updates, accuracy, arms).
TABLE_1 = [
    ("fixed", 70 * THOUSAND, 81.4, ["caffe_stages", "constant_70k"]),
    ("triangular2", 25 * THOUSAND, 81.4, ["triangular2", "triangular2_halved", "triangular2_textbook"]),
    ("decay", 25 * THOUSAND, 78.5, ["decay"]),
    ("exp", 70 * THOUSAND, 79.1, ["exp_from_base", "exp_from_max"]),
    ("exp_range", 42 * THOUSAND, 82.2, ["exp_range", "exp_range_amplitude", "exp_range_whole_cycles"]),
]
KINDS = {
    "fixed": {"multistep", "constant"},
    "triangular2": {"joined", "triangular2"},
    "decay": {"decay"},
    "exp": {"exponential"},
    "exp_range": {"exp_range"},
    "triangular": {"triangular"},
}


@pytest.mark.parametrize(("policy", "updates", "accuracy", "arms"), TABLE_1)
def test_every_row_of_table_1_has_its_arms(policy, updates, accuracy, arms):
    study = shipped("paper-table1")
    for name in arms:
        arm = study.arm(name)
        assert schedule_of(study, arm)[1].updates == updates
        assert arm.schedule["kind"] in KINDS[policy]
    assert study.target.value < accuracy / 100


def test_table_1_has_ten_seeds_no_search_and_the_controls_at_25_000_updates():
    study = shipped("paper-table1")
    assert study.search is None
    assert study.measure.seeds == 10
    controls = ["constant", "stages_squeezed", "decay_drops", "linear", "cosine", "one_cycle"]
    rows = [arm for _, _, _, arms in TABLE_1 for arm in arms]
    assert [arm.name for arm in study.arms] == [*rows, *controls]
    assert {schedule_of(study, study.arm(name))[1].updates for name in controls} == {25 * THOUSAND}
    assert schedule_of(study, study.arms[0])[1].per_epoch == 500


# (method, low, high, policy, updates, accuracy), as printed.
TABLE_3 = [
    ("nesterov", 1e-3, 6e-3, "fixed", 70 * THOUSAND, 82.1),
    ("nesterov", 1e-3, 6e-3, "triangular", 25 * THOUSAND, 81.3),
    ("adam", 5e-4, 2e-3, "fixed", 70 * THOUSAND, 81.4),
    ("adam", 5e-4, 2e-3, "triangular", 25 * THOUSAND, 79.8),
    ("adam", 5e-4, 2e-3, "triangular", 70 * THOUSAND, 81.1),
    ("rmsprop", 1e-4, 3e-4, "fixed", 70 * THOUSAND, 75.2),
    ("rmsprop", 1e-4, 3e-4, "triangular", 25 * THOUSAND, 72.8),
    ("rmsprop", 1e-4, 3e-4, "triangular", 70 * THOUSAND, 75.1),
    ("adagrad", 3e-3, 3.5e-2, "fixed", 70 * THOUSAND, 74.6),
    ("adagrad", 3e-3, 3.5e-2, "triangular", 25 * THOUSAND, 76.0),
    ("adadelta", 1e-2, 1e-1, "fixed", 70 * THOUSAND, 67.3),
    ("adadelta", 1e-2, 1e-1, "triangular", 25 * THOUSAND, 67.3),
]


def arms_of_table_3(study, method, policy, updates):
    return [
        arm
        for arm in study.arms
        if arm.name.startswith(method)
        and arm.schedule["kind"] in KINDS[policy]
        and schedule_of(study, arm)[1].updates == updates
    ]


@pytest.mark.parametrize(("method", "low", "high", "policy", "updates", "accuracy"), TABLE_3)
def test_every_row_of_table_3_has_its_arms_at_its_bounds(method, low, high, policy, updates, accuracy):
    study = shipped("paper-table3")
    arms = arms_of_table_3(study, method, policy, updates)
    assert len(arms) >= 2, "a reading for each thing that is not stated"
    for arm in arms:
        lrs = schedule_of(study, arm)[0].table(updates)
        assert lrs.max() == pytest.approx(high if policy == "triangular" else low)
        assert lrs[0] == pytest.approx(low)
        assert (arm.optim["kind"] == method) or (arm.optim["kind"], arm.optim["nesterov"]) == ("sgd", True)
    assert study.target.value < accuracy / 100


def test_table_3_has_a_fixed_control_of_every_method_and_nothing_that_is_no_reading():
    study = shipped("paper-table3")
    methods = {row[0] for row in TABLE_3}
    controls = [arms_of_table_3(study, method, "fixed", 25 * THOUSAND) for method in methods]
    assert [len(arms) for arms in controls] == [1] * len(methods)
    rows = [arm for row in TABLE_3 for arm in arms_of_table_3(study, row[0], row[3], row[4])]
    assert len(rows) + len(methods) == len(study.arms)


# (study, arm, update, learning rate), worked out by hand from the paper's formulas and table 2.
VALUES = [
    ("paper-table1", "caffe_stages", 59_999, 1e-3),
    ("paper-table1", "caffe_stages", 60_000, 1e-4),
    ("paper-table1", "caffe_stages", 65_000, 1e-5),
    ("paper-table1", "triangular2", 0, 1e-3),
    ("paper-table1", "triangular2", 2_000, 5e-3),
    ("paper-table1", "triangular2", 5_000, 3e-3),
    ("paper-table1", "triangular2", 14_000, 5e-3),
    ("paper-table1", "triangular2", 16_000, 1e-4),
    ("paper-table1", "triangular2", 17_000, 5e-4),
    ("paper-table1", "triangular2", 21_500, 3e-4),
    ("paper-table1", "triangular2", 22_000, 1e-5),
    ("paper-table1", "triangular2", 24_500, 5e-5),
    ("paper-table1", "triangular2_halved", 2_000, 5e-3),
    ("paper-table1", "triangular2_halved", 6_000, 3e-3),
    ("paper-table1", "triangular2_halved", 19_000, 3e-4),
    ("paper-table1", "triangular2_halved", 24_500, 2e-5),
    ("paper-table1", "triangular2_textbook", 2_000, 6e-3),
    ("paper-table1", "triangular2_textbook", 6_000, 3.5e-3),
    ("paper-table1", "decay", 0, 7e-3),
    ("paper-table1", "decay", 2_000, 4e-3),
    ("paper-table1", "decay", 24_999, 1e-3),
    ("paper-table1", "exp_from_base", 10_000, 1e-3 * 0.99994**10_000),
    ("paper-table1", "exp_from_max", 0, 6e-3),
    ("paper-table1", "exp_range", 2_000, 6e-3 * 0.99994**2_000),
    ("paper-table1", "exp_range", 40_000, 1e-3 * 0.99994**40_000),
    ("paper-table1", "exp_range_amplitude", 40_000, 1e-3),
    ("paper-table1", "exp_range_amplitude", 2_000, 1e-3 + 5e-3 * 0.99994**2_000),
    ("paper-table1", "exp_range_whole_cycles", 2_100, 6e-3 * 0.99994**2_100),
    ("paper-table1", "stages_squeezed", 21_428, 1e-3),
    ("paper-table1", "stages_squeezed", 23_214, 1e-5),
    ("paper-table1", "decay_drops", 15_999, 1e-3),
    ("paper-table1", "decay_drops", 16_000, 1e-4),
    ("paper-table1", "decay_drops", 22_000, 1e-5),
    ("paper-table1", "linear", 12_500, 3e-3),
    ("paper-table1", "cosine", 12_500, 3e-3),
    ("paper-sigmoid-bn", "fixed", 59_999, 1e-3),
    ("paper-sigmoid-bn", "triangular", 2_000, 6e-3),
    ("paper-range-test", "paper", 2_000, 6e-3),
    ("paper-step-size", "epochs_2", 1_000, 6e-3),
    ("paper-step-size", "epochs_7_5", 3_750, 6e-3),
    ("paper-step-size", "epochs_10", 5_000, 6e-3),
    ("paper-momentum-convention", "short_cycles_torch", 25, 6e-3),
    ("paper-imagenet-alexnet", "fixed", 99_999, 1e-2),
    ("paper-imagenet-alexnet", "fixed", 100_000, 1e-3),
    ("paper-imagenet-alexnet", "constant", 399_999, 1e-2),
    ("paper-imagenet-alexnet", "triangular2", 30_000, 1.5e-2),
    ("paper-imagenet-alexnet", "triangular2", 90_000, 1.25e-2),
    ("paper-imagenet-alexnet", "exp_from_max_460k", 400_000, 1.4e-2 * 0.999995**400_000),
    ("paper-imagenet-alexnet", "exp_range", 30_000, 1.4e-2 * 0.999995**30_000),
    ("paper-imagenet-googlenet", "fixed", 320_000, 9.6e-3),
    ("paper-imagenet-googlenet", "triangular2", 30_000, 2.6e-2),
    ("paper-imagenet-googlenet", "triangular2", 90_000, 1.8e-2),
    ("paper-imagenet-googlenet", "exp_from_base", 200_000, 1e-2 * 0.99998**200_000),
    ("paper-imagenet-googlenet", "exp_range", 60_000, 1e-2 * 0.99998**60_000),
    ("super-convergence", "clr", 0, 0.1),
    ("super-convergence", "clr", 5_000, 3.0),
    ("super-convergence", "multistep_80k", 50_000, 0.035),
    ("super-convergence", "multistep", 6_250, 0.035),
]


@pytest.mark.parametrize(("name", "arm", "update", "lr"), VALUES)
def test_an_arm_has_the_papers_learning_rate(name, arm, update, lr):
    study = shipped(name)
    assert schedule_of(study, study.arm(arm))[0](update) == pytest.approx(lr, rel=1e-9)


def test_the_decay_never_drops_below_0_001():
    study = shipped("paper-table1")
    assert schedule_of(study, study.arm("decay"))[0].table(25 * THOUSAND).min() == pytest.approx(1e-3)


def test_the_runs_on_caffes_network_have_caffes_solver():
    for name in ("paper-table1", "paper-range-test", "paper-step-size", "paper-windows"):
        study = shipped(name)
        assert study.data.normalise == "mean_image"
        assert study.data.augment == ()
        for arm in study.arms:
            assert arm.model == {"kind": "cifar10_full"}
            assert arm.optim == {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.004, "convention": "caffe"}
            assert arm.train.batch_size == 100


# (net, epochs, milestones, bounds): section 4.1, with the originals' milestones.
TABLE_4 = [
    ("resnet", 164, (81, 122), (0.1, 0.3)),
    ("stochastic-depth", 500, (250, 375), (0.1, 0.3)),
    ("densenet", 300, (150, 225), (0.1, 0.2)),
]


@pytest.mark.parametrize("data", ["cifar10", "cifar100"])
@pytest.mark.parametrize(("net", "epochs", "milestones", "bounds"), TABLE_4)
def test_table_4_cuts_the_bounds_of_cycles_that_go_on(net, epochs, milestones, bounds, data):
    """A triangle whose cycle is a tenth of the run, and a tenth at each milestone: worked out from the epoch alone."""
    study = shipped(f"paper-table4-{net}-{data}")
    schedule, budget = schedule_of(study, study.arm("clr"))
    assert budget.updates == epochs * budget.per_epoch
    updates = np.arange(budget.updates)
    epoch = updates / budget.per_epoch
    half = epochs / 20
    height = 1 - np.abs(epoch % (2 * half) / half - 1)
    drops = 0.1 ** np.searchsorted(np.array(milestones) * budget.per_epoch, updates, side="right")
    expected = (bounds[0] + (bounds[1] - bounds[0]) * height) * drops
    np.testing.assert_allclose(schedule.table(budget.updates), expected, rtol=1e-4)

    for lr in (0.1, 0.2, 0.3):
        fixed, _ = schedule_of(study, study.arm(f"fixed_{lr}".replace(".", "_")))
        np.testing.assert_allclose(fixed.table(budget.updates), lr * drops)
    assert study.measure.seeds == 5
    assert study.data.table["kind"] == data

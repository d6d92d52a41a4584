import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.data import Split, Splits, hold_out
from clr_study.data.splits import stratified
from clr_study.errors import DataError, SpecError


def labelled(*sizes):
    """A training split whose input is its own sample number, with `sizes[c]` samples of class c, shuffled."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    inputs = torch.arange(len(labels), dtype=torch.float32)[:, None]
    return Splits(Split(inputs, torch.from_numpy(labels)), None, None, classes=len(sizes))


def numbers(split):
    return split.inputs[:, 0].int().tolist()


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64), "3 inputs but 2 targets"),
        (torch.zeros(3), torch.zeros(3), "sample axis"),
        (torch.zeros(3, 2, dtype=torch.int32), torch.zeros(3), "uint8, floating, or int64 for tokens"),
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.int32), "targets must be int64"),
        (torch.zeros(3, 2), torch.zeros(3, 1, dtype=torch.int64), "targets must be int64"),
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.float64), "targets must be int64"),
        (torch.zeros(0, 2), torch.zeros(0), "at least one sample"),
    ],
)
def test_a_split_refuses(inputs, targets, message):
    with pytest.raises(DataError, match=message):
        Split(inputs, targets)


@pytest.mark.parametrize(
    ("test", "classes", "message"),
    [
        (Split(torch.zeros(2, 3), torch.tensor([0, 1])), 2, r"shape \(2,\), but a test sample has \(3,\)"),
        (Split(torch.zeros(2, 2, dtype=torch.uint8), torch.tensor([0, 1])), 2, "float32, but test's torch.uint8"),
        (Split(torch.zeros(2, 2), torch.tensor([0, 2])), 2, "test targets run from 0 to 2, but 2 classes allow 0 to 1"),
        (Split(torch.zeros(2, 2), torch.tensor([-1, 0])), 2, "run from -1 to 0"),
        (Split(torch.zeros(2, 2), torch.tensor([0.0, 1.0])), 2, "int64 targets, but the test targets are"),
        (Split(torch.zeros(2, 2), torch.zeros(2, 3)), 2, r"train targets have shape \(2,\), but test's \(2, 3\)"),
        (None, None, "regression needs float32 targets, but the train targets are int64"),
    ],
)
def test_splits_refuse(test, classes, message):
    train = Split(torch.zeros(2, 2), torch.tensor([0, 1]))
    with pytest.raises(DataError, match=message):
        Splits(train, None, test, classes=classes)


@pytest.mark.parametrize(
    ("targets", "classes", "outputs"),
    [(torch.tensor([0, 1, 1]), 5, 5), (torch.zeros(3), None, 1), (torch.zeros(3, 7), None, 7)],
)
def test_outputs(targets, classes, outputs):
    assert Splits(Split(torch.zeros(3, 2), targets), None, None, classes=classes).outputs == outputs


@pytest.mark.parametrize(("validation", "sizes"), [(0.25, [15, 10, 5]), (30, [15, 10, 5]), (0.1, [6, 4, 2])])
def test_held_out_classes_keep_their_shares(validation, sizes):
    held = hold_out(labelled(60, 40, 20), validation, seed=3)
    assert held.validation.targets.bincount().tolist() == sizes
    assert held.train.targets.bincount().tolist() == [60 - sizes[0], 40 - sizes[1], 20 - sizes[2]]


def test_held_out_samples_are_parted_whole_and_keep_their_targets():
    data = labelled(30, 20)
    held = hold_out(data, 0.2, seed=3)
    assert sorted(numbers(held.train) + numbers(held.validation)) == list(range(50))
    for split in (held.train, held.validation):
        assert torch.equal(split.targets, data.train.targets[numbers(split)])


def test_the_seed_alone_decides_who_is_held_out():
    chosen = [numbers(hold_out(labelled(30, 20), 0.2, seed=seed).validation) for seed in (3, 3, 4)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_who_is_held_out_is_pinned():
    assert numbers(hold_out(labelled(5, 5), 4, seed=0).validation) == [4, 6, 8, 9]


def test_regression_is_held_out_without_classes():
    data = Splits(Split(torch.arange(10.0)[:, None], torch.arange(10.0)), None, None, classes=None)
    held = hold_out(data, 0.3, seed=0)
    assert (len(held.train), len(held.validation)) == (7, 3)
    assert torch.equal(held.validation.inputs[:, 0], held.validation.targets)
    assert not set(numbers(held.train)) & set(numbers(held.validation))


def test_a_validation_split_that_the_data_bring_stays():
    split = Split(torch.zeros(4, 1), torch.tensor([0, 1, 0, 1]))
    data = Splits(split, split, None, classes=2)
    assert hold_out(data, 0.5, seed=0) is data


@pytest.mark.parametrize("validation", [0, 0.0])
def test_none_is_held_out_for_zero(validation):
    data = labelled(4, 4)
    assert hold_out(data, validation, seed=0) is data


@pytest.mark.parametrize("validation", [1.0, 1.5, -0.1, -3, float("nan"), float("inf"), True])
def test_a_validation_that_is_neither_fraction_nor_count_is_refused(validation):
    with pytest.raises(SpecError, match="validation = "):
        hold_out(labelled(4, 4), validation, seed=0)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (0.01, "takes 0 of 8 training samples; both sides need at least one"),
        (8, "takes 8 of 8 training samples; both sides"),
        (1, "takes 1 of 8 training samples, but 2 classes need at least 2 on either side"),
        (7, "takes 7 of 8 training samples, but 2 classes"),
    ],
)
def test_a_training_split_too_small_is_refused(validation, message):
    with pytest.raises(DataError, match=message):
        hold_out(labelled(4, 4), validation, seed=0)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6), share=st.floats(0, 1))
def test_stratified_counts(sizes, share):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    count = int(share * (len(labels) - len(sizes)))
    chosen = stratified(labels, count, seed=1, purpose="test")
    taken = np.bincount(labels[chosen], minlength=len(sizes))
    quotas = np.array(sizes) * count / len(labels)
    assert len(set(chosen.tolist())) == len(chosen) == count
    assert (taken < np.array(sizes)).all()
    capped = np.floor(quotas) >= np.array(sizes) - 1
    if not capped.any():
        assert (np.abs(taken - quotas) < 1).all()


def test_stratified_chooses_within_a_class_at_random():
    labels = np.repeat([0, 1], 50)
    first, second = (stratified(labels, 20, seed=seed, purpose="test") for seed in (1, 2))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, stratified(labels, 20, seed=1, purpose="validation"))

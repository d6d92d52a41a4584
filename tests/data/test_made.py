import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from clr_study.data.datasets import digits, synthetic
from clr_study.errors import SpecError


def test_digits_are_scikit_learns_parted():
    pixels, labels = load_digits(return_X_y=True)
    splits = digits()
    ours = torch.cat([splits.train.inputs, splits.test.inputs]).flatten(1).numpy()
    targets = torch.cat([splits.train.targets, splits.test.targets]).numpy()
    assert splits.train.inputs.dtype == torch.uint8
    assert ours.max() == 240
    mine = np.unique(np.column_stack([ours / 15, targets]), axis=0)
    theirs = np.unique(np.column_stack([pixels, labels]), axis=0)
    assert len(ours) == len(pixels)
    assert np.array_equal(mine, theirs)


def test_the_test_split_of_digits_is_stratified_and_pinned():
    splits = digits()
    shares = splits.test.targets.bincount() / (splits.train.targets.bincount() + splits.test.targets.bincount())
    assert (shares - 0.2).abs().max() < 0.003
    assert splits.test.targets[:12].tolist() == [4, 9, 3, 4, 5, 8, 7, 8, 9, 5, 6, 9]
    assert int(splits.test.inputs.sum(dtype=torch.int64)) == 1688265


def as_vectors(split):
    return split.inputs.flatten(1).numpy(), split.targets.numpy()


def test_synthetic_can_be_learnt_but_not_by_a_linear_model():
    splits = synthetic(samples=2000, features=5, noise=0.4)
    linear = LogisticRegression(max_iter=500).fit(*as_vectors(splits.train)).score(*as_vectors(splits.test))
    near = KNeighborsClassifier(9).fit(*as_vectors(splits.train)).score(*as_vectors(splits.test))
    assert near > 0.93
    assert linear < 0.7


def test_noise_makes_synthetic_harder():
    scores = [
        KNeighborsClassifier(9).fit(*as_vectors(splits.train)).score(*as_vectors(splits.test))
        for splits in (synthetic(noise=noise, features=6) for noise in (0.2, 1.0, 3.0))
    ]
    assert scores[0] > scores[1] > scores[2]


def test_synthetic_is_balanced_shaped_and_seeded():
    first, second, other = (synthetic(samples=400, shape=(2, 3, 4), classes=5, seed=seed) for seed in (1, 1, 2))
    assert first.sample_shape == (2, 3, 4)
    assert first.train.targets.bincount().tolist() == [64] * 5
    assert first.test.targets.bincount().tolist() == [16] * 5
    assert torch.equal(first.train.inputs, second.train.inputs)
    assert not torch.equal(first.train.inputs, other.train.inputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "classes must be >= 2, but got 1"),
        ({"samples": 39}, "samples must be >= 10 a class = 40, but got 39"),
        ({"features": 0}, r"must be >= 1, but got \(0,\)"),
        ({"shape": ()}, r"must be >= 1, but got \(\)"),
        ({"noise": -1.0}, "noise must be finite and >= 0"),
        ({"noise": float("nan")}, "noise must be finite"),
    ],
)
def test_synthetic_refuses(arguments, message):
    with pytest.raises(SpecError, match=message):
        synthetic(**arguments)

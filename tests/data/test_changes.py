"""A part of the training split, and labels that are replaced."""

from __future__ import annotations

import pytest
import torch

from clr_study.data import Split, Splits, load_splits
from clr_study.data.changes import add_label_noise, keep_part
from clr_study.errors import DataError, SpecError

DIGITS = {"kind": "digits"}


def made(samples=1000, classes=10) -> Splits:
    inputs = torch.arange(samples, dtype=torch.float32)[:, None]
    split = Split(inputs, torch.arange(samples) % classes)
    return Splits(split, split, split, classes=classes)


@pytest.mark.parametrize("noise", [0.2, 0.4])
def test_a_fraction_of_the_training_labels_becomes_another_class_each(noise):
    clean = made()
    noisy = add_label_noise(clean, noise, seed=0)
    changed = noisy.train.targets != clean.train.targets
    assert int(changed.sum()) == noise * 1000
    # Each of the other nine classes is as likely: no step to the next label is rarer than half its share.
    steps = (noisy.train.targets - clean.train.targets)[changed] % 10
    assert torch.bincount(steps, minlength=10)[1:].min() > noise * 1000 / 9 / 2
    assert torch.equal(noisy.train.inputs, clean.train.inputs)
    for side in ("validation", "test"):
        assert torch.equal(getattr(noisy, side).targets, getattr(clean, side).targets)


def test_more_noise_keeps_the_labels_that_less_has_changed():
    clean, less, more = made(), add_label_noise(made(), 0.2, seed=0), add_label_noise(made(), 0.4, seed=0)
    changed = less.train.targets != clean.train.targets
    assert torch.equal(more.train.targets[changed], less.train.targets[changed])


def test_noise_is_a_function_of_its_seed():
    assert torch.equal(add_label_noise(made(), 0.3, 1).train.targets, add_label_noise(made(), 0.3, 1).train.targets)
    assert not torch.equal(add_label_noise(made(), 0.3, 1).train.targets, add_label_noise(made(), 0.3, 2).train.targets)


def test_the_validation_split_of_a_noisy_study_is_the_clean_studys():
    clean, noisy = load_splits(DIGITS, 0.2), load_splits(DIGITS, 0.2, label_noise=0.4)
    assert torch.equal(noisy.validation.inputs, clean.validation.inputs)
    assert torch.equal(noisy.validation.targets, clean.validation.targets)
    assert torch.equal(noisy.test.targets, clean.test.targets)
    wrong = (noisy.train.targets != clean.train.targets).float().mean()
    assert wrong == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("part", [0.25, 250])
def test_a_part_keeps_the_shares_of_the_classes_and_the_other_splits(part):
    kept = keep_part(made(), part, seed=0)
    assert torch.bincount(kept.train.targets).tolist() == [25] * 10
    assert len(kept.validation) == len(kept.test) == 1000
    assert torch.equal(kept.train.inputs[:, 0] % 10, kept.train.targets.float()), "samples kept their own labels"


def test_all_is_all_and_no_class_is_lost():
    assert keep_part(made(), 1.0, 0).train is not None
    assert len(keep_part(made(), 995, 0).train) == 995
    assert len(torch.unique(keep_part(made(), 10, 0).train.targets)) == 10


def test_values_out_of_bounds_are_refused():
    for part in (0, -1, 1.5, True, float("nan")):
        with pytest.raises(SpecError, match="subset"):
            keep_part(made(), part, 0)
    for part in (5, 1001):
        with pytest.raises(DataError, match="it must keep 10 to 1000"):
            keep_part(made(), part, 0)
    with pytest.raises(SpecError, match="label_noise must lie in"):
        add_label_noise(made(), 1.0, 0)
    values = Split(torch.zeros(4, 2), torch.zeros(4))
    with pytest.raises(DataError, match="no two classes"):
        add_label_noise(Splits(values, None, None, classes=None), 0.5, 0)

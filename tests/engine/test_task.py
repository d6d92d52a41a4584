"""Data on the device, and what a run's samples are at each of its updates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clr_study.data import batch_indices
from clr_study.engine import load_task
from clr_study.engine.losses import squared_error
from clr_study.errors import DataError, InputError, SpecError

DIGITS = {"kind": "digits", "validation": 0.2}
AUGMENT = [{"kind": "flip"}, {"kind": "crop", "pad": 1}, {"kind": "cutout", "size": 2}]


def test_draws_are_functions_of_seed_and_update_alone():
    task = load_task({**DIGITS, "augment": AUGMENT})
    whole = task.draws(3, 0, 60, 16)
    torch.manual_seed(99)
    np.random.seed(99)
    parts = [task.draws(3, start, stop, 16) for start, stop in ((0, 7), (7, 8), (8, 60))]
    assert len(whole) == 1 + len(AUGMENT)
    for place, numbers in enumerate(whole):
        assert torch.equal(torch.cat([part[place] for part in parts]), numbers)
    assert [tuple(numbers.shape) for numbers in whole] == [(60, 16), (60, 16, 1), (60, 16, 2), (60, 16, 2)]
    assert not torch.equal(task.draws(4, 0, 60, 16)[0], whole[0])


def test_samples_are_the_data_layers_order():
    task = load_task(DIGITS)
    assert np.array_equal(task.draws(3, 5, 9, 16)[0], batch_indices(3, 5, 9, len(task.train), 16))


def test_two_augmentations_of_one_kind_draw_apart():
    task = load_task({**DIGITS, "augment": [{"kind": "flip"}, {"kind": "flip"}]})
    _, first, second = task.draws(1, 0, 8, 32)
    assert not torch.equal(first, second)


def test_lanes_with_their_own_samples_get_what_each_would_get_alone():
    task = load_task({**DIGITS, "augment": AUGMENT})
    draws = [task.draws(seed, 0, 1, 8) for seed in (1, 2)]
    stacked = [torch.stack([draw[place][0] for draw in draws]) for place in range(4)]
    inputs, targets = task.batch(stacked[0], tuple(stacked[1:]))
    assert (tuple(inputs.shape), tuple(targets.shape)) == ((2, 8, 1, 8, 8), (2, 8))
    for lane, draw in enumerate(draws):
        alone = task.batch(draw[0][0], tuple(numbers[0] for numbers in draw[1:]))
        assert torch.equal(inputs[lane], alone[0])
        assert torch.equal(targets[lane], alone[1])


def test_augmentation_changes_the_training_inputs_and_nothing_else():
    plain, changed = load_task(DIGITS), load_task({**DIGITS, "augment": [{"kind": "flip"}]})
    samples, numbers = changed.draws(1, 0, 1, 64)
    inputs, targets = changed.batch(samples[0], (numbers[0],))
    control, same_targets = plain.batch(samples[0], ())
    flipped = numbers[0, :, 0] == 1
    assert 10 < int(flipped.sum()) < 54
    assert torch.equal(inputs[flipped], control[flipped].flip(-1))
    assert torch.equal(inputs[~flipped], control[~flipped])
    assert torch.equal(targets, same_targets)
    assert torch.equal(plain.validation.inputs, changed.validation.inputs)


def test_mean_image_takes_the_training_splits_mean_off_and_scales_nothing():
    task = load_task({**DIGITS, "normalise": "mean_image"}, dtype=torch.float64)
    mean = task.train.inputs.double().mean(dim=0)
    scaled = task.normalise(task.validation.inputs)
    torch.testing.assert_close(scaled, task.validation.inputs.double() - mean, rtol=0, atol=1e-9)
    assert task.normalise(task.train.inputs).mean(dim=0).abs().max() < 1e-9


def test_auto_normalises_images_by_channel_and_vectors_by_feature():
    image = load_task(DIGITS, dtype=torch.float64)
    scaled = image.normalise(image.train.inputs)
    assert abs(scaled.mean()) < 1e-9
    assert abs(scaled.std(correction=0) - 1) < 1e-9
    assert tuple(image.normalise.mean.shape) == (1, 1, 1)
    vector = load_task({"kind": "synthetic", "samples": 200, "features": 5, "classes": 2}, dtype=torch.float64)
    assert tuple(vector.normalise.mean.shape) == (5,)
    assert vector.normalise(vector.train.inputs).mean(dim=0).abs().max() < 1e-9


def test_images_stay_bytes_on_the_device():
    task = load_task(DIGITS)
    assert task.train.inputs.dtype == torch.uint8
    assert (task.dtype, task.sample_shape, task.classes, task.outputs) == (torch.float32, (1, 8, 8), 10, 10)


def test_augmentation_of_vectors_is_refused():
    table = {"kind": "synthetic", "samples": 100, "classes": 2, "augment": [{"kind": "flip"}]}
    with pytest.raises(DataError, match=r"\[data\] augment takes images .* a sample has shape \(20,\)"):
        load_task(table)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"augment": [{"kind": "flop"}]}, InputError, "no augmentation is called 'flop'; did you mean 'flip'"),
        ({"augment": [{"kind": "crop", "pad": 0}]}, SpecError, "pad must be an integer >= 1"),
        ({"normalise": "chanel"}, SpecError, "did you mean 'channel'"),
        ({"kind": "digit"}, InputError, "did you mean 'digits'"),
        ({"size": 3}, SpecError, "digits takes no key 'size'"),
        ({"validation": 5000}, DataError, "validation = 5000 takes 5000 of 1438"),
    ],
)
def test_what_cannot_be_loaded_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        load_task({**DIGITS, **changes})


def test_a_task_is_loaded_once():
    assert load_task(dict(DIGITS)) is load_task({"validation": 0.2, "kind": "digits"})


def test_the_squared_error_is_the_mean_over_samples_and_values():
    outputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert squared_error(outputs, torch.zeros(2, 2)) == pytest.approx((1 + 4 + 9 + 16) / 4)
    assert squared_error(outputs[:, :1], torch.tensor([0.0, 1.0])) == pytest.approx((1 + 4) / 2)


def test_a_task_without_a_split_has_none():
    task = load_task({**DIGITS, "validation": 0})
    assert task.validation is None
    assert len(replace(task).train) == 1438

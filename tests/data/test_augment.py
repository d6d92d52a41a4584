import dataclasses

import numpy as np
import pytest
import torch
from torch.func import vmap

from clr_study.data import Crop, Cutout, Flip, augmentation_from_dict, generator
from clr_study.errors import InputError, SpecError, UnknownKindError

SHAPE = (3, 6, 9)  # neither square nor as large as the largest pad below
KINDS = [
    Flip(),
    Crop(pad=1),
    Crop(pad=4),
    Crop(pad=11),
    Cutout(size=1),
    Cutout(size=4),
    Cutout(size=5),
    Cutout(size=30),
]


def one_by_one(augmentation, images, draws):
    """What each kind does to an image, written with numpy's padding and slicing, one sample at a time."""
    done = []
    for image, draw in zip(images.numpy(), draws.numpy(), strict=True):
        _, height, width = image.shape
        if isinstance(augmentation, Flip):
            done.append(image[:, :, ::-1].copy() if draw[0] else image)
        elif isinstance(augmentation, Crop):
            pad, (top, left) = augmentation.pad, draw
            padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
            done.append(padded[:, top : top + height, left : left + width])
        else:
            half = augmentation.size // 2
            top, left = draw[0] - half, draw[1] - half
            image = image.copy()
            image[:, max(top, 0) : top + augmentation.size, max(left, 0) : left + augmentation.size] = 0
            done.append(image)
    return torch.from_numpy(np.stack(done))


def some_images(*leading, dtype=torch.uint8):
    pixels = torch.randint(1, 256, (*leading, *SHAPE), generator=torch.Generator().manual_seed(0))
    return pixels.to(dtype)


def some_draws(augmentation, batch, update=0):
    return torch.from_numpy(augmentation.draw(generator(1, update, "augment"), batch, SHAPE))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
@pytest.mark.parametrize("augmentation", KINDS, ids=repr)
def test_apply_equals_the_reference(augmentation, dtype):
    images, draws = some_images(64, dtype=dtype), some_draws(augmentation, 64)
    changed = augmentation.apply(images, draws)
    assert changed.dtype == dtype
    assert torch.equal(changed, one_by_one(augmentation, images, draws))
    assert not torch.equal(changed, images)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("augmentation", KINDS, ids=repr)
def test_apply_under_vmap_equals_lane_by_lane(augmentation, shared):
    lanes = 3
    images = some_images(8) if shared else some_images(lanes, 8)
    draws = torch.stack([some_draws(augmentation, 8, update=lane) for lane in range(lanes)])
    changed = vmap(augmentation.apply, in_dims=(None if shared else 0, 0))(images, draws)
    for lane in range(lanes):
        alone = augmentation.apply(images if shared else images[lane], draws[lane])
        assert torch.equal(changed[lane], alone)


@pytest.mark.parametrize("augmentation", KINDS, ids=repr)
def test_apply_leaves_its_input_alone(augmentation):
    images = some_images(16)
    before = images.clone()
    augmentation.apply(images, some_draws(augmentation, 16))
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("augmentation", "columns"),
    [(Flip(), [(0, 1)]), (Crop(pad=2), [(0, 4), (0, 4)]), (Cutout(size=3), [(0, 5), (0, 8)])],
)
def test_draws_reach_both_of_their_ends_and_no_further(augmentation, columns):
    draws = augmentation.draw(generator(0, 0, "augment"), 2000, SHAPE)
    assert draws.dtype == np.int64
    assert draws.shape == (2000, augmentation.k)
    assert [(column.min(), column.max()) for column in draws.T] == columns


@pytest.mark.parametrize("augmentation", [Flip(), Crop(pad=2), Cutout(size=3)])
def test_draws_belong_to_their_generator(augmentation):
    first, second, third = (augmentation.draw(generator(0, update, "a"), 32, SHAPE) for update in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_draws_are_pinned():
    draws = [kind.draw(generator(1, 2, "augment"), 3, (1, 8, 8)).tolist() for kind in (Flip(), Crop(), Cutout())]
    assert draws == [[[0], [1], [1]], [[2, 5], [6, 8], [3, 5]], [[2, 4], [5, 7], [3, 5]]]


@pytest.mark.parametrize("augmentation", [Flip(), Crop(), Cutout()])
def test_vectors_are_refused(augmentation):
    with pytest.raises(SpecError, match=r"needs images of shape \(C, H, W\), but a sample has shape \(20,\)"):
        augmentation.draw(generator(0, 0, "a"), 4, (20,))


@pytest.mark.parametrize("augmentation", KINDS, ids=repr)
def test_a_table_builds_it(augmentation):
    table = {"kind": type(augmentation).__name__.lower(), **dataclasses.asdict(augmentation)}
    assert augmentation_from_dict(table) == augmentation


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"kind": "flop"}, UnknownKindError, "'flop'; did you mean 'flip'"),
        ({"kind": "mixup"}, UnknownKindError, "known are: crop, cutout, flip"),
        ({"kind": ["flip"]}, UnknownKindError, "did you mean 'flip'"),
        ({"pad": 4}, SpecError, "needs a kind"),
        ({"kind": "crop", "pads": 4}, SpecError, "crop takes no key 'pads'; did you mean 'pad'"),
        ({"kind": "flip", "pad": 4}, SpecError, "flip takes no key 'pad'; it takes none"),
        ({"kind": "crop", "k": 3}, SpecError, "takes no key 'k'"),
        ({"kind": "crop", "pad": 0}, SpecError, "pad must be an integer >= 1"),
        ({"kind": "crop", "pad": 1.5}, SpecError, "but got 1.5"),
        ({"kind": "cutout", "size": True}, SpecError, "but got True"),
        ({"kind": "cutout", "size": "8"}, SpecError, "but got '8'"),
    ],
)
def test_a_wrong_table_is_refused(table, error, message):
    with pytest.raises(error, match=message) as caught:
        augmentation_from_dict(table)
    assert isinstance(caught.value, InputError)

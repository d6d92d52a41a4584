import numpy as np
import pytest
import torch
from torch.func import vmap

from clr_study.data import Normaliser, Split
from clr_study.errors import SpecError


def images(count=700, dtype=np.uint8):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 4, 5)) // np.array([1, 2, 4])[:, None, None]
    return Split(torch.from_numpy(pixels.astype(dtype)), torch.zeros(count, dtype=torch.int64))


@pytest.mark.parametrize("kind", ["channel", None])
def test_channel_equals_numpy(kind):
    split = images()  # more samples than one float64 piece holds
    pixels = split.inputs.numpy().astype(np.float64)
    expected = (pixels - pixels.mean((0, 2, 3), keepdims=True)) / pixels.std((0, 2, 3), keepdims=True)
    got = Normaliser.fit(split, kind, dtype=torch.float64)(split.inputs)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_mean_image_takes_off_the_mean_of_each_pixel_and_scales_nothing():
    split = images()
    pixels = split.inputs.numpy().astype(np.float64)
    got = Normaliser.fit(split, "mean_image", dtype=torch.float64)(split.inputs)
    np.testing.assert_allclose(got.numpy(), pixels - pixels.mean(0), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["feature", None])
def test_feature_equals_numpy(kind):
    values = np.random.default_rng(1).normal([3.0, 1e6, 1e-6], [2.0, 1e3, 1e-7], size=(700, 3)).astype(np.float32)
    split = Split(torch.from_numpy(values), torch.zeros(700))
    exact = values.astype(np.float64)
    expected = (exact - exact.mean(0)) / exact.std(0)
    got = Normaliser.fit(split, kind, dtype=torch.float64)(split.inputs)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e30, 255.0])
def test_what_never_varies_becomes_zero(constant):
    inputs = torch.full((999, 2), constant)
    inputs[:, 1] = torch.arange(999.0)
    normalise = Normaliser.fit(Split(inputs, torch.zeros(999)), "feature")
    assert torch.isfinite(normalise.scale).all()
    assert normalise.scale[0] == 1
    assert normalise(inputs)[:, 0].abs().max() <= abs(constant) * 1e-6
    assert normalise(inputs)[:, 1].std(unbiased=False).item() == pytest.approx(1)


def test_none_only_casts():
    split = images()
    got = Normaliser.fit(split, "none")(split.inputs)
    assert got.dtype == torch.float32
    assert torch.equal(got, split.inputs.float())


def test_fitting_leaves_float64_inputs_alone():
    split = images(dtype=np.float64)
    before = split.inputs.clone()
    Normaliser.fit(split, "channel")
    assert torch.equal(split.inputs, before)


def test_the_dtype_is_the_one_asked_for():
    split = images()
    normalise = Normaliser.fit(split)
    assert normalise(split.inputs).dtype == torch.float32
    assert normalise.to(dtype=torch.float64)(split.inputs).dtype == torch.float64
    assert normalise.to("meta").mean.device.type == "meta"


@pytest.mark.parametrize("kind", ["channel", "mean_image", "feature", "none"])
def test_it_normalises_under_vmap_and_over_more_leading_axes(kind):
    split = images(24)
    normalise = Normaliser.fit(split, kind)
    lanes = split.inputs.reshape(4, 6, 3, 4, 5)
    expected = normalise(split.inputs).reshape(lanes.shape)
    assert torch.equal(vmap(normalise)(lanes), expected)
    assert torch.equal(normalise(lanes), expected)


def test_an_unknown_kind_is_refused():
    with pytest.raises(SpecError, match="'chanel'; did you mean 'channel'"):
        Normaliser.fit(images(), "chanel")


def test_its_words_hold_what_a_training_script_needs_to_scale_likewise():
    split = images()
    normalise = Normaliser.fit(split)
    means, deviations = (
        [float(number) for number in part.split(", ")]
        for part in normalise.in_words(torch.uint8).partition("pixels in [0, 1]: ")[2].split(" and ")
    )
    pixels = split.inputs / 255  # as torchvision's ToTensor
    scaled = (pixels - torch.tensor(means)[:, None, None]) / torch.tensor(deviations)[:, None, None]
    torch.testing.assert_close(scaled, normalise(split.inputs), rtol=0, atol=2e-3)
    assert "from each of 60 entries" in Normaliser.fit(split, "feature").in_words(torch.uint8)
    assert Normaliser.fit(split, "none").in_words(torch.uint8) == "as they are"

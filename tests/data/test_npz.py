from pathlib import Path

import numpy as np
import pytest
import torch

from clr_study.data.datasets import npz
from clr_study.errors import DataError, SpecError

X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.array([0, 1, 2, 1, 0, 2, 2, 1])
NAN = np.where(np.arange(24).reshape(8, 3) == 5, np.nan, X)


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "mine.npz", **arrays)
        return str(tmp_path / "mine.npz")

    return write


def test_floats_become_float32_and_integers_classes(save):
    splits = npz(path=save(x=X, y=Y.astype(np.uint16)))
    assert torch.equal(splits.train.inputs, torch.from_numpy(X).float())
    assert splits.train.targets.tolist() == Y.tolist()
    assert splits.train.targets.dtype == torch.int64
    assert (splits.classes, splits.validation, splits.test) == (3, None, None)


@pytest.mark.parametrize("shape", [(8, 1), (8, 3, 5, 5), (8, 7, 2), (8, 2, 3, 4, 5)])
def test_any_shape_of_uint8_stays_as_it_is(save, shape):
    x = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    splits = npz(path=save(x=x, y=Y))
    assert splits.train.inputs.dtype == torch.uint8
    assert np.array_equal(splits.train.inputs.numpy(), x)


def test_all_three_splits(save):
    splits = npz(path=save(x=X, y=Y, x_validation=X[:4], y_validation=Y[:4], x_test=X[:2] + 1, y_test=[4, 0], names=Y))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (8, 4, 2)
    assert torch.equal(splits.test.inputs, torch.from_numpy(X[:2] + 1).float())
    assert splits.classes == 5  # a class may be missing from the training split


def test_more_classes_than_are_seen(save):
    assert npz(path=save(x=X, y=Y), classes=10).classes == 10


def test_booleans_are_two_classes(save):
    assert npz(path=save(x=X > 0, y=Y > 0)).classes == 2


@pytest.mark.parametrize(
    ("y", "regression", "outputs"),
    [(Y / 2, False, 1), (np.stack([Y, Y, -Y]).T / 2, False, 3), (Y, True, 1), (Y - 3, True, 1)],
)
def test_regression(save, y, regression, outputs):
    splits = npz(path=save(x=X, y=y), regression=regression)
    assert splits.classes is None
    assert splits.outputs == outputs
    assert torch.equal(splits.train.targets, torch.from_numpy(y).float())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "lacks y; it holds: x"),
        ({"images": X, "labels": Y}, "lacks x and y; it holds: images, labels"),
        ({"x": X, "y": Y, "x_test": X}, "lacks y_test"),
        (
            {"x": X, "y": Y, "x_val": X, "y_val": Y},
            "'x_val', which is never read; known are: x, x_test",
        ),
        ({"x": X, "y": Y[:5]}, r"x and y differ in length: shapes \(8, 3\) and \(5,\)"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y[:2]}, r"x_test and y_test differ in length"),
        ({"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y}, r"shape \(3,\), but a test sample has \(2,\)"),
        ({"x": NAN, "y": Y}, "x holds 1 values of 24 that are NaN"),
        ({"x": X * 1e300, "y": Y}, "x holds 24 values of 24 that are NaN, infinite or beyond float32"),
        ({"x": X, "y": np.where(Y == 2, np.inf, 1.0)}, "y holds 3 values of 8"),
        ({"x": X.astype(object), "y": Y}, "Object arrays cannot be loaded"),
        ({"x": X.astype(str), "y": Y}, "x must hold numbers, but its dtype is <U"),
        ({"x": X, "y": Y.astype(str)}, "y must hold numbers"),
        ({"x": X + 1j, "y": Y}, "x must hold numbers, but its dtype is complex128"),
        ({"x": X[:, 0], "y": Y}, r"x has shape \(8,\); a single feature is \[N, 1\]"),
        ({"x": X[:0], "y": Y[:0]}, r"x holds no samples: its shape is \(0, 3\)"),
        ({"x": np.float64(1), "y": Y}, r"x holds no samples: its shape is \(\)"),
        ({"x": X, "y": np.eye(8, dtype=int)}, r"y has shape \(8, 8\); classes are \[N\]; one-hot"),
        ({"x": X, "y": X.reshape(8, 1, 3)}, r"y has shape \(8, 1, 3\); regression takes \[N\] or \[N, D\]"),
        ({"x": X, "y": Y - 1}, "targets run from -1 to 1, but 2 classes allow 0 to 1"),
        ({"x": X, "y": Y * 0}, "integer y are classes 0, 1, 2, ..., but the highest of 8 is 0"),
        ({"x": X, "y": Y + 1000}, "highest of 8 is 1002; number the classes from 0"),
    ],
)
def test_unfit_arrays_are_refused_with_the_file(save, arrays, message):
    path = save(**arrays)
    with pytest.raises(DataError, match=message) as caught:
        npz(path=path)
    assert f"'{path}'" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"classes": 2}, DataError, "targets run from 0 to 2, but 2 classes allow 0 to 1"),
        ({"classes": 3, "regression": True}, SpecError, "either classes = 3 or regression = true"),
    ],
)
def test_unfit_arguments_are_refused(save, arguments, error, message):
    with pytest.raises(error, match=message):
        npz(path=save(x=X, y=Y), **arguments)


def test_classes_of_floating_targets_are_refused(save):
    with pytest.raises(DataError, match="classes = 3 needs integer targets, but y is float64"):
        npz(path=save(x=X, y=Y.astype(float)), classes=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file '.*absent\.npz' \(looked for at '/.*path must name an \.npz file"):
        npz(path=str(tmp_path / "absent.npz"))


@pytest.mark.parametrize("name", ["text.npz", "single.npy", "short.npz", "bits.npz"])
def test_a_file_that_is_no_npz_is_named(tmp_path, save, name):
    whole = bytearray(Path(save(x=X, y=Y)).read_bytes())
    path = tmp_path / name
    if name == "single.npy":
        np.save(path, X)
    elif name == "text.npz":
        path.write_text("x,y\n1,2\n")
    elif name == "short.npz":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        whole[200] ^= 0xFF
        path.write_bytes(whole)
    with pytest.raises(DataError, match=rf"cannot read '.*{name}' as an \.npz of plain arrays"):
        npz(path=str(path))

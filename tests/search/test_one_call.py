"""`range_test`: one call in a notebook, on a network and arrays."""

from __future__ import annotations

import builtins
import json

import numpy as np
import plotly.io
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from clr_study import range_test
from clr_study.data import splits_of
from clr_study.errors import ClrStudyError, InputError


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return x / 16, y


def network():
    return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def test_it_finds_where_a_network_learns_and_leaves_yours_alone(digits):
    torch.manual_seed(0)
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    found = range_test(model, digits, low=1e-4, high=100.0, updates=120, batch_size=32, evaluations=30)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert 1e-4 < found.base_lr < found.max_lr < 100
    assert found.result.scores.shape == (3, 30)
    assert np.nanmax(found.result.scores) > 0.35
    again = range_test(model, digits, low=1e-4, high=100.0, updates=120, batch_size=32, evaluations=30)
    assert np.array_equal(found.result.scores, again.result.scores, equal_nan=True)
    frame = found.frame()
    assert list(frame.columns) == ["seed", "lr", "validation_accuracy", "train_loss"]
    assert len(frame) == 90
    figure = found.figure()
    assert len(figure.data) == 4
    assert figure.layout.yaxis.title.text == "validation accuracy"
    assert figure.layout.shapes[0].x1 == found.max_lr
    assert str(found) == repr(found)
    assert str(found).startswith(f"smith: base_lr {found.base_lr:.4g}, max_lr {found.max_lr:.4g}")


def test_the_last_line_of_a_cell_shows_the_picture_as_plotly_does_and_without_its_code(digits, monkeypatch):
    found = range_test(network(), digits, updates=60)
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    shown = found._repr_mimebundle_(include=None, exclude=None)
    assert shown["application/vnd.plotly.v1+json"]["data"] == json.loads(found.figure().to_json())["data"]
    assert len(json.dumps(shown)) < 200_000
    assert shown["text/plain"] == repr(found)
    monkeypatch.setattr(plotly.io.renderers, "default", None)
    assert found._repr_mimebundle_() == {"text/plain": repr(found)}


def test_a_function_makes_a_network_for_each_seed_and_what_vmap_refuses_trains_alone():
    x, y = load_diabetes(return_X_y=True)
    made = []

    def make(shape, classes):
        made.append((shape, classes))
        return nn.Sequential(nn.Linear(*shape, 8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, classes))

    found = range_test(make, (x * 20, (y - 150) / 77), updates=60, batch_size=16, evaluations=12, high=3.0)
    assert set(made) == {((10,), 1)}
    assert found.result.score == "r2"
    assert not np.array_equal(*found.result.scores[:2])
    assert found.figure().layout.yaxis.title.text == "validation r2"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": (np.zeros((4, 3)), np.zeros(5))}, r"4 inputs but 5 targets: shapes \(4, 3\) and \(5,\)"),
        ({"data": np.zeros((4, 3))}, "takes data as a pair, .inputs, targets., but got a ndarray"),
        ({"data": (np.array(["a", "b"]), np.zeros(2))}, "inputs must be an array of numbers"),
        ({"model": nn.Linear(64, 3)}, r"the model gives outputs of shape \(8, 3\) .* 10 classes want \(8, 10\)"),
        (
            {"model": nn.Linear(63, 10)},
            r"samples of shape \(64,\) failed: RuntimeError: .*cannot be multiplied",
        ),
        ({"model": "mlp"}, "must be a torch.nn.Module, or a function that returns one, but got 'mlp'"),
        ({"device": "cuda:99"}, "there is no device 'cuda:99' here"),
        ({"data": (np.full((200, 64), np.nan), np.arange(200) % 10)}, "inputs hold NaN or inf: 12800 of 12800 numbers"),
        ({"model": lambda: 3}, "must be a torch.nn.Module, or a function that returns one, but got 3"),
        ({"seeds": 2}, "seeds >= 3 must hold"),
        ({"rule": "smth"}, "no bound rule is called 'smth'; did you mean 'smith'"),
        ({"loss": {"kind": "mse"}}, r"\[loss\] mse takes numbers, but the targets are 10 classes"),
        ({"validation": 0}, "validation = 0 leaves nothing to read a range test on"),
        ({"batch_size": 5000}, "batch_size = 5000 is larger than the training split"),
        ({"low": 1e36, "high": 1e38}, "every run diverged before its first evaluation; give a lower low"),
        ({"epochs": 1, "updates": 50}, "give epochs or updates, one of the two"),
        ({"updates": 20}, "fewer than its 30 evaluations"),
    ],
)
def test_what_cannot_be_is_said(digits, changes, words):
    given = {"model": network(), "data": digits, "updates": 60, "evaluations": 30, **changes}
    with pytest.raises(ClrStudyError, match=words):
        range_test(given.pop("model"), given.pop("data"), **given)


def test_without_pandas_a_frame_says_what_to_install(digits, monkeypatch):
    found = range_test(network(), digits, updates=30, evaluations=10)
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install 'clr_study\[frames\]'"):
        found.frame()


def test_arrays_become_splits_by_their_type():
    floats = splits_of(np.zeros((4, 3)), np.array([0, 1, 2, 1]))
    assert (floats.train.inputs.dtype, floats.classes) == (torch.float32, 3)
    images = splits_of(np.zeros((4, 3, 2, 2), np.uint8), np.zeros(4))
    assert (images.train.inputs.dtype, images.classes) == (torch.uint8, None)
    tokens = splits_of(torch.zeros(4, 3, dtype=torch.int64), torch.zeros(4, 3, dtype=torch.int64))
    assert (tokens.train.inputs.dtype, tokens.train.targets.shape) == (torch.int64, (4, 3))

"""The check: what can be built is built, and what cannot gets a sentence before anything trains."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clr_study.check import check_study
from clr_study.errors import InputError
from clr_study.spec import parse_study

TEXT = """
name = "checked"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, epochs = 2 }
search = { trials = 2 }
[arms.clr.schedule]
kind = "triangular"
max_lr = { low = 1e-2, high = 1.0, log = true }
base_lr = { times = "max_lr", low = 0.05, high = 0.5 }
step_size = { low = 0.5, high = 1, unit = "epochs" }
"""


def checked(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return check_study(parse_study(text))


def test_a_good_study_is_built_at_its_corners():
    report = checked()
    assert report.corners == 4
    assert report.samples == (1150, 288, 359)
    assert (report.budgets["clr"].updates, report.budgets["clr"].per_epoch) == (34, 17)
    assert report.unfusable == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "mlp"', 'kind = "mpl"', "[model] kind: no model is called 'mpl'; did you mean 'mlp'?"),
        ("hidden = [8]", "hiden = [8]", "mlp takes no key 'hiden'; did you mean 'hidden'?"),
        ('kind = "digits"', 'kind = "digit"', "[data] kind: no data set is called 'digit'; did you mean 'digits'?"),
        ('kind = "digits"', 'kind = "image_folder", root = "/no/such/folder"', "/no/such/folder"),
        ('kind = "digits"', 'kind = "cifar10", root = "/no/such/root"', "/no/such/root"),
        ("batch_size = 64", "batch_size = 2000", "larger than the training split of 1150 samples"),
        ("validation = 0.2", "validation = 0", "leaves nothing to select settings on"),
        ("validation = 0.2", "validation = 5000", "validation = 5000 takes 5000 of 1438 training samples"),
        (", hidden = [8] }", ' }\noptim = { kind = "sgd", momentum = 1.5 }', "momentum must lie in [0, 1)"),
        (", hidden = [8] }", ' }\noptim = { kind = "sdg" }', "no optimizer is called 'sdg'; did you mean 'sgd'?"),
        ("validation = 0.2", 'validation = 0.2, augment = [{ kind = "flop" }]', "did you mean 'flip'?"),
    ],
)
def test_what_cannot_be_built_is_named(old, new, expected):
    with pytest.raises(InputError, match=re.escape(expected)):
        checked((old, new))


def regression(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 5)).astype(np.float32)
    np.savez(tmp_path / "r.npz", x=x, y=x.sum(axis=1), x_test=x[:50], y_test=x[:50].sum(axis=1))
    return ('{ kind = "digits", validation = 0.2 }', f'{{ kind = "npz", path = "{tmp_path}/r.npz" }}')


def test_a_hole_may_be_a_whole_number():
    step = (
        'kind = "triangular"',
        'kind = "step"\nlr = 0.1\ngamma = 0.5\nevery = { low = 5, high = 20, integer = true }',
    )
    rest = TEXT[TEXT.index("max_lr") :]
    assert checked(step, (rest, "")).corners == 4


def test_regression_has_no_accuracy(tmp_path):
    with pytest.raises(InputError, match='write metric = "loss"'):
        checked(regression(tmp_path))
    assert checked(regression(tmp_path), ('name = "checked"', 'name = "checked"\nmetric = "loss"')).corners == 4


NETS = """
from torch import nn

def fragile(*, shape, classes, width: int = 4):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, classes)
        def forward(self, inputs):
            raise RuntimeError("shapes of a dream")
    return Net()

def odd(*, shape, classes):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, classes)
        def forward(self, inputs):
            outputs = self.layer(inputs.flatten(1))
            return outputs / (1 + abs(outputs.mean().item()))
    return Net()
"""


def test_a_model_that_fails_is_shown_with_the_samples_shape(tmp_path, monkeypatch):
    (tmp_path / "nets_of_a_check.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"samples of shape \(1, 8, 8\) failed: RuntimeError: shapes of a dream"):
        checked(('kind = "mlp", hidden = [8]', 'kind = "nets_of_a_check:fragile"'))


def test_a_model_that_vmap_refuses_is_taken_run_by_run(tmp_path, monkeypatch):
    (tmp_path / "nets_of_a_check.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    report = checked(('kind = "mlp", hidden = [8]', 'kind = "nets_of_a_check:odd"'))
    assert "vmap cannot take the model" in report.unfusable["clr"]

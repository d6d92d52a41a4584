import math

import pytest
import torch

from clr_study.errors import InputError, SpecError, UnknownKindError
from clr_study.optim import build_optimizer, structure


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ({"kind": "sgd", "momentum": 1.5}, InputError, r"momentum must lie in \[0, 1\), but got 1.5"),
        ({"kind": "sgd", "momentum": 1}, InputError, r"momentum must lie in \[0, 1\), but got 1"),
        ({"kind": "sgd", "momentum": -0.1}, InputError, "momentum"),
        ({"kind": "sgd", "momentum": math.nan}, InputError, "momentum .* nan"),
        ({"kind": "sgd", "weight_decay": -1e-4}, InputError, r"weight_decay must lie in \[0, inf\), but got -0.0001"),
        ({"kind": "sgd", "weight_decay": math.inf}, InputError, "weight_decay"),
        ({"kind": "sgd", "nesterov": True}, InputError, "nesterov = true needs a momentum above 0"),
        ({"kind": "sgd", "convention": "tensorflow"}, SpecError, "convention .*'torch' or 'caffe'"),
        ({"kind": "sgd", "momentum": "0.9"}, SpecError, "momentum .*'0.9'"),
        ({"kind": "sgd", "nesterov": 1}, SpecError, "nesterov"),
        ({"kind": "sgd", "momentun": 0.9}, SpecError, "'momentun'; did you mean 'momentum'"),
        ({"kind": "sdg"}, UnknownKindError, "did you mean 'sgd'"),
        ({"kind": "adam", "beta1": 1.0}, InputError, r"beta1 must lie in \[0, 1\), but got 1.0"),
        ({"kind": "adam", "beta2": -0.5}, InputError, "beta2"),
        ({"kind": "adam", "eps": 0.0}, InputError, r"eps must lie in \(0, inf\), but got 0.0"),
        ({"kind": "adamw", "weight_decay": -0.01}, InputError, "weight_decay"),
        ({"kind": "rmsprop", "alpha": 1.0}, InputError, r"alpha must lie in \[0, 1\), but got 1.0"),
        ({"kind": "rmsprop", "momentum": -0.1}, InputError, "momentum"),
        ({"kind": "adagrad", "eps": 0.0}, InputError, r"eps must lie in \(0, inf\), but got 0.0"),
        ({"kind": "adagrad", "weight_decay": -1.0}, InputError, "weight_decay"),
        ({"kind": "adadelta", "rho": 1.5}, InputError, r"rho must lie in \[0, 1\), but got 1.5"),
        ({"kind": "adadelta", "momentum": 0.9}, SpecError, "'momentum'"),
        ({"momentum": 0.9}, SpecError, "kind"),
    ],
)
def test_a_bad_table_is_refused_with_value_and_bounds(table, error, words):
    with pytest.raises(error, match=words):
        build_optimizer(table)
    with pytest.raises(error, match=words):
        structure(table)


def test_defaults_are_torchs():
    assert build_optimizer({"kind": "sgd"}).hyper == {"momentum": 0, "weight_decay": 0}
    adam = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0}
    assert build_optimizer({"kind": "adam"}).hyper == adam
    assert build_optimizer({"kind": "adamw"}).hyper == {**adam, "weight_decay": 0.01}
    assert build_optimizer({"kind": "adagrad"}).hyper == {"eps": 1e-10, "weight_decay": 0}
    rmsprop = {"alpha": 0.99, "eps": 1e-8, "momentum": 0, "weight_decay": 0}
    assert build_optimizer({"kind": "rmsprop"}).hyper == rmsprop
    assert build_optimizer({"kind": "adadelta"}).hyper == {"rho": 0.9, "eps": 1e-6, "weight_decay": 0}


def test_structure_fills_in_the_defaults():
    assert structure({"kind": "sgd"}) == structure({"kind": "sgd", "convention": "torch", "nesterov": False})
    assert structure({"kind": "adam"}) == ("adam",)


def run(table, lrs, gradients):
    optimizer = build_optimizer(table)
    hyper = {name: torch.tensor(value, dtype=torch.float64) for name, value in optimizer.hyper.items()}
    params = {"w": torch.tensor(1.0, dtype=torch.float64)}
    state = optimizer.init(params)
    for lr, gradient in zip(lrs, gradients, strict=True):
        d = {"w": torch.tensor(gradient, dtype=torch.float64)}
        params, state = optimizer.update(d, state, params, torch.tensor(lr, dtype=torch.float64), hyper, {})
    return params["w"].item()


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_conventions_agree_while_the_lr_is_constant_and_part_when_it_moves(nesterov):
    torch_table = {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.01, "nesterov": nesterov}
    caffe_table = {**torch_table, "convention": "caffe"}
    gradients = [0.5, -0.25, 1.0, 0.125]
    constant, moving = [0.1] * 4, [0.1, 0.4, 0.1, 0.01]
    assert run(torch_table, constant, gradients) == pytest.approx(run(caffe_table, constant, gradients), rel=1e-14)
    assert abs(run(torch_table, moving, gradients) - run(caffe_table, moving, gradients)) > 0.01


def test_the_two_conventions_by_hand():
    # lr 1 then 0, momentum 0.5: torch stops dead, Caffe rolls on with half of the first step.
    assert run({"kind": "sgd", "momentum": 0.5}, [1.0, 0.0], [0.25, 0.25]) == 0.75
    assert run({"kind": "sgd", "momentum": 0.5, "convention": "caffe"}, [1.0, 0.0], [0.25, 0.25]) == 0.625
    # Nesterov, one step from rest: torch lr * (g + mu*g), Caffe (1 + mu) * lr * g.
    assert run({"kind": "sgd", "momentum": 0.5, "nesterov": True}, [1.0], [0.25]) == 0.625
    caffe = {"kind": "sgd", "momentum": 0.5, "nesterov": True, "convention": "caffe"}
    assert run(caffe, [1.0, 0.0], [0.25, 0.0]) == 1 - 0.375 - (1.5 * 0.125 - 0.5 * 0.25)


@pytest.mark.parametrize("updates", [2, 10, 100])
def test_adams_first_steps_are_one_lr_long_in_float32(updates):
    """A constant gradient makes each step exactly lr; 1 - 0.999**t taken in float32 would be off by up to 6e-5."""
    optimizer = build_optimizer({"kind": "adam"})
    hyper = {name: torch.tensor(value) for name, value in optimizer.hyper.items()}
    params = {"w": torch.zeros(())}
    state = optimizer.init(params)
    for _ in range(updates):
        params, state = optimizer.update(
            {"w": torch.ones(())}, state, {"w": torch.zeros(())}, torch.ones(()), hyper, {}
        )
    assert params["w"].item() == pytest.approx(-1, abs=2e-6)

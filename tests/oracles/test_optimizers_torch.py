"""torch.optim, over 200 updates with a moving learning rate."""

import numpy as np
import pytest
import torch

from clr_study.optim import build_optimizer

SHAPES = {"scalar": (), "bias": (3,), "odd": (7, 5), "conv": (16, 3, 3, 3)}
LRS = 0.001 + 0.1 * np.abs(np.sin(np.arange(200) / 13))

SGD = [
    {},
    {"weight_decay": 0.01},
    {"momentum": 0.9},
    {"momentum": 0.9, "weight_decay": 0.01},
    {"momentum": 0.95, "nesterov": True},
    {"momentum": 0.95, "weight_decay": 5e-4, "nesterov": True},
]
ADAPTIVE = [
    ({"kind": "adam"}, torch.optim.Adam, {}),
    (
        {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.1},
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
    ({"kind": "adam", "beta1": 0.0, "beta2": 0.0}, torch.optim.Adam, {"betas": (0.0, 0.0)}),
    ({"kind": "adamw"}, torch.optim.AdamW, {}),
    (
        {"kind": "adamw", "beta1": 0.5, "weight_decay": 0.3},
        torch.optim.AdamW,
        {"betas": (0.5, 0.999), "weight_decay": 0.3},
    ),
    ({"kind": "adagrad"}, torch.optim.Adagrad, {}),
    ({"kind": "adagrad", "eps": 1e-2, "weight_decay": 0.1}, torch.optim.Adagrad, {"eps": 1e-2, "weight_decay": 0.1}),
    ({"kind": "rmsprop"}, torch.optim.RMSprop, {}),
    ({"kind": "rmsprop", "alpha": 0.0}, torch.optim.RMSprop, {"alpha": 0.0}),
    (
        {"kind": "rmsprop", "alpha": 0.9, "eps": 1e-2, "momentum": 0.8, "weight_decay": 0.1},
        torch.optim.RMSprop,
        {"alpha": 0.9, "eps": 1e-2, "momentum": 0.8, "weight_decay": 0.1},
    ),
    ({"kind": "adadelta"}, torch.optim.Adadelta, {}),
    (
        {"kind": "adadelta", "rho": 0.5, "eps": 1e-2, "weight_decay": 0.1},
        torch.optim.Adadelta,
        {"rho": 0.5, "eps": 1e-2, "weight_decay": 0.1},
    ),
]


def start(dtype):
    draw = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=draw, dtype=dtype) for name, shape in SHAPES.items()}


def noisy_gradient(value, draw):
    """Depends on the weights, so that a difference of one bit grows, and moves on its own."""
    return value.sin() + torch.randn(value.shape, generator=draw, dtype=value.dtype)


def ours(table, dtype):
    optimizer = build_optimizer(table)
    hyper = {name: torch.tensor(value, dtype=dtype) for name, value in optimizer.hyper.items()}
    draw = torch.Generator().manual_seed(1)
    params = start(dtype)
    state = optimizer.init(params)
    for lr in LRS:
        gradients = {name: noisy_gradient(value, draw) for name, value in params.items()}
        params, state = optimizer.update(gradients, state, params, torch.tensor(lr, dtype=dtype), hyper, {})
    return params


def theirs(optimizer_type, arguments, dtype):
    draw = torch.Generator().manual_seed(1)
    params = {name: torch.nn.Parameter(value) for name, value in start(dtype).items()}
    optimizer = optimizer_type(params.values(), lr=1.0, foreach=False, **arguments)
    for lr in LRS:
        optimizer.param_groups[0]["lr"] = float(lr)
        for parameter in params.values():
            parameter.grad = noisy_gradient(parameter.detach(), draw)
        optimizer.step()
    return {name: parameter.detach() for name, parameter in params.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("arguments", SGD, ids=str)
def test_sgd_is_bit_equal(arguments, dtype):
    actual, expected = ours({"kind": "sgd", **arguments}, dtype), theirs(torch.optim.SGD, arguments, dtype)
    for name in SHAPES:
        assert torch.equal(actual[name], expected[name]), name


@pytest.mark.parametrize(("table", "optimizer_type", "arguments"), ADAPTIVE, ids=lambda part: str(part))
def test_adaptive_methods_agree_to_twelve_digits(table, optimizer_type, arguments):
    actual, expected = ours(table, torch.float64), theirs(optimizer_type, arguments, torch.float64)
    for name in SHAPES:
        torch.testing.assert_close(actual[name], expected[name], rtol=1e-12, atol=1e-12, msg=name)

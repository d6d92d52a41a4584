"""Caffe's layers and solvers, written out as naive loops over numpy arrays from the formulas of its C++ files."""

import math

import numpy as np
import pytest
import torch

from clr_study.models import build_model, multipliers_of
from clr_study.models.cifar10_full import WithinChannelLRN
from clr_study.optim import build_optimizer

DRAW = np.random.default_rng(0)


def windows(height, width, kernel, stride, pad):
    """Yields (row, column, h0, h1, w0, w1) of each window, ends clipped to the padded image, as pooling_layer.cpp."""
    for row in range(math.ceil((height + 2 * pad - kernel) / stride) + 1):
        for column in range(math.ceil((width + 2 * pad - kernel) / stride) + 1):
            h0, w0 = row * stride - pad, column * stride - pad
            yield row, column, h0, min(h0 + kernel, height + pad), w0, min(w0 + kernel, width + pad)


def pool(image, kernel, stride, pad=0, average=False):
    channels, height, width = image.shape
    where = list(windows(height, width, kernel, stride, pad))
    out = np.zeros((channels, where[-1][0] + 1, where[-1][1] + 1))
    for row, column, h0, h1, w0, w1 in where:
        inside = image[:, max(h0, 0) : min(h1, height), max(w0, 0) : min(w1, width)]
        size = (h1 - h0) * (w1 - w0)
        out[:, row, column] = inside.sum((1, 2)) / size if average else inside.max((1, 2))
    return out


def lrn(image, size=3, alpha=5e-5, beta=0.75):
    return image * (1 + alpha * pool(image**2, size, 1, pad=size // 2, average=True)) ** -beta


def conv(image, weight, bias):
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
    out = np.zeros((len(weight), height, width))
    for row in range(height):
        for column in range(width):
            window = padded[:, row : row + 5, column : column + 5]
            out[:, row, column] = (weight * window).sum((1, 2, 3)) + bias
    return out


def net(image, p):
    x = pool(conv(image, p["conv1.weight"], p["conv1.bias"]), 3, 2)
    x = lrn(np.maximum(x, 0))
    x = np.maximum(conv(x, p["conv2.weight"], p["conv2.bias"]), 0)
    x = lrn(pool(x, 3, 2, average=True))
    x = np.maximum(conv(x, p["conv3.weight"], p["conv3.bias"]), 0)
    x = pool(x, 3, 2, average=True)
    return p["ip1.weight"] @ x.reshape(-1) + p["ip1.bias"]


@pytest.mark.parametrize("side", [2, 3, 5, 8, 16, 31, 32])
def test_average_pooling_divides_by_the_window_inside_the_image(side):
    model = build_model({"kind": "cifar10_full"}, (3, 32, 32), 10, seed=0)
    image = DRAW.normal(size=(2, side, side))
    for layer, average in ((model.pool1, False), (model.pool2, True), (model.pool3, True)):
        actual = layer(torch.tensor(image)[None])[0].numpy()
        np.testing.assert_allclose(actual, pool(image, 3, 2, average=average), rtol=1e-13)


def test_an_average_at_the_far_edge_by_hand():
    model = build_model({"kind": "cifar10_full"}, (3, 32, 32), 10, seed=0)
    # 4x4 ones: the second window has 2 of its 3 columns inside. Divided by 9 it would give 2/3, not 1.
    assert torch.equal(model.pool2(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize(("size", "alpha", "beta"), [(3, 5e-5, 0.75), (5, 0.7, 0.5)])
def test_lrn_within_the_channel(size, alpha, beta):
    image = 50 * DRAW.normal(size=(3, 6, 7))
    actual = WithinChannelLRN(size, alpha, beta)(torch.tensor(image)[None])[0].numpy()
    np.testing.assert_allclose(actual, lrn(image, size, alpha, beta), rtol=1e-13)


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 11, 9)])
def test_the_whole_net(shape):
    model = build_model({"kind": "cifar10_full"}, shape, 10, seed=0).double()
    with torch.no_grad():
        for parameter in model.parameters():  # large and with biases, so that every layer shows in the logits
            parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    image = 50 * DRAW.normal(size=shape)
    params = {name: value.detach().numpy() for name, value in model.named_parameters()}
    actual = model(torch.tensor(image)[None])[0].detach().numpy()
    np.testing.assert_allclose(actual, net(image, params), rtol=1e-11)


def solver(weights, gradients, lrs, momentum, decay, multipliers, nesterov):
    """sgd_solver.cpp and nesterov_solver.cpp: Regularize, ComputeUpdateValue, Update."""
    weights = {name: value.copy() for name, value in weights.items()}
    history = {name: np.zeros_like(value) for name, value in weights.items()}
    for lr, gradient in zip(lrs, gradients, strict=True):
        for name, (lr_mult, decay_mult) in multipliers.items():
            diff = gradient[name] + decay * decay_mult * weights[name]
            before = history[name]
            history[name] = lr * lr_mult * diff + momentum * before
            weights[name] -= (1 + momentum) * history[name] - momentum * before if nesterov else history[name]
    return weights


@pytest.mark.parametrize("nesterov", [False, True])
def test_caffes_solver_over_200_updates_with_a_moving_lr(nesterov):
    model = build_model({"kind": "cifar10_full"}, (3, 8, 8), 10, seed=0).double()
    multipliers = multipliers_of(model)
    start = {name: value.detach() for name, value in model.named_parameters()}
    lrs = 0.001 + 0.005 * np.abs(np.sin(np.arange(200) / 17))
    gradients = [{name: DRAW.normal(size=value.shape) for name, value in start.items()} for _ in lrs]

    table = {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.004, "nesterov": nesterov, "convention": "caffe"}
    optimizer = build_optimizer(table)
    hyper = {name: torch.tensor(value, dtype=torch.float64) for name, value in optimizer.hyper.items()}
    params, state = start, optimizer.init(start)
    for lr, gradient in zip(lrs, gradients, strict=True):
        tensors = {name: torch.tensor(value) for name, value in gradient.items()}
        params, state = optimizer.update(tensors, state, params, torch.tensor(lr), hyper, multipliers)

    numpy_start = {name: value.numpy() for name, value in start.items()}
    expected = solver(numpy_start, gradients, lrs, 0.9, 0.004, multipliers, nesterov)
    for name, value in expected.items():
        np.testing.assert_allclose(params[name].numpy(), value, rtol=1e-11, atol=1e-13, err_msg=name)

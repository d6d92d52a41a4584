"""Caffe's layers and solvers, written out as naive loops over numpy arrays from the formulas of its C++ files."""

import math

import numpy as np
import pytest
import torch

from clr_study.models import build_model, multipliers_of
from clr_study.models.caffe import CaffeBatchNorm
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


@pytest.mark.parametrize(("size", "alpha", "beta"), [(3, 2.0, 0.75), (5, 0.7, 0.5)])
def test_the_gradient_of_lrn_is_that_of_finite_differences_alone_and_as_lanes(size, alpha, beta):
    layer = WithinChannelLRN(size, alpha, beta)
    lanes = torch.tensor(DRAW.normal(size=(2, 3, 1, 4, 5)), requires_grad=True)
    assert torch.autograd.gradcheck(layer, lanes[0].detach().requires_grad_())
    assert torch.autograd.gradcheck(torch.func.vmap(layer), lanes)


def quick(image, p):
    x = np.maximum(pool(conv(image, p["conv1.weight"], p["conv1.bias"]), 3, 2), 0)
    x = pool(np.maximum(conv(x, p["conv2.weight"], p["conv2.bias"]), 0), 3, 2, average=True)
    x = pool(np.maximum(conv(x, p["conv3.weight"], p["conv3.bias"]), 0), 3, 2, average=True)
    x = p["ip1.weight"] @ x.reshape(-1) + p["ip1.bias"]
    return p["ip2.weight"] @ x + p["ip2.bias"]


def loud(model):
    """Weights that are large and have biases, so that every layer shows in the logits."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    return {name: value.detach().numpy() for name, value in model.named_parameters()}


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 11, 9)])
@pytest.mark.parametrize(("kind", "expected"), [("cifar10_full", net), ("cifar10_quick", quick)])
def test_the_whole_net(kind, expected, shape):
    model = build_model({"kind": kind}, shape, 10, seed=0).double()
    params = loud(model)
    image = 50 * DRAW.normal(size=shape)
    actual = model(torch.tensor(image)[None])[0].detach().numpy()
    np.testing.assert_allclose(actual, expected(image, params), rtol=1e-11)


class BatchNorm:
    """batch_norm_layer.cpp: blobs that start at zero, a correction factor, and no scale or shift."""

    def __init__(self, fraction=0.999, eps=1e-5):
        self.fraction, self.eps = fraction, eps
        self.blobs = [0.0, 0.0, 0.0]

    def __call__(self, images, train):
        if train:
            mean = images.mean((0, 2, 3))
            variance = ((images - mean[:, None, None]) ** 2).mean((0, 2, 3))
            m = images.size / len(mean)
            self.blobs[2] = self.blobs[2] * self.fraction + 1
            self.blobs[0] = mean + self.fraction * self.blobs[0]
            self.blobs[1] = m / (m - 1) * variance + self.fraction * self.blobs[1]
        else:
            scale = 0 if self.blobs[2] == 0 else 1 / self.blobs[2]
            mean, variance = self.blobs[0] * scale, self.blobs[1] * scale
        return (images - mean[:, None, None]) / np.sqrt(variance + self.eps)[:, None, None]


def sigmoid_bn(images, p, norms, train):
    def each(layer, *arguments, **options):
        return np.stack([layer(image, *arguments, **options) for image in images])

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    images = each(conv, p["conv1.weight"], np.zeros(32))
    images = each(pool, 3, 2)
    images = sigmoid(norms[0](images, train))
    images = each(conv, p["conv2.weight"], np.zeros(32))
    images = sigmoid(norms[1](images, train))
    images = each(pool, 3, 2, average=True)
    images = each(conv, p["conv3.weight"], np.zeros(64))
    images = sigmoid(norms[2](images, train))
    images = each(pool, 3, 2, average=True)
    return images.reshape(len(images), -1) @ p["ip1.weight"].T + p["ip1.bias"]


def test_the_net_with_sigmoids_in_training_and_after_it():
    model = build_model({"kind": "cifar10_full_sigmoid_bn"}, (3, 9, 11), 10, seed=0).double()
    params, norms = loud(model), [BatchNorm() for _ in range(3)]
    for _ in range(3):
        batch = 50 * DRAW.normal(size=(2, 3, 9, 11)) + 10
        actual = model(torch.tensor(batch)).detach().numpy()
        np.testing.assert_allclose(actual, sigmoid_bn(batch, params, norms, train=True), rtol=1e-10)
    batch = 50 * DRAW.normal(size=(2, 3, 9, 11))
    actual = model.eval()(torch.tensor(batch)).detach().numpy()
    np.testing.assert_allclose(actual, sigmoid_bn(batch, params, norms, train=False), rtol=1e-10)


def test_batch_norm_before_its_first_batch_takes_mean_and_variance_zero():
    x = DRAW.normal(size=(2, 3, 4, 4))
    actual = CaffeBatchNorm(3).double().eval()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(actual, x / np.sqrt(1e-5), rtol=1e-12)


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


def adaptive(kind, weight, gradients, lrs, multipliers):
    """adagrad_solver.cpp, rmsprop_solver.cpp, adadelta_solver.cpp and adam_solver.cpp, with weight decay 0.004."""
    lr_mult, decay_mult = multipliers
    weight, history, update_history = weight.copy(), np.zeros_like(weight), np.zeros_like(weight)
    for t, (lr, gradient) in enumerate(zip(lrs, gradients, strict=True), start=1):
        diff = gradient + 0.004 * decay_mult * weight
        if kind == "adagrad":
            history += diff**2
            diff = diff / (np.sqrt(history) + 1e-8)
        elif kind == "rmsprop":
            history = 0.98 * history + 0.02 * diff**2
            diff = diff / (np.sqrt(history) + 1e-8)
        elif kind == "adam":
            history = 0.999 * history + 0.001 * diff**2
            update_history = 0.9 * update_history + 0.1 * diff
            diff = update_history / (np.sqrt(history) + 1e-8) * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        else:
            history = 0.95 * history + 0.05 * diff**2
            diff = diff * np.sqrt((update_history + 1e-6) / (history + 1e-6))
            update_history = 0.95 * update_history + 0.05 * diff**2
        weight -= lr * lr_mult * diff
    return weight


@pytest.mark.parametrize(
    ("table", "rtol"),
    [
        ({"kind": "adagrad", "eps": 1e-8}, 1e-11),
        ({"kind": "rmsprop", "alpha": 0.98, "eps": 1e-8}, 1e-11),
        ({"kind": "adadelta", "rho": 0.95, "eps": 1e-6}, 1e-11),
        # Caffe adds eps to a root that is not corrected for its bias: up to thirty times ours, of a hundred-millionth.
        ({"kind": "adam"}, 1e-6),
    ],
    ids=lambda part: part["kind"] if isinstance(part, dict) else "",
)
def test_caffes_adaptive_solvers_with_multipliers(table, rtol):
    optimizer = build_optimizer({**table, "weight_decay": 0.004})
    hyper = {name: torch.tensor(value, dtype=torch.float64) for name, value in optimizer.hyper.items()}
    multipliers = {"ip1.weight": (1.0, 250.0), "ip1.bias": (2.0, 0.0)}
    start = {"ip1.weight": DRAW.normal(size=(5, 4)), "ip1.bias": DRAW.normal(size=5)}
    lrs = 0.001 + 0.005 * np.abs(np.sin(np.arange(200) / 17))
    gradients = [{name: DRAW.normal(size=value.shape) for name, value in start.items()} for _ in lrs]
    params = {name: torch.tensor(value) for name, value in start.items()}
    state = optimizer.init(params)
    for lr, gradient in zip(lrs, gradients, strict=True):
        tensors = {name: torch.tensor(value) for name, value in gradient.items()}
        params, state = optimizer.update(tensors, state, params, torch.tensor(lr), hyper, multipliers)
    for name in start:
        own = [gradient[name] for gradient in gradients]
        expected = adaptive(table["kind"], start[name], own, lrs, multipliers[name])
        np.testing.assert_allclose(params[name].numpy(), expected, rtol=rtol, atol=1e-13)

"""A chain gives what vmap gives, and only what is a chain is taken for one."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from clr_study.engine.chain import chain_of

LANES, SAMPLES = 3, 5


def net(bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4, bias=bias), nn.Tanh(), nn.Linear(4, 2)).double()


def stacked(model: nn.Module) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        name: torch.randn(LANES, *p.shape, dtype=torch.float64, requires_grad=True)
        for name, p in model.named_parameters()
    }


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_vmap(bias, shared):
    model = net(bias)
    params = stacked(model)
    inputs = torch.randn(*(() if shared else (LANES,)), SAMPLES, 2, 3, dtype=torch.float64)

    def one(params, inputs):
        return functional_call(model, params, (inputs,))

    ours = chain_of(model)(params, {}, inputs, shared)
    theirs = vmap(one, in_dims=(0, None if shared else 0))(params, inputs)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(theirs)
    mine, yours = (torch.autograd.grad((each * weights).sum(), list(params.values())) for each in (ours, theirs))
    for name, a, b in zip(params, mine, yours, strict=True):
        torch.testing.assert_close(a, b)
        assert a.is_contiguous(), f"the gradient of {name} does not lie as the weight does"


def convolutional(*layers: nn.Module, size: tuple[int, int]) -> tuple[nn.Module, tuple[int, ...]]:
    shape = (2, *size)
    features = nn.Sequential(*layers, nn.Flatten())(torch.zeros(2, *shape)).shape[1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 3)).double(), shape


CONVOLUTIONAL = {
    "strides, whose last rows nobody sees": lambda: convolutional(
        nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(3, 2, 3, stride=2), size=(8, 6)
    ),
    "an image smaller than the kernel": lambda: convolutional(
        nn.Conv2d(2, 3, 3, stride=2), nn.Tanh(), nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 3, 2, 1), size=(5, 6)
    ),
    "a kernel and strides that are not square": lambda: convolutional(
        nn.Conv2d(2, 3, (1, 2), bias=False), nn.Conv2d(3, 2, (3, 1), (1, 2), (2, 0)), size=(3, 4)
    ),
    "padding wider than the kernel": lambda: convolutional(
        nn.Conv2d(2, 2, 1, padding=1), nn.Conv2d(2, 2, 2, stride=3, padding=2), size=(2, 2)
    ),
    "batch norm": lambda: convolutional(
        nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(inplace=True),
        nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2, affine=False, momentum=0.3), size=(4, 4)
    ),
    "batch norm without memory": lambda: convolutional(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False), size=(4, 4)
    ),
    "batch norm of rows": lambda: (
        nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.GELU(), nn.Linear(5, 2)).double(), (6,)
    ),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("make", CONVOLUTIONAL.values(), ids=CONVOLUTIONAL.keys())
def test_images_and_statistics_are_as_under_vmap(make, shared, training):
    model, shape = make()
    model.train(training)
    params, chain = stacked(model), chain_of(model)
    buffers = {name: torch.stack([b + lane for lane in range(LANES)]) for name, b in model.named_buffers()}
    inputs = torch.randn(*(() if shared else (LANES,)), SAMPLES, *shape, dtype=torch.float64)

    def one(params, buffers, inputs):
        buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        return functional_call(model, (params, buffers), (inputs,)), buffers

    theirs, after = vmap(one, in_dims=(0, 0, None if shared else 0))(params, buffers, inputs)
    ours = chain(params, buffers, inputs, shared)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(buffers, after)
    weights = torch.randn_like(theirs)
    mine, yours = (torch.autograd.grad((each * weights).sum(), list(params.values())) for each in (ours, theirs))
    torch.testing.assert_close(mine, yours)


def test_convolutions_of_large_images_are_left_to_vmap():
    chain = chain_of(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2)))
    assert chain.suits(torch.zeros(5, 1, 8, 8))
    assert not chain.suits(torch.zeros(5, 1, 9, 8))
    assert chain_of(net()).suits(torch.zeros(5, 1, 90, 80))


class Residual(nn.Sequential):
    def forward(self, x):
        return x.flatten(1) + super().forward(x)


def hooked() -> nn.Module:
    model = net()
    model[1].register_forward_hook(lambda module, inputs, outputs: outputs * 2)
    return model


def tied() -> nn.Module:
    layer = nn.Linear(6, 6)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer)


NO_CHAINS = {
    "a subclass with a forward of its own": lambda: Residual(nn.Flatten(), nn.Linear(6, 6)),
    "a hook": hooked,
    "one layer twice": tied,
    "statistics before there are lanes": lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 4)),
    "statistics of an image taken for rows": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm1d(2), nn.Flatten(), nn.Linear(2, 2)
    ),
    "a layer that draws": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Dropout(0.5)),
    "groups of channels": lambda: nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), nn.Flatten(), nn.Linear(2, 2)),
    "a kernel with holes": lambda: nn.Sequential(nn.Conv2d(2, 2, 3, dilation=2), nn.Flatten(), nn.Linear(2, 2)),
    "padding by reflection": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), nn.Flatten(), nn.Linear(2, 2)
    ),
    "padding by name": lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"), nn.Flatten(), nn.Linear(2, 2)),
    "a convolution of rows": lambda: nn.Sequential(nn.Flatten(), nn.Conv2d(1, 2, 3), nn.Linear(2, 2)),
    "a layer along an axis of its own": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Softmax(dim=1)),
    "no flattening in front": lambda: nn.Sequential(nn.Linear(6, 4)),
    "flattening of the batch": lambda: nn.Sequential(nn.Flatten(0), nn.Linear(6, 4)),
    "another parametrisation": lambda: nn.Sequential(
        nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(6, 4))
    ),
    "nothing": nn.Sequential,
    "no chain at all": lambda: nn.Linear(6, 4),
}


@pytest.mark.parametrize("make", NO_CHAINS.values(), ids=NO_CHAINS.keys())
def test_what_is_no_chain_is_left_to_vmap(make):
    assert chain_of(make()) is None

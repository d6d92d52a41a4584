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

    ours = chain_of(model)(params, inputs, shared)
    theirs = vmap(one, in_dims=(0, None if shared else 0))(params, inputs)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(theirs)
    mine, yours = (torch.autograd.grad((each * weights).sum(), list(params.values())) for each in (ours, theirs))
    for name, a, b in zip(params, mine, yours, strict=True):
        torch.testing.assert_close(a, b)
        assert a.is_contiguous(), f"the gradient of {name} does not lie as the weight does"


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
    "a layer that mixes samples": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.BatchNorm1d(4)),
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

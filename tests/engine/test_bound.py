"""A forward pass with the tensors put into the model is that of `functional_call`, whatever the model is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clr_study.engine.step import bound_forward, plain_forward


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x).tanh())


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.GRU(4, 3, batch_first=True)

    def forward(self, x):
        return self.cells(x[:, None])[0][:, 0]


MODELS = {
    "layers": lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)),
    "tied weights": Tied,
    "weights of a norm and a direction": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)),
    "recurrent": Recurrent,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_outputs_statistics_and_gradients_are_the_same(make):
    torch.manual_seed(0)
    model = make().double()
    params = {name: torch.randn_like(p).requires_grad_() for name, p in model.named_parameters()}
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    found = []
    for forward in (plain_forward, bound_forward):
        for seed in (1, 2):  # a second call must not see what the first has left in the model
            torch.manual_seed(seed)
            outputs, after = forward(model, "float32")(params, buffers, torch.randn(6, 4, dtype=torch.float64))
        found.append([outputs, *after.values(), *torch.autograd.grad(outputs.square().sum(), list(params.values()))])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
    assert all(torch.equal(buffers[name], b) for name, b in buffers.items())

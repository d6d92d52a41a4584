"""The step with its gradients written out is the step that torch's own backward pass makes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clr_study.engine import make_step
from clr_study.engine.losses import cross_entropy, squared_error
from clr_study.engine.step import make_written_step
from clr_study.optim import build_optimizer

LANES, SAMPLES = 3, 5
IMAGES = (2, 4, 6)
NETS = {
    "rows": lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 7), nn.ReLU(), nn.Linear(7, 4, bias=False)),
    "a function before the first layer": lambda: nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(48, 4), nn.Tanh()),
    "functions without a rule of their own": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(48, 7), nn.GELU(), nn.ReLU(), nn.Linear(7, 4), nn.ReLU()
    ),
    "images": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.SiLU(),
        nn.Conv2d(4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6, 4)
    ),
    "images of many pixels": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 2, (2, 3)), nn.Flatten(), nn.ReLU(), nn.Linear(24, 4)
    ),
}  # fmt: skip


def stacked(model: nn.Module, spread: float = 1.0) -> dict[str, torch.Tensor]:
    return {name: spread * torch.randn(LANES, *p.shape, dtype=torch.float64) for name, p in model.named_parameters()}


def both(model, loss, shared, optim, clip=None):
    """The state and losses after three updates, by torch's backward pass and written out."""
    torch.manual_seed(0)
    optimizer = build_optimizer(optim)
    params = stacked(model)
    one = {name: param[0] for name, param in params.items()}
    state = {
        slot: {name: torch.stack([tensor] * LANES) for name, tensor in tensors.items()}
        for slot, tensors in optimizer.init(one).items()
    }
    before = () if shared else (LANES,)
    inputs = torch.randn(*before, SAMPLES, *IMAGES, dtype=torch.float64)
    targets = (
        torch.randint(0, 4, (*before, SAMPLES))
        if loss is cross_entropy
        else torch.randn(*before, SAMPLES, 4, dtype=torch.float64)
    )
    lr = torch.tensor([0.1, 0.01, 0.2], dtype=torch.float64)
    hyper = {name: torch.full((LANES,), value, dtype=torch.float64) for name, value in optimizer.hyper.items()}
    usual = make_step(model, loss, optimizer, fused=True, shared_inputs=shared, clip=clip)
    written, rows = make_written_step(model, loss, optimizer, params, inputs, shared_inputs=shared, clip=clip)
    ends = []
    kept = inputs.clone(), {name: param.clone() for name, param in params.items()}
    for step, packed in ((usual, False), (written, True)):
        carry = (params, {}, state)
        if packed:
            carry = (rows.pack(params), {}, rows.pack_slots(state))
        losses = []
        for _ in range(3):
            *carry, value = step(*carry, inputs, targets, lr, hyper)
            losses.append(value)
        if packed:
            carry = (rows.unpack(carry[0]), {}, rows.unpack_slots(carry[2]))
        ends.append((carry[0], carry[2], torch.stack(losses)))
    torch.testing.assert_close((inputs, params), kept, rtol=0, atol=0, msg="an argument was written into")
    return ends


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("loss", [cross_entropy, squared_error], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())
def test_three_updates_are_those_of_torchs_backward_pass(make, loss, shared):
    usual, written = both(make().double(), loss, shared, {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.01})
    torch.testing.assert_close(written, usual)


@pytest.mark.parametrize(
    "optim", [{"kind": "adam"}, {"kind": "adamw"}, {"kind": "rmsprop"}, {"kind": "adadelta"}], ids=lambda o: o["kind"]
)
@pytest.mark.parametrize("clip", [None, 0.1])
def test_every_optimizer_and_clipping_take_rows(optim, clip):
    usual, written = both(NETS["images"]().double(), cross_entropy, True, optim, clip)
    torch.testing.assert_close(written, usual)


def multiplied() -> nn.Module:
    model = NETS["rows"]()
    model.multipliers = {"1.bias": (2.0, 0.0)}
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(48, 4),
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(24, 4)),
        multiplied,
    ],
    ids=["no chain", "statistics", "multipliers"],
)
def test_other_networks_keep_torchs_backward_pass(make):
    model = make().double()
    optimizer = build_optimizer({"kind": "sgd"})
    inputs = torch.zeros(SAMPLES, *IMAGES, dtype=torch.float64)
    assert make_written_step(model, cross_entropy, optimizer, stacked(model), inputs, shared_inputs=True) is None

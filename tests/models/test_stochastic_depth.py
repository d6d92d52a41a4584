"""Blocks that are left out at random: how often, what they become in evaluation, and that a resumed run is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from clr_study.engine import Training, fuse_key, load_task, read_checkpoint, write_checkpoint
from clr_study.models import build_model, why_unfusable
from clr_study.models.resnet import BasicBlock
from clr_study.spec import TrialSpec

DEEP = {"kind": "resnet", "depth": 20, "width": 2, "death_rate": 0.5}


def built(**changes):
    return build_model({**DEEP, **changes}, (1, 8, 8), 10, seed=0)


def block_of(death_rate):
    """A block whose branch is 1 everywhere: in training it adds all of it or nothing."""
    block = BasicBlock(1, 1, stride=1, death_rate=death_rate)
    nn.init.zeros_(block.norm2.weight)
    nn.init.ones_(block.norm2.bias)
    return block


def test_the_death_rate_rises_in_a_line_to_that_of_the_last_block():
    rates = [block.death_rate for block in built().blocks]
    assert rates == pytest.approx([0.5 * (number + 1) / 9 for number in range(9)])


def test_a_block_is_left_out_as_often_as_its_death_rate_says():
    torch.manual_seed(0)
    block, x = block_of(0.3), torch.zeros(2, 1, 2, 2)
    outputs = torch.tensor([block(x).mean().item() for _ in range(2000)])
    assert set(outputs.tolist()) == {0.0, 1.0}
    # Five standard errors of a share of 0.7 in 2,000 draws.
    assert outputs.mean().item() == pytest.approx(0.7, abs=5 * (0.21 / 2000) ** 0.5)


def test_evaluation_adds_the_expected_branch_and_draws_nothing():
    block, x = block_of(0.3).eval(), torch.zeros(2, 1, 2, 2)
    before = torch.get_rng_state()
    torch.testing.assert_close(block(x), torch.full_like(x, 0.7))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_death_rate_it_is_the_plain_resnet():
    plain, never = build_model({"kind": "resnet", "width": 2}, (1, 8, 8), 10, seed=0), built(death_rate=0.0)
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(plain(x), never(x))
    assert why_unfusable(DEEP, never) is None


def test_it_says_why_it_does_not_fuse_and_vmap_agrees():
    models = [built(), built()]
    assert "left out at random" in why_unfusable(DEEP, models[0])
    params, buffers = stack_module_state(models)

    def objective(params, buffers):
        buffers = {name: value.clone() for name, value in buffers.items()}
        return functional_call(models[0], (params, buffers), (torch.ones(2, 1, 8, 8),)).square().sum()

    with pytest.raises(RuntimeError, match="random"):
        vmap(grad(objective))({name: value.detach() for name, value in params.items()}, buffers)


def spec_of(seed=1):
    return TrialSpec(
        study="test",
        data={"kind": "digits", "validation": 0.2},
        model=DEEP,
        optim={"kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
        schedule={"kind": "constant", "lr": 0.05},
        batch_size=8,
        updates=8,
        evaluate_at=(3, 8),
        seed=seed,
        test=False,
    )


def weights(training):
    return {name: value[0] for name, value in training.lanes.params.items()}


def test_a_resumed_run_leaves_out_what_an_uninterrupted_one_does(tmp_path):
    task = load_task(spec_of().data)
    whole = Training([spec_of()], task)
    list(whole.run())
    torch.manual_seed(17)
    first = Training([spec_of()], task)
    list(first.run(until=3))
    checksum = write_checkpoint(first.lanes, tmp_path / "lanes")
    torch.manual_seed(18)
    second = Training([spec_of()], task, read_checkpoint(tmp_path / "lanes", checksum))
    list(second.run())
    assert all(torch.equal(weights(second)[name], value) for name, value in weights(whole).items())


def test_two_seeds_leave_out_different_blocks_in_every_update():
    """One update by the two seeds' masks from the same weights and batch: the gradients vanish in different blocks."""
    left_out = set()
    for seed in range(4):
        training = Training([replace(spec_of(seed), updates=1, evaluate_at=(1,))], load_task(spec_of().data))
        list(training.run())
        moved = training.lanes.slots["velocity"]
        # Weight decay moves every block; the branch's last shift, which starts at 0, moves with a gradient only.
        left_out.add(tuple(not moved[f"blocks.{number}.norm2.bias"].any() for number in range(9)))
    assert len(left_out) > 1
    assert any(any(mask) for mask in left_out)


def test_its_runs_are_never_packed_with_others_of_another_death_rate():
    assert fuse_key(spec_of()) != fuse_key(replace(spec_of(), model={**DEEP, "death_rate": 0.2}))

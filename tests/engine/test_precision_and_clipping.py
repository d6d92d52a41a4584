"""Mixed precision and clipping: plain and fused, against torch's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from short_runs import CYCLICAL, DIGITS
from torch import nn
from torch.func import functional_call

from clr_study.engine import Training, load_task
from clr_study.engine.precision import forward_pass
from clr_study.engine.step import clipped
from clr_study.models import build_model

SPEC = replace(CYCLICAL, model={"kind": "small_cnn", "width": 4, "norm": "batch"}, updates=16, evaluate_at=(8, 16))


def trained(*specs, dtype=torch.float32) -> Training:
    training = Training(specs, load_task(DIGITS, dtype=dtype))
    training.seen = [snapshot.evaluations for snapshot in training.run()]
    return training


def apart(one: Training, lane: int, other: Training) -> float:
    mine, yours = one.lanes.params, other.lanes.params
    return max(float((mine[name][lane] - yours[name][0]).abs().max()) for name in mine)


def test_products_are_bfloat16_and_outputs_are_not():
    task = load_task(DIGITS)
    model = build_model(SPEC.model, task.sample_shape, 10, seed=1)
    seen = set()
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda _part, _inputs, output: seen.add(output.dtype))
    images = task.normalise(task.train.inputs[:4])
    state = dict(model.named_parameters()), dict(model.named_buffers())
    assert forward_pass(model, *state, images, "bf16").dtype == torch.float32
    assert seen == {torch.bfloat16}
    assert torch.equal(forward_pass(model, *state, images, "float32"), functional_call(model, state, (images,)))


@pytest.mark.parametrize("model", [SPEC.model, {"kind": "cifar10_full"}, {"kind": "mlp"}], ids=str)
def test_the_outputs_are_those_of_torchs_autocast(model):
    task = load_task(DIGITS)
    net = build_model(model, task.sample_shape, 10, seed=1).eval()
    images = task.normalise(task.train.inputs[:16])
    state = dict(net.named_parameters()), dict(net.named_buffers())
    with torch.no_grad():
        ours = forward_pass(net, *state, images, "bf16")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            theirs = net(images).float()
        assert torch.equal(ours, theirs)
        assert not torch.equal(ours, net(images))


def test_a_fused_lane_in_mixed_precision_is_the_run_trained_alone():
    spec = replace(SPEC, precision="bf16")
    neighbour = {"kind": "constant", "lr": 0.02}
    fused, plain, exact = trained(spec, replace(spec, schedule=neighbour)), trained(spec), trained(SPEC)
    # bfloat16 has 8 bits, and plain and fused sum in other orders; 16 updates make of that what they make of it.
    assert apart(fused, 0, plain) < 0.1
    assert apart(exact, 0, plain) < 0.1
    first = replace(spec, updates=1, evaluate_at=(1,))
    alone = trained(first)
    assert apart(trained(first, replace(first, schedule=neighbour)), 0, alone) < 1e-8
    assert apart(trained(replace(first, precision="float32")), 0, alone) > 1e-4, "nothing was rounded"
    assert all(param.dtype == torch.float32 for param in plain.lanes.params.values())
    losses = [evaluation[0].train_loss for evaluation in fused.seen]
    assert losses[1] < losses[0], "it learns"
    assert fused.seen[1][0].validation_accuracy == pytest.approx(exact.seen[1][0].validation_accuracy, abs=0.1)


def test_only_a_run_in_tf32_lets_a_gpu_round_and_on_a_cpu_it_is_float32():
    def rounding():
        return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    rounded, allowed = trained(replace(SPEC, precision="tf32")), rounding()
    exact, refused = trained(SPEC), rounding()
    assert (allowed, refused) == ((True, True), (False, False))
    assert apart(rounded, 0, exact) == 0


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2)], ids=["one seed", "two seeds"])
def test_a_chain_of_layers_is_rounded_as_the_run_trained_alone_is(seeds):
    spec = replace(SPEC, model={"kind": "mlp"}, precision="bf16", updates=1, evaluate_at=(1,))
    fused = trained(*(replace(spec, seed=seed) for seed in seeds))
    exact = trained(replace(spec, precision="float32", seed=1))
    assert apart(fused, 0, trained(replace(spec, seed=1))) < 1e-6
    assert apart(fused, 0, exact) > 1e-5, "nothing was rounded"


def by_torch(clip: float) -> dict[str, torch.Tensor]:
    """The same run by torch's own loop, in float64."""
    task = load_task(DIGITS, dtype=torch.float64)
    model = build_model(SPEC.model, task.sample_shape, 10, seed=1).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    for update in range(SPEC.updates):
        (samples,) = task.draws(1, update, update + 1, 32)
        inputs, targets = task.batch(samples[0], ())
        optimizer.param_groups[0]["lr"] = float(SPEC.lr_schedule(update))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return {name: value.detach() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("clip", [0.5, 2.0])
def test_clipping_is_torchs_alone_and_lane_by_lane(clip):
    spec = replace(SPEC, clip=clip)
    expected = by_torch(clip)
    # The neighbour's gradients are larger by far; they must not enter this lane's norm.
    fused = trained(spec, replace(spec, seed=2, schedule={"kind": "constant", "lr": 0.5}), dtype=torch.float64)
    for training in (trained(spec, dtype=torch.float64), fused):
        for name, value in (training.lanes.params | training.lanes.buffers).items():
            torch.testing.assert_close(value[0], expected[name].to(value.dtype), rtol=1e-8, atol=1e-10)
    assert apart(trained(replace(spec, clip=None), dtype=torch.float64), 0, fused) > 1e-3, "nothing was clipped"


def test_running_statistics_after_two_whole_cycles_are_torchs_alone_and_fused():
    # A cycle is 8 updates, so the run ends where its second one does; the neighbour's cycles are 16 times as high.
    expected = by_torch(float("inf"))
    high = {"kind": "triangular", "base_lr": 0.16, "max_lr": 1.6, "step_size": 4}
    fused = trained(SPEC, replace(SPEC, schedule=high), dtype=torch.float64)
    names = [name for name in fused.lanes.buffers if "running" in name]
    assert len(names) == 6
    for name in names:
        for training in (trained(SPEC, dtype=torch.float64), fused):
            torch.testing.assert_close(training.lanes.buffers[name][0], expected[name], rtol=1e-9, atol=1e-12)
        assert not torch.allclose(fused.lanes.buffers[name][1], expected[name], rtol=0.01), "lanes share statistics"


def test_a_short_gradient_is_left_alone():
    gradients = {"w": torch.tensor([0.3, 0.4])}
    assert torch.equal(clipped(gradients, clip=0.6)["w"], gradients["w"])

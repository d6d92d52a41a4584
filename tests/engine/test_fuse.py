"""Which runs share a step, and how many."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from short_runs import DIGITS
from short_runs import FLAT as SPEC
from torch import nn

from clr_study.engine import (
    MOST_LANES,
    counted_lanes,
    fitting_lanes,
    fuse,
    fuse_key,
    load_task,
    room_for_lanes,
    step_key,
)
from clr_study.engine.side_by_side import MOST_SHARES
from clr_study.models import MODELS, unfusable
from clr_study.spec import TrialSpec

MAY_DIFFER = [
    {"schedule": {"kind": "triangular", "base_lr": 0.01, "max_lr": 0.1, "step_size": 3}},
    {"seed": 2},
    {"optim": {"kind": "sgd", "momentum": 0.5}},
    {"optim": {"kind": "sgd", "momentum": 0.9, "weight_decay": 0.1}},
    {"evaluate_at": (3, 10)},
    {"study": "other"},
]
MAY_NOT = [
    {"data": {**DIGITS, "validation": 0.3}},
    {"data": {**DIGITS, "normalise": "none"}},
    {"model": {"kind": "mlp", "hidden": (9,)}},
    {"model": {"kind": "small_cnn"}},
    {"optim": {"kind": "adam"}},
    {"optim": {"kind": "sgd", "momentum": 0.9, "nesterov": True}},
    {"optim": {"kind": "sgd", "momentum": 0.9, "convention": "caffe"}},
    {"batch_size": 16},
    {"updates": 20, "evaluate_at": (20,)},
    {"test": True},
    {"precision": "bf16"},
    {"clip": 1.0},
]


@pytest.mark.parametrize("change", MAY_DIFFER, ids=str)
def test_lanes_may_differ_in_numbers(change):
    assert fuse_key(replace(SPEC, **change)) == fuse_key(SPEC)


@pytest.mark.parametrize("change", MAY_NOT, ids=str)
def test_lanes_may_not_differ_in_code_or_shapes(change):
    assert fuse_key(replace(SPEC, **change)) != fuse_key(SPEC)


def test_a_key_is_the_same_for_a_spec_that_came_by_json():
    assert fuse_key(TrialSpec.from_json(SPEC.to_json())) == fuse_key(SPEC)


def test_a_default_that_is_written_out_changes_nothing():
    written = replace(SPEC, optim={"kind": "sgd", "momentum": 0.9, "nesterov": False, "weight_decay": 0.0})
    assert fuse_key(written) == fuse_key(SPEC)


def test_the_same_step_may_be_taken_more_often_and_tested_after():
    longer = replace(SPEC, updates=20, evaluate_at=(20,), test=True)
    assert step_key(longer) == step_key(SPEC)
    assert step_key(replace(longer, batch_size=16)) != step_key(SPEC)


def fitting(spec: TrialSpec, room: int = 64 * 2**20) -> int:
    return fitting_lanes(spec, load_task(spec.data), room)


def counted(spec: TrialSpec, room: int = 2**40, device: str = "cpu", threads: int = 1) -> int | None:
    return counted_lanes(spec, load_task(spec.data), room, device, threads)


def test_the_count_is_the_same_every_time_and_leaves_random_numbers_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert len({fitting(SPEC) for _ in range(3)}) == 1
    assert torch.equal(torch.get_rng_state(), state)


def test_larger_runs_have_fewer_lanes_and_every_run_has_one():
    sizes = [((8,), 8), ((2048,), 8), ((2048, 2048), 8), ((2048, 2048, 2048), 512)]
    lanes = [fitting(replace(SPEC, model={"kind": "mlp", "hidden": h}, batch_size=b)) for h, b in sizes]
    assert lanes == sorted(lanes, reverse=True)
    assert (lanes[0], lanes[-1]) == (MOST_LANES, 1)
    assert 1 < lanes[1] < MOST_LANES


def test_an_optimizer_with_more_slots_takes_more_room():
    model = {"kind": "mlp", "hidden": (1024,)}
    assert fitting(replace(SPEC, model=model, optim={"kind": "adam"})) < fitting(replace(SPEC, model=model))


def test_the_lanes_that_fit_do_fit():
    """The bytes of that many lanes are within the room, those of one more are not."""
    room = 4_000_000
    small_batch = replace(SPEC, model={"kind": "mlp", "hidden": (256,)}, batch_size=1)
    weights = 64 * 256 + 256 + 256 * 10 + 10
    lane = 4 * 6 * weights  # weights and velocities, before and after the step, and gradients twice, in float32
    assert room // (1.1 * lane) <= fitting(small_batch, room) <= room // lane


def test_what_cannot_be_fused_has_one_lane():
    @unfusable("It draws its masks itself.")
    def noisy_net_of_fuse(*, shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, classes), nn.Dropout(0.5))

    MODELS.add(noisy_net_of_fuse)
    try:
        noisy = replace(SPEC, model={"kind": "noisy_net_of_fuse"})
        assert fitting(noisy) == counted(noisy) == counted(noisy, device="cuda:0") == 1
    finally:
        MODELS._things.pop("noisy_net_of_fuse")


def test_as_many_as_are_wanted_fit_if_memory_has_room():
    task = load_task(SPEC.data)
    assert fitting_lanes(SPEC, task, 2**40, most=500) == 500
    assert fitting_lanes(SPEC, task, 0, most=500) == 1


def test_a_count_tells_where_all_lanes_lie_in_the_caches_or_not_even_one_does():
    middling = replace(SPEC, model={"kind": "mlp", "hidden": (1024,)}, batch_size=64)
    large = replace(SPEC, model={"kind": "mlp", "hidden": (3000, 3000)})
    assert [counted(spec) for spec in (SPEC, middling, large)] == [MOST_LANES, None, 1]
    assert [counted(large, threads=threads) for threads in (2, 3, 64)] == [2, 3, MOST_SHARES], "one each side by side"
    assert counted(large, room=1, threads=2) == 1
    assert counted(middling, room=0) == 1
    assert counted(SPEC, room=0) == 1
    assert counted(SPEC, device="cuda:0") is None, "what a GPU likes best no count tells"


def test_the_room_is_a_part_of_what_a_machine_or_its_container_has(monkeypatch, tmp_path):
    limit, none = tmp_path / "memory.max", tmp_path / "max"
    limit.write_text("1000000\n")
    none.write_text("max\n")
    for paths, expected in (((str(limit), str(none)), 400_000), ((str(none), "/no/such/file"), None)):
        monkeypatch.setattr(fuse, "LIMITS", paths)
        room = room_for_lanes("cpu")
        assert room == expected if expected else room > 2**28

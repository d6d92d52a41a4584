"""Which runs can share a step, and how many of them fit a device."""

from __future__ import annotations

import json

import torch

from clr_study.engine.state import start
from clr_study.engine.task import Task
from clr_study.models import build_model, why_unfusable
from clr_study.optim import build_optimizer, structure
from clr_study.spec import TrialSpec


def fuse_key(spec: TrialSpec) -> str:
    """Returns a text that is equal for two runs if and only if they can be lanes of one batch.

    Lanes may differ in schedule, seed and the optimizer's numbers; not in what fixes the code or the shapes.
    """
    if spec.own_loop:
        return spec.digest
    parts = [spec.data, spec.model, structure(spec.optim), spec.batch_size, spec.updates, spec.test]
    parts += [spec.precision, spec.clip]
    return json.dumps(parts, sort_keys=True, default=str)


# Lanes beyond this win nothing on the devices measured so far.
MOST_LANES = 64
# The part of a GPU's memory that a batch may take.
SHARE = 0.4
# What a batch may take on a CPU. Beyond about this a step falls out of the caches and lanes cost more than they win:
# measured on two cores with small_cnn on 28x28 images, 7.5 MB a lane, updates/s of all lanes together: 158 with 1 lane,
# 300 with 4, 348 with 8, 156 with 16.
CPU_BYTES = 64 * 2**20


def fitting_lanes(spec: TrialSpec, task: Task, room: int) -> int:
    """Returns how many lanes of a run fit into some bytes: a count, so the same answer every time.

    Args:
        spec: One of the runs.
        task: Its data.
        room: Bytes that they may take, as `room_for_lanes` says of a device; the count is made where the task is.
    """
    if why_unfusable(spec.model, build_model(spec.model, task.sample_shape, task.outputs, spec.seed)):
        return 1
    return max(1, min(MOST_LANES, room // lane_bytes(spec, task)))


def lane_bytes(spec: TrialSpec, task: Task) -> int:
    """Returns the bytes that a lane takes: its weights, gradients and optimizer state, and what a step keeps.

    Args:
        spec: The run.
        task: Its data.
    """
    model = build_model(spec.model, task.sample_shape, task.outputs, spec.seed)
    state = start([model], build_optimizer(spec.optim), task.device, task.dtype)
    weights = sum(tensor.nbytes for tensor in state.tensors().values()) + sum(p.nbytes for p in state.params.values())
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    samples, *numbers = (part[0] for part in task.draws(spec.seed, 0, 1, spec.batch_size))
    inputs, targets = task.batch(samples, tuple(numbers))
    model.to(task.device, task.dtype).train()
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        task.loss(model(inputs), targets)
    return weights + 2 * kept  # the backward pass makes about as much again


def room_for_lanes(device: str) -> int:
    """Returns the bytes that a batch may take: by what a device has, not by what is free, which changes."""
    if torch.device(device).type == "cuda":
        return int(SHARE * torch.cuda.get_device_properties(device).total_memory)
    return CPU_BYTES

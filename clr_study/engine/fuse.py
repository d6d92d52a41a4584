"""Which runs can share a step, and how many of them fit a device."""

from __future__ import annotations

import copy
import json
import os
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from clr_study.engine.side_by_side import most_shares
from clr_study.engine.state import CHUNK, start
from clr_study.engine.task import Task
from clr_study.models import build_model, why_unfusable
from clr_study.optim import build_optimizer, structure
from clr_study.spec import TrialSpec


@lru_cache(maxsize=4096)  # a job that waits is asked for it each time that a batch is packed
def fuse_key(spec: TrialSpec) -> str:
    """Returns a text that is equal for two runs if and only if they can be lanes of one batch.

    Lanes may differ in schedule, seed and the optimizer's numbers; not in what fixes the code or the shapes.
    """
    if spec.own_loop:
        return spec.digest
    return json.dumps([step_key(spec), spec.updates, spec.test])


def step_key(spec: TrialSpec) -> str:
    """Returns a text that is equal for two runs whose steps are the same but for numbers, however many they take."""
    parts = [spec.data, spec.model, structure(spec.optim), spec.batch_size, spec.precision, spec.clip]
    parts += ["compile"] if spec.compile else []
    parts += ["cuda_graphs"] if spec.cuda_graphs else []
    return json.dumps(parts, sort_keys=True, default=str)


# What `auto` takes at most: lanes beyond this win little on the devices measured so far.
MOST_LANES = 64
# The part of a device's memory that a batch may take.
SHARE = 0.4
# What a step may take on a CPU and still lie in its caches, more or less: while all lanes do, more of them are faster;
# a run that alone does not wins nothing by company. Updates/s of all lanes on one thread with 1, 8 and 64 lanes: mlp on
# digits (0.2 MB a lane) 1,788, 6,506, 17,447; small_cnn on digits (0.8 MB) 468, 1,020, 1,374; small_cnn on 28x28
# images (7 MB) 169, 174, 159; mlp of 512 and 512 units on 784 inputs (11 MB) 187, 218, 244; cifar10_quick (76 MB, 1 and
# 8) 14, 10; resnet-20 with batch 128 (556 MB, 1 and 4) 3, 2.
CACHES = 80 * 2**20


def fills_caches(spec: TrialSpec, task: Task, model: nn.Module | None = None) -> bool:
    """Returns whether a step of one run alone fills the caches of a CPU: then lanes take steps of their own.

    Args:
        spec: The run.
        task: Its data; on a GPU the answer is no.
        model: Its network, if it is not what the run's table asks for.
    """
    return task.device.type == "cpu" and lane_bytes(spec, task, model) > CACHES


def counted_lanes(spec: TrialSpec, task: Task, room: int, device: str, threads: int = 1) -> int | None:
    """Returns how many lanes a run gets where a count tells: the same answer every time. None where only a probe can.

    Args:
        spec: One of the runs.
        task: Its data; the count is made where they are.
        room: Bytes that all lanes may take on the device.
        device: Where the runs train. On a CPU a count tells if all lanes lie in its caches, or not even one does: then
            a lane for each share of the threads trains on its own.
        threads: A worker's, on a CPU.
    """
    if unfusable(spec, task):
        return 1
    a_lane = lane_bytes(spec, task)
    most = _within(room, a_lane, MOST_LANES)
    if most == 1:
        return 1
    if device != "cpu":
        return None
    if MOST_LANES * a_lane <= CACHES:
        return most
    return min(most, most_shares(threads)) if a_lane > CACHES else None


def fitting_lanes(spec: TrialSpec, task: Task, room: int, most: int = MOST_LANES) -> int:
    """Returns how many lanes of a run fit into some bytes, by count.

    Args:
        spec: One of the runs.
        task: Its data; the count is made where they are.
        room: Bytes that they may take, as `room_for_lanes` says of a device.
        most: How many are wanted.
    """
    return 1 if unfusable(spec, task) else _within(room, lane_bytes(spec, task), most)


def unfusable(spec: TrialSpec, task: Task) -> str | None:
    """Returns why a run cannot share a step; None if it can."""
    return why_unfusable(spec.model, build_model(spec.model, task.sample_shape, task.outputs, spec.seed))


def _within(room: int, a_lane: int, most: int) -> int:
    return max(1, min(most, room // a_lane))


def lane_bytes(spec: TrialSpec, task: Task, model: nn.Module | None = None) -> int:
    """Returns the bytes that a lane takes at most: its state before and after a step, gradients, and what a step keeps.

    With CUDA graphs there are the state at a fixed place besides, its copy at the end of a stretch, and the tables.

    Args:
        spec: The run.
        task: Its data.
        model: Its network, if it is not what the run's table asks for; it is not changed.
    """
    model = (
        build_model(spec.model, task.sample_shape, task.outputs, spec.seed) if model is None else copy.deepcopy(model)
    )
    state = start([model], build_optimizer(spec.optim), task.device, task.dtype)
    copies = 4 if spec.cuda_graphs else 2
    weights = sum(copies * tensor.nbytes for tensor in state.tensors().values())
    weights += sum(2 * param.nbytes for param in state.params.values())  # gradients, and what an update puts between
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    draws = task.draws(spec.seed, 0, 1, spec.batch_size)
    weights += CHUNK * sum(part.nbytes for part in draws) if spec.cuda_graphs else 0
    samples, *numbers = (part[0] for part in draws)
    inputs, targets = task.batch(samples, tuple(numbers))
    model.to(task.device, task.dtype).train()
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        task.loss(model(inputs), targets)
    return weights + 2 * kept  # the backward pass makes about as much again


def room_for_lanes(device: str) -> int:
    """Returns the bytes that a batch may take: by what a device has, not by what is free, which changes."""
    if torch.device(device).type == "cuda":
        return int(SHARE * torch.cuda.get_device_properties(device).total_memory)
    return int(SHARE * _memory())


# Where Linux says how much memory a container may take, by either version of its interface.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def _memory() -> int:
    """The bytes of memory that this machine has, or that it gives this container; 8 GB where it does not say."""
    known = "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {})
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else 8 * 2**30]
    for path in map(Path, LIMITS):
        try:
            sizes.append(int(path.read_text()))
        except (OSError, ValueError):  # no such file, or no limit, which is the word max
            continue
    return min(sizes)

"""How much memory a step takes: every allocation is counted, against what the engine says that lanes need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch.profiler import ProfilerActivity, profile

from clr_study.engine import Training, lane_bytes, load_task
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
BATCH_NORM = {"kind": "small_cnn", "norm": "batch"}


# The profiler sees the allocations of its own thread only.
pytestmark = pytest.mark.usefixtures("one_thread")


def specs(model, lanes, optim="sgd"):
    numbers = {"momentum": 0.9} if optim == "sgd" else {}
    return [
        TrialSpec(
            study="s",
            data=DIGITS,
            model=model,
            optim={"kind": optim, **numbers},
            schedule={"kind": "constant", "lr": 0.001 * (1 + lane)},
            batch_size=64,
            updates=6,
            evaluate_at=(6,),
            seed=0,
            test=False,
        )
        for lane in range(lanes)
    ]


def allocated(model, lanes, updates, optim="sgd"):
    """The allocations of some updates in order, in bytes, what is freed being negative; and the state before."""
    training = Training(specs(model, lanes, optim), load_task(DIGITS))
    training._steps(1)  # libraries keep what they allocate in their first step
    held = sum(tensor.nbytes for tensor in training.lanes.tensors().values())
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        training._steps(1 + updates)
    return changes_in(profiler), held


def changes_in(profiler):
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    return [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]


def peak(model, lanes, optim="sgd"):
    return peak_of(*allocated(model, lanes, 3, optim))


def peak_of(changes, held):
    live = most = 0
    for change in changes:
        live += change
        most = max(most, live)
    return held + most


@pytest.mark.parametrize("optim", ["sgd", "adam"])
@pytest.mark.parametrize("model", [{"kind": "mlp"}, {"kind": "small_cnn"}, BATCH_NORM], ids=str)
def test_lanes_take_no_more_than_is_counted_for_them(model, optim):
    for lanes in (1, 4):
        counted = lanes * lane_bytes(specs(model, 1, optim)[0], load_task(DIGITS))
        assert 0 < peak(model, lanes, optim) <= counted


@pytest.mark.parametrize("optim", ["sgd", "adam"])
@pytest.mark.parametrize("model", [{"kind": "mlp"}, {"kind": "small_cnn"}, BATCH_NORM], ids=str)
def test_recorded_lanes_take_no_more_than_is_counted_for_them(model, optim):
    """Each update is made anew here and not replayed, which takes the memory that a graph's own pool would have."""
    for lanes in (1, 4):
        allocated(model, lanes, 1, optim)
        own = [replace(spec, cuda_graphs=True) for spec in specs(model, lanes, optim)]
        training = Training(own, load_task(DIGITS), record=lambda call: call)
        held = sum(tensor.nbytes for tensor in training.lanes.tensors().values())
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            for stop in (2, 4):
                training._steps(stop)
        usual = lanes * lane_bytes(specs(model, 1, optim)[0], load_task(DIGITS))
        counted = lanes * lane_bytes(own[0], load_task(DIGITS))
        assert 0 < usual < counted
        assert 0 < peak_of(changes_in(profiler), held) <= counted


@pytest.mark.parametrize("lanes", [1, 4])
def test_an_update_allocates_as_much_as_the_one_before(lanes):
    found = [allocated({"kind": "small_cnn"}, lanes, updates)[0] for updates in (1, 2, 3)]
    taken = [sum(change for change in changes if change > 0) for changes in found]
    assert taken[2] - taken[1] == pytest.approx(taken[1] - taken[0], rel=0.01)

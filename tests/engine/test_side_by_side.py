"""Lanes in threads of their own train to the same bits as in one, and nothing goes on behind a failure."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest
import torch
from short_runs import CYCLICAL, DIGITS

from clr_study.engine import Training, fuse, load_task
from clr_study.engine.side_by_side import MOST_SHARES, shared_out, side_by_side

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trained(threads: int, model: dict, lanes: int, seeds: int) -> Training:
    torch.set_num_threads(threads)
    flat = [{"kind": "constant", "lr": 0.01 * (1 + lane)} for lane in range(lanes)]
    specs = [replace(CYCLICAL, model=model, schedule=one, seed=lane % seeds) for lane, one in enumerate(flat)]
    training = Training(specs, load_task(DIGITS))
    training.seen = list(training.run())
    return training


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("lanes", [2, 4, 7])
@pytest.mark.parametrize(
    "model",
    [{"kind": "mlp"}, {"kind": "small_cnn", "width": 4, "norm": "batch"}, {"kind": "resnet", "depth": 8, "width": 4}],
    ids=lambda model: model["kind"],
)
def test_a_lane_trains_to_the_same_bits_in_one_thread_and_in_two(model, lanes, seeds):
    one, two = (trained(threads, model, lanes, seeds) for threads in (1, 2))
    tensors = two.lanes.tensors()
    for name, tensor in one.lanes.tensors().items():
        assert name == "seconds" or torch.equal(tensor, tensors[name]), name
    for a, b in zip(one.seen, two.seen, strict=True):
        for run, evaluation in a.evaluations.items():
            other = b.evaluations[run]
            assert (evaluation.losses == other.losses).all()
            assert evaluation.validation_loss == other.validation_loss
            assert evaluation.validation_accuracy == other.validation_accuracy


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("lanes", [2, 5])
def test_lanes_whose_step_fills_the_caches_are_the_runs_trained_alone(threads, lanes, monkeypatch):
    monkeypatch.setattr(fuse, "CACHES", 0)
    together = trained(threads, {"kind": "mlp"}, lanes, seeds=2)
    torch.set_num_threads(1)
    for lane in range(lanes):
        alone = Training([together.specs[lane]], load_task(DIGITS))
        for a, b in zip(alone.run(), together.seen, strict=True):
            assert (a.evaluations[0].losses == b.evaluations[lane].losses).all()
            assert a.evaluations[0].validation_loss == b.evaluations[lane].validation_loss
        for name, tensor in alone.lanes.params.items():
            assert torch.equal(tensor[0], together.lanes.params[name][lane]), name


def test_a_small_network_shares_its_step_and_a_large_one_does_not():
    small, large = ({"kind": "mlp", "hidden": hidden} for hidden in ((8,), (3000, 3000)))
    assert not Training([replace(CYCLICAL, model=small)] * 2, load_task(DIGITS)).apart
    assert Training([replace(CYCLICAL, model=large)] * 2, load_task(DIGITS)).apart


def test_shares_are_even_and_hold_every_lane_once():
    torch.set_num_threads(3)
    for lanes, apart in itertools.product(range(1, 20), (False, True)):
        shares = shared_out(lanes, CPU, apart)
        assert [lane for share in shares for lane in share] == list(range(lanes))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        assert len(shares) <= 3
        assert min(map(len, shares)) >= 2 or apart or lanes == 1
    assert shared_out(50, torch.device("cuda:0")) == [list(range(50))]


def test_more_cores_than_shares_are_shared_out():
    torch.set_num_threads(2 * MOST_SHARES + 1)
    assert len(shared_out(64, CPU)) == MOST_SHARES
    assert side_by_side([lambda over: torch.get_num_threads()] * MOST_SHARES) == [2] * MOST_SHARES
    assert torch.get_num_threads() == 2 * MOST_SHARES + 1


def test_a_failure_ends_the_others_and_is_the_one_that_is_raised():
    torch.set_num_threads(2)
    running, ended = threading.Event(), threading.Event()

    def fails(over):
        assert running.wait(60)
        raise ZeroDivisionError("the first one's")

    def goes_on(over):
        running.set()
        assert over.wait(60), "nobody told it"
        ended.set()

    for calls in ([fails, goes_on], [goes_on, fails]):
        running.clear(), ended.clear()
        with pytest.raises(ZeroDivisionError, match="the first one's"):
            side_by_side(calls)
        assert ended.is_set(), "it went on behind the caller's back"
        assert torch.get_num_threads() == 2

"""The lanes that train fastest, found with a clock and costs of the test's own, and once with a real network."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from short_runs import DIGITS
from short_runs import FLAT as SPEC

from clr_study.engine import Training, fastest, load_task, probe
from clr_study.engine.probe import PROBE_SECONDS, climb, flat_training


class Device:
    """A pretended device: what an update costs with so many lanes, how much memory they take, and its own clock."""

    def __init__(self, seconds, held=lambda lanes: 0, broken_at=10**9, looking=0.0):
        self.seconds, self.held, self.broken_at, self.looking = seconds, held, broken_at, looking
        self.tried, self.now = [], 0.0

    def __call__(self, lanes):
        self.tried.append(lanes)
        self.now += self.looking * lanes
        if lanes >= self.broken_at:
            raise RuntimeError("out of memory")
        return self.seconds(lanes), self.held(lanes)

    def climbed(self, most=64, room=10**12):
        return climb(self, most, room, lambda: self.now)


def test_where_lanes_cost_nothing_the_most_are_tried_and_taken():
    device = Device(lambda lanes: 1 / lanes)
    assert fastest(device.climbed()) == 64
    assert device.tried == [1, 2, 4, 8, 16, 32, 64]


def test_where_lanes_only_cost_a_run_is_alone_and_few_are_tried():
    device = Device(lambda lanes: 0.01 * lanes)
    assert fastest(device.climbed()) == 1
    assert device.tried == [1, 2]


def test_a_small_gain_is_not_worth_more_lanes():
    assert fastest(Device(lambda lanes: 1 / min(lanes, 8) - 0.001 * (lanes == 64)).climbed()) == 8


def test_memory_that_was_measured_ends_the_climb_before_it_is_full():
    # 100 for what every batch takes, and 40 a lane: 22 of them fit into 1,000.
    device = Device(lambda lanes: 1 / lanes, held=lambda lanes: 100 + 40 * lanes)
    assert fastest(device.climbed(room=1000)) == 16
    assert max(device.held(lanes) for lanes in device.tried) <= 1000


def test_a_device_that_gives_up_ends_the_climb_where_it_still_worked():
    device = Device(lambda lanes: 1 / lanes, broken_at=8)
    assert fastest(device.climbed()) == 4
    assert device.tried[-1] == 8


def test_a_network_that_fails_alone_is_left_to_the_training():
    assert Device(lambda lanes: 1.0, broken_at=1).climbed() == {}


def test_a_slow_network_is_not_tried_for_long():
    device = Device(lambda lanes: 1 / lanes, looking=0.1)
    device.climbed()
    assert device.tried == [1, 2, 4, 8]
    assert device.now <= PROBE_SECONDS


def test_a_real_network_is_timed_without_a_trace():
    task = load_task(DIGITS)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    rates = probe(SPEC, task, room=2**30, clock=lambda: 0.0)
    assert list(rates)[:2] == [1, 2]
    assert all(rate > 0 for rate in rates.values())
    assert torch.equal(torch.get_rng_state(), state)


def test_on_a_gpu_libraries_are_loaded_before_the_clock_starts(monkeypatch):
    now, tried = 0.0, []

    def cost(spec, task, lanes):
        nonlocal now
        tried.append(lanes)
        now += 10 * PROBE_SECONDS if len(tried) == 1 else 0.01
        return 0.1, 0

    monkeypatch.setitem(probe.__globals__, "_cost", cost)
    monkeypatch.setitem(probe.__globals__, "fitting_lanes", lambda *_: 4)
    gpu = SimpleNamespace(device=torch.device("cuda"))
    assert list(probe(SPEC, gpu, room=2**30, clock=lambda: now)) == [1, 2, 4]
    assert tried == [1, 1, 2, 4]


def test_more_lanes_than_memory_has_room_for_are_never_begun(monkeypatch):
    begun, real = [], Training.__init__

    def counting(self, specs, *rest):
        begun.append(len(specs))
        real(self, specs, *rest)

    monkeypatch.setattr(Training, "__init__", counting)
    assert list(probe(SPEC, load_task(DIGITS), room=0)) == [1]
    assert begun == [1]


def test_lanes_to_time_have_one_seed_or_each_its_own_and_all_come_to_the_end():
    for distinct, seeds in ((False, [1, 1, 1]), (True, [1, 2, 3])):
        training = flat_training(SPEC, load_task(DIGITS), lanes=3, updates=4, distinct=distinct)
        assert [spec.seed for spec in training.specs] == seeds
        (snapshot,) = training.run()
        assert sorted(snapshot.evaluations) == [0, 1, 2]


def test_a_network_without_a_finite_loss_has_no_rate(monkeypatch):
    task = load_task(DIGITS)
    monkeypatch.setattr(type(task), "loss", property(lambda _: lambda outputs, targets: outputs.sum() * float("nan")))
    assert probe(SPEC, task, room=2**30) == {}


@pytest.mark.parametrize(("rates", "lanes"), [({1: 1.0, 2: 1.0}, 1), ({1: 1.0, 2: 1.2, 4: 1.21}, 2), ({}, 1)])
def test_the_least_lanes_that_more_do_not_beat(rates, lanes):
    assert fastest(rates) == lanes

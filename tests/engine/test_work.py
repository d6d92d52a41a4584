"""How much work an update is: kernels and waits are counted, since time would decide differently each day."""

from __future__ import annotations

from collections import Counter

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from clr_study.engine import Training, evaluate, load_task
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
# What reads a value back from the device and so waits for it.
WAITS = {"aten._local_scalar_dense.default", "aten.item.default", "aten.nonzero.default", "aten.equal.default"}
# Most operations an update may take, those that only look at a tensor differently not counted.
# A convolution takes some for each of its output pixels, of which the second has four.
MOST = {"mlp": 35, "small_cnn": 100}
MOST_ALONE = {"mlp": 40, "small_cnn": 75}


# Operations of other threads are not counted.
pytestmark = pytest.mark.usefixtures("one_thread")


class Operations(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not func.is_view:
            self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


def training_of(model: str, lanes: int, updates: int, seeds: int = 1) -> Training:
    specs = [
        TrialSpec(
            study="s",
            data=DIGITS,
            model={"kind": model},
            optim={"kind": "sgd", "momentum": 0.9},
            schedule={"kind": "constant", "lr": 0.01 * (1 + lane)},
            batch_size=8,
            updates=updates,
            evaluate_at=(updates,),
            seed=lane % seeds,
            test=False,
        )
        for lane in range(lanes)
    ]
    return Training(specs, load_task(DIGITS))


def counted(model: str, lanes: int, updates: int, seeds: int = 1) -> Counter[str]:
    training = training_of(model, lanes, updates, seeds)
    with Operations() as operations:
        training._steps(updates)
    return operations.counts


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("model", MOST)
def test_an_update_takes_few_operations_however_many_lanes(model, seeds):
    few, more = (counted(model, lanes, 3, seeds) for lanes in (2, 6))
    assert few == more
    longer = counted(model, 2, 4, seeds)
    assert sum((longer - few).values()) <= MOST[model], longer - few


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("lanes", [1, 4])
def test_nothing_waits_for_the_device_between_two_looks(lanes, seeds):
    short, longer = (counted("mlp", lanes, updates, min(seeds, lanes)) for updates in (2, 5))
    assert not WAITS & set(longer - short)


def looked(model: str, lanes: int, chunk: int, monkeypatch) -> Counter[str]:
    """The operations of an evaluation of the 359 held-out samples, so many at a time."""
    monkeypatch.setitem(evaluate.__globals__, "CHUNK", chunk)
    training = training_of(model, lanes, 2)
    with Operations() as operations:
        evaluate(training.model, training.lanes, training.task, training.task.validation, fused=True)
    return operations.counts


@pytest.mark.parametrize("model", MOST)
def test_an_evaluation_takes_few_operations_however_many_lanes(model, monkeypatch):
    few, more = (looked(model, lanes, 512, monkeypatch) for lanes in (2, 6))
    assert few == more
    assert sum(few.values()) <= MOST[model], few


@pytest.mark.parametrize("model", MOST)
def test_nothing_waits_for_the_device_within_an_evaluation(model, monkeypatch):
    whole, pieces = (looked(model, 2, chunk, monkeypatch) for chunk in (512, 60))
    assert sum(pieces.values()) > sum(whole.values())
    assert not WAITS & set(pieces - whole)


def test_a_run_alone_takes_few_operations():
    for model, most in MOST_ALONE.items():
        assert sum((counted(model, 1, 4) - counted(model, 1, 3)).values()) <= most

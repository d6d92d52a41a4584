"""Models that vmap cannot take train one by one, and draw what they draw as functions of seed and update."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from clr_study.engine import Lanes, Training, load_task
from clr_study.models import MODELS
from clr_study.spec import TrialSpec

DIGITS = {"kind": "digits", "validation": 0.2}
SPEC = TrialSpec(
    study="test",
    data=DIGITS,
    model={"kind": "dropout_net_of_plain"},
    optim={"kind": "sgd", "momentum": 0.9},
    schedule={"kind": "constant", "lr": 0.05},
    batch_size=16,
    updates=12,
    evaluate_at=(4, 8, 12),
    seed=1,
    test=False,
)


@pytest.fixture(autouse=True)
def dropout_net():
    def dropout_net_of_plain(*, shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, classes))

    MODELS.add(dropout_net_of_plain)
    yield
    MODELS._things.pop("dropout_net_of_plain")


def trained(spec=SPEC, lanes=None, until=None) -> Training:
    training = Training([spec], load_task(DIGITS), lanes)
    training.seen = [snapshot.evaluations[0] for snapshot in training.run(until)]
    return training


def same(one: Training, other: Training) -> bool:
    mine, yours = one.lanes.tensors(), other.lanes.tensors()
    return all(torch.equal(mine[name], yours[name]) for name in mine.keys() - {"seconds"})


def test_the_reason_is_known_and_two_lanes_are_refused():
    training = trained()
    assert training.unfusable == "Its Dropout '3' draws random numbers in training."
    with pytest.raises(ValueError, match="must train one by one"):
        Training([SPEC, SPEC], load_task(DIGITS))


def test_the_masks_do_not_depend_on_the_process_random_state():
    torch.manual_seed(1)
    first = trained()
    torch.manual_seed(2)
    torch.rand(100)
    assert same(trained(), first)
    assert not same(trained(replace(SPEC, seed=2)), first)


def test_masks_are_drawn_and_differ_from_update_to_update():
    def quiet(**arguments):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.0), nn.Linear(32, 10))

    with_masks = trained()
    MODELS._things["dropout_net_of_plain"] = quiet
    assert not same(trained(), with_masks)


@pytest.mark.parametrize("until", [4, 8])
def test_resumed_is_uninterrupted_bit_for_bit(until):
    whole, first = trained(), trained(until=until)
    saved = Lanes.from_tensors(first.lanes.tensors(), first.lanes.update)
    torch.manual_seed(77)
    second = trained(lanes=saved)
    assert same(second, whole)
    for mine, theirs in zip([*first.seen, *second.seen], whole.seen, strict=True):
        assert (mine.update, mine.losses.tobytes()) == (theirs.update, theirs.losses.tobytes())
        assert mine.validation_loss == theirs.validation_loss


def test_evaluation_drops_nothing():
    """Two looks at one state agree."""
    one, other = trained(until=4), trained(until=4)
    assert one.seen[0].validation_loss == other.seen[0].validation_loss


def test_images_lie_channels_last_for_a_network_that_asks_for_it_and_as_they_come_for_any_other():
    class Looking(nn.Module):
        def __init__(self, channels_last):
            super().__init__()
            self.channels_last, self.inner, self.strides = channels_last, nn.Conv2d(3, 2, 3), set()

        def forward(self, x):
            self.strides.add(x.stride()[1:])
            return self.inner(x).mean((2, 3))

    images = {"kind": "synthetic", "shape": (3, 8, 8), "classes": 2, "validation": 0.2}
    seen, losses = [], []
    for asks in (False, True):
        torch.manual_seed(3)
        looking = Looking(asks)
        training = Training([replace(SPEC, data=images)], load_task(images), build=lambda *_, net=looking: net)
        losses.append([snapshot.evaluations[0].validation_loss for snapshot in training.run()])
        seen.append(looking.strides)
    assert seen == [{(64, 8, 1)}, {(1, 24, 3)}]  # in training and in evaluation
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)

"""What a training loop of one's own is given, and what of its reports is refused, in which words."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from clr_study.errors import DivergedError, SpecError
from clr_study.spec import Job, RunKey, TrialSpec
from clr_study.worker import Trial


def make_trial(kept=None, *, metric="accuracy", test=False, updates=100):
    spec = TrialSpec(
        study="own",
        data={"kind": "own_loop", "train_fn": "mine:train", "metric": metric, "per_epoch": 50},
        model={"kind": "own_loop"},
        optim={"kind": "own_loop"},
        schedule={"kind": "triangular", "base_lr": 0.1, "max_lr": 0.5, "step_size": 25},
        batch_size=0,
        updates=updates,
        evaluate_at=(50, updates),
        seed=7,
        test=test,
        values={"weight_decay": 0.25},
    )
    job = Job(RunKey("own", "clr", "measure" if test else "search", 3, 7), spec, updates)
    return Trial(job, [].append if kept is None else kept.append, "cpu")


def test_it_is_told_all_that_a_run_is():
    trial = make_trial()
    assert (trial.arm, trial.phase, trial.number, trial.seed, trial.updates) == ("clr", "search", 3, 7, 100)
    assert trial.values == {"weight_decay": 0.25}
    assert trial.evaluate_at == (50, 100)
    assert not trial.test
    assert trial.lrs.dtype == np.float64
    assert trial.lrs[[0, 25, 50]].tolist() == [0.1, 0.5, 0.1]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=9.0)
    scheduler = trial.scheduler(optimizer)
    seen = []
    for _ in range(100):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(seen, trial.lrs, rtol=1e-15)


def test_a_report_becomes_an_evaluation():
    kept = []
    trial = make_trial(kept, test=True)
    trial.report(np.int64(25), accuracy=torch.tensor(0.5), loss=np.float32(0.25), train_loss=0.75, test_accuracy=0.375)
    trial.report(100, accuracy=1)
    trial.finish()
    first, last = kept
    assert (first.update, first.epoch, first.lr) == (25, 0.5, pytest.approx(0.1 + 0.4 * 24 / 25))
    assert (first.validation_accuracy, first.validation_loss, first.train_loss) == (0.5, 0.25, 0.75)
    assert first.test_accuracy == 0.375
    assert math.isnan(first.validation_metric)
    assert math.isnan(last.test_accuracy)
    assert last.seconds >= first.seconds >= 0


def test_a_metric_of_another_name_has_its_own_place():
    kept = []
    make_trial(kept, metric="rmse", test=True).report(100, rmse=54.5, test_rmse=60.25)
    assert (kept[0].validation_metric, kept[0].test_metric) == (54.5, 60.25)
    assert math.isnan(kept[0].validation_accuracy)


REFUSED = {
    "past the budget": (lambda t: t.report(101, accuracy=0.5), "update 101 is past the budget; updates rise"),
    "out of order": (lambda t: (t.report(50, accuracy=0.5), t.report(49, accuracy=0.5)), "49 came after update 50"),
    "twice": (lambda t: (t.report(50, accuracy=0.5), t.report(50, accuracy=0.5)), "50 came after update 50"),
    "before the first": (lambda t: t.report(0, accuracy=0.5), "update 0 came after update 0"),
    "no update": (lambda t: t.report(0.5, accuracy=0.5), "takes the number of updates done first, but got 0.5"),
    "unknown metric": (lambda t: t.report(50, acuracy=0.5), "no metric 'acuracy'; did you mean 'accuracy'"),
    "nothing": (lambda t: t.report(50), "needs accuracy, which decides the study, but got nothing"),
    "another metric": (lambda t: t.report(50, loss=0.5), "needs accuracy, which decides the study, but got loss"),
    "per cent": (lambda t: t.report(50, accuracy=89.5), re.escape("accuracy must lie in [0, 1], as in 0.89 for 89 %")),
    "the test split": (lambda t: t.report(50, accuracy=0.5, test_accuracy=0.5), "only where trial.test is true"),
    "a vector": (
        lambda t: t.report(50, accuracy=torch.zeros(8, 2)),
        re.escape("one number for accuracy, but got a Tensor of shape (8, 2)"),
    ),
    "a word": (lambda t: t.report(50, accuracy="high"), "one number for accuracy, but got a str"),
    "no end": (lambda t: t.report(50, accuracy=0.5), "must report update 100.*but its last report was of update 50"),
    "never": (lambda t: None, "must report update 100, the end of its budget, .* it never reported; call trial.rep"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_is_refused_and_not_forgotten(what):
    report, words = REFUSED[what]
    trial = make_trial()
    swallowed = False
    try:
        report(trial)
    except SpecError:
        swallowed = True
    with pytest.raises(SpecError, match=f"mine:train.*{words}"):
        trial.finish()
    assert swallowed == (what not in ("no end", "never"))


@pytest.mark.parametrize("value", [math.nan, math.inf, torch.tensor(float("nan"))])
def test_what_is_not_finite_ends_the_run(value):
    kept = []
    trial = make_trial(kept)
    trial.report(25, accuracy=0.5)
    with pytest.raises(DivergedError, match=r"loss was (nan|inf) after 51 updates, at a learning rate of 0\.1"):
        trial.report(51, accuracy=0.5, loss=value)
    with pytest.raises(DivergedError, match="loss was"):
        trial.finish()
    assert [seen.update for seen in kept] == [25]

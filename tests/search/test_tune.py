"""`tune`: the search around a training loop of one's own, from the call to the report, with nothing to import after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import zeros
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR

from clr_study import tune
from clr_study.errors import InputError, SpecError, StorageError, UnfinishedError
from clr_study.schedules import Constant
from clr_study.store import open_store, read_results

LR = {"low": 0.01, "high": 0.4, "log": True}
ARMS = {
    "fixed": Constant(lr=0.02),
    "tuned": {"kind": "constant", "lr": LR},
    "clr": {
        "kind": "triangular",
        "max_lr": LR,
        "base_lr": {"times": "max_lr", "low": 0.1, "high": 0.5},
        "step_size": 5,
    },
}
VALUES = {"pull": {"low": 0.5, "high": 1.0}, "steps": 2}


def descend(trial):
    """Gradient descent on a parabola; no framework at all."""
    x = 1.0 + 0.01 * np.random.default_rng(trial.seed).random()
    for update, lr in enumerate(trial.lrs, start=1):
        x -= lr * trial.values["pull"] * 2 * x
        if update in trial.evaluate_at:
            extra = {"test_loss": x * x * 1.5} if trial.test else {}
            trial.report(update, loss=x * x, **extra)


@pytest.fixture
def call(tmp_path):
    def run(train_fn=descend, **changes):
        given = {"arms": ARMS, "budget": 20, "metric": "loss", "values": VALUES, "trials": 3, "seeds": 3}
        given |= {
            "confirm": {"trials": 1},
            "evaluations": 4,
            "target": {"loss": 0.5},
            "name": "own",
            "say": lambda line: None,
        }
        given |= {"storage": f"sqlite:///{tmp_path}/clr.db", "out": str(tmp_path / "out")}
        return tune(train_fn, **{**given, **changes})

    return run


@pytest.fixture
def stored(tmp_path):
    def read(name="own"):
        with open_store(f"sqlite:///{tmp_path}/clr.db") as store:
            return read_results(store, name)

    return read


def test_every_arm_gets_the_same_and_shares_its_seeds(call, tmp_path):
    results = call()
    for arm in ARMS:
        assert len(results.of(arm, "search")) == 3  # the fixed one has a hole in its values
        assert all(run.ending == "completed" for run in results.of(arm, "search"))
    seeds = {tuple(run.key.seed for run in results.of(arm, "measure")) for arm in ARMS}
    assert len(seeds) == 1
    searched = {run.key.seed for run in results.of("clr", "search")}
    assert len(searched) == 1
    assert not searched & set(next(iter(seeds)))
    assert results.metric == "test_loss"
    drawn = {run.values["values.pull"] for run in results.of("fixed", "search")}
    assert len(drawn) == 3
    assert all(0.5 <= value <= 1.0 for value in drawn)
    best = results.winners["tuned"]
    scores = [run.final("validation_loss") for run in results.of("tuned", "search")]
    assert scores[best] == min(scores)
    run = results.of("tuned", "measure")[0]
    assert run.updates.tolist() == [5, 10, 15, 20]
    expected = (1 - run.spec.schedule["lr"] * run.spec.values["pull"] * 2) ** 40
    assert run.final("test_loss") == pytest.approx(1.5 * expected, rel=0.03)
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["metric"] == "test_loss"
    assert not document["higher_is_better"]
    assert "Tested with the training loop" in " ".join(document["limits"])


def test_the_same_call_goes_on_and_a_longer_one_adds_to_it(call):
    calls, said = [], []

    def counted(trial):
        calls.append(trial.seed)
        descend(trial)

    first = call(counted)
    assert len(calls) == 18
    again = call(counted, say=said.append)
    assert len(calls) == 18
    assert said[0].startswith("own: goes on from 18 runs in ")
    assert again.measured("clr", "test_loss").values.tolist() == first.measured("clr", "test_loss").values.tolist()
    call(counted, seeds=4)
    assert len(calls) == 21
    with pytest.raises(StorageError, match=r"budget|train"):
        call(counted, budget=30)


def test_a_loop_that_dies_on_the_way_begins_its_run_again(call, stored):
    calls = []

    def interrupted(trial):
        calls.append(trial.number)
        trial.report(5, loss=9.0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        trial.report(20, loss=trial.lrs[0])

    with pytest.raises(KeyboardInterrupt):
        call(interrupted)
    unfinished = [run for run in stored().runs if run.updates.size and run.ending is None]
    assert len(unfinished) == 1
    results = call(interrupted)
    assert all(run.updates.tolist() == [5, 20] for run in results.runs)
    assert {run.ending for run in results.runs} == {"completed"}


def test_a_run_that_fails_or_diverges_is_recorded_and_the_study_goes_on(call, stored):
    def moody(trial):
        if trial.arm == "clr" and trial.phase == "search" and trial.number == 1:
            raise RuntimeError("the disk of the data is gone")
        if trial.arm == "tuned" and trial.number == 2:
            try:
                trial.report(10, loss=float("nan"))
            except Exception:
                return  # as a framework may swallow it
        trial.report(20, loss=trial.lrs[0])

    with pytest.raises(UnfinishedError, match=r"1 of 18 runs failed.*trial 1 of arm clr.*the disk of the data is gone"):
        call(moody)
    runs = {(run.key.arm, run.key.phase, run.key.trial): run for run in stored().runs}
    failed, diverged = runs["clr", "search", 1], runs["tuned", "search", 2]
    assert failed.ending == "failed"
    assert failed.note.rstrip().endswith("RuntimeError: the disk of the data is gone")
    assert "in moody" in failed.note
    assert diverged.ending == "diverged"
    assert diverged.note.startswith("loss was nan after 10 updates, at a learning rate of")
    assert len(stored().of("clr", "measure")) == 3


def mended_from(loop):
    """The same loop to the study, which knows it by its name."""

    def mended(trial):
        descend(trial)

    mended.__qualname__ = loop.__qualname__
    return mended


def test_a_report_that_cannot_be_taken_stops_the_study_at_once(call, stored):
    calls = []

    def wrong(trial):
        calls.append(1)
        trial.report(20, acc=0.5)

    with pytest.raises(SpecError, match=r"takes no metric 'acc'.*the study is decided by loss"):
        call(wrong)
    assert len(calls) == 1
    assert not [run for run in stored().runs if run.ending]
    results = call(mended_from(wrong))
    assert {run.ending for run in results.runs} == {"completed"}


def test_worker_processes_import_the_loop(call, tmp_path, monkeypatch):
    (tmp_path / "my_loop.py").write_text(
        "import os\n\ndef train(trial):\n    trial.report(20, loss=trial.lrs[0] + 1e-6 * (os.getpid() % 7))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from importlib import import_module

    results = call(import_module("my_loop").train, devices="cpu,cpu", arms={"fixed": Constant(lr=0.5)}, values=None)
    assert [run.ending for run in results.runs] == ["completed"] * 3
    with pytest.raises(InputError, match=r"worker processes cannot import .*put it into a module of its own"):
        call(lambda trial: None, devices="cpu,cpu", name="two")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arms": {}}, "tune: arms must map names to schedules"),
        ({"arms": {"a": 0.1}}, r"tune: arms\['a'\] must be a schedule or the table of one, but got 0.1"),
        ({"arms": {"a": {"kind": "constant", "lr": None}}}, r"tune: arms\['a'\]\['lr'\] must be a number, .* got None"),
        ({"arms": {"a": {"kind": "constant", "rl": 1.0}}}, r"tune: \[arms.a.schedule\] constant takes no key 'rl'"),
        ({"arms": {"a": {"schedule": ARMS["fixed"], "model": {}}}}, r"\[arms.a\] takes no key 'model'"),
        ({"budget": {"epochs": 2}}, "epochs of a training loop of your own need updates_per_epoch"),
        ({"budget": 0}, "updates > 0 must hold"),
        ({"budget": "many"}, "tune: budget must be a number of updates, or .* but got 'many'"),
        ({"train_fn": 3}, "tune: train_fn must be a function, which is called with a trial, but got 3"),
        ({"train_fn": lambda: None}, "must take one argument, the trial"),
        ({"arms": {"a": StepLR(SGD([zeros(1)], lr=0.1), 3)}}, r"tune: arms\['a'\] .*; .* give Schedule.from_torch"),
        ({"metric": "acuracy"}, "no metric is called 'acuracy'; did you mean 'accuracy'"),
        ({"metric": {"name": "bleu", "better": "more"}}, "metric better should be 'higher' or 'lower'"),
        ({"target": {"f1": 0.5}}, "target takes no key 'f1'"),
        ({"sampler": "tpee"}, "no sampler is called 'tpee'"),
        ({"values": {"a": {"low": 2, "high": 1}}}, r"\[values\] a low < high must hold"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_written(call, tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        call(**changes)
    assert not list(tmp_path.iterdir())


def test_epochs_count_where_the_loop_says_what_one_is(call):
    arms = {"clr": {**ARMS["clr"], "step_size": {"value": 1, "unit": "epochs"}}}
    results = call(arms=arms, budget={"epochs": 4, "updates_per_epoch": 5}, name="epochs")
    assert {(run.spec.updates, run.spec.schedule["step_size"]) for run in results.runs} == {(20, 5.0)}


def test_what_is_stored_is_read_without_the_loop(call, tmp_path):
    def train(trial):
        trial.report(trial.updates, bleu=20 + trial.lrs[0])

    call(train, metric={"name": "bleu", "better": "higher"}, target={"bleu": 20.1}, seeds=2)
    storage = f"sqlite:///{tmp_path}/clr.db"
    shown = {}
    for command in (
        ["show", "--json"],
        ["best", "--as", "torch"],
        ["best", "--as", "toml"],
        ["export", "--out", "tables"],
    ):
        line = [Path(sys.executable).with_name("clr-study"), command[0], "own", *command[1:], "--storage", storage]
        shown[tuple(command)] = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(shown["show", "--json"])["metric"] == "validation_bleu"
    names: dict = {}
    exec(shown["best", "--as", "torch"], names)
    assert names["learning_rate"](0) > 0
    assert "[arms." in shown["best", "--as", "toml"]
    assert "own_loop" not in shown["best", "--as", "toml"]
    assert "last_validation_bleu" in (tmp_path / "tables" / "runs.csv").read_text().splitlines()[0]

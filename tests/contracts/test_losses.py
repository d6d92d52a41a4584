"""Every registered loss is torch's, is the same fused and plain, and says which targets it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from clr_study.engine import Training, load_task
from clr_study.errors import InputError, SpecError
from clr_study.losses import LOSSES, build_loss
from clr_study.spec import TrialSpec

RANDOM = torch.Generator().manual_seed(0)
Z, LABELS = torch.randn(8, 5, generator=RANDOM, dtype=torch.float64), torch.arange(8) % 5
Y, ONES = torch.randn(8, 5, generator=RANDOM, dtype=torch.float64), (Z > 0.3).double()
TORCHS = {
    "cross_entropy": ({}, Z, LABELS, lambda: functional.cross_entropy(Z, LABELS)),
    "cross_entropy smoothed": (
        {"label_smoothing": 0.2}, Z, LABELS, lambda: functional.cross_entropy(Z, LABELS, label_smoothing=0.2),
    ),
    "cross_entropy of tokens": (
        {}, Z.reshape(2, 4, 5), LABELS.reshape(2, 4), lambda: functional.cross_entropy(Z, LABELS),
    ),
    "mse": ({}, Z, Y, lambda: functional.mse_loss(Z, Y)),
    "bce": ({}, Z, ONES, lambda: functional.binary_cross_entropy_with_logits(Z, ONES)),
    "huber": ({"delta": 0.5}, Z, Y, lambda: functional.huber_loss(Z, Y, delta=0.5)),
}  # fmt: skip
DATA = {
    "cross_entropy": {"kind": "synthetic", "samples": 120, "features": 6, "classes": 3},
    "mse": {"kind": "diabetes"},
    "bce": {"kind": "breast_cancer"},
    "huber": {"kind": "diabetes"},
}
OWN = {kind for kind in LOSSES if LOSSES[kind].__module__ == "clr_study.losses"}


@pytest.mark.parametrize("name", TORCHS)
def test_it_is_torchs(name):
    arguments, outputs, targets, expected = TORCHS[name]
    value = build_loss({"kind": name.split()[0], **arguments})(outputs, targets)
    assert value.shape == ()
    torch.testing.assert_close(value, expected(), rtol=1e-12, atol=0)


def test_all_are_tried():
    assert {name.split()[0] for name in TORCHS} == set(DATA) == OWN


@pytest.mark.parametrize("kind", DATA)
def test_fused_is_plain(kind):
    arguments = {"cross_entropy": {"label_smoothing": 0.1}, "huber": {"delta": 0.7}}.get(kind, {})
    data = {**DATA[kind], "validation": 0.2, "loss": {"kind": kind, **arguments}, "metric": "rmse"}
    data["metric"] = {"cross_entropy": "perplexity", "bce": "auc"}.get(kind, "r2")
    task = load_task(data, dtype=torch.float64)
    lrs = (0.01, 0.05, 0.02)
    specs = [
        TrialSpec(study="s", data=data, model={"kind": "mlp", "hidden": [4]}, optim={"kind": "sgd", "momentum": 0.9},
            schedule={"kind": "constant", "lr": lr}, batch_size=16, updates=12, evaluate_at=(6, 12),
            seed=seed, test=True)
        for lr, seed in zip(lrs, (1, 1, 2), strict=True)
    ]  # fmt: skip
    together = list(Training(specs, task).run())
    assert together[-1].evaluations[0].validation_metric != together[0].evaluations[0].validation_metric
    for run, spec in enumerate(specs):
        for alone, fused in zip(Training([spec], task).run(), together, strict=True):
            one, other = alone.evaluations[0], fused.evaluations[run]
            for name in ("train_loss", "validation_loss", "test_loss", "validation_metric", "test_metric"):
                assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6), name
            assert one.validation_accuracy == pytest.approx(other.validation_accuracy, nan_ok=True)


def test_two_classes_take_one_output_and_have_an_accuracy():
    data = {"kind": "breast_cancer", "validation": 0.2, "loss": {"kind": "bce"}, "metric": "auc"}
    task = load_task(data)
    assert (task.outputs, task.train.targets.dtype) == (1, torch.float32)
    spec = TrialSpec(study="s", data=data, model={"kind": "mlp", "hidden": []}, optim={"kind": "sgd"}, batch_size=32,
        schedule={"kind": "constant", "lr": 0.1}, updates=60, evaluate_at=(60,), seed=1, test=True)  # fmt: skip
    (seen,) = Training([spec], task).run()
    assert seen.evaluations[0].test_accuracy > 0.9
    assert seen.evaluations[0].test_metric > 0.95


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "words"),
    [
        ("cross_entropy", (8, 5), (8, 2), r"takes outputs of shape \(8, 2, 'classes'\) .* the model gave \(8, 5\)"),
        ("mse", (8, 3), (8,), r"loss mse takes outputs of the targets' shape \(8,\), but the model gave \(8, 3\)"),
        ("bce", (8, 1), (8, 3), r"loss bce takes outputs of the targets' shape \(8, 3\), but the model gave \(8, 1\)"),
        ("huber", (8, 1), (4,), r"loss huber takes .* \(4,\), but the model gave \(8, 1\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(loss, outputs, targets, words):
    aim = torch.zeros(targets, dtype=torch.int64 if loss == "cross_entropy" else torch.float32)
    with pytest.raises(InputError, match=words):
        build_loss({"kind": loss})(torch.zeros(outputs), aim)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "hubre"}, "no loss is called 'hubre'; did you mean 'huber'"),
        ({"kind": "mse", "delta": 1.0}, "mse takes no key 'delta'; it takes none"),
        ({"kind": "huber", "delta": "big"}, "delta should be a valid number"),
        ({"delta": 1.0}, "must be a table with a kind; known are: "),
    ],
)
def test_a_table_that_asks_for_no_loss_is_refused(table, words):
    with pytest.raises(InputError, match=rf"\[loss\].*{words}"):
        build_loss(table)


@pytest.mark.parametrize(
    ("data", "loss", "words"),
    [
        ("diabetes", "cross_entropy", r"takes classes, but the targets are numbers of shape \(\d+,\)"),
        ("diabetes", "bce", "takes targets in .*, but they run from -"),
        ("digits", "bce", "takes two classes, but the data have 10"),
        ("digits", "mse", "takes numbers, but the targets are 10 classes"),
    ],
)
def test_data_of_another_kind_are_refused(data, loss, words):
    with pytest.raises(SpecError, match=rf"\[loss\] {loss} {words}"):
        load_task({"kind": data, "validation": 0.2, "loss": {"kind": loss}})


def test_without_a_word_it_is_the_usual_one():
    usual = load_task({"kind": "digits", "validation": 0.2})
    named = load_task({"kind": "digits", "validation": 0.2, "loss": {"kind": "cross_entropy"}})
    assert usual.loss is named.loss
    assert replace(usual, chosen=None).loss is usual.loss

"""Every registered metric is held against scikit-learn's, or against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as known

from clr_study.errors import SpecError, UnknownKindError
from clr_study.metrics import METRICS, declare, higher_is_better, is_share

RANDOM = np.random.default_rng(0)
CLASSES, SCORES = RANDOM.integers(0, 8, 200), RANDOM.normal(size=(200, 8))
VALUES, GUESSES = RANDOM.normal(size=200), RANDOM.normal(size=(200, 1))
BINARY = (VALUES > 0).astype(np.float32)
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)

EXPECTED = {
    "accuracy": (SCORES, CLASSES, known.accuracy_score(CLASSES, SCORES.argmax(axis=1))),
    "top5": (SCORES, CLASSES, known.top_k_accuracy_score(CLASSES, SCORES, k=5)),
    "rmse": (GUESSES, VALUES, known.root_mean_squared_error(VALUES, GUESSES[:, 0])),
    "r2": (GUESSES, VALUES, known.r2_score(VALUES, GUESSES[:, 0])),
    "auc": (GUESSES, BINARY, known.roc_auc_score(BINARY, GUESSES[:, 0])),
    "perplexity": (SCORES, CLASSES, np.exp(known.log_loss(CLASSES, SHARES))),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_it_agrees_with_scikit_learn(name):
    outputs, targets, expected = EXPECTED[name]
    finish = getattr(METRICS[name], "finish", float)
    assert finish(METRICS[name](outputs, targets)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in EXPECTED if hasattr(METRICS[name], "finish")])
def test_in_pieces_it_is_what_it_is_at_once(name):
    outputs, targets, expected = EXPECTED[name]
    pieces = [
        METRICS[name](outputs[a : a + 64], targets[a : a + 64]) * len(targets[a : a + 64]) for a in range(0, 200, 64)
    ]
    assert METRICS[name].finish(sum(pieces) / 200) == pytest.approx(expected, rel=1e-12)


def test_every_metric_but_the_loss_is_tried():
    ours = {name for name in METRICS if METRICS[name].__module__ == "clr_study.metrics"}
    assert {"loss", *EXPECTED} <= ours


def test_directions():
    assert [name for name in ("loss", *EXPECTED) if not higher_is_better(name)] == ["loss", "rmse", "perplexity"]
    assert [name for name in ("loss", *EXPECTED) if is_share(f"test_{name}")] == ["accuracy", "top5"]
    with pytest.raises(UnknownKindError, match="no metric is called 'acuracy'; did you mean 'accuracy'"):
        higher_is_better("acuracy")


def test_of_one_output_the_side_of_zero_is_right_or_wrong():
    assert METRICS["accuracy"](np.array([[2.0], [-1.0], [3.0], [0.5]]), np.array([1.0, 0.0, 0.0, 1.0])) == 0.75


def test_tokens_count_one_by_one():
    outputs = np.zeros((2, 3, 4))
    outputs[:, :, 1] = 1
    assert METRICS["accuracy"](outputs, np.array([[1, 1, 0], [1, 2, 1]])) == pytest.approx(4 / 6)
    assert METRICS["perplexity"].finish(METRICS["perplexity"](np.zeros((2, 3, 4)), np.ones((2, 3), int))) == 4


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "words"),
    [
        ("auc", np.zeros((4, 3)), np.array([0, 1, 2, 1]), "takes two classes.*shape \\(4, 3\\).*\\[0, 1, 2\\]"),
        ("auc", np.zeros(4), np.ones(4), "takes two classes, both in the split"),
        ("top5", np.zeros((4, 5)), np.zeros(4, int), "more than 5 outputs a sample.*\\(4, 5\\)"),
        ("perplexity", np.zeros(4), np.zeros(4), "an output for each class.*\\(4,\\)"),
    ],
)
def test_what_does_not_suit_it_is_refused_with_shapes(name, outputs, targets, words):
    with pytest.raises(SpecError, match=words):
        METRICS[name](outputs, targets)


@pytest.mark.usefixtures("nothing_stays_registered")
def test_a_metric_of_the_users_own_loop_needs_a_name_and_a_direction():
    declare("bleu_made", "higher")
    declare("bleu_made", "higher")
    assert higher_is_better("test_bleu_made")
    with pytest.raises(SpecError, match="is known, and better when it is higher"):
        declare("bleu_made", "lower")
    with pytest.raises(SpecError, match="metric name must be 1 to 16 lower-case letters"):
        declare("Mean IoU", "higher")

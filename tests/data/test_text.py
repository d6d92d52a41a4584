from __future__ import annotations

import numpy as np
import pytest
import torch

from clr_study.data import Normaliser, Split, load_splits
from clr_study.engine import Training, load_task
from clr_study.errors import DataError, SpecError
from clr_study.spec import TrialSpec


@pytest.fixture
def book(tmp_path):
    file = tmp_path / "book.txt"
    file.write_text("the cat sat on the mat. " * 60, encoding="utf-8")
    return str(file)


def test_pieces_follow_each_other_and_targets_are_one_ahead(book):
    splits = load_splits({"kind": "text", "path": book, "context": 8})
    inputs, targets = splits.train.inputs, splits.train.targets
    assert inputs.dtype == targets.dtype == torch.int64
    assert torch.equal(inputs.flatten()[1:], targets.flatten()[:-1])
    letters = sorted(set("the cat sat on the mat. "))
    assert splits.classes == len(letters)
    assert "".join(letters[token] for token in inputs[0]) == "the cat "
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [143, 17, 17]


def test_tokens_are_not_normalised(book):
    splits = load_splits({"kind": "text", "path": book, "context": 8})
    normalise = Normaliser.fit(splits.train)
    assert torch.equal(normalise(splits.train.inputs), splits.train.inputs)
    with pytest.raises(SpecError, match="normalise = 'feature' takes numbers, but the inputs are tokens"):
        Normaliser.fit(splits.train, "feature")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"context": 1}, "context must be >= 2"),
        ({"context": 200}, "a tenth of it must be longer than a piece of context = 200"),
        ({"characters": 0}, "characters must be >= 1"),
        ({"path": "/nowhere.txt"}, "no file '/nowhere.txt'"),
    ],
)
def test_what_cannot_be_cut_is_refused(book, change, words):
    with pytest.raises((DataError, SpecError), match=words):
        load_splits({"kind": "text", "path": book, "context": 8, **change})


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "noise.bin"
    file.write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="as a UTF-8 text"):
        load_splits({"kind": "text", "path": str(file)})


def test_targets_of_tokens_lie_within_the_classes():
    with pytest.raises(DataError, match="targets must be int64"):
        Split(torch.zeros(4, 3, dtype=torch.int64), torch.zeros(4, 3, 2, dtype=torch.int64))


def test_a_language_model_learns_and_its_lanes_are_its_runs(book):
    data = {"kind": "text", "path": book, "context": 8, "metric": "perplexity"}
    task = load_task(data)
    specs = [
        TrialSpec(study="s", data=data, model={"kind": "char_transformer", "width": 8, "depth": 1, "heads": 2},
            optim={"kind": "adamw"}, schedule={"kind": "constant", "lr": lr}, batch_size=16, updates=60,
            evaluate_at=(1, 60), seed=1, test=True)
        for lr in (0.01, 0.03)
    ]  # fmt: skip
    first, last = Training(specs, task).run()
    alone = list(Training(specs[1:], task).run())[-1].evaluations[0]
    for run in (0, 1):
        assert last.evaluations[run].test_metric < 0.6 * first.evaluations[run].test_metric
        seen = last.evaluations[run]
        assert seen.validation_metric == pytest.approx(np.exp(seen.validation_loss), rel=1e-5)
    assert last.evaluations[1].test_loss == pytest.approx(alone.test_loss, rel=1e-3)
    assert 0 < last.evaluations[1].test_accuracy <= 1
    assert first.evaluations[0].test_metric == pytest.approx(task.classes, rel=0.3)  # it knows nothing yet

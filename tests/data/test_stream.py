"""Images that stay in their files: the same pixels as from memory, a few batches ahead and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from clr_study.data import ImageFiles, Normaliser, load_splits, stream
from clr_study.engine import Training, load_task
from clr_study.errors import DataError, SpecError
from clr_study.spec import TrialSpec


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Real handwritten digits as a folder of JPEG files, a little larger than they come, and not square."""
    root = tmp_path_factory.mktemp("photos")
    data = load_digits()
    rows = [row for label in range(10) for row in np.flatnonzero(data.target == label)[:12]]
    for place, row in enumerate(rows):
        folder = root / ("test" if place % 4 == 3 else "train") / str(data.target[row])
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((data.images[row] * 15).astype(np.uint8)).resize((24, 20))
        image.convert("RGB").save(folder / f"{row}.jpg", quality=90)
    return root


def table(root: Path, **more):
    return {"kind": "image_folder", "root": str(root), "size": 16, **more}


def spec_of(data, **changes) -> TrialSpec:
    fields = {
        "study": "test",
        "data": data,
        "model": {"kind": "small_cnn", "width": 4},
        "optim": {"kind": "sgd", "momentum": 0.9},
        "schedule": {"kind": "triangular", "base_lr": 0.005, "max_lr": 0.02, "step_size": 5},
        "batch_size": 8,
        "updates": 20,
        "evaluate_at": (10, 20),
        "seed": 1,
        "test": True,
    }
    return TrialSpec(**{**fields, **changes})


AUGMENT = [{"kind": "window", "size": 12}, {"kind": "flip"}]


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_run_on_files_is_the_run_on_the_decoded_array_bit_for_bit(photos, lanes):
    ends = []
    for how in ({"stream": True}, {}):
        data = {**table(photos, **how), "validation": 0.2, "augment": AUGMENT}
        training = Training([spec_of(data, seed=seed) for seed in range(lanes)], load_task(data))
        seen = [(one.train_loss, one.test_accuracy) for snap in training.run() for one in snap.evaluations.values()]
        ends.append((seen, training.lanes.params))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(value, ends[1][1][name]) for name, value in ends[0][1].items())


def test_splits_of_files_are_cut_and_changed_as_arrays_are(photos):
    files, array = (load_splits(table(photos, stream=how), 0.2, subset=0.5, label_noise=0.2) for how in (True, False))
    for side in ("train", "validation", "test"):
        ours, theirs = getattr(files, side), getattr(array, side)
        assert isinstance(ours.inputs, ImageFiles)
        assert torch.equal(ours.inputs[:], theirs.inputs)
        assert torch.equal(ours.targets, theirs.targets)
    assert torch.equal(Normaliser.fit(files.train).mean, Normaliser.fit(array.train).mean)


def test_batches_are_decoded_ahead_once_each_and_never_the_whole_set(photos, monkeypatch):
    read, decode = [], stream._read
    monkeypatch.setattr(stream, "_read", lambda path, size: read.append(path) or decode(path, size))
    images = load_splits(table(photos, stream=True), 0).train.inputs
    batches = [np.arange(first, first + 8) for first in range(0, 80, 8)]
    images.expect(batches)
    images[torch.from_numpy(batches[0])]
    stream._workers().submit(int).result()  # what was begun is in the queue by now
    assert len(images._begun) == stream.AHEAD
    for rows in batches[1:]:
        images[torch.from_numpy(rows)]
    assert [str(path) for path in sorted(read)] == [str(path) for path in sorted(images.paths[:80])]


def test_other_batches_than_expected_are_right_all_the_same(photos):
    images = load_splits(table(photos, stream=True), 0).train.inputs
    images.expect([np.array([0, 1])])
    assert torch.equal(images[torch.tensor([5, 4])], images[:][[5, 4]])
    assert images.shape == (90, 3, 16, 16)


def test_a_file_that_is_no_image_is_named(photos, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"the image '.*bad.jpg' cannot be read"):
        ImageFiles([bad], 16)[:]


def test_streams_without_a_size_and_windows_that_do_not_fit_are_refused(photos):
    with pytest.raises(SpecError, match="stream = true needs a size"):
        load_splits({"kind": "image_folder", "root": str(photos), "stream": True})
    data = {**table(photos), "validation": 0.2, "augment": [{"kind": "window", "size": 17}]}
    with pytest.raises(SpecError, match="size = 17 is more than the images have"):
        Training([spec_of(data)], load_task(data))
    with pytest.raises(DataError, match="mean_image"):
        load_task({**table(photos), "validation": 0.2, "normalise": "mean_image", "augment": AUGMENT})


def test_class_folders_that_differ_between_train_and_test_are_refused(photos, tmp_path):
    for name in ("train/cat", "train/dog", "test/cat", "test/dgo"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(tmp_path / name / "0.png")
    with pytest.raises(DataError, match="the class folders differ: 'dog' only in 'train', 'dgo' only in 'test'"):
        load_splits(table(tmp_path, stream=True))

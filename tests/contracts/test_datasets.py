"""What every data set promises. A new one is found by itself; if it needs files, it needs a writer below."""

import gzip
import hashlib
import inspect
import pickle
import typing

import numpy as np
import pytest
import torch
from PIL import Image

import clr_study.data.datasets.idx as idx_module
from clr_study.data import DATASETS, Splits, hold_out, load_splits
from clr_study.errors import DataError, InputError, SpecError


def write_idx(folder):
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", 60), ("t10k", 20)):
        for name, array in (
            ("images-idx3-ubyte", random.integers(0, 256, (count, 28, 28))),
            ("labels-idx1-ubyte", np.arange(count) % 10),
        ):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
            (folder / f"{prefix}-{name}.gz").write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_cifar(folder, reader, labels, classes, monkeypatch):
    """Small batches in CIFAR's format, published as it were: torchvision is told their MD5 sums."""
    folder.mkdir()

    def publish(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(name, count):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 3 * 32 * 32)).astype(np.uint8)
        return publish(name, {"data": pixels, labels: [i % classes for i in range(count)]})

    _, meta_md5 = publish("meta-file", {reader.meta["key"]: [str(i) for i in range(classes)]})
    monkeypatch.setattr(reader, "train_list", [batch(name, classes * 2) for name in ("first", "second")])
    monkeypatch.setattr(reader, "test_list", [batch("last", classes)])
    monkeypatch.setattr(reader, "meta", {**reader.meta, "filename": "meta-file", "md5": meta_md5})


def cifar10(path, monkeypatch):
    from torchvision.datasets import CIFAR10

    write_cifar(path / "cifar-10-batches-py", CIFAR10, "labels", 10, monkeypatch)
    return {"root": str(path)}


def cifar100(path, monkeypatch):
    from torchvision.datasets import CIFAR100

    write_cifar(path / "cifar-100-python", CIFAR100, "fine_labels", 100, monkeypatch)
    return {"root": str(path)}


def mnist(path, monkeypatch):
    write_idx(path / "MNIST" / "raw")
    return {"root": str(path)}


def fashion_mnist(path, monkeypatch):
    write_idx(path / "FashionMNIST" / "raw")
    return {"root": str(path)}


def image_folder(path, monkeypatch):
    random = np.random.default_rng(0)
    for which in ("train", "test"):
        for name in ("cat", "dog"):
            (path / which / name).mkdir(parents=True)
            for number in range(4):
                pixels = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path / which / name / f"{number}.png")
    return {"root": str(path)}


def npz(path, monkeypatch):
    x = np.random.default_rng(0).normal(size=(12, 5))
    np.savez(path / "mine.npz", x=x, y=np.arange(12) % 3, x_test=x[:3], y_test=np.arange(3))
    return {"path": str(path / "mine.npz")}


def text(path, monkeypatch):
    (path / "mine.txt").write_text("the cat sat on the mat. " * 60)
    return {"path": str(path / "mine.txt"), "context": 8}


WRITERS = {writer.__name__: writer for writer in (cifar10, cifar100, fashion_mnist, image_folder, mnist, npz, text)}
TOKENS = {"python_topics", "text"}
IMAGES = {"cifar10", "cifar100", "digits", "fashion_mnist", "image_folder", "mnist"}
every_kind = pytest.mark.parametrize("kind", DATASETS)


@pytest.fixture
def arguments(kind, tmp_path, monkeypatch):
    return WRITERS[kind](tmp_path, monkeypatch) if kind in WRITERS else {}


@every_kind
def test_its_splits_are_whole_and_the_same_each_time(kind, arguments):
    first, second = DATASETS[kind](**arguments), DATASETS[kind](**arguments)
    assert isinstance(first, Splits)
    assert first.note
    if first.classes is None:
        assert first.train.targets.dtype == torch.float32
    elif kind in TOKENS:  # a rare character may stand in one of the splits only
        assert first.train.targets.max() < first.classes
    else:
        assert first.train.targets.unique().tolist() == list(range(first.classes))
    for one, other in ((first.train, second.train), (first.test, second.test)):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)


@every_kind
def test_images_stay_uint8_and_channels_come_first(kind, arguments):
    splits = DATASETS[kind](**arguments)
    if kind in IMAGES:
        assert splits.train.inputs.dtype == torch.uint8
        assert splits.sample_shape[0] in (1, 3)
        assert splits.train.inputs.is_contiguous()
    else:
        assert splits.train.inputs.dtype == (torch.int64 if kind in TOKENS else torch.float32)


@every_kind
def test_its_tensors_can_be_written_without_touching_files_or_caches(kind, arguments):
    before = DATASETS[kind](**arguments).train.inputs.clone()
    DATASETS[kind](**arguments).train.inputs.zero_()
    assert torch.equal(DATASETS[kind](**arguments).train.inputs, before)


@every_kind
def test_a_validation_split_can_be_held_out(kind, arguments):
    splits = DATASETS[kind](**arguments)
    count = splits.classes or 20
    held = hold_out(splits, count, seed=1)
    if kind in TOKENS:  # it brings its own, so that no piece is tested beside what was learnt
        assert held.validation is splits.validation
        return
    assert held.validation.targets.unique().numel() == count or splits.classes is None
    assert len(held.train) + len(held.validation) == len(splits.train)


@every_kind
def test_its_table_loads(kind, arguments):
    assert len(load_splits({"kind": kind, **arguments}, validation=0).train) == len(DATASETS[kind](**arguments).train)


@every_kind
def test_an_unknown_argument_is_refused(kind):
    with pytest.raises(SpecError, match=f"{kind} takes no key 'no_such_thing'"):
        load_splits({"kind": kind, "no_such_thing": 1})


@every_kind
def test_it_takes_keywords_of_types_that_can_be_looked_up(kind):
    signature = inspect.signature(DATASETS[kind])
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in signature.parameters.values())
    hints = typing.get_type_hints(DATASETS[kind])
    assert set(hints) == {*signature.parameters, "return"}
    assert hints["return"] is Splits


@every_kind
def test_it_is_documented(kind):
    lines = inspect.getdoc(DATASETS[kind])
    assert lines.splitlines()[0].endswith(".")
    assert "Examples:" in lines
    for name in inspect.signature(DATASETS[kind]).parameters:
        assert f"\n    {name}: " in lines


@every_kind
def test_files_that_are_not_there_are_named(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(idx_module, "_DEBIAN", tmp_path / "no-such-package")
    place = next((name for name in ("root", "path") if name in inspect.signature(DATASETS[kind]).parameters), None)
    if place is None:
        assert kind not in WRITERS
        return
    with pytest.raises(DataError, match="not-here") as caught:
        DATASETS[kind](**{place: str(tmp_path / "not-here")})
    assert isinstance(caught.value, InputError)
    assert list(tmp_path.iterdir()) == []


def test_cifars_bytes_are_three_planes_of_rows(tmp_path, monkeypatch):
    splits = DATASETS["cifar10"](**cifar10(tmp_path, monkeypatch))
    with open(tmp_path / "cifar-10-batches-py" / "last", "rb") as file:
        row = pickle.load(file)["data"][0]
    assert splits.test.inputs[0, 1, 2, 3] == row[1 * 1024 + 2 * 32 + 3]

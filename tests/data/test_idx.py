import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from clr_study.data.datasets import fashion_mnist, mnist
from clr_study.data.datasets import idx as module
from clr_study.data.datasets.idx import read_idx
from clr_study.errors import DataError

DEBIAN = module._DEBIAN
NAMES = [name for names in module._NAMES.values() for name in names]


def idx(array):
    """An array in the IDX format, written as its specification says."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_raw(folder, packed=False):
    """Four small files; the images of a split are told apart by their sum."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in zip(NAMES, (20, 20, 10, 10), strict=True):
        array = random.integers(0, 256, (count, 28, 28)) if "images" in name else np.arange(count) % 10
        content = idx(array)
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture
def no_debian(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_DEBIAN", tmp_path / "no-such-package")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("load", "name"), [(mnist, "MNIST"), (fashion_mnist, "FashionMNIST")])
def test_files_under_a_root_are_read_packed_or_not(tmp_path, load, name, packed):
    folder = write_raw(tmp_path / name / "raw", packed)
    splits = load(root=str(tmp_path))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28))
    assert np.array_equal(splits.train.inputs[:, 0].numpy(), pixels)
    assert splits.test.targets.tolist() == list(range(10))
    assert splits.note == f"{name} from {folder}"


def test_torchvision_reads_the_same(tmp_path):
    from torchvision.datasets import FashionMNIST

    write_raw(tmp_path / "FashionMNIST" / "raw")
    ours = fashion_mnist(root=str(tmp_path))
    for split, train in ((ours.train, True), (ours.test, False)):
        theirs = FashionMNIST(tmp_path, train=train)
        assert torch.equal(split.inputs[:, 0], theirs.data)
        assert torch.equal(split.targets, theirs.targets)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debians_package_stands_in_for_a_missing_root(tmp_path):
    splits = fashion_mnist(root=str(tmp_path / "absent"))
    assert str(DEBIAN) in splits.note
    assert splits.train.inputs.shape == (60_000, 1, 28, 28)
    assert splits.train.targets.bincount().tolist() == [6_000] * 10
    assert splits.test.targets.bincount().tolist() == [1_000] * 10
    # Mean and standard deviation as published for the training split: 0.2860 and 0.3530 of 255.
    pixels = splits.train.inputs.float() / 255
    assert pixels.mean().item() == pytest.approx(0.2860, abs=1e-4)
    assert pixels.std().item() == pytest.approx(0.3530, abs=1e-4)
    assert not (tmp_path / "absent").exists()


def test_a_complete_root_goes_before_debians_package(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_DEBIAN", write_raw(tmp_path / "debian"))
    ours = write_raw(tmp_path / "root" / "FashionMNIST" / "raw", packed=True)
    assert fashion_mnist(root=str(tmp_path / "root")).note.endswith(str(ours))
    (ours / f"{NAMES[1]}.gz").unlink()
    assert fashion_mnist(root=str(tmp_path / "root")).note.endswith(str(tmp_path / "debian"))


@pytest.mark.parametrize(("load", "name"), [(mnist, "MNIST"), (fashion_mnist, "FashionMNIST")])
def test_a_missing_root_is_named_with_its_mend(tmp_path, no_debian, load, name):
    with pytest.raises(DataError) as caught:
        load(root=str(tmp_path))
    message = str(caught.value)
    assert f"no {name} in '{tmp_path}/{name}/raw'" in message
    assert f"root = '{tmp_path}'" in message
    assert "`download = true` in the data table would fetch it" in message
    assert ("apt-get install dataset-fashion-mnist" in message) == (name == "FashionMNIST")
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(tmp_path):
    folder = write_raw(tmp_path / "MNIST" / "raw")
    (folder / NAMES[1]).unlink()
    with pytest.raises(DataError, match=rf"missing: {NAMES[1]}\)"):
        mnist(root=str(tmp_path))


def test_a_download_without_a_network_is_a_sentence(tmp_path, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])  # nothing listens on the discard port
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match=r"(?s)^cannot download MNIST \(.*refused.*\)\. Is this machine offline"):
        mnist(root=str(tmp_path), download=True)


def test_nothing_is_downloaded_that_is_there(tmp_path, monkeypatch):
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", [])
    write_raw(tmp_path / "MNIST" / "raw", packed=True)
    assert len(mnist(root=str(tmp_path), download=True).train) == 20


def test_unequal_images_and_labels_are_refused(tmp_path):
    folder = write_raw(tmp_path / "MNIST" / "raw")
    shutil.copy(folder / NAMES[3], folder / NAMES[1])
    with pytest.raises(DataError, match=r"holds 20 images, but .* 10 labels"):
        mnist(root=str(tmp_path))


def test_labels_beyond_the_classes_are_refused(tmp_path):
    folder = write_raw(tmp_path / "MNIST" / "raw")
    (folder / NAMES[1]).write_bytes(idx(np.arange(20)))
    with pytest.raises(DataError, match=r"MNIST in .*: the train targets run from 0 to 19, but 10 classes"):
        mnist(root=str(tmp_path))


WHOLE = idx(np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a", WHOLE[:-1], r"says shape \(2, 3, 4\), 24 bytes, but holds 23"),
        ("a", WHOLE + b"\0", "24 bytes, but holds 25"),
        ("a", b"", "no IDX file of unsigned bytes with 3 axes"),
        ("a", WHOLE[:7], "no IDX file"),
        ("a", bytes([0, 0, 13, 3]) + WHOLE[4:], "it starts with 0x00000d03"),
        ("a", idx(np.arange(24)), "it starts with 0x00000801"),
        ("a", bytes([0, 0, 8, 3]) + b"\xff" * 12, "but holds 0"),
        ("a", gzip.compress(WHOLE), "it starts with 0x1f8b"),
        ("a.gz", WHOLE, "cannot read .*Not a gzipped file"),
        ("a.gz", gzip.compress(WHOLE)[:-9], "cannot read .*a.gz"),
        ("a.gz", gzip.compress(WHOLE)[:-8] + b"\0" * 8, "cannot read .*CRC"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, axes=3)
    assert str(path) in str(caught.value)

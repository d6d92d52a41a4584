"""MNIST and Fashion-MNIST, read from the IDX files that torchvision, Debian and the authors distribute."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clr_study.data.datasets.registered import DATASETS
from clr_study.data.datasets.vision import download_failed, nothing_there
from clr_study.data.splits import Split, Splits
from clr_study.errors import DataError

# Where `apt-get install dataset-fashion-mnist` puts its files.
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_UNSIGNED_BYTES = 0x08


@DATASETS.add
def mnist(*, root: str = "data", download: bool = False) -> Splits:
    """Loads MNIST: 60,000 + 10,000 handwritten digits, 28x28 pixels, 10 classes.

    Args:
        root: The folder that holds `MNIST/raw/` with the four IDX files, as they are or with `.gz`.
        download: Whether torchvision may fetch what is missing.

    Raises:
        DataError: Files that are missing, damaged, or cannot be fetched.

    Examples:
        >>> mnist(root="elsewhere")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        clr_study.errors.DataError: no MNIST in 'elsewhere/MNIST/raw' (missing: train-images-idx3-ubyte, ...
    """
    return _load("MNIST", root, download, elsewhere=None)


@DATASETS.add
def fashion_mnist(*, root: str = "data", download: bool = False) -> Splits:
    """Loads Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28 pixels, 10 classes.

    Debian's package dataset-fashion-mnist is used where `root` has none.

    Args:
        root: The folder that holds `FashionMNIST/raw/` with the four IDX files, as they are or with `.gz`.
        download: Whether torchvision may fetch what is missing.

    Raises:
        DataError: Files that are missing, damaged, or cannot be fetched.

    Examples:
        A table of a study file::

            data = { kind = "fashion_mnist", root = "~/data", download = true }
    """
    return _load("FashionMNIST", root, download, elsewhere=_DEBIAN)


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Reads a file of unsigned bytes in the IDX format, unpacked if its name ends in `.gz`.

    The format: two zero bytes, 0x08 for unsigned bytes, the number of axes, each axis as a big-endian 32-bit
    integer, then the bytes.

    Args:
        path: The file.
        axes: How many axes it must have: 3 for images, 1 for labels.

    Raises:
        DataError: Not such a file, or one that is cut short or damaged.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read '{path}': {error}") from None
    start = 4 + 4 * axes
    if len(content) < start or content[:4] != bytes([0, 0, _UNSIGNED_BYTES, axes]):
        raise DataError(
            f"'{path}' is no IDX file of unsigned bytes with {axes} axes: it starts with 0x{content[:4].hex()}"
        )
    shape = [int(side) for side in np.frombuffer(content, dtype=">u4", count=axes, offset=4)]
    expected = math.prod(shape)
    if len(content) - start != expected:
        raise DataError(
            f"'{path}' says shape {tuple(shape)}, {expected} bytes, but holds {len(content) - start}; "
            "delete it and fetch it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def _load(name: str, root: str, download: bool, elsewhere: Path | None) -> Splits:
    raw = Path(root).expanduser() / name / "raw"
    folder = next((known for known in (raw, elsewhere) if known is not None and not _missing(known)), None)
    if folder is None:
        if not download:
            mend = "; so does `apt-get install dataset-fashion-mnist` on Debian" if elsewhere else ""
            raise nothing_there(name, raw, root, missing=", ".join(_missing(raw)), mend=mend)
        folder = _download(name, raw, root)
    train, test = _split(folder, "train"), _split(folder, "test")
    try:
        return Splits(train, None, test, classes=10, note=f"{name} from {folder}")
    except DataError as error:
        raise DataError(f"{name} in '{folder}': {error}") from None


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _missing(folder: Path) -> list[str]:
    return [name for names in _NAMES.values() for name in names if _find(folder, name) is None]


def _split(folder: Path, which: str) -> Split:
    images_path, labels_path = (_find(folder, name) or folder / name for name in _NAMES[which])
    images = torch.from_numpy(read_idx(images_path, axes=3))
    labels = torch.from_numpy(read_idx(labels_path, axes=1))
    if len(images) != len(labels):
        raise DataError(f"'{images_path}' holds {len(images)} images, but '{labels_path}' {len(labels)} labels")
    return Split(images[:, None], labels.long())


def _download(name: str, raw: Path, root: str) -> Path:
    from torchvision import datasets

    try:
        getattr(datasets, name)(Path(root).expanduser(), download=True)
    except (OSError, RuntimeError) as error:
        raise download_failed(name, raw, error) from None
    return raw

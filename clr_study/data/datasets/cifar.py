"""CIFAR-10 and CIFAR-100, as torchvision reads them.

The files are pickles, which can run code when they are read; torchvision compares their MD5 sums with the
published ones first, so nothing but the published files is ever unpickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from clr_study.data.datasets.registered import DATASETS
from clr_study.data.datasets.vision import download_failed, nothing_there
from clr_study.data.splits import Split, Splits
from clr_study.errors import DataError


@DATASETS.add
def cifar10(*, root: str = "data", download: bool = False) -> Splits:
    """Loads CIFAR-10: 50,000 + 10,000 photographs, 3x32x32 pixels, 10 classes.

    Args:
        root: The folder that holds `cifar-10-batches-py/`.
        download: Whether torchvision may fetch what is missing.

    Raises:
        DataError: Files that are missing, damaged, or cannot be fetched.

    Examples:
        >>> cifar10(root="elsewhere")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        clr_study.errors.DataError: no CIFAR-10 in 'elsewhere/cifar-10-batches-py' (missing: the folder): ...
    """
    return _load("CIFAR-10", "CIFAR10", "cifar-10-batches-py", 10, root, download)


@DATASETS.add
def cifar100(*, root: str = "data", download: bool = False) -> Splits:
    """Loads CIFAR-100: 50,000 + 10,000 photographs, 3x32x32 pixels, 100 classes.

    Args:
        root: The folder that holds `cifar-100-python/`.
        download: Whether torchvision may fetch what is missing.

    Raises:
        DataError: Files that are missing, damaged, or cannot be fetched.

    Examples:
        >>> cifar100(root="elsewhere")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        clr_study.errors.DataError: no CIFAR-100 in 'elsewhere/cifar-100-python' (missing: the folder): ...
    """
    return _load("CIFAR-100", "CIFAR100", "cifar-100-python", 100, root, download)


def _load(name: str, reader_name: str, base_folder: str, classes: int, root: str, download: bool) -> Splits:
    folder = Path(root).expanduser() / base_folder
    if not folder.is_dir() and not download:
        raise nothing_there(name, folder, root, missing="the folder")
    from torchvision import datasets

    reader = getattr(datasets, reader_name)
    if download:
        try:
            reader(folder.parent, download=True)
        except (OSError, RuntimeError) as error:
            raise download_failed(name, folder, error) from None
    bad = _damaged(reader, folder)
    if bad:
        raise DataError(
            f"{name} in '{folder}' is not as published: {', '.join(bad)} missing or with the wrong MD5 sum. "
            "Delete the folder and fetch it again, with `download = true` in the data table or by hand"
        )
    train, test = (_split(reader(folder.parent, train=train)) for train in (True, False))
    return Splits(train, None, test, classes=classes, note=f"{name} from {folder}")


def _damaged(reader: Any, folder: Path) -> list[str]:
    from torchvision.datasets.utils import check_integrity

    published = [*reader.train_list, *reader.test_list, (reader.meta["filename"], reader.meta["md5"])]
    return [name for name, md5 in published if not check_integrity(folder / name, md5)]


def _split(read: Any) -> Split:
    images = np.ascontiguousarray(read.data.transpose(0, 3, 1, 2))  # [N, 32, 32, 3] to [N, 3, 32, 32]
    return Split(torch.from_numpy(images), torch.tensor(read.targets, dtype=torch.int64))

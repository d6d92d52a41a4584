"""A user's own arrays in one .npz file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clr_study.data.datasets.registered import DATASETS, not_there
from clr_study.data.splits import Split, Splits
from clr_study.errors import DataError, SpecError, did_you_mean

Arrays = dict[str, NDArray[np.generic]]

_LARGEST = np.finfo(np.float32).max
_SUFFIXES = {"train": "", "validation": "_validation", "test": "_test"}
_NAMES = [side + suffix for suffix in _SUFFIXES.values() for side in "xy"]


@DATASETS.add
def npz(*, path: str, classes: int | None = None, regression: bool = False) -> Splits:
    """Loads arrays `x` and `y`, and where they stand `x_validation`, `y_validation`, `x_test`, `y_test`.

    uint8 inputs stay uint8; all others become float32. Integer targets are classes, floating ones are values to
    regress on. Images are [N, C, H, W].

    Args:
        path: The .npz file.
        classes: Number of classes; one more than the largest target if not given.
        regression: Whether integer targets are values all the same.

    Raises:
        DataError: A file that is missing or damaged, or arrays that do not fit.
        SpecError: Both `classes` and `regression`.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/mine.npz", x=np.eye(4), y=np.array([0, 1, 2, 1]))
        ...     splits = npz(path=f"{folder}/mine.npz")
        >>> splits.sample_shape, splits.classes, splits.train.targets.tolist()
        ((4,), 3, [0, 1, 2, 1])
    """
    if regression and classes is not None:
        raise SpecError(f"data set 'npz' takes either classes = {classes} or regression = true, not both")
    file = Path(path).expanduser()
    arrays = _read(file)
    pairs = {
        which: (arrays["x" + suffix], arrays["y" + suffix])
        for which, suffix in _SUFFIXES.items()
        if "x" + suffix in arrays
    }
    for which, (x, y) in pairs.items():
        _check_pair(file, _SUFFIXES[which], x, y)
    if not regression and all(y.dtype.kind in "biu" for _, y in pairs.values()):
        classes = _count_classes(file, [y for _, y in pairs.values()]) if classes is None else classes
    elif classes is not None:
        raise DataError(f"'{file}': classes = {classes} needs integer targets, but y is {pairs['train'][1].dtype}")
    splits = {
        which: _split(file, _SUFFIXES[which], x, y, regression=classes is None) for which, (x, y) in pairs.items()
    }
    try:
        return Splits(
            splits["train"], splits.get("validation"), splits.get("test"), classes=classes, note=f"arrays from {file}"
        )
    except DataError as error:
        raise DataError(f"'{file}': {error}") from None


def _read(file: Path) -> Arrays:
    if not file.is_file():
        raise not_there("file", file, "path must name an .npz file")
    try:
        if not zipfile.is_zipfile(file):
            raise zipfile.BadZipFile("no .npz, or one that was cut short")
        with np.load(file, allow_pickle=False) as archive:
            present = list(archive.keys())
            _check_names(file, present)
            return {name: archive[name] for name in _NAMES if name in present}
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(
            f"cannot read '{file}' as an .npz of plain arrays ({error}); write it with np.savez(path, x=x, y=y)"
        ) from None


def _check_names(file: Path, present: list[str]) -> None:
    for name in present:
        if name.lower().startswith(("x_", "y_")) and name not in _NAMES:
            raise DataError(f"'{file}' holds {name!r}, which is never read; {did_you_mean(name, _NAMES)}")
    for suffix in _SUFFIXES.values():
        pair = ["x" + suffix, "y" + suffix]
        missing = [name for name in pair if name not in present]
        if missing and (len(missing) == 1 or suffix == ""):
            raise DataError(f"'{file}' lacks {' and '.join(missing)}; it holds: {', '.join(present) or 'nothing'}")


def _check_pair(file: Path, suffix: str, x: NDArray[np.generic], y: NDArray[np.generic]) -> None:
    for name, array in (("x" + suffix, x), ("y" + suffix, y)):
        if array.dtype.kind not in "biuf":
            raise DataError(f"'{file}': {name} must hold numbers, but its dtype is {array.dtype}")
        if array.ndim == 0 or len(array) == 0:
            raise DataError(f"'{file}': {name} holds no samples: its shape is {array.shape}")
        bad = 0 if array.dtype.kind != "f" else int(np.count_nonzero(~(np.abs(array) <= _LARGEST)))
        if bad:
            raise DataError(
                f"'{file}': {name} holds {bad} values of {array.size} that are NaN, infinite or beyond float32"
            )
    if len(x) != len(y):
        raise DataError(f"'{file}': x{suffix} and y{suffix} differ in length: shapes {x.shape} and {y.shape}")
    if x.ndim == 1:
        raise DataError(f"'{file}': x{suffix} has shape {x.shape}; a single feature is [N, 1]")


def _count_classes(file: Path, targets: list[NDArray[np.generic]]) -> int:
    highest = max(int(y.max()) for y in targets)
    if not 1 <= highest < len(targets[0]):
        raise DataError(
            f"'{file}': integer y are classes 0, 1, 2, ..., but the highest of {len(targets[0])} is {highest}; "
            "number the classes from 0, or give classes, or regression = true"
        )
    return highest + 1


def _split(file: Path, suffix: str, x: NDArray[np.generic], y: NDArray[np.generic], regression: bool) -> Split:
    inputs = torch.from_numpy(x if x.dtype == np.uint8 else x.astype(np.float32))
    if regression and y.ndim <= 2:
        return Split(inputs, torch.from_numpy(y.astype(np.float32)))
    if y.ndim == 1:
        return Split(inputs, torch.from_numpy(y.astype(np.int64)))
    mend = "regression takes [N] or [N, D]" if regression else "classes are [N]; one-hot rows want argmax(axis=1)"
    raise DataError(f"'{file}': y{suffix} has shape {y.shape}; {mend}")

"""Any folder of images, decoded once."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clr_study.data.datasets.decode import decode, image_sizes
from clr_study.data.datasets.listing import Listing, list_images
from clr_study.data.datasets.registered import DATASETS, not_there
from clr_study.data.splits import Split, Splits
from clr_study.data.stream import ImageFiles
from clr_study.errors import DataError, SpecError

_TRAIN, _TEST = "train", "test"
_LARGE = 64
_CACHE_NAME = ".clr_study_cache"


@DATASETS.add
def image_folder(
    *,
    root: str,
    size: int | None = None,
    test: str = _TEST,
    train: str = _TRAIN,
    cache: str | None = None,
    stream: bool = False,
) -> Splits:
    """Loads `<root>/train/<class>/*` and `<root>/test/<class>/*`, or `<root>/<class>/*` without a test split.

    Classes, order and pixels are those of torchvision's ImageFolder, RGB throughout; names that start with a dot
    are passed over. The images are decoded once and kept as a uint8 array, which is made anew when a file's path,
    size or time of change differs.

    Args:
        root: The folder.
        size: Side of the square images that come out: the shorter side is resized to it, then the centre is cut
            out. Needed if images differ in size.
        test: Name of the folder of the test split; only the usual name may be missing.
        train: Name of the folder of the training split; only the usual name may be missing.
        cache: Folder for the decoded arrays. If not given, `.clr_study_cache` in `root` where that holds splits and can
            be written, else `~/.cache/clr_study`.
        stream: Whether the images stay in their files and are decoded batch by batch, for sets that do not fit the
            memory. Needs a size; no array is kept.

    Raises:
        DataError: A missing folder, an empty class, classes that differ between train and test, images that are
            unreadable or differ in size, a cache folder that cannot be written.
        SpecError: A size below 1, or none to stream at.

    Examples:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("black", "white"):
        ...         Path(root, name).mkdir()
        ...         Image.new("RGB", (6, 4), name).save(Path(root, name, "0.png"))
        ...     splits = image_folder(root=root, cache=f"{root}/.cache")
        >>> splits.sample_shape, splits.train.inputs[:, 0, 0, 0].tolist(), splits.train.targets.tolist()
        ((3, 4, 6), [0, 255], [0, 1])
    """
    if size is not None and size < 1:
        raise SpecError(f"data set 'image_folder': size must be >= 1 pixel, but got {size}")
    folder = Path(root).expanduser()
    if stream and (size is None or cache is not None):
        raise SpecError("data set 'image_folder': stream = true needs a size, as in size = 224, and keeps no cache")
    listings = _list_splits(folder, train, test)
    if stream:
        return _splits(listings, {which: _files(listing, size) for which, listing in listings.items()}, folder, size)
    name = _digest(str(folder.resolve()), train, test, size)[:16]
    stores = _cache_folders(folder, cache, classes_in_root=listings["train"].folder == folder)
    fingerprint = _digest(*(listing.fingerprint() for listing in listings.values()))
    images = _cached(stores, name, fingerprint, listings)
    if images is None:
        images = {
            which: decode([listing.folder / path for path in listing.paths], size, f"decoding {which} images")
            for which, listing in listings.items()
        }
        _keep(stores, name, fingerprint, images, asked_for=cache)
    return _splits(listings, {which: torch.from_numpy(pixels) for which, pixels in images.items()}, folder, size)


def _files(listing: Listing, size: int | None) -> ImageFiles:
    assert size is not None
    return ImageFiles((listing.folder / path for path in listing.paths), size)


def _splits(
    listings: Mapping[str, Listing], inputs: Mapping[str, Tensor | ImageFiles], folder: Path, size: int | None
) -> Splits:
    splits = {
        which: Split(inputs[which], torch.tensor(listing.labels, dtype=torch.int64))
        for which, listing in listings.items()
    }
    note = f"images of {folder}" + ("" if size is None else f", {size}x{size}")
    return Splits(splits["train"], None, splits.get("test"), classes=len(listings["train"].classes), note=note)


def folder_table(root: str) -> dict[str, str | int]:
    """Returns the `data` table of a study file for a folder of images.

    If the images differ in size, the table asks for squares: as large as the smallest image, 64 pixels at most.

    Args:
        root: The folder, as the table is to name it.

    Raises:
        DataError: The folder is not laid out as `image_folder` needs it.

    Examples:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name, width in (("a", 40), ("b", 80)):
        ...         Path(root, name).mkdir()
        ...         Image.new("RGB", (width, 50)).save(Path(root, name, "0.png"))
        ...     table = folder_table(root)
        >>> table["kind"], table["size"]
        ('image_folder', 40)
    """
    listings = _list_splits(Path(root).expanduser(), _TRAIN, _TEST)
    sizes = image_sizes([listing.folder / path for listing in listings.values() for path in listing.paths])
    table: dict[str, str | int] = {"kind": "image_folder", "root": root}
    return table if len(sizes) == 1 else {**table, "size": min([_LARGE, *map(min, sizes)])}


def _list_splits(folder: Path, train: str, test: str) -> dict[str, Listing]:
    if not folder.is_dir():
        raise not_there("folder", folder, "root must be a folder of images")
    for key, name, usual in (("train", train, _TRAIN), ("test", test, _TEST)):
        if name != usual and not (name and (folder / name).is_dir()):
            raise DataError(f"no folder {name!r} in '{folder}', where {key} = {name!r} must be one")
    if train == test:
        raise DataError(f"train and test are the same folder {train!r} of '{folder}'; the test split must be another")
    if not (folder / train).is_dir():
        if (folder / test).is_dir():
            raise DataError(f"'{folder}' has a folder {test!r} but no {train!r}; give train = its name")
        return {"train": list_images(folder)}
    listings = {"train": list_images(folder / train)}
    if (folder / test).is_dir():
        listings["test"] = list_images(folder / test)
        ours, theirs = (set(listing.classes) for listing in listings.values())
        if ours != theirs:
            only = [f"{name!r} only in {train!r}" for name in sorted(ours - theirs)]
            only += [f"{name!r} only in {test!r}" for name in sorted(theirs - ours)]
            raise DataError(f"'{folder}': the class folders differ: {', '.join(only)}")
    return listings


def cache_folder() -> Path:
    """Returns the user's folder for what takes time to make again, which may not be there yet.

    Examples:
        >>> cache_folder().name
        'clr_study'
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "clr_study"


def _cache_folders(folder: Path, cache: str | None, classes_in_root: bool) -> list[Path]:
    if cache is not None:
        return [Path(cache).expanduser()]
    home = cache_folder()
    # A folder of ours among the classes would be taken for one by torchvision's ImageFolder, in the user's own script.
    return [home] if classes_in_root else [folder / _CACHE_NAME, home]


def _cached(
    stores: list[Path], name: str, fingerprint: str, listings: dict[str, Listing]
) -> dict[str, NDArray[np.uint8]] | None:
    """Returns the decoded arrays if a whole and current copy is kept somewhere."""
    for store in stores:
        try:
            with open(store / f"{name}.npz", "rb") as file, np.load(file, allow_pickle=False) as kept:
                if str(kept["fingerprint"]) == fingerprint:
                    return {which: kept[which] for which in listings}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            continue  # none there, or a damaged one: the checksums of the zip format tell
    return None


def _keep(
    stores: list[Path], name: str, fingerprint: str, images: dict[str, NDArray[np.uint8]], asked_for: str | None
) -> None:
    """Writes the arrays to the first folder that takes them, whole or not at all."""
    reason: OSError | None = None
    for store in stores:
        try:
            store.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=store) as scratch:
                unfinished = Path(scratch, "images.npz")
                np.savez(unfinished, fingerprint=np.array(fingerprint), **images)  # type: ignore[arg-type]
                os.replace(unfinished, store / f"{name}.npz")
            return
        except OSError as error:
            reason = error
    if asked_for is not None:
        raise DataError(f"cannot keep the decoded images in cache = {asked_for!r}: {reason}")


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

"""Which images a folder holds, and which class each belongs to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

from clr_study.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of one split, sorted by class and then by path, as torchvision's ImageFolder sorts them.

    Args:
        folder: What holds the class folders.
        classes: Their names, sorted.
        paths: Every image, relative to `folder`.
        labels: The class of every image, as an index into `classes`.
    """

    folder: Path
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]

    def fingerprint(self) -> str:
        """Returns a hash of every image's path, size and time of change: what a cached copy must agree with."""
        states = [os.stat(self.folder / path) for path in self.paths]
        entries = [(path, state.st_size, state.st_mtime_ns) for path, state in zip(self.paths, states, strict=True)]
        return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def list_images(folder: Path) -> Listing:
    """Lists `<folder>/<class>/**/<image>`; names that start with a dot are passed over.

    Args:
        folder: What holds one folder per class.

    Raises:
        DataError: Fewer than two class folders, or one without images.
    """
    classes = tuple(sorted(entry.name for entry in os.scandir(folder) if _is_class(entry)))
    if len(classes) < 2:
        found = f"only '{classes[0]}'" if classes else "none"
        raise DataError(f"'{folder}' must hold a folder of images for each of two or more classes, but has {found}")
    paths: list[str] = []
    labels: list[int] = []
    empty = []
    for label, name in enumerate(classes):
        images = _images_below(folder / name)
        if not images:
            empty.append(name)
        paths += [os.path.relpath(image, folder) for image in images]
        labels += [label] * len(images)
    if empty:
        raise DataError(
            f"no image in class folder {', '.join(repr(str(folder / name)) for name in empty)}; "
            f"known endings are: {' '.join(EXTENSIONS)}"
        )
    return Listing(folder, classes, tuple(paths), tuple(labels))


def _is_class(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _images_below(folder: Path) -> list[str]:
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        kept = sorted(n for n in names if n.lower().endswith(EXTENSIONS) and not n.startswith("."))
        found.append((parent, kept))
    return [os.path.join(parent, name) for parent, names in sorted(found) for name in names]

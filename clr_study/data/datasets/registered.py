"""The registry of data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clr_study.data.splits import Splits
from clr_study.errors import DataError
from clr_study.registry import Registry

DATASETS: Registry[Callable[..., Splits]] = Registry("data set")
add = DATASETS.add


def not_there(noun: str, path: Path, wanted: str) -> DataError:
    """Returns what is raised where a path leads nowhere: such a path is most often meant from another folder.

    Args:
        noun: What was looked for: `folder`.
        path: As it was given.
        wanted: What its key takes: `root must be a folder of images`.
    """
    where = f"looked for at '{path.resolve()}': a path goes from the folder in which you call"
    return DataError(f"no {noun} '{path}' ({where}): {wanted}")

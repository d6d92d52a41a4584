"""Data sets as tensors, and the randomness that is drawn around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clr_study.on_demand import on_demand

if TYPE_CHECKING:
    from clr_study.data.augment import AUGMENTATIONS, Augmentation, Crop, Cutout, Flip, Window, augmentation_from_dict
    from clr_study.data.datasets import DATASETS, cache_folder, folder_table
    from clr_study.data.datasets.registered import add
    from clr_study.data.given import splits_of
    from clr_study.data.load import load_splits
    from clr_study.data.normalise import Normaliser
    from clr_study.data.order import batch_indices, generator, permutation, replicate_seeds
    from clr_study.data.splits import Split, Splits, hold_out
    from clr_study.data.stream import ImageFiles

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "Augmentation",
    "Crop",
    "Cutout",
    "Flip",
    "ImageFiles",
    "Normaliser",
    "Split",
    "Splits",
    "Window",
    "add",
    "augmentation_from_dict",
    "batch_indices",
    "cache_folder",
    "folder_table",
    "generator",
    "hold_out",
    "load_splits",
    "permutation",
    "replicate_seeds",
    "splits_of",
]

_HOMES = {
    "datasets.registered": {"add"},
    "augment": {"AUGMENTATIONS", "Augmentation", "Crop", "Cutout", "Flip", "Window", "augmentation_from_dict"},
    "datasets": {"DATASETS", "cache_folder", "folder_table"},
    "given": {"splits_of"},
    "load": {"load_splits"},
    "normalise": {"Normaliser"},
    "order": {"batch_indices", "generator", "permutation", "replicate_seeds"},
    "splits": {"Split", "Splits", "hold_out"},
    "stream": {"ImageFiles"},
}


def __getattr__(name: str) -> Any:
    # Whoever only needs `order` does not wait seconds for torch.
    return on_demand(__name__, _HOMES, name)

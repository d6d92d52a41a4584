"""Tables from scikit-learn that need no download: one to regress on, one with two classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from clr_study.data.datasets.registered import DATASETS
from clr_study.data.order import permutation
from clr_study.data.splits import Split, Splits, stratified


@DATASETS.add
def diabetes() -> Splits:
    """Loads scikit-learn's 442 diabetes patients: 10 measurements, and the progression of the disease a year later.

    The target is in standard deviations of the training samples from their mean, so that a network need not learn its
    scale: 1 is what guessing the mean gives as rmse. A fixed fifth is the test split.

    Examples:
        >>> splits = diabetes()
        >>> len(splits.train), len(splits.test), splits.sample_shape, splits.classes, splits.outputs
        (354, 88, (10,), None, 1)
    """
    from sklearn.datasets import load_diabetes

    inputs, progression = load_diabetes(return_X_y=True)
    test = np.sort(permutation(0, 0, "diabetes test split", len(inputs))[: len(inputs) // 5])
    train = np.setdiff1d(np.arange(len(inputs)), test, assume_unique=True)
    targets = (progression - progression[train].mean()) / progression[train].std()
    return _splits(inputs, torch.from_numpy(targets.astype(np.float32)), test, None, "scikit-learn's diabetes")


@DATASETS.add
def breast_cancer() -> Splits:
    """Loads scikit-learn's 569 breast tumours: 30 measurements of cell nuclei, malignant (0) or benign (1).

    A fixed fifth, stratified by class, is the test split.

    Examples:
        >>> splits = breast_cancer()
        >>> len(splits.train), len(splits.test), splits.sample_shape, splits.classes
        (456, 113, (30,), 2)
    """
    from sklearn.datasets import load_breast_cancer

    inputs, labels = load_breast_cancer(return_X_y=True)
    test = stratified(labels, len(labels) // 5, seed=0, purpose="breast cancer test split")
    return _splits(inputs, torch.from_numpy(labels.astype(np.int64)), test, 2, "scikit-learn's breast cancer")


def _splits(
    inputs: NDArray[np.float64], targets: torch.Tensor, test: NDArray[np.int64], classes: int | None, note: str
) -> Splits:
    everything = Split(torch.from_numpy(inputs.astype(np.float32)), targets)
    train = np.setdiff1d(np.arange(len(inputs)), test, assume_unique=True)
    return Splits(everything.take(train), None, everything.take(test), classes=classes, note=note)

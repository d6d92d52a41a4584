"""Data sets that need no files: scikit-learn's digits and a synthetic problem."""

from __future__ import annotations

import math

import numpy as np
import torch

from clr_study.data.datasets.registered import DATASETS
from clr_study.data.order import generator
from clr_study.data.splits import Split, Splits, stratified
from clr_study.errors import SpecError


@DATASETS.add
def digits() -> Splits:
    """Loads scikit-learn's 1,797 handwritten digits, 8x8 pixels, 10 classes; nothing is downloaded.

    Pixels, 0 to 16 in the source, are stored times 15, so that white is 240. A fixed fifth, stratified by class,
    is the test split.

    Examples:
        >>> splits = digits()
        >>> len(splits.train), len(splits.test), splits.sample_shape, splits.classes
        (1438, 359, (1, 8, 8), 10)
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy((pixels * 15).astype(np.uint8)).reshape(-1, 1, 8, 8)
    everything = Split(inputs, torch.from_numpy(labels.astype(np.int64)))
    test = stratified(labels, len(labels) // 5, seed=0, purpose="digits test split")
    train = np.setdiff1d(np.arange(len(labels)), test, assume_unique=True)
    return Splits(everything.take(train), None, everything.take(test), classes=10, note="scikit-learn's digits")


@DATASETS.add
def synthetic(
    *,
    samples: int = 2000,
    features: int = 20,
    shape: tuple[int, ...] | None = None,
    classes: int = 4,
    noise: float = 1.0,
    seed: int = 0,
) -> Splits:
    """Draws Gaussian blobs, two to a class on opposite sides of the origin, so that no linear model parts the classes.

    A sample of class c is `sign * centre[c] + noise * n`, with centres and n from a standard normal and the sign +1
    or -1 in turn. Classes are balanced.

    Args:
        samples: Samples in all; the last fifth is the test split.
        features: Length of a sample.
        shape: Shape of a sample in place of `features`: (3, 8, 8).
        classes: Number of classes, >= 2.
        noise: Standard deviation within a blob, >= 0, where that of the centres is 1.
        seed: Fixes centres and samples.

    Raises:
        SpecError: A value outside its bounds.

    Examples:
        >>> splits = synthetic(samples=100, shape=(1, 4, 4), classes=2)
        >>> len(splits.train), len(splits.test), splits.sample_shape
        (80, 20, (1, 4, 4))
    """
    sample_shape = (features,) if shape is None else tuple(shape)
    if not sample_shape or min(sample_shape) < 1:
        raise SpecError(f"data set 'synthetic': every side of a sample must be >= 1, but got {sample_shape}")
    if classes < 2:
        raise SpecError(f"data set 'synthetic': classes must be >= 2, but got {classes}")
    if samples < 10 * classes:
        raise SpecError(f"data set 'synthetic': samples must be >= 10 a class = {10 * classes}, but got {samples}")
    if not (noise >= 0 and math.isfinite(noise)):
        raise SpecError(f"data set 'synthetic': noise must be finite and >= 0, but got {noise}")
    random = generator(seed, 0, "synthetic")
    centres = random.standard_normal((classes, *sample_shape), dtype=np.float32)
    blobs = np.concatenate([centres, -centres])
    blob = np.arange(samples) % len(blobs)
    inputs = blobs[blob] + np.float32(noise) * random.standard_normal((samples, *sample_shape), np.float32)
    everything = Split(torch.from_numpy(inputs), torch.from_numpy(blob % classes))
    first_test = samples - samples // 5
    train, test = everything.take(np.arange(first_test)), everything.take(np.arange(first_test, samples))
    return Splits(train, None, test, classes=classes, note=f"synthetic: {classes} classes of 2 Gaussian blobs each")

"""What a study may do to its training split: keep a part of it, and replace a part of its labels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch

from clr_study.data.order import generator, permutation
from clr_study.data.splits import Splits, stratified
from clr_study.errors import DataError, SpecError


def keep_part(splits: Splits, part: float | int, seed: int) -> Splits:
    """Keeps a part of the training split, class by class in proportion; validation and test stay whole.

    Args:
        splits: The data, the validation split held out already, so that it is the same for every part.
        part: A fraction in (0, 1], or a number of training samples; 1.0 keeps all.
        seed: Fixes who stays; the same for all runs of a study.

    Raises:
        SpecError: `part` is neither a fraction nor a count.
        DataError: There are fewer samples than that, or fewer than one a class would stay.

    Examples:
        >>> from clr_study.data import Split
        >>> data = Splits(Split(torch.zeros(8, 2), torch.tensor([0, 1] * 4)), None, None, classes=2)
        >>> sorted(keep_part(data, 0.5, seed=0).train.targets.tolist())
        [0, 0, 1, 1]
    """
    if isinstance(part, float) and part == 1:
        return splits
    train, samples = splits.train, len(splits.train)
    if isinstance(part, bool) or not math.isfinite(part) or part <= 0 or (isinstance(part, float) and part > 1):
        raise SpecError(f"[data] subset = {part!r} must be a fraction in (0, 1] or a number of training samples")
    count = round(part * samples) if isinstance(part, float) else part
    classes = 1 if splits.classes is None else len(torch.unique(train.targets))
    if not classes <= count <= samples:
        raise DataError(
            f"[data] subset = {part} keeps {count} of {samples} training samples; it must keep {classes} to {samples}"
        )
    if splits.classes is None or count > samples - classes:
        chosen = np.sort(permutation(seed, 0, "subset", samples)[:count])
    else:
        chosen = stratified(train.targets.numpy(), count, seed, "subset")
    return dataclasses.replace(splits, train=train.take(chosen))


def add_label_noise(splits: Splits, noise: float, seed: int) -> Splits:
    """Replaces a fraction of the training labels by another class each; validation and test stay clean.

    Exactly `round(noise * N)` labels change, each to one of the other classes with equal probability (symmetric
    noise). Who changes follows from a counter: with less noise fewer of the same labels change, each to the same one.

    Args:
        splits: The data, the validation split held out already, so that its labels stay.
        noise: The fraction, in [0, 1).
        seed: Fixes which labels change and to what; the same for all runs of a study.

    Raises:
        SpecError: The fraction is out of bounds.
        DataError: The targets are no classes, or there is no other class.

    Examples:
        >>> from clr_study.data import Split
        >>> data = Splits(Split(torch.zeros(8, 2), torch.tensor([0, 1] * 4)), None, None, classes=2)
        >>> noisy = add_label_noise(data, 0.25, seed=0)
        >>> int((noisy.train.targets != data.train.targets).sum())
        2
    """
    if noise == 0:
        return splits
    if not 0 < noise < 1:
        raise SpecError(f"[data] label_noise must lie in [0, 1), as in 0.2 for a fifth, but got {noise!r}")
    if splits.classes is None or splits.classes < 2:
        raise DataError("[data] label_noise replaces classes by others, but these data have no two classes")
    samples, classes = len(splits.train), splits.classes
    changed = torch.from_numpy(permutation(seed, 0, "label noise", samples)[: round(noise * samples)])
    # Drawn for all samples, so that what one gets does not depend on how many change.
    steps = generator(seed, 0, "noisy label").integers(1, classes, size=samples)
    targets = splits.train.targets.clone()
    targets[changed] = (targets[changed] + torch.from_numpy(steps)[changed]) % classes
    return dataclasses.replace(splits, train=dataclasses.replace(splits.train, targets=targets))

"""Randomness as an input: every random number is a function of a seed, a counter and a purpose.

Nothing here keeps a state, so a resumed run draws what an uninterrupted one draws, a lane of a fused batch what a
plain run draws, and all arms of a study see the same batches. Numpy only: whoever plans runs needs no torch.
"""

from __future__ import annotations

import functools
import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from clr_study.errors import DataError

# Part of every hash: changing it changes every order, split and seed that was ever drawn.
_VERSION = 1
_SEED_BITS = 31


def _digest(*parts: int | str) -> bytes:
    """Hashes the parts; JSON keeps ("a", "bc") and ("ab", "c") apart."""
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).digest()


def _philox(seed: int, counter: int, purpose: str) -> np.random.Philox:
    words = np.frombuffer(_digest(int(seed), int(counter), purpose)[:16], dtype="<u8")
    return np.random.Philox(key=words.astype(np.uint64))


def generator(seed: int, counter: int, purpose: str) -> np.random.Generator:
    """Returns the generator that belongs to a seed, a counter and a purpose.

    Args:
        seed: The replicate seed.
        counter: The update or the epoch that the numbers are for.
        purpose: What they are for: `"crop"`, `"dropout"`. Two purposes never share numbers.

    Examples:
        >>> generator(1, 7, "flip").integers(0, 2, size=8)
        array([0, 1, 1, 1, 0, 1, 1, 1])
        >>> generator(1, 7, "flip").integers(0, 2, size=8)
        array([0, 1, 1, 1, 0, 1, 1, 1])
    """
    return np.random.Generator(_philox(seed, counter, purpose))


def permutation(seed: int, counter: int, purpose: str, size: int) -> NDArray[np.int64]:
    """Returns a random order of `range(size)`.

    It sorts raw Philox words, whose stream numpy promises to keep, where `Generator.permutation` may change
    between versions of numpy.

    Args:
        seed: The replicate seed.
        counter: The update or the epoch that the order is for.
        purpose: What it is for: `"order"`, `"validation"`.
        size: Number of items, >= 0.

    Examples:
        >>> permutation(1, 0, "order", 6)
        array([0, 4, 1, 2, 5, 3])
    """
    return np.argsort(_philox(seed, counter, purpose).random_raw(size), kind="stable").astype(np.int64)


# A fused batch asks for the same few epochs in many short pieces.
@functools.lru_cache(maxsize=16)
def _epoch_order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    order = permutation(seed, epoch, "order", samples)
    order.flags.writeable = False
    return order


def batch_indices(seed: int, start: int, stop: int, samples: int, batch_size: int) -> NDArray[np.int64]:
    """Returns the training samples of the updates `start` to `stop - 1`.

    Epoch e is update // (samples // batch_size). Each epoch has its own order, cut into whole batches; what is
    left over at its end is dropped.

    Args:
        seed: The replicate seed.
        start: First update, >= 0.
        stop: One past the last update, >= start.
        samples: Size of the training split.
        batch_size: Samples per update, from 1 to `samples`.

    Returns:
        Indices [stop - start, batch_size].

    Raises:
        DataError: A batch is larger than the training split.
        ValueError: Updates that run backwards or start below 0.

    Examples:
        >>> batch_indices(seed=1, start=0, stop=3, samples=6, batch_size=2)
        array([[0, 4],
               [1, 2],
               [5, 3]])
        >>> batch_indices(seed=1, start=2, stop=4, samples=6, batch_size=2)[0]  # any piece is the same
        array([5, 3])
    """
    if not 0 <= start <= stop:
        raise ValueError(f"`0 <= start <= stop` must hold, but got (start={start}, stop={stop})")
    if not 1 <= batch_size <= samples:
        raise DataError(
            f"batch_size = {batch_size} does not fit a training split of {samples} samples: "
            f"give a batch_size from 1 to {samples}"
        )
    updates_per_epoch = samples // batch_size
    indices = np.empty((stop - start, batch_size), dtype=np.int64)
    update = start
    while update < stop:
        epoch, first = divmod(update, updates_per_epoch)
        count = min(updates_per_epoch - first, stop - update)
        order = _epoch_order(int(seed), epoch, samples)
        piece = order[first * batch_size : (first + count) * batch_size]
        indices[update - start : update - start + count] = piece.reshape(count, batch_size)
        update += count
    return indices


def replicate_seeds(study: str, base_seed: int, phase: str, count: int) -> tuple[int, ...]:
    """Returns the distinct replicate seeds of a phase; asking for more only appends to them.

    All arms of a study share them, so that differences between arms are paired.

    Args:
        study: Name of the study.
        base_seed: The seed in the study file.
        phase: `"search"` or `"measure"`; two phases have seeds of their own.
        count: How many, >= 0.

    Returns:
        Integers in [0, 2**31).

    Examples:
        >>> replicate_seeds("quickstart", 1, "measure", 3)
        (1571925281, 1387918180, 1031056662)
        >>> replicate_seeds("quickstart", 1, "measure", 2)
        (1571925281, 1387918180)
    """
    seeds: dict[int, None] = {}
    tried = 0
    while len(seeds) < count:
        digest = _digest(study, int(base_seed), phase, tried)
        seeds.setdefault(int.from_bytes(digest[:8], "little") % 2**_SEED_BITS)
        tried += 1
    return tuple(seeds)

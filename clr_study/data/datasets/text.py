"""Text as characters: a model reads a piece and says at each place which character comes next."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from clr_study.data.datasets.registered import DATASETS, not_there
from clr_study.data.splits import Split, Splits
from clr_study.errors import DataError, SpecError


@DATASETS.add
def text(*, path: str, context: int = 64, characters: int | None = None) -> Splits:
    """Loads a UTF-8 text file as pieces of `context` characters; the target of each is the one that follows.

    The first eight tenths of the text are the training split, the next tenth is the validation split and the last one
    the test split, so that nothing is tested on what stands beside what was learnt. A class is a character of the text.

    ```toml
    data = { kind = "text", path = "shakespeare.txt" }
    ```

    Args:
        path: The file.
        context: Characters in a piece, >= 2.
        characters: How many are read, from the beginning; None for all.

    Raises:
        DataError: The file is missing, is no text, or is too short.
        SpecError: `context` or `characters` is out of bounds.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "mine.txt")
        ...     _ = file.write_text("abcd" * 100)
        ...     splits = text(path=str(file), context=4)
        >>> splits.classes, len(splits.train), len(splits.validation), len(splits.test)
        (4, 79, 9, 9)
        >>> splits.train.inputs[0].tolist(), splits.train.targets[0].tolist()
        ([0, 1, 2, 3], [1, 2, 3, 0])
    """
    file = Path(path).expanduser()
    try:
        content = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise not_there("file", file, "path must name a text file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read '{file}' as a UTF-8 text: {error}") from None
    return _pieces(content, context, characters, f"'{file}'")


@DATASETS.add
def python_topics(*, context: int = 64, characters: int = 200_000) -> Splits:
    """Loads the help topics that come with Python as `text` does: prose and code that need no download.

    They differ a little from one version of Python to the next, and so does what is measured on them.

    Args:
        context: Characters in a piece, >= 2.
        characters: How many are read, from the beginning.

    Raises:
        SpecError: `context` or `characters` is out of bounds.

    Examples:
        >>> splits = python_topics(characters=10_000, context=50)
        >>> len(splits.train), splits.sample_shape, splits.train.targets.shape[1]
        (159, (50,), 50)
    """
    from pydoc_data.topics import topics

    content = "".join(topics[name] for name in sorted(topics))
    return _pieces(content, context, characters, "the help topics of Python")


def _pieces(content: str, context: int, characters: int | None, where: str) -> Splits:
    if context < 2:
        raise SpecError(f"context must be >= 2, but got {context}")
    if characters is not None and characters < 1:
        raise SpecError(f"characters must be >= 1, but got {characters}")
    content = content[:characters]
    known, tokens = np.unique(np.array(list(content)), return_inverse=True)
    edges = [0, int(0.8 * len(tokens)), int(0.9 * len(tokens)), len(tokens)]
    parts = [tokens[first:last].astype(np.int64) for first, last in pairwise(edges)]
    if min(len(part) for part in parts) <= context or len(known) < 2:
        raise DataError(
            f"{where} has {len(content)} characters, {len(known)} different ones; a tenth of it must be longer than a "
            f"piece of context = {context}"
        )
    train, validation, test = (_split(part, context) for part in parts)
    return Splits(train, validation, test, classes=len(known), note=f"characters of {where}")


def _split(tokens: np.ndarray, context: int) -> Split:
    count = (len(tokens) - 1) // context
    inputs = tokens[: count * context].reshape(count, context)
    targets = tokens[1 : count * context + 1].reshape(count, context)
    return Split(torch.from_numpy(inputs.copy()), torch.from_numpy(targets.copy()))

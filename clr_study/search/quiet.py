"""What Optuna warns of and whoever runs a study can do nothing about: experimental parts, a progress bar not shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

with warnings.catch_warnings():
    # In a notebook without ipywidgets, importing Optuna's progress bar warns; nothing here shows that bar.
    warnings.filterwarnings("ignore", "IProgress not found")
    import optuna.study


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps the warnings of experimental parts, and no others, out of a block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield

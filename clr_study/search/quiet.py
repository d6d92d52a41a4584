"""Optuna warns of its experimental parts at every use; whoever runs a study can do nothing about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import ExperimentalWarning


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps those warnings, and no others, out of a block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield

"""Optuna's own tables, in the storage beside ours."""

from __future__ import annotations

import optuna
from optuna.storages import RDBStorage

from clr_study.errors import StorageError
from clr_study.store import engine_options, patiently


def optuna_storage(url: str) -> RDBStorage:
    """Opens Optuna's own tables in a storage, and makes them where there are none.

    Args:
        url: The storage's URL, password included.

    Raises:
        StorageError: They are of an Optuna that this one cannot work with, or the database did not answer.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings of lost connections are mended here
    try:
        return patiently(url, lambda: RDBStorage(url, engine_kwargs=engine_options(url)))
    except RuntimeError as error:
        if "compatible with the table schema" not in str(error):
            raise
        raise StorageError(
            "the storage holds Optuna's tables in a version that the installed Optuna cannot use; "
            "install the Optuna that made them, or give another --storage"
        ) from None

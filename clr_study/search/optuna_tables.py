"""Optuna's own tables, in the storage beside ours."""

from __future__ import annotations

from collections.abc import Iterable

import optuna
from optuna.storages import BaseStorage, RDBStorage

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


def arm_studies(storage: BaseStorage, study: str, arms: Iterable[str]) -> dict[str, optuna.Study]:
    """Returns the Optuna study of each arm that has one: those that were searched.

    Args:
        storage: Optuna's storage.
        study: The study's name.
        arms: Names of its arms.
    """
    known = {found.study_name for found in storage.get_all_studies()}
    names = {arm: f"{study}/{arm}" for arm in arms}
    return {arm: optuna.load_study(study_name=name, storage=storage) for arm, name in names.items() if name in known}

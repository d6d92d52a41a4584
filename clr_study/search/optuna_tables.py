"""Optuna's own tables, in the storage beside ours."""

from __future__ import annotations

from collections.abc import Iterable

import optuna
from optuna.storages import BaseStorage, RDBStorage

from clr_study.errors import StorageError
from clr_study.store import engine_options, optunas_version, patiently


def check_optunas(url: str) -> None:
    """Refuses a storage that another Optuna has begun, before anything of ours is made in it.

    Its next major version changes what is stored: 5 writes times in UTC, where 4 wrote them as the clock on the wall.

    Args:
        url: The storage's URL, password included.

    Raises:
        StorageError: Its tables are of an Optuna that this one must not work with, or the database did not answer.
    """
    made_by = optunas_version(url)
    if made_by is None:
        return
    if made_by.partition(".")[0] != optuna.__version__.partition(".")[0]:
        raise StorageError(
            f"the storage holds Optuna's tables as Optuna {made_by} made them, and {optuna.__version__} is installed; "
            "give another --storage"
        )
    optuna_storage(url, create=False).engine.dispose()


def optuna_storage(url: str, *, create: bool = True) -> RDBStorage:
    """Opens Optuna's own tables in a storage.

    Args:
        url: The storage's URL, password included.
        create: Whether they are made where there are none.

    Raises:
        StorageError: They are of an Optuna that this one cannot work with, or the database did not answer.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings of lost connections are mended here
    try:
        return patiently(
            url, lambda: RDBStorage(url, engine_kwargs=engine_options(url), skip_table_creation=not create)
        )
    except RuntimeError as error:
        if "compatible with the table schema" not in str(error):
            raise
        raise StorageError(
            "the storage holds Optuna's tables in a version that the installed Optuna cannot use; "
            "install the Optuna that made them, or give another --storage"
        ) from None


def optuna_name(study: str, arm: str, search: int = 0) -> str:
    """Returns the name of the Optuna study of an arm's search, in Optuna's tables.

    Args:
        study: The study's name.
        arm: The arm's name.
        search: Which of the arm's searches, counted from 0.

    Examples:
        >>> optuna_name("quickstart", "linear"), optuna_name("quickstart", "linear", 2)
        ('quickstart/linear', 'quickstart/linear/3')
    """
    return f"{study}/{arm}/{search + 1}" if search else f"{study}/{arm}"


def arm_studies(storage: BaseStorage, study: str, arms: Iterable[str]) -> dict[str, optuna.Study]:
    """Returns the Optuna study of each arm that has one, those that were searched; of several searches the first.

    Args:
        storage: Optuna's storage.
        study: The study's name.
        arms: Names of its arms.
    """
    known = {found.study_name for found in storage.get_all_studies()}
    names = {arm: optuna_name(study, arm) for arm in arms}
    return {arm: optuna.load_study(study_name=name, storage=storage) for arm, name in names.items() if name in known}

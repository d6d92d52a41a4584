"""Upkeep of a storage: a study copied to another database, with Optuna's part of it; checkpoints pruned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from clr_study.errors import StorageError
from clr_study.search.optuna_tables import check_optunas, optuna_name, optuna_storage
from clr_study.store import Store, copy_rows, drop_checkpoints, open_store, own, stored_study, study_names
from clr_study.where import Where
from clr_study.worker import is_checkpoint


def copy_study(study: str, source_url: str, target_url: str) -> str:
    """Copies a study with all that was measured, and what Optuna holds of it, to another storage.

    Our part is one transaction and comes last, so a copy that fails or is cut off is never taken for a study.

    Args:
        study: The study's name; nobody may run it meanwhile.
        source_url: The storage that holds it.
        target_url: The storage that is to hold it too; its file and its tables are made.

    Returns:
        The target's URL, without secrets.

    Raises:
        StorageError: A storage cannot be opened, the study is not in the source or is being run, or the target holds
            one of that name.
    """
    check_optunas(target_url)
    with open_store(source_url, create=False) as source:
        stored = stored_study(source, study)
        with own(source, study), open_store(target_url) as target:
            if study in study_names(target):
                raise StorageError(
                    f"the storage {target.masked_url} holds a study {study!r} already; copy it to another one"
                )
            with _optunas(source.url) as here, _optunas(target.url) as there:
                known = {found.study_name for found in here.get_all_studies()}
                ours = [
                    optuna_name(study, arm.name, search) for arm in stored.arms for search in range(stored.searches)
                ]
                names = [name for name in ours if name in known]
                _refuse_taken(names, there, target.masked_url)
                try:
                    for name in names:
                        optuna.copy_study(from_study_name=name, from_storage=here, to_storage=there)
                    copy_rows(source, target, study)
                except BaseException:
                    _remove(names, there)
                    raise
            return target.masked_url


@contextmanager
def _optunas(url: str) -> Iterator[RDBStorage]:
    storage = optuna_storage(url)
    try:
        yield storage
    finally:
        storage.scoped_session.remove()
        storage.engine.dispose()


def _refuse_taken(names: list[str], there: RDBStorage, place: str) -> None:
    taken = sorted({found.study_name for found in there.get_all_studies()} & set(names))
    if taken:
        raise StorageError(
            f"the storage {place} holds an Optuna study {taken[0]!r} already, as after a copy that was killed; "
            "remove it in `clr-study dashboard`, or copy to another storage"
        )


def _remove(names: list[str], there: RDBStorage) -> None:
    ids = {found.study_name: found._study_id for found in there.get_all_studies()}
    for name in names:
        if name in ids:
            there.delete_study(ids[name])


@dataclass(frozen=True)
class Pruned:
    """What pruning a study's checkpoints has done.

    Args:
        study: The study's name.
        forgotten: Runs that have ended whose checkpoints the storage knows no longer.
        files: Files that were removed.
        bytes: Their size.
        skipped: Why it was left alone; empty if it was not.
    """

    study: str
    forgotten: int = 0
    files: int = 0
    bytes: int = 0
    skipped: str = ""


def prune_checkpoints(where: Where) -> tuple[Pruned, ...]:
    """Removes the checkpoints from which no run is to be continued: of runs that ended, and files that nobody knows.

    Args:
        where: The storage, and where its studies keep their checkpoints.

    Raises:
        StorageError: The storage cannot be opened.
    """
    with open_store(where.url, create=False) as store:
        return tuple(_pruned(store, study, where.checkpoint_folder(study)) for study in study_names(store))


def _pruned(store: Store, study: str, folder: Path | None) -> Pruned:
    try:
        with own(store, study):
            dropped, kept = drop_checkpoints(store, study)
            folders = {Path(ref.path).parent for ref in (*dropped, *kept)} | ({folder} if folder else set())
            sizes = list(_remove_files(folders, {Path(ref.path) for ref in kept}))
    except StorageError as error:
        return Pruned(study, skipped=str(error))
    return Pruned(study, forgotten=len(dropped), files=len(sizes), bytes=sum(sizes))


def _remove_files(folders: set[Path], kept: set[Path]) -> Iterator[int]:
    """Removes the checkpoint files in some folders but for those that are kept, and gives the size of each."""
    for folder in folders:
        there = [path for path in folder.glob("*") if is_checkpoint(path)] if folder.is_dir() else []
        for path in there:
            if path not in kept and path.is_file() and not path.is_symlink():
                size = path.stat().st_size
                path.unlink(missing_ok=True)
                yield size
        with suppress(OSError):  # it holds something else
            if there:
                folder.rmdir()

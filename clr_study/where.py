"""Where a study runs: the storage, the workers and their devices. It is never part of the question.

It needs no torch, and nothing else that takes a second to import, so what only reads a storage begins at once.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clr_study.errors import InputError

# The environment variable that holds the storage's URL, for people and for worker processes.
STORAGE = "CLR_STORAGE"
DEFAULT_STORAGE = "sqlite:///clr_study.db"
NO_CHECKPOINTS = "none"


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a study runs: never part of its question.

    Args:
        storage: The database's URL; empty for `CLR_STORAGE`, or else a SQLite file in the current folder.
        out: The folder of the report; empty for `results/<study>`.
        executor: A kind of executor; empty for `inline` with one worker and `processes` with several.
        devices: `auto`, or names with commas between; of this machine.
        lanes: How many runs share a step at most; 0 for as many as fit.
        workers: How many workers; 0 for one a device, or on other machines for one.
        gpus_per_worker: The share of a GPU that each worker gets, at most 1; 0 leaves it to `devices`, and on other
            machines means the CPU.
        cpus_per_worker: Threads of each worker on the CPU; 0 shares the cores out, and on other machines means 1.
        checkpoints: The folder of checkpoints; empty for one beside the report, `none` for no checkpoints.
        options: What else the executor takes, by name.
        may_spread: Whether several workers may be taken where none are asked for. The command line says so; a script
            that is not guarded by `if __name__ == "__main__"` would be run again by each of them.
    """

    storage: str = ""
    out: str = ""
    executor: str = ""
    devices: str = "auto"
    lanes: int = 0
    workers: int = 0
    gpus_per_worker: float = 0.0
    cpus_per_worker: int = 0
    checkpoints: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    may_spread: bool = False

    def __post_init__(self) -> None:
        if self.lanes < 0:
            raise InputError(f"--lanes must be auto or at least 1, but got {self.lanes}")
        for name in ("workers", "cpus_per_worker"):
            if getattr(self, name) < 0:
                raise InputError(f"--{name.replace('_', '-')} must be at least 0, but got {getattr(self, name)}")
        if not 0 <= self.gpus_per_worker <= 1 or not math.isfinite(self.gpus_per_worker):
            raise InputError(
                f"--gpus-per-worker must lie in [0, 1], since a run trains on one device, but got "
                f"{self.gpus_per_worker:g}"
            )

    @property
    def url(self) -> str:
        """The storage's URL."""
        return self.storage or os.environ.get(STORAGE, "") or DEFAULT_STORAGE

    def folder(self, study: str) -> Path:
        """The folder of a study's report."""
        return Path(self.out) if self.out else Path("results") / study

    def checkpoint_folder(self, study: str) -> Path | None:
        """The folder of a study's checkpoints, its own even where two studies share `out`; None for none."""
        if self.checkpoints == NO_CHECKPOINTS:
            return None
        parent = Path(self.checkpoints) if self.checkpoints else self.folder(study) / "checkpoints"
        return (parent / study).resolve()


def check_folders(where: Where, study: str) -> None:
    """Refuses folders that could not be made or written to, which would be found out when all has been trained.

    Args:
        where: The folders of the report and of the checkpoints.
        study: The study's name.

    Raises:
        InputError: One cannot be made there, or may not be written to.

    Examples:
        >>> check_folders(Where(out="/dev/null/report"), "mine")
        Traceback (most recent call last):
        clr_study.errors.InputError: --out: /dev/null/report cannot be made, since /dev/null is no folder; give \
another one
    """
    for flag, folder in (("--out", where.folder(study)), ("--checkpoints", where.checkpoint_folder(study))):
        if folder is None:
            continue
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise InputError(f"{flag}: {folder} cannot be made, since {there} is no folder; give another one")
        try:
            tempfile.TemporaryFile(dir=there).close()  # rights alone do not tell, as where a system keeps its own files
        except OSError as error:
            raise InputError(
                f"{flag}: {folder} cannot be written, since {there} may not be written to ({error.strerror}); make it "
                "writable, or give another one"
            ) from None


@contextmanager
def told_by_environment(url: str) -> Iterator[None]:
    """Tells this process and its workers the storage's URL: their way to the password, which argv would show.

    Args:
        url: With its password.

    Examples:
        >>> with told_by_environment("sqlite:///other.db"):
        ...     Where().url
        'sqlite:///other.db'
    """
    before = os.environ.get(STORAGE)
    os.environ[STORAGE] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[STORAGE]
        else:
            os.environ[STORAGE] = before

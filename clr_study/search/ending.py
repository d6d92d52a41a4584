"""How a study ends: its report is written, and runs that failed are complained of."""

from __future__ import annotations

from pathlib import Path

from clr_study.errors import UnfinishedError
from clr_study.report import write_everything
from clr_study.search.words import complaint
from clr_study.spec import Results


def conclude(results: Results, folder: Path) -> None:
    """Writes the report, and complains of runs that failed once it is there.

    Raises:
        UnfinishedError: It cannot be written, or runs have failed.
    """
    try:
        write_everything(results, folder)
    except OSError as error:
        raise UnfinishedError(
            f"the report cannot be written to {folder}: {error.strerror}; mend that and run the same command again, "
            "what was measured is in the storage"
        ) from error
    words = complaint(results, folder)
    if words:
        raise UnfinishedError(words)

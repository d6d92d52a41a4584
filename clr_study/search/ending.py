"""How a study ends: its report is written, and runs that failed are complained of."""

from __future__ import annotations

from pathlib import Path

from clr_study.analysis import compare
from clr_study.errors import UnfinishedError
from clr_study.report import write_report, write_results
from clr_study.search.words import complaint
from clr_study.spec import Results


def write_everything(results: Results, folder: Path, page: str = "comparison") -> Path:
    """Writes `report.html` and `results.json` into a folder, and returns the report's path.

    Args:
        results: What was measured so far.
        folder: Made if it is not there.
        page: A shipped page's name, or the path of a page file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    comparison = compare(results)
    write_results(results, folder / "results.json", comparison)
    return write_report(results, folder / "report.html", page, comparison)


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

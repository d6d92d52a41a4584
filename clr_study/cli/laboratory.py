"""What `paper` and `results` do: from what is stored to the paper page and to result files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clr_study.cli.find import make_importable, shipped_studies
from clr_study.cli.stored import read_stored
from clr_study.errors import InputError, did_you_mean
from clr_study.spec import Results
from clr_study.store import open_store, read_results, study_names
from clr_study.where import DEFAULT_STORAGE, Where

PAPER_FOLDER = "results/paper"


def write_paper_of(names: Sequence[str], storage: str, out: str) -> Path:
    """Writes the paper page and returns its path.

    Args:
        names: Stored studies, or previews of them; none for all that are stored.
        storage: The database's URL; empty for the usual one.
        out: The folder.

    Raises:
        InputError: A study that was named is not stored, or is no shipped one.
    """
    found = _named(names, storage) if names else _all(storage)
    from clr_study.report import write_paper

    return write_paper(found, Path(out) / "paper.html")


def write_results_of(study: str, storage: str, out: str) -> Path:
    """Writes the result file of a stored study and returns its path."""
    results = read_stored(study, storage)
    from clr_study.report import write_evidence

    return write_evidence(results, out)


def _named(names: Sequence[str], storage: str) -> list[Results]:
    known = shipped_studies()
    found = [read_stored(name, storage) for name in names]
    from clr_study.analysis.evidence import evidence_of

    for name, results in zip(names, found, strict=True):
        base = evidence_of(results).study
        if base not in known:
            raise InputError(f"{name} is no shipped study and no preview of one; {did_you_mean(base, known)}")
    return found


def _all(storage: str) -> list[Results]:
    """Every stored study that is a shipped one or a preview of one; none where nothing is stored yet."""
    make_importable()
    where = Where(storage=storage).url
    if where == DEFAULT_STORAGE and not Path("clr_study.db").exists():
        return []
    with open_store(where, create=False) as store:
        stored = [read_results(store, name) for name in study_names(store)]
    from clr_study.analysis.evidence import evidence_of

    return [results for results in stored if evidence_of(results).study in shipped_studies()]

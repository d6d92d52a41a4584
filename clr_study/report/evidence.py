"""Result files: what a study has measured, small enough to be kept beside it, and what of it is to be believed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from clr_study.analysis.evidence import Evidence, evidence_of
from clr_study.errors import InputError
from clr_study.report.files import write_whole
from clr_study.shipped import shipped_folder
from clr_study.spec import Results

FOLDER = "results"


def write_evidence(results: Results, folder: str | Path) -> Path:
    """Writes `<folder>/<study>.json`: rows, n, intervals, hardware, versions and commit.

    Args:
        results: What is stored of the study.
        folder: Where to; made if it is missing.

    Returns:
        The path.

    Raises:
        InputError: No run of it has ended, or the file cannot be written.
    """
    evidence = evidence_of(results, commit_here())
    if not evidence.arms:
        raise InputError(f"{results.study.name}: no measured run has ended, so there is nothing to write down")
    text = json.dumps(evidence.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    path = Path(folder) / f"{evidence.name}.json"
    try:
        return write_whole(path, text + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def read_evidence() -> tuple[Evidence, ...]:
    """Returns the result files that lie beside the shipped studies.

    Raises:
        InputError: One of them is damaged.
    """
    found = []
    for path in sorted((shipped_folder("studies") / FOLDER).glob("*.json")):
        try:
            found.append(Evidence.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: is no result file: {error}") from None
    return tuple(found)


def strongest(found: Iterable[Evidence]) -> dict[str, Evidence]:
    """Returns for each study the evidence that counts, or else the one with the most runs.

    Args:
        found: In the order in which they are preferred where they are as good.
    """
    best: dict[str, Evidence] = {}
    for one in found:
        if one.study not in best or _weight(one) > _weight(best[one.study]):
            best[one.study] = one
    return best


def commit_here() -> str:
    """Returns the commit of the repository that this package runs from, with `+` if files differ; empty outside."""
    try:
        where = Path(__file__).resolve().parents[2]
        if not (where / ".git").exists():
            return ""
        head = _git("rev-parse", "HEAD", where=where)
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", where=where) else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str, where: Path) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _weight(evidence: Evidence) -> tuple[bool, int]:
    return not evidence.reservation, sum(len(arm.finals) for arm in evidence.arms.values())

"""The commands that read what is stored. What draws and compares is imported once something is found there."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.find import find_study, make_importable
from clr_study.cli.tables import print_summary
from clr_study.cli.text import plain
from clr_study.errors import InputError
from clr_study.spec import PHASES, Results
from clr_study.store import open_store, read_results, study_names
from clr_study.where import Where

# So long may the name of a folder be that is called after several studies.
LONGEST_FOLDER = 100


def read_stored(study: str, storage: str) -> Results:
    """Returns all that is stored of a study; what its file imports may lie in the current folder.

    Args:
        study: Its name, or the path of its file.
        storage: The database's URL; empty for the usual one.
    """
    make_importable()
    if study.endswith(".toml"):
        study = find_study(study).name
    with open_store(Where(storage=storage).url, create=False) as store:
        return read_results(store, study)


def write_report_of(studies: tuple[str, ...], storage: str, out: str, page: str, png: str) -> tuple[Path, ...]:
    """Writes the report of a stored study, or one over several, and returns the paths of what was written.

    Args:
        studies: Their names, or the paths of their files.
        storage: The database's URL; empty for the usual one.
        out: The report's folder; empty for the usual one.
        page: The page; empty for the usual one.
        png: The folder of the figures as pictures; empty for none.
    """
    found = [read_stored(study, storage) for study in studies]
    from clr_study.report import load_page, write_everything, write_images, write_studies_report

    names = [results.study.name for results in found]
    folder = Where(out=out).folder("-".join(names)[:LONGEST_FOLDER])
    try:
        if len(found) == 1:
            load_page(page or "comparison")  # what is wrong in it is said before anything is written
            pictures = write_images(found[0], png, page or "comparison") if png else ()
            return (write_everything(found[0], folder, page or "comparison"), *pictures)
        if png:
            raise InputError("--png draws the figures of one study; give one")
        if len(set(names)) < len(names):
            raise InputError(f"the same study stands twice among {', '.join(names)}; name each once")
        return (write_studies_report(found, folder / "report.html", page or "compare"),)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be written: {error.strerror}") from None


def export_study(study: str, storage: str, out: str, form: Any) -> tuple[Path, ...]:
    """Writes the tables of a stored study and returns their paths."""
    results = read_stored(study, storage)
    from clr_study.report import write_export

    folder = Path(out) if out else Where().folder(results.study.name) / "tables"
    try:
        return write_export(results, folder, form)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be written: {error.strerror}") from None


def show_dashboard(study: str | None, storage: str, host: str, port: int) -> None:
    """Serves the dashboard until Ctrl-C, which is how it ends well."""
    from clr_study.search import serve_dashboard

    console = Console()
    with suppress(KeyboardInterrupt):
        serve_dashboard(
            Where(storage=storage).url, study, host, port, lambda line: console.print(Text(plain(line)), soft_wrap=True)
        )


def show_study(study: str | None, storage: str, as_json: bool) -> None:
    """Prints a stored study, or which there are."""
    if study is None:
        _show_all(storage, as_json)
        return
    results = read_stored(study, storage)
    if as_json:
        from clr_study.analysis import compare
        from clr_study.report import results_document

        document = results_document(results, compare(results))
        print(json.dumps(document, indent=2, allow_nan=False))  # noqa: T201
        return
    _print_endings(results)
    print_summary(results)


def _show_all(storage: str, as_json: bool) -> None:
    with open_store(Where(storage=storage).url, create=False) as store:
        names = study_names(store)
        masked = store.masked_url
    if as_json:
        print(json.dumps({"storage": masked, "studies": list(names)}, indent=2))  # noqa: T201
        return
    lines = [f"{len(names)} studies in {masked}", *names]
    Console().print(Text("\n".join(plain(line) for line in lines)), soft_wrap=True)


def _print_endings(results: Results) -> None:
    """How the runs ended, arm by arm; an ending that no run had takes no column."""
    ended = {run.ending for run in results.runs}
    endings = [ending for ending in ("completed", "pruned", "diverged", "failed", None) if ending in ended]
    table = Table(title=f"{results.study.name}: runs", title_justify="left")
    for column in ("arm", "phase", "planned", *(ending or "unfinished" for ending in endings)):
        table.add_column(column)
    seen = sorted(
        {(run.key.phase, run.key.arm) for run in results.runs}, key=lambda pair: (PHASES.index(pair[0]), pair)
    )
    for phase, arm in seen:
        runs = results.of(arm, phase)
        counts = [sum(run.ending == ending for run in runs) for ending in endings]
        table.add_row(plain(arm), phase, str(len(runs)), *(str(count) for count in counts))
    Console().print(table)

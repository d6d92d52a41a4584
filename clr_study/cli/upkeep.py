"""What `clr-study storage` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.text import in_bytes, plain
from clr_study.errors import InputError
from clr_study.store import Overview
from clr_study.where import Where


def print_overview(found: Overview) -> None:
    """Prints what a storage is and how much it holds."""
    console = Console()
    if found.schema is None:
        state = "no tables yet; `clr-study run` makes them"
    elif found.schema == found.newest:
        state = f"schema {found.schema}, up to date"
    elif found.schema > found.newest:
        state = f"schema {found.schema}, made by a newer clr_study; this one knows {found.newest}"
    else:
        state = f"schema {found.schema}; `clr-study storage upgrade` brings it to {found.newest}"
    line = f"{found.place}\n{found.backend}, {state}, {in_bytes(found.bytes)} with Optuna's tables"
    console.print(Text(plain(line)), soft_wrap=True)
    if not found.studies:
        return
    table = Table()
    for column in ("study", "runs", "ended", "evaluations", "checkpoints"):
        table.add_column(column, justify="left" if column == "study" else "right", overflow="fold")
    for one in found.studies:
        counts = (one.planned, one.ended, one.evaluations, one.checkpoints)
        table.add_row(Text(plain(one.name)), *(f"{count:,}" for count in counts))
    console.print(table)


def copy_and_say(study: str, storage: str, target: str) -> None:
    """Copies a study to another storage and says where it is now."""
    if not target:
        raise InputError("storage copy: give the storage to copy to as TO_URL, or as CLR_COPY_TO")
    from clr_study.search import copy_study

    place = copy_study(study, Where(storage=storage).url, target)
    Console().print(Text(plain(f"{study} is in {place} too")), soft_wrap=True)


def prune_and_say(where: Where) -> None:
    """Prunes checkpoints and says how many, study by study."""
    from clr_study.search import prune_checkpoints

    done = prune_checkpoints(where)
    for one in done:
        said = f"{one.files} files removed, {in_bytes(one.bytes)}; {one.forgotten} runs that ended need none"
        Console().print(Text(plain(f"{one.study}: {one.skipped or said}")), soft_wrap=True)
    if not done:
        Console().print("the storage holds no study")

"""The commands of the paper's laboratory: its page, and the result files that are kept."""

from __future__ import annotations

import click

from clr_study.cli.completion import stored
from clr_study.cli.options import STORAGE_HELP


@click.command(short_help="Holds every figure of the paper against ours.")
@click.argument("studies", nargs=-1, shell_complete=stored)
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
@click.option("--out", default="results/paper", metavar="DIR", help="Folder of the page [default: results/paper].")
def paper(studies: tuple[str, ...], storage: str, out: str) -> None:
    """Writes the paper page: each printed row beside ours with a verdict, from STUDIES (stored names).

    Without STUDIES it takes all that are stored, previews included, which it shows and never counts. Rows that were
    not run say so; result files that ship with the studies count as well.

    \b
    Examples:
      clr-study paper
      clr-study paper paper-table1 paper-table3 --out /tmp/paper
    """
    from clr_study.cli.laboratory import write_paper_of

    click.echo(write_paper_of(studies, storage, out))


@click.command("results", short_help="Writes a small result file to keep.")
@click.argument("study", shell_complete=stored)
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
@click.option("--out", default="studies/results", metavar="DIR", help="Its folder [default: studies/results].")
def results_(study: str, storage: str, out: str) -> None:
    """Writes what STUDY (its name) has measured as a small file: rows, n, intervals, hardware, versions, commit.

    \b
    Example:
      clr-study results paper-table1
    """
    from clr_study.cli.laboratory import write_results_of

    click.echo(write_results_of(study, storage, out))

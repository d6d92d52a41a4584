"""`clr-study`: each command parses, calls one function and prints. Heavy imports wait until a command needs them.

Those that come before a study is run are in `clr_study.cli.start`.
"""

from __future__ import annotations

import os
from typing import Any

import click

from clr_study.cli.completion import pages, stored, studies
from clr_study.cli.group import Commands
from clr_study.cli.options import (
    STORAGE_HELP,
    change_options,
    data_option,
    places_options,
    quiet_option,
    scale_option,
)
from clr_study.cli.paper import paper, results_
from clr_study.cli.start import completion, doctor, list_, new, plan, schedules
from clr_study.cli.storage import storage as storage_group
from clr_study.version import __version__

# Threads that wait for each other by spinning cost a training step up to ten times its time as soon as anything else
# runs on the machine. OpenMP reads this when torch is loaded, so it stands before every other import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# As in clr_study.report.code, which takes a second to import.
FORMS = ("python", "torch", "lightning", "huggingface", "keras", "toml")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="clr-study")
def main() -> None:
    """Compares learning-rate schedules fairly: which one, with which settings, how sure, and at what cost.

    \b
    Examples:
      clr-study run quickstart
      clr-study check mine.toml && clr-study run mine.toml
    """


for command in (list_, schedules, new, plan, doctor, completion, storage_group, paper, results_):
    main.add_command(command)


@main.command(short_help="Runs a study to its report, or goes on with it.")
@click.argument("study", shell_complete=studies)
@change_options
@places_options
@quiet_option
def run(study: str, changes: Any, where: Any, quiet: bool) -> None:
    """Runs STUDY (a shipped name or a TOML file) to its report; run it again to go on where it stopped.

    \b
    Examples:
      clr-study run quickstart
      clr-study run paper-table1 --scale 0.02
      clr-study run mine.toml --devices cuda:0,cuda:1
      clr-study run mine.toml --storage postgresql+psycopg://me@host/db
    """
    from clr_study.cli.find import find_study

    found = find_study(study, *changes)  # before torch is imported: most mistakes are in the file
    from clr_study.cli.live import run_live

    run_live(found, where, quiet)


@main.command(short_help="Builds a study and takes one step of each corner.")
@click.argument("study", shell_complete=studies)
@change_options
def check(study: str, changes: Any) -> None:
    """Builds STUDY at its corners and takes one step of each: what is wrong with it shows in seconds.

    \b
    Example:
      clr-study check mine.toml
    """
    from clr_study.cli.find import find_study
    from clr_study.cli.tables import print_check

    found = find_study(study, *changes)  # likewise
    from clr_study.check import check_study

    print_check(found, check_study(found))


@main.command("range-test", short_help="Runs the LR range test: between which bounds?")
@click.argument("study", shell_complete=studies)
@scale_option
@data_option
@places_options
@quiet_option
def range_test(study: str, scale: float | None, data: str, where: Any, quiet: bool) -> None:
    """Runs the LR range test of STUDY: between which learning rates does this network learn?

    \b
    Example:
      clr-study range-test range-test-cifar10-full --scale 0.2
    """
    from clr_study.cli.find import find_study

    found = find_study(study, scale, data)  # likewise
    from clr_study.cli.live import range_test_live

    range_test_live(found, where, quiet)


@main.command(short_help="Writes the report again from what is stored.")
@click.argument("studies", nargs=-1, required=True, metavar="STUDY...", shell_complete=stored)
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
@click.option("--out", default="", metavar="DIR", help="Folder of the report [default: results/STUDY].")
@click.option(
    "--page",
    default="",
    metavar="NAME",
    shell_complete=pages,
    help="A shipped page, or a TOML file [default: comparison; of several studies: compare].",
)
@click.option("--png", default="", metavar="DIR", help="Write the page's figures as pictures too, into this folder.")
def report(studies: tuple[str, ...], storage: str, out: str, page: str, png: str) -> None:
    """Writes the report of STUDY (its name) again from what is stored, finished or not.

    Of several studies it writes one page over them all: which arm leads where, and by how much. The page `paper` holds
    studies of the paper against what it prints, as `clr-study paper` does.

    \b
    Examples:
      clr-study report quickstart --out /tmp/quickstart
      clr-study report quickstart --page search --png pictures
      clr-study report quickstart fashion cifar10
      clr-study report paper-table1 paper-table3 --page paper
    """
    if page == "paper":
        from clr_study.cli.laboratory import PAPER_FOLDER, write_paper_of

        click.echo(write_paper_of(studies, storage, out or PAPER_FOLDER))
        return
    from clr_study.cli.stored import write_report_of

    for path in write_report_of(studies, storage, out, page, png):
        click.echo(path)


@main.command(short_help="Shows what is stored.")
@click.argument("study", required=False, shell_complete=stored)
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def show(study: str | None, storage: str, as_json: bool) -> None:
    """Shows what is stored of STUDY, or which studies there are.

    \b
    Examples:
      clr-study show
      clr-study show quickstart --json
    """
    from clr_study.cli.stored import show_study

    show_study(study, storage, as_json)


@main.command(short_help="Prints the winning schedule as code to paste.")
@click.argument("study", shell_complete=stored)
@click.option("--as", "form", default="python", metavar="FORM", help=f"One of {', '.join(FORMS)} [default: python].")
@click.option("--arm", default="", metavar="NAME", help="Another arm than the best one.")
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
def best(study: str, form: str, arm: str, storage: str) -> None:
    """Prints the winning schedule of STUDY (its name or its file) as code to paste, with its score and interval above.

    \b
    Examples:
      clr-study best quickstart
      clr-study best quickstart --as torch > schedule.py
    """
    from clr_study.cli.best import best_of

    click.echo(best_of(study, storage, arm, form), nl=False)


@main.command(short_help="Writes tidy tables for other programs.")
@click.argument("study", shell_complete=stored)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "parquet"]),
    default="csv",
    help="Of the files [default: csv].",
)
@click.option("--out", default="", metavar="DIR", help="Folder of the tables [default: results/STUDY/tables].")
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
def export(study: str, form: str, out: str, storage: str) -> None:
    """Writes STUDY (its name) as tables: runs, evaluations, winners, differences, times, and their dictionary.

    \b
    Example:
      clr-study export quickstart --format csv --out tables
    """
    from clr_study.cli.stored import export_study

    for path in export_study(study, storage, out, form):
        click.echo(path)


@main.command(short_help="Serves optuna-dashboard on the storage.")
@click.argument("study", required=False, shell_complete=stored)
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", default=8080, type=click.IntRange(0, 65535), metavar="PORT", help="[default: 8080]")
def dashboard(study: str | None, storage: str, host: str, port: int) -> None:
    """Serves optuna-dashboard on the storage: the search of STUDY, or of all studies, in a browser.

    \b
    Example:
      clr-study dashboard quickstart
    """
    from clr_study.cli.stored import show_dashboard

    show_dashboard(study, storage, host, port)

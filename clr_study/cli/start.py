"""The commands that come before a study is run: what there is, a new study, what it will cost, is the machine fit."""

from __future__ import annotations

import sys
from typing import Any

import click

from clr_study.cli.completion import SHELLS, kinds, listed, script, studies
from clr_study.cli.options import STORAGE_HELP, change_options, places_options


@click.command("list", short_help="Lists studies, schedules, data, models and the rest.")
@click.argument("what", required=False, shell_complete=listed)
@click.argument("kind", required=False, shell_complete=kinds)
def list_(what: str | None, kind: str | None) -> None:
    """Lists what there is, each thing with its arguments; with a KIND, all about that one.

    WHAT is one of studies, schedules, data, models, optimizers, losses, metrics, executors, figures, bound-rules, or a
    kind of any of them.

    \b
    Examples:
      clr-study list
      clr-study list schedules
      clr-study list schedules triangular
      clr-study list models my_module:my_net
    """
    from clr_study.cli.listing import print_list

    print_list(what, kind)


@click.command(short_help="Looks at this machine: what is wrong, what to do.")
@click.option("--storage", default="", metavar="URL", help=STORAGE_HELP)
def doctor(storage: str) -> None:
    """Looks at what this machine has, says what is wrong with it, and what to do.

    \b
    Example:
      clr-study doctor
    """
    from clr_study.cli.doctor import diagnose, print_findings

    sys.exit(print_findings(diagnose(storage)))


@click.command(short_help="Writes a commented study file to start from.")
@click.argument("name")
@click.option(
    "--data",
    metavar="DATA",
    shell_complete=kinds,
    help="A kind (`list data`), a folder of images, an .npz file, or a whole table [default: digits].",
)
@click.option(
    "--model",
    metavar="MODEL",
    shell_complete=kinds,
    help="A kind (`list models`), my_module:my_net, or a whole table [default: mlp].",
)
@click.option("--epochs", type=click.IntRange(1), help="How long every run is [default: 20].")
@click.option("--batch-size", default=64, type=click.IntRange(1), help="Samples an update [default: 64].")
def new(name: str, batch_size: int, **answers: Any) -> None:
    """Writes a commented study file NAME.toml, ready for `check`, `plan` and `run`.

    In a terminal it asks for the data, the model and the epochs that are not given.

    \b
    Examples:
      clr-study new mine
      clr-study new pets --data photos/pets --model small_cnn --epochs 30
      clr-study new own --data own.npz --model my_module:my_net
    """
    from clr_study.cli.new import asked, new_study

    path = new_study(name, batch_size=batch_size, **asked(answers))
    click.echo(f"wrote {path}; next: clr-study check {path}")


@click.command(short_help="Says what a study will cost here, before it trains.")
@click.argument("study", shell_complete=studies)
@change_options
@places_options
def plan(study: str, changes: Any, where: Any) -> None:
    """Says what STUDY will cost, with the flags of `run`: runs, updates, memory, and the time by a short probe.

    \b
    Example:
      clr-study plan quickstart --devices cpu
    """
    from clr_study.cli.find import find_study

    found = find_study(study, *changes)  # before torch is imported: most mistakes are in the file
    from clr_study.cli.plan import print_plan
    from clr_study.search import plan_study

    print_plan(found, plan_study(found, where))


@click.command(short_help="Draws schedules in the terminal, or as a picture.")
@click.argument("tables", nargs=-1, metavar="[SCHEDULE]...", shell_complete=kinds)
@click.option("--updates", type=click.IntRange(2), help="How many updates to draw.")
@click.option("--plot", is_flag=True, help="As a picture: an HTML page that needs no network.")
@click.option(
    "--out", default="", metavar="FILE", help="Of the picture: .html, .png or .svg [default: schedules.html]."
)
def schedules(tables: tuple[str, ...], updates: int | None, plot: bool, out: str) -> None:
    """Draws schedules: all kinds, or each SCHEDULE, a kind or a whole table.

    A kind is drawn as in the example of its documentation (`clr-study list schedules KIND`).

    \b
    Examples:
      clr-study schedules
      clr-study schedules --plot
      clr-study schedules triangular2 one_cycle
      clr-study schedules '{ kind = "exponential", lr = 0.1, gamma = 0.99 }'
    """
    from clr_study.cli.drawing import print_schedules

    print_schedules(tables, updates, out or ("schedules.html" if plot else ""))


@click.command(short_help="Prints what your shell needs to complete words.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Prints what SHELL has to read to complete commands, studies and kinds with Tab.

    \b
    Examples:
      eval "$(clr-study completion bash)"                      # in ~/.bashrc
      eval "$(clr-study completion zsh)"                       # in ~/.zshrc
      clr-study completion fish | source                       # in config.fish
    """
    click.echo(script(context.find_root().command, shell), nl=False)

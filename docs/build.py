"""What mkdocs asks for while it builds: the order of the pages, and the reference, made from the package itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import clr_study
from clr_study.cli import main
from clr_study.cli.described import Described, described
from clr_study.cli.find import shipped_studies
from clr_study.cli.listing import REGISTRIES, registry
from clr_study.spec import load_study

DOCS = Path(__file__).parent
# In this order; what lies beside them in `how-to` comes after them.
HOW_TO = (
    "range-test",
    "budgets",
    "report",
    "own-loop",
    "own-schedule",
    "own-figure",
    "gpus",
    "clusters",
    "ray",
    "kubernetes",
    "slurm",
    "databases",
)
SENTENCES = {
    "schedules": "What may stand in `[arms.NAME.schedule]`.",
    "data": "What may stand in `data`.",
    "models": "What may stand in `model`.",
    "optimizers": "What may stand in `optim`.",
    "metrics": "What `metric` and `target` may name.",
    "losses": "What `loss` may be.",
    "augmentations": "What may stand in `augment` of `data`, in order.",
    "executors": "What `--executor` takes.",
    "figures": "What a page of `dashboards/` may show, of one study.",
    "joint-figures": "What a page over several studies may show (`clr-study report A B C`).",
    "bound-rules": "What `[range_test] rule` takes.",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Orders the pages; a page that someone lays into `how-to` is found."""
    found = sorted(path.stem for path in (DOCS / "how-to").glob("*.md"))
    how_to = [name for name in HOW_TO if name in found] + [name for name in found if name not in HOW_TO]
    config.nav = [
        "index.md",
        "tutorial.md",
        {"How to": [f"how-to/{name}.md" for name in how_to]},
        {"Why": ["method.md", "paper.md"]},
        {"Reference": [*(f"reference/{name}.md" for name in reference())]},
        "faq.md",
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the reference, which lies in no file."""
    for name, text in reference().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def reference() -> dict[str, str]:
    """Returns the pages of the reference by name."""
    kinds = {what: _kinds(what) for what in REGISTRIES}
    return {"commands": _commands(), "studies": _studies(), **kinds, "python": _python()}


def _kinds(what: str) -> str:
    things = registry(what)
    parts = [f"# {what.replace('-', ' ').capitalize()}", SENTENCES.get(what, "")]
    parts.append(f"The same in a terminal: `clr-study list {what}`, and `clr-study list {what} KIND`.")
    for kind in things:
        if things[kind].__module__.startswith("clr_study."):
            parts += _kind(described(kind, things[kind]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _kind(thing: Described) -> Iterable[str]:
    yield f"## {thing.kind}"
    yield thing.sentence
    yield thing.text
    if thing.arguments:
        rows = ["| argument | type | default | what it is |", "|---|---|---|---|"]
        for one in thing.arguments:
            default = "required" if one.default is None else f"`{one.default}`"
            cells = (f"`{one.name}`", f"`{one.type}`", default, one.meaning)
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        yield "\n".join(rows)
    if thing.refuses:
        yield "Refused: " + " ".join(thing.refuses)
    if thing.examples:
        yield f"```pycon\n{thing.examples}\n```" if ">>>" in thing.examples else f"```toml\n{thing.examples}\n```"


def _commands() -> str:
    parts = ["# Commands", "`clr-study COMMAND --help` says the same in a terminal."]
    parts.append(
        "Exit codes: 0 done; 1 the study could not finish, and what is missing is said; 2 something given is wrong."
    )
    # A command keeps the help option of the first context that asks for it, so it must be the one that it runs in.
    whole = click.Context(main, info_name="clr-study", **{**main.context_settings, "max_content_width": 88})
    for name in sorted(main.commands):
        context = click.Context(main.commands[name], info_name=name, parent=whole)
        parts += [f"## {name}", f"```text\n{main.commands[name].get_help(context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _studies() -> str:
    rows = ["| name | question |", "|---|---|"]
    rows += [f"| `{name}` | {load_study(path).question} |" for name, path in shipped_studies().items()]
    return "\n".join(["# Shipped studies", "", "`clr-study run NAME` runs one.", "", *rows]) + "\n"


def _python() -> str:
    names: list[Any] = [name for name in clr_study.__all__ if not inspect.ismodule(getattr(clr_study, name))]
    parts = [
        "# Python",
        "What `import clr_study` gives. The commands are these functions, and what they print.",
        "## Names",
    ]
    parts += [f"::: clr_study.{_home(name)}" for name in names]
    parts += ["## Schedules", "::: clr_study.schedules.Schedule", "::: clr_study.schedules.schedule_from_dict"]
    return "\n\n".join(parts) + "\n"


def _home(name: str) -> str:
    module = getattr(clr_study, name).__module__.removeprefix("clr_study.")
    return f"{module}.{name}"

"""What the README says is run: its study file, its Python, its commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import torch

from clr_study.cli.main import main
from clr_study.shipped import shipped_folder
from clr_study.spec import parse_study

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_study_file_is_the_shipped_one():
    (text,) = blocks("toml")
    assert text.strip() == (shipped_folder("studies") / "quickstart.toml").read_text(encoding="utf-8").strip()
    assert parse_study(text).name == "quickstart"


def test_the_python_trains_at_the_lr_that_it_says():
    (text,) = blocks("python")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    names = {"optimizer": optimizer}
    exec(compile(text, "README.md", "exec"), names)
    for update in range(300):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(names["schedule"](update))
        optimizer.step()
        names["scheduler"].step()


@pytest.mark.parametrize("line", [line for block in blocks("console") for line in block.splitlines()])
def test_a_command_is_one_that_there_is(line):
    words = shlex.split(line.removeprefix("$ "), comments=True)
    if words[0] == "make":
        makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE)
        return
    assert words[0] == "clr-study"
    command = main.commands[words[1]]
    with click.Context(command) as context:
        command.parse_args(context, words[2:])


def test_what_it_links_to_is_there():
    for path in re.findall(r"(?<!!)\[[^\]]*\]\((?!http)([^)#]+)", README):
        assert (Path(__file__).parents[1] / path).is_file(), path


def test_pictures_and_glossary_are_there():
    words = (Path(__file__).parents[1] / "docs" / "index.md").read_text(encoding="utf-8")
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (Path(__file__).parents[1] / path).stat().st_size > 10_000
    for word in ("study", "arm", "trial", "run", "lane", "phase", "hole", "update", "outcome", "target"):
        assert f"| {word} |" in words

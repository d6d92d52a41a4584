"""Every block of code and every command of the documentation is run, page by page, as a reader would: in order.

A fence with a title is a file that the reader writes. Python without one runs in the page's own namespace, `$ ` lines
of a console block are commands. `<!-- wants: two GPUs -->` above a block names what a test machine lacks: of such a
block the `clr-study` commands are parsed, and that is all. `text` blocks are what was printed once, and are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from clr_study.cli import main
from clr_study.spec import parse_study

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(
    r"(?:<!-- wants: (?P<wants>.*?) -->\n\n?)?"
    r"^(?P<indent> *)```(?P<language>\w+)(?P<rest>[^\n]*)\n(?P<text>.*?)^ *```$",
    flags=re.DOTALL | re.MULTILINE,
)
LANGUAGES = ("console", "python", "pycon", "toml", "text", "yaml", "bash")


@dataclass(frozen=True)
class Block:
    """A fence of a page."""

    language: str
    title: str
    text: str
    wants: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        indent = len(fence["indent"])
        body = "".join(line[indent:] or "\n" for line in fence["text"].splitlines(keepends=True))
        title = re.search(r'title="([^"]+)"', fence["rest"])
        line = text.count("\n", 0, fence.start("language")) + 1
        found.append(Block(fence["language"], title[1] if title else "", body, fence["wants"] or "", line))
    return found


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT / "docs"))


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory) -> Path:
    """A database in which the quickstart is done, which several pages begin with."""
    folder = tmp_path_factory.mktemp("quickstart")
    where = ("--devices", "cpu", "--storage", f"sqlite:///{folder}/clr_study.db", "--out", str(folder / "results"))
    done = CliRunner().invoke(main, ["run", "quickstart", *where])
    assert done.exit_code == 0, done.output
    # A copy of the open database's file would lack what lies in its log.
    with (
        closing(sqlite3.connect(folder / "clr_study.db")) as whole,
        closing(sqlite3.connect(folder / "kept.db")) as kept,
    ):
        whole.backup(kept)
    return folder / "kept.db"


@pytest.mark.usefixtures("nothing_stays_registered")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_does_what_it_says(page, quickstart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    before = set(sys.modules)
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = blocks_of(page)
    if any(re.search(r"^\$ clr-study run quickstart( --devices cpu)?$", block.text, re.MULTILINE) for block in blocks):
        shutil.copy(quickstart, "clr_study.db")  # the page's own command finds it done, which takes seconds
    try:
        for block in blocks:
            run(block, f"{name_of(page)}, line {block.line}", names)
    finally:
        for module in set(sys.modules) - before:  # those of the page's own folder
            if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[module]


def run(block: Block, where: str, names: dict[str, object]) -> None:
    assert block.language in LANGUAGES, where
    if block.language in ("text", "yaml", "bash") and not block.title:
        return
    if block.title:
        write(block, where)
    elif block.language == "python" and not block.wants:
        exec(compile(block.text, where, "exec"), names)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "console":
        for command in commands(block.text):
            (parse if block.wants else call)(command, where)


def write(block: Block, where: str) -> None:
    if block.language == "python":
        compile(block.text, where, "exec")
    if block.language == "toml" and "[arms." in block.text:
        parse_study(block.text, where=where)
    if block.language == "yaml":
        assert {"apiVersion", "kind", "metadata", "spec"} <= yaml.safe_load(block.text).keys(), where
    path = Path(block.title)
    assert not path.is_absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def commands(text: str) -> list[str]:
    """The commands of a console block: each begins with `$ `, and goes on after a backslash."""
    joined = text.replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def call(command: str, where: str) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "pip":
        installed(words)
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE), where
    elif words[0] == "clr-study" and not set(words) & {"|", ">", "&&"}:
        done = CliRunner().invoke(main, words[1:], env={"COLUMNS": "80"})
        assert done.exit_code == 0, f"{where}: {command}\n{done.output}"
    else:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        shell = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert shell.returncode == 0, f"{where}: {command}\n{shell.stdout}{shell.stderr}"


def installed(words: list[str]) -> None:
    """An install names this package, with extras that there are."""
    assert words[:2] == ["pip", "install"]
    for wanted in (word for word in words[2:] if not word.startswith("-")):
        known = re.fullmatch(r"(?:\./)?clr_study(?:\[([\w,]+)\])?|clr_study-[\w.]+\.whl|git\+https://.*", wanted)
        assert known, wanted
        assert set((known[1] or "all").split(",")) <= set(metadata("clr_study").get_all("Provides-Extra"))


def parse(command: str, where: str) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "clr-study":
        found = main.commands[words[1]]
        with click.Context(found, parent=click.Context(main, **main.context_settings)) as context:
            found.parse_args(context, [word for word in words[2:] if word not in ("&",)])


def test_the_pages_are_found():
    assert {"index.md", "tutorial.md", "method.md", "faq.md"} <= {name_of(page) for page in PAGES}
    assert any(block.language == "console" for page in PAGES for block in blocks_of(page))

"""The house's own rules, checked on the files and on every registered thing and public name."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import clr_study
from clr_study.cli.listing import REGISTRIES

PACKAGE = Path(clr_study.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300
FLOORS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_and_is_not_long(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) < LONGEST


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_an_init_only_re_exports(path):
    """At once, or when a name is asked for, so that importing it costs no torch."""
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
                pass
            case ast.Assign(targets=[ast.Name(id="__all__" | "_HOMES")]):
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.FunctionDef(name="__getattr__" | "__dir__"):
                pass
            case _:
                pytest.fail(f"line {node.lineno}: {ast.unparse(node)[:80]}")


@pytest.mark.parametrize("floor", FLOORS)
def test_what_a_package_exports_is_there_sorted_and_documented(floor):
    module = import_module(f"clr_study.{floor}")
    exported = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    for name in exported:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name


def test_every_public_name_resolves_and_is_documented():
    assert sorted(clr_study.__all__) == clr_study.__all__
    assert set(clr_study.__all__) <= set(dir(clr_study))
    for name in clr_study.__all__:
        assert inspect.getdoc(getattr(clr_study, name)), name
    with pytest.raises(AttributeError, match="has no attribute 'run_studies'"):
        clr_study.run_studies  # noqa: B018


REGISTERED = [
    pytest.param(thing, id=f"{what}-{kind}")
    for what, (module, name) in REGISTRIES.items()
    for kind, thing in getattr(import_module(module), name).items()
    if thing.__module__.startswith("clr_study.")
]


@pytest.mark.parametrize("thing", REGISTERED)
def test_a_registered_thing_begins_with_a_sentence(thing):
    first = (inspect.getdoc(thing) or "").split("\n", 1)[0]
    assert first[:1].isupper()
    assert first.endswith((".", ":")), first


@pytest.mark.parametrize(
    "thing", [one for one in REGISTERED if not one.id.startswith("figures-")], ids=lambda thing: thing.__name__
)
def test_a_registered_thing_shows_an_example(thing):
    """As Python, or, where it takes files that may not be there, as a table of a study file."""
    _, _, examples = inspect.getdoc(thing).partition("Examples:\n")
    assert ">>> " in examples or "kind = " in examples


HEAVY = ("torch", "torchvision", "optuna", "plotly", "scipy", "sqlalchemy", "sklearn", "pebble", "rich.live")


def imported_by(code: str) -> set[str]:
    """What a fresh Python has imported of the heavy libraries after some code."""
    report = f"{code}\nimport json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(json.loads(said.stdout.splitlines()[-1]))


def test_importing_the_package_and_asking_for_help_import_nothing_heavy():
    assert imported_by("import clr_study") == set()
    helped = "from click.testing import CliRunner; from clr_study.cli import main; CliRunner().invoke(main, ['--help'])"
    assert imported_by(helped) == set()


def test_reading_a_study_file_imports_no_torch():
    shipped = "from clr_study.cli.find import find_study; find_study('quickstart')"
    assert imported_by(shipped) & {"torch", "optuna", "plotly", "sqlalchemy"} == set()

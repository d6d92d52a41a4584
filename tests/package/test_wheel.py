"""What is in the wheel. That it runs alone is tried by `make test-wheel`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from clr_study.version import __version__

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv", path=str(Path(sys.executable).parent))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if UV is None:
        pytest.skip("uv builds the wheel, and is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_it_holds_everything_that_the_package_reads(wheel):
    inside = set(wheel.namelist())
    package = (ROOT / "clr_study").rglob("*")
    kept = {path for path in package if path.is_file() and "__pycache__" not in path.parts}
    assert {path.relative_to(ROOT).as_posix() for path in kept} <= inside
    for name in ("studies", "dashboards"):
        shipped = {f"clr_study/shipped/{name}/{path.name}" for path in (ROOT / name).iterdir()}
        assert shipped <= inside
    assert "clr_study/py.typed" in inside


def test_it_holds_nothing_else(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert top == {"clr_study", f"clr_study-{__version__}.dist-info"}


def test_its_description_is_the_readme_and_its_licence_is_there(wheel):
    about = wheel.read(f"clr_study-{__version__}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(about)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert (ROOT / "README.md").read_text(encoding="utf-8") in about
    assert f"clr_study-{__version__}.dist-info/licenses/LICENSE" in wheel.namelist()


def test_the_version_is_semantic_and_the_same_everywhere():
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", __version__)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {__version__}\n" in citation

"""The documentation as it is built: strictly, with everything inside, and with all that is registered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import clr_study
from clr_study.cli import main
from clr_study.cli.listing import REGISTRIES, registry

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_is_fetched_from_anywhere(site):
    fetched = r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=[\"'](?:https?:)?//[^\"']*"
    for page in site.rglob("*.html"):
        assert not re.findall(fetched, page.read_text(encoding="utf-8")), page


def test_the_reference_holds_all_that_is_registered_and_public(site):
    for what in REGISTRIES:
        text = (site / "reference" / what / "index.html").read_text(encoding="utf-8")
        for kind, thing in registry(what).items():
            if thing.__module__.startswith("clr_study."):
                assert f'id="{kind}"' in text, kind
    commands = (site / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in commands for name in main.commands)
    python = (site / "reference" / "python" / "index.html").read_text(encoding="utf-8")
    assert all(name in python for name in clr_study.__all__ if name[0].isupper())

"""What Optuna says by itself, and what of it a person who runs a study is spared."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What tqdm, which draws Optuna's progress bar, goes by: a notebook's kernel, old or new, and no ipywidgets beside it.
NOTEBOOK = """
import sys, types
kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: kernel)
sys.modules |= {"ipykernel.zmqshell": types.ModuleType("zmqshell"), "ipywidgets": None}
"""


@pytest.mark.parametrize(
    ("code", "warned"), [("import optuna", True), ("from clr_study.search import run_study, tune", False)]
)
def test_a_notebook_without_widgets_hears_of_no_progress_bar_that_nobody_asked_for(code, warned):
    done = subprocess.run([sys.executable, "-c", NOTEBOOK + code], capture_output=True, text=True, check=True)
    assert ("IProgress not found" in done.stderr) is warned, done.stderr

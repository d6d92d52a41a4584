"""What is read from a disk or a database is data: no pickle, no code but the modules that the study file names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from one_arm import one_arm

import clr_study

PACKAGE = Path(clr_study.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# Each of them runs code that stands in what it reads.
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
CALLS = {"torch.load", "torch.jit.load", "os.system", "os.popen", "eval", "exec", "pandas.read_pickle", "__import__"}
# The code of a class of this package, which is imported already.
KNOWN = {("cli/drawing.py", "eval")}


def dangers(path: Path):
    name = path.relative_to(PACKAGE).as_posix()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PICKLES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS and (name, called) not in KNOWN:
                yield called
            for keyword in node.keywords:
                value = ast.unparse(keyword.value)
                if (keyword.arg, value) in {("allow_pickle", "True"), ("weights_only", "False"), ("shell", "True")}:
                    yield f"{called}({keyword.arg}={value})"
            if called in {"np.load", "numpy.load"} and "allow_pickle" not in {word.arg for word in node.keywords}:
                yield f"{called} without allow_pickle=False"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_that_is_read_can_run(path):
    assert list(dangers(path)) == []


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from cloudpickle import loads", "torch.load(f)", "np.load(f)", "np.load(f, allow_pickle=True)"],
)
def test_the_search_for_dangers_finds_them(code, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "m.py").write_text(code)
    assert list(dangers(tmp_path / "m.py"))


STUDY = one_arm("plain", question="What does it read?", evaluations=3)
WATCHED = """
import sys
found = []
sys.addaudithook(lambda event, args: found.append(args) if event == "pickle.find_class" else None)
from clr_study.cli import main
for words in {calls!r}:
    try:
        main(words, standalone_mode=False)
    except SystemExit as end:
        assert not end.code, words
print("unpickled:", found)
print("modules of the folder:", sorted(name for name in sys.modules if name.startswith("beside_")))
"""


def watched(folder: Path, *calls: list[str]) -> str:
    """What some commands print, run in a folder by a Python that notes each class that a pickle names."""
    code = WATCHED.format(calls=list(calls))
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_study_is_run_gone_on_with_and_reported_without_unpickling_anything(tmp_path):
    (tmp_path / "plain.toml").write_text(STUDY)
    (tmp_path / "beside_it.py").write_text("raise SystemExit('nobody asked for this module')")
    run = ["run", "plain.toml", "--devices", "cpu"]
    said = watched(tmp_path, run, run, ["show", "plain"], ["report", "plain"], ["export", "plain"], ["storage", "show"])
    assert "unpickled: []\n" in said
    assert "modules of the folder: []\n" in said


def test_a_users_module_runs_when_the_study_names_it_and_check_says_so(tmp_path):
    (tmp_path / "beside_it.py").write_text("print('its code has run')")
    (tmp_path / "plain.toml").write_text(f'imports = ["beside_it"]\n{STUDY}')
    said = watched(tmp_path, ["check", "plain.toml"])
    assert "its code has run\n" in said
    assert f"code of yours that this study runs, with your rights: beside_it ({tmp_path}/beside_it.py)" in said
    (tmp_path / "plain.toml").write_text(STUDY)
    assert "code of yours" not in watched(tmp_path, ["check", "plain.toml"])

"""A study file may name the user's own modules; what they register can stand in it."""

from __future__ import annotations

import os
import re
import sys

import pytest

from clr_study.errors import SpecError
from clr_study.registry import named
from clr_study.schedules import SCHEDULES
from clr_study.spec import import_user_module, parse_study

TEXT = """
name = "own"
imports = ["own_schedules_of_a_test"]
data = { kind = "digits" }
model = { kind = "mlp" }
train = { updates = 10 }
[arms.own.schedule]
kind = "halving_of_own"
lr = 0.5
"""

MODULE = '''
import dataclasses
from clr_study.schedules import SCHEDULES, Schedule

@SCHEDULES.add
@dataclasses.dataclass(frozen=True, kw_only=True)
class HalvingOfOwn(Schedule):
    """Halves every update."""

    lr: float

    def formula(self, t):
        return self.lr * 0.5**t
'''


def test_a_users_schedule_is_found_by_its_kind(tmp_path, monkeypatch):
    (tmp_path / "own_schedules_of_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        study = parse_study(TEXT)
        assert study.imports == ("own_schedules_of_a_test",)
        assert SCHEDULES["halving_of_own"](lr=0.5)(2) == 0.125
    finally:
        SCHEDULES._things.pop("halving_of_own", None)


def test_a_module_that_fails_is_named_with_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_module_of_a_test.py").write_text("x = 1\nraise RuntimeError('out of coffee')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpecError, match=r"broken_module_of_a_test.*RuntimeError: out of coffee .*line 2"):
        parse_study(TEXT.replace("own_schedules_of_a_test", "broken_module_of_a_test"))


def test_the_trace_of_a_module_that_fails_is_shown_short_and_without_the_libraries(tmp_path, monkeypatch):
    text = "import json\n\ndef inner():\n    return json.loads('{')\n\ndef outer():\n    return inner()\n\nouter()\n"
    (tmp_path / "nested_module_of_a_test.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    file = re.escape(str(tmp_path / "nested_module_of_a_test.py"))
    places = (
        rf"\({file}, line 4, in inner, called from {file}, line 7, in outer, "
        rf"called from {file}, line 9, in <module>\)$"
    )
    with pytest.raises(SpecError, match=r"JSONDecodeError: .* " + places):
        parse_study(TEXT.replace("own_schedules_of_a_test", "nested_module_of_a_test"))


@pytest.mark.parametrize("imports", ['"one"', "[1]", "{}"])
def test_imports_must_be_a_list_of_names(imports):
    with pytest.raises(SpecError, match="imports must be a list of modules"):
        parse_study(TEXT.replace('["own_schedules_of_a_test"]', imports))


@pytest.mark.parametrize(
    "find", [import_user_module, lambda name: named(f"{name}:thing")], ids=["in imports", "by path"]
)
def test_a_module_written_a_moment_ago_is_found(find, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "just_written", raising=False)
    before = tmp_path.stat()
    with pytest.raises(SpecError, match="just_written"):
        find("just_written")
    (tmp_path / "just_written.py").write_text("def thing(): ...\n")
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as by a clock that has not moved on yet
    find("just_written")
    del sys.modules["just_written"]

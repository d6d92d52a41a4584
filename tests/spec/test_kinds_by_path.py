"""A kind with a colon is imported: a user's own things stand in a study file without a decorator."""

from __future__ import annotations

import importlib
import sys

import pytest

from clr_study.check import check_study
from clr_study.engine import fuse_key
from clr_study.errors import InputError, SpecError
from clr_study.models import build_model, why_unfusable
from clr_study.optim import build_optimizer, structure
from clr_study.report.code import Winner, code
from clr_study.schedules import schedule_from_dict
from clr_study.search import Where, run_study
from clr_study.spec import parse_study
from clr_study.spec.trial import TrialSpec

MODULE = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from clr_study.data import Split, Splits
from clr_study.optim import sgd
from clr_study.schedules import Constant, Schedule

if TYPE_CHECKING:
    from somewhere import Unknown

PI = 3.14


def make_net(*, shape, classes, width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], width), nn.ReLU(), nn.Linear(width, classes))


class Net(nn.Module):
    """Takes neither shape nor classes."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, width), nn.Dropout(0.25), nn.Linear(width, 3))

    def forward(self, x):
        return self.body(x)


def annotated(*, classes, other: Unknown | None = None) -> nn.Module:
    return nn.Linear(6, classes)


def no_net(*, width: int = 1):
    return width


def points(*, samples: int = 240) -> Splits:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, 6, generator=random)
    labels = inputs[:, :3].argmax(1)
    half = samples // 2
    return Splits(Split(inputs[:half], labels[:half]), None, Split(inputs[half:], labels[half:]), classes=3)


def my_sgd(*, momentum: float = 0.5):
    return sgd(momentum=momentum)


@dataclass(frozen=True, kw_only=True)
class Sawtooth(Schedule):
    """Falls in a line to 0 over the run, `parts` times."""

    lr: float
    updates: int
    parts: int = 2

    def rules(self):
        return {"lr > 0": self.lr > 0}

    def formula(self, t):
        return self.lr * (1 - t * self.parts / self.updates % 1)


def flat(lr: float):
    return Constant(lr=lr)
'''

STUDY = """
name = "own"
data = { kind = "my_things:points", samples = 200, validation = 0.2 }
model = { kind = "my_things:make_net", width = { choices = [4, 8] } }
optim = { kind = "my_things:my_sgd", momentum = 0.8 }
train = { batch_size = 16, updates = 8, evaluations = 2 }
search = { trials = 2 }
measure = { seeds = 2 }
[arms.saw.schedule]
kind = "my_things:Sawtooth"
lr = { low = 0.01, high = 0.1 }
[arms.flat.schedule]
kind = "my_things:flat"
lr = 0.1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the user's module, on Python's path for the test's time."""
    (tmp_path / "my_things.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("my_things", "failing", "leaving", "unwritten"):
        sys.modules.pop(name, None)


def where(tmp_path, name, **changes) -> Where:
    return Where(
        **{"storage": f"sqlite:///{tmp_path}/{name}.db", "out": str(tmp_path / name), "devices": "cpu"} | changes
    )


def finals(results):
    return {run.key: (run.ending, run.final("test_accuracy")) for run in results.runs if run.key.phase == "measure"}


def test_a_study_of_nothing_but_the_users_own_runs_in_the_owner_and_in_processes_alike(folder):
    study = parse_study(STUDY)
    inline = run_study(study, where(folder, "inline"))
    assert {run.ending for run in inline.runs} == {"completed"}
    saw = inline.of("saw", "measure")[0].spec
    assert saw.schedule["kind"] == "my_things:Sawtooth"
    assert saw.lr_schedule(4) == saw.lr_schedule(0) == saw.schedule["lr"]  # two teeth in 8 updates
    assert inline.of("flat", "measure")[0].spec.schedule == {"kind": "constant", "lr": 0.1}
    assert "my_things:Sawtooth" in (folder / "inline" / "report.html").read_text()
    elsewhere = run_study(study, where(folder, "spawned", executor="processes"))
    assert repr(sorted(finals(elsewhere).items())) == repr(sorted(finals(inline).items()))


def test_the_code_to_paste_for_a_schedule_of_the_users_own_does_without_it(folder):
    table = {"kind": "my_things:Sawtooth", "lr": 0.5, "updates": 300, "parts": 3}
    winner = Winner("saw", table, {"kind": "sgd"}, None, 300, ())
    pasted: dict = {}
    exec(code(winner, "torch"), pasted)
    expected = schedule_from_dict(table).table(300)
    assert [pasted["learning_rate"](t) for t in range(300)] == pytest.approx(expected.tolist(), rel=1e-3)
    again: dict = {}
    exec(code(winner, "python"), again)
    assert again["schedule"] == schedule_from_dict(table)
    assert "from my_things import Sawtooth" in code(winner, "python")


def test_a_net_that_vmap_cannot_take_trains_plain_and_says_why(folder):
    text = STUDY.replace('"my_things:make_net", width = { choices = [4, 8] }', '"my_things:Net", width = 5')
    study = parse_study(text)
    reason = check_study(study).unfusable
    assert reason == dict.fromkeys(("saw", "flat"), "Its Dropout 'body.1' draws random numbers in training.")
    results = run_study(study, where(folder, "plain"))
    assert {run.ending for run in results.runs} == {"completed"}


def test_what_a_callable_does_not_take_is_not_given(folder):
    assert build_model({"kind": "my_things:Net", "width": 7}, (6,), 3, seed=0).body[0].out_features == 7
    assert build_model({"kind": "my_things:annotated"}, (6,), 3, seed=0).out_features == 3


def test_specs_structures_and_keys_are_those_of_any_other_kind(folder):
    optim = {"kind": "my_things:my_sgd", "momentum": 0.5}
    assert structure(optim) == structure({"kind": "my_things:my_sgd"}) == ("my_things:my_sgd",)
    assert build_optimizer(optim).hyper["momentum"] == 0.5
    table = {"kind": "my_things:make_net"}
    assert why_unfusable(table, build_model(table, (6,), 3, seed=0)) is None
    spec = TrialSpec(
        study="s", data={"kind": "my_things:points"}, model=table, optim=optim, batch_size=8, updates=2, seed=0,
        schedule={"kind": "constant", "lr": 0.1}, evaluate_at=(2,), test=False,
    )  # fmt: skip
    again = TrialSpec.from_json(spec.to_json())
    assert again == spec
    assert fuse_key(again) == fuse_key(spec)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("my_things:Sawtooth", "my_things:Sawtoth", "'my_things' has no 'Sawtoth'; did you mean 'Sawtooth'?"),
        ("my_things:Sawtooth", "my_thing:Sawtooth", "there is no module 'my_thing'; looked for on Python's path"),
        ("my_things:Sawtooth", "my_things:PI", "'my_things:PI' is a float, which cannot be called; name a function"),
        ("my_things:Sawtooth", "my_things:", "'my_things:' must be a module, a colon and a name in it"),
        ("my_things:Sawtooth", "../my_things:Sawtooth", "must be a module, a colon and a name in it"),
        ("my_things:Sawtooth", "my_things:no_net", "my_things:no_net takes no key 'lr'; known are: width"),
        ("my_things:flat", "failing:flat", "'failing' cannot be imported: ZeroDivisionError: division by zero ("),
        ("my_things:flat", "leaving:flat", "'leaving' cannot be imported: SystemExit: 3 ("),
        ("my_things:flat", "unwritten:flat", "'unwritten' cannot be imported: SyntaxError: "),
        ('"my_things:flat"\nlr = 0.1', '"my_things:no_net"', "must make a clr_study.schedules.Schedule, but made 1"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused_with_its_place(folder, old, new, said):
    (folder / "failing.py").write_text("def half():\n    return 1 / 0\n\n\nhalf()\n")
    (folder / "leaving.py").write_text("raise SystemExit(3)\n")
    (folder / "unwritten.py").write_text("x = = 1\n")
    with pytest.raises(SpecError) as caught:
        parse_study(STUDY.replace(old, new))
    assert said in str(caught.value)
    assert "[arms." in str(caught.value)
    if new == "failing:flat":
        file = folder / "failing.py"
        assert f"({file}, line 2, in half, called from {file}, line 5, in <module>)" in str(caught.value)
    if new == "unwritten:flat":
        assert str(caught.value).endswith(f"({folder / 'unwritten.py'}, line 1)")


@pytest.mark.parametrize(
    ("section", "table", "said"),
    [
        ("data", {"kind": "my_things:flat", "lr": 0.1}, "must return clr_study.data.Splits, but returned Constant("),
        ("model", {"kind": "my_things:no_net"}, "must return a torch.nn.Module, but returned 1"),
        ("optim", {"kind": "my_things:no_net"}, "must return clr_study.optim.Optimizer, but returned 1"),
        ("model", {"kind": "my_things:make_net", "classes": 3}, "gets its classes from the data; leave classes out"),
        ("model", {"kind": "my_things:make_net", "widht": 3}, "takes no key 'widht'; did you mean 'width'?"),
        ("model", {"kind": "my_things:make_net", "width": "wide"}, "width should be a valid integer"),
        ("optim", {"kind": "builtins:min"}, "does not say what it takes; wrap it in a function"),
    ],
)  # fmt: skip
def test_a_callable_that_is_not_what_its_section_needs_is_refused(folder, section, table, said):
    from clr_study.data import load_splits

    build = {
        "data": load_splits,
        "model": lambda table: build_model(table, (6,), 3, seed=0),
        "optim": build_optimizer,
    }[section]
    with pytest.raises(InputError) as caught:
        build(table)
    assert said in str(caught.value)

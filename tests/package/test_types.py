"""What a user's editor says: a file that uses the package as the documentation shows it has no type error."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed")

USERS_FILE = '''
import torch
from torch import nn

import clr_study
from clr_study.data import DATASETS, Split, Splits
from clr_study.models import MODELS, unfusable
from clr_study.optim import OPTIMIZERS
from clr_study.schedules import SCHEDULES, Joined, LinearRamp, Schedule, Triangular, Triangular2


@MODELS.add
def small_net(*, shape: tuple[int, ...], classes: int, width: int = 8) -> nn.Module:
    """Builds a small network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], width), nn.ReLU(), nn.Linear(width, classes))


@MODELS.add
@unfusable("it draws random numbers of its own")
def other_net(*, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Builds another network."""
    return nn.Linear(shape[0], classes)


@DATASETS.add
def blobs() -> Splits:
    """Draws some blobs."""
    split = Split(torch.zeros(8, 2), torch.zeros(8, dtype=torch.int64))
    return Splits(split, None, split, classes=2, note="blobs")


schedule = Triangular(base_lr=0.01, max_lr=0.1, step_size=200)
rate: float = schedule(17)
rates = schedule.table(400)
joined: Schedule = Joined(schedules=(LinearRamp(low=0.0, high=0.1, updates=10), schedule), boundaries=(10,))
halved = Triangular2(base_lr=0.01, max_lr=0.1, step_size=200).fitted(1000)
end: float = halved.max_lr
net = small_net(shape=(2,), classes=2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scheduler: torch.optim.lr_scheduler.LambdaLR = schedule.to_torch(optimizer)
kinds: list[str] = [*SCHEDULES, *OPTIMIZERS]

study = clr_study.load_study("mine.toml")
clr_study.check_study(study)
results: clr_study.Results = clr_study.run_study(study, clr_study.Where(devices="cpu", lanes=4))
comparison = clr_study.compare(results)
verdict: str = comparison.verdict
path = clr_study.write_report(results, "report.html", comparison=comparison)
'''


def test_a_users_file_has_no_type_error(tmp_path):
    errors = found_in(USERS_FILE, tmp_path)
    assert errors == []


def test_a_wrong_argument_is_one(tmp_path):
    """So the types are read at all: without py.typed everything would be unknown, and nothing wrong."""
    (error,) = found_in('from clr_study.schedules import Constant\n\nConstant(lr="fast")\n', tmp_path)
    assert '"lr"' in error


def found_in(text: str, folder) -> list[str]:
    (folder / "mine.py").write_text(text)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportMissingTypeStubs": false}')
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "--project", folder]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert said["summary"]["filesAnalyzed"] == 1
    return [f"{one['message']} (line {one['range']['start']['line'] + 1})" for one in said["generalDiagnostics"]]

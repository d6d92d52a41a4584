import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clr_study.spec import Evaluation, PlannedRun, RunKey, Study, TrialSpec, parse_study
from clr_study.store import Store, add_study, open_store

NAN = float("nan")
TEXT = """\
name = "small"
question = "Which one?"
data = { kind = "digits" }
model = { kind = "mlp" }
train = { batch_size = 32, updates = 100 }
search = { trials = 4 }
measure = { seeds = 3 }
target = { accuracy = 0.9 }

[arms.fixed.schedule]
kind = "constant"
lr = { low = 1e-3, high = 1.0, log = true }

[arms.clr.schedule]
kind = "triangular"
max_lr = 0.5
base_lr = 0.1
step_size = 25
"""


@pytest.fixture
def url(storage_url) -> str:
    """A fresh storage, on each backend in turn."""
    return storage_url


@pytest.fixture
def sqlite_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/results.db"


@pytest.fixture
def text() -> str:
    return TEXT


@pytest.fixture
def study() -> Study:
    return parse_study(TEXT)


@pytest.fixture
def store(url: str, study: Study) -> Iterator[Store]:
    """A storage that holds the study `small`."""
    with open_store(url) as opened:
        add_study(opened, study)
        yield opened


@pytest.fixture
def run() -> Callable[..., PlannedRun]:
    def make(arm="fixed", phase="search", trial=0, seed=1, lr=0.1, study="small", **spec) -> PlannedRun:
        given = {
            "study": study,
            "data": {"kind": "digits"},
            "model": {"kind": "mlp"},
            "optim": {"kind": "sgd"},
            "schedule": {"kind": "constant", "lr": lr},
            "batch_size": 32,
            "updates": 100,
            "evaluate_at": (50, 100),
            "seed": seed,
            "test": phase == "measure",
        }
        return PlannedRun(RunKey(study, arm, phase, trial, seed), TrialSpec(**{**given, **spec}), {"schedule.lr": lr})

    return make


@pytest.fixture
def seen() -> Callable[..., Evaluation]:
    def make(update=50, accuracy=0.5, length=50, **changed) -> Evaluation:
        given = {
            "update": update,
            "epoch": update / 40,
            "seconds": update * 0.01,
            "lr": 0.1,
            "train_loss": 1.5,
            "validation_loss": 1.25,
            "validation_accuracy": accuracy,
            "test_loss": NAN,
            "test_accuracy": NAN,
            "losses": np.arange(update - length, update, dtype=np.float32),
        }
        return Evaluation(**{**given, **changed})

    return make


@pytest.fixture
def statements() -> Callable[[Store], list[str]]:
    """Gives a list that grows with every statement of a store."""
    from sqlalchemy import event

    def listen(store: Store) -> list[str]:
        said: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda c, cursor, text, *_: said.append(text))
        return said

    return listen


@pytest.fixture
def unprivileged():
    """A folder that any user reaches, and a user to whom rights apply, as they do not to root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)

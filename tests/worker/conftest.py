from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clr_study.spec import CheckpointRef, Job, PlannedRun, RunKey, RunResult, TrialSpec, parse_study
from clr_study.store import Store, add_study, open_store, plan_runs, read_results, standings
from clr_study.where import STORAGE
from clr_study.worker import Place, closing_stores, jobs, take_place

TEXT = """
name = "small"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 20, evaluations = 4 }
[arms.fixed.schedule]
kind = "constant"
lr = 0.1
"""


@dataclass(frozen=True)
class Bench:
    """A worker's place of work: a storage with planned runs, and a folder of checkpoints."""

    store: Store
    folder: Path
    jobs: list[Job]

    def results(self) -> list[RunResult]:
        return list(read_results(self.store, "small").runs)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))

    def saved(self) -> list[CheckpointRef]:
        found = standings(self.store, [job.key for job in self.jobs]).values()
        return [standing.checkpoint for standing in found if standing.checkpoint]

    def until(self, updates: int) -> list[Job]:
        return [Job(job.key, job.spec, updates) for job in self.jobs]


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Iterator[Callable[..., Bench]]:
    """Makes a bench with one run a learning rate; each change goes into every spec."""
    stores = []
    monkeypatch.setattr(jobs, "REPORT_SECONDS", 0.0)  # at each evaluation

    def make(lrs=(0.05, 0.1, 0.2), name="s", **changes) -> Bench:
        url = f"sqlite:///{tmp_path}/{name}.db"
        store = open_store(url)
        stores.append(store)
        add_study(store, parse_study(TEXT))
        fields = {
            "study": "small",
            "data": {"kind": "digits", "validation": 0.2},
            "model": {"kind": "mlp", "hidden": (8,)},
            "optim": {"kind": "sgd", "momentum": 0.9},
            "batch_size": 64,
            "updates": 20,
            "evaluate_at": (5, 10, 15, 20),
            "seed": 1,
            "test": False,
            **changes,
        }
        specs = [TrialSpec(**{"schedule": {"kind": "constant", "lr": lr}, **fields}) for lr in lrs]
        keys = [RunKey("small", "fixed", "search", trial, 1) for trial in range(len(specs))]
        plan_runs(store, [PlannedRun(key, spec, {}) for key, spec in zip(keys, specs, strict=True)])
        monkeypatch.setenv(STORAGE, store.url)
        folder = tmp_path / name / "checkpoints"
        take_place(Place(checkpoints=str(folder)))
        return Bench(store, folder, [Job(key, spec, 20) for key, spec in zip(keys, specs, strict=True)])

    with closing_stores():
        yield make
    take_place(Place())
    for store in stores:
        store.dispose()

"""Where a study runs: what cannot be is refused in a sentence, before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from clr_study.errors import InputError, SpecError, StorageError, UnknownKindError
from clr_study.executors import EXECUTORS, elsewhere, inline
from clr_study.models.mlp import mlp as build_mlp
from clr_study.search import Where, run_study
from clr_study.search.workers import Workers


@pytest.fixture
def far_away(monkeypatch):
    """An executor whose workers may be on other machines, and what it was given."""
    seen = []

    @elsewhere
    def far(setups, *, gpus_per_worker: float = 0.0, modules: tuple[str, ...] = (), queue: str = "short"):
        seen.append((len(setups), gpus_per_worker, modules, queue))
        return inline(setups[:1])

    monkeypatch.setitem(EXECUTORS._things, "far", far)
    return seen


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lanes": -1}, "--lanes must be auto or at least 1, but got -1"),
        ({"workers": -2}, "--workers must be at least 0, but got -2"),
        ({"cpus_per_worker": -1}, "--cpus-per-worker must be at least 0, but got -1"),
        ({"gpus_per_worker": 1.5}, "--gpus-per-worker must lie in .0, 1., since a run .* device, but got 1.5"),
        ({"gpus_per_worker": float("nan")}, "--gpus-per-worker must lie in .* but got nan"),
    ],
)
def test_a_number_that_cannot_be_is_named(options, words):
    with pytest.raises(InputError, match=words):
        Where(**options)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"executor": "proceses"}, UnknownKindError, "no executor is called 'proceses'; did you mean 'processes'?"),
        ({"options": {"queue": "x"}}, SpecError, "--executor inline takes no key 'queue'; it takes none"),
        ({"executor": "inline", "workers": 2}, InputError, "inline works on one device, but got 2"),
        ({"executor": "inline", "devices": "cpu,cpu"}, InputError, "inline works on one device, but got 2"),
        ({"workers": 2, "gpus_per_worker": 1.0}, InputError, "room for 0 workers, but --workers asks for 2"),
        ({"executor": "far"}, StorageError, "--executor far works on other machines, which cannot share a SQLite"),
        ({"executor": "far", "devices": "cpu"}, InputError, "--devices cpu names devices of this machine, but"),
        (
            {"executor": "far", "storage": "postgresql+psycopg://h/d", "options": {"quue": "x"}},
            SpecError,
            "--executor far takes no key 'quue'; did you mean 'queue'?",
        ),
        (
            {"executor": "far", "storage": "postgresql+psycopg://h/d", "options": {"queue": 3}},
            SpecError,
            "--executor queue should be a valid string, but got 3",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    small, far_away, tmp_path, monkeypatch, options, error, words
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        run_study(small(), Where(**options))
    assert list(tmp_path.iterdir()) == []


def test_what_a_notebook_defines_trains_in_its_own_process_only(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = ModuleType("__main__")
    notebook.net = build_mlp  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    study = small(('model = { kind = "mlp"', 'model = { kind = "__main__:net"'))
    assert Workers(study, Where(devices="cpu")).kind == "inline"
    with pytest.raises(InputError, match=r"cannot import '__main__:\.\.\.', .* put it into a file, my_module.py"):
        run_study(study, Where(devices="cpu,cpu"))
    assert list(tmp_path.iterdir()) == []


def test_an_executor_gets_what_it_takes(small, far_away):
    where = Where(
        executor="far", storage="postgresql+psycopg://h/d", workers=3, gpus_per_worker=0.0, options={"queue": "long"}
    )
    study = small(('model = { kind = "mlp"', 'imports = ["json"]\nmodel = { kind = "clr_study.models.mlp:mlp"'))
    workers = Workers(study, where)
    assert far_away == [(3, 0.0, ("json", "clr_study.models.mlp"), "long")]
    assert [place.device for place in workers.places] == ["cpu"] * 3
    assert workers.capacity.device.startswith("CPU, "), "a worker was asked"


def test_one_worker_is_this_process_and_several_are_processes(small):
    assert Workers(small(), Where(devices="cpu")).kind == "inline"
    workers = Workers(small(), Where(devices="cpu", workers=2))
    workers.executor.shutdown()
    assert (workers.kind, len(workers.places)) == ("processes", 2)


def test_checkpoints_are_beside_the_report_or_where_they_are_wanted_or_nowhere(tmp_path):
    assert Where(out=str(tmp_path)).checkpoint_folder("s") == tmp_path / "checkpoints" / "s"
    assert Where(checkpoints=str(tmp_path / "c")).checkpoint_folder("s") == tmp_path / "c" / "s"
    assert Where().checkpoint_folder("s") == Path("results/s/checkpoints/s").resolve()
    assert Where(checkpoints="none").checkpoint_folder("s") is None

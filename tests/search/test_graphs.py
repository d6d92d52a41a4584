"""A study that asks for CUDA graphs: refused on a CPU; and by an emulation of a GPU the same study, bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from graph_emulation import record

from clr_study.check import check_study
from clr_study.errors import SpecError
from clr_study.search import Where, plan_study, run_study
from clr_study.store import open_store, read_losses

GRAPHS = ("evaluations = 4", "evaluations = 4, cuda_graphs = true")
DRAWS = ('kind = "mlp", hidden = [8]', 'kind = "resnet", depth = 8, width = 2, death_rate = 0.5')


def where(tmp_path, name: str) -> Where:
    return Where(storage=f"sqlite:///{tmp_path}/{name}.db", out=str(tmp_path / name), devices="cpu")


@pytest.fixture
def emulated(monkeypatch):
    """Takes the CPU for a GPU; returns how many updates were recorded."""
    made = []

    def recording(call):
        made.append(call)
        return record(call)

    for module in ("clr_study.engine.train", "clr_study.search.workers"):
        monkeypatch.setattr(f"{module}.recorder", lambda device: recording)
    return made


@pytest.mark.parametrize("ask", [run_study, plan_study])
def test_on_a_cpu_it_is_refused_with_the_mend_before_anything_is_written(ask, small, tmp_path):
    with pytest.raises(SpecError, match="leave cuda_graphs out, and each update is taken kernel by kernel"):
        ask(small(GRAPHS), where(tmp_path, "a"))
    assert not list(tmp_path.iterdir())


def test_it_is_not_asked_for_together_with_compile(small):
    with pytest.raises(SpecError, match="compile = true and cuda_graphs = true exclude each other"):
        small(("evaluations = 4", "evaluations = 4, cuda_graphs = true, compile = true"))


def test_a_check_takes_it_and_says_what_this_machine_lacks(small, monkeypatch):
    for gpu in (True, False):
        monkeypatch.setattr("torch.cuda.is_available", lambda gpu=gpu: gpu)
        doubts = check_study(small(GRAPHS)).doubts
        assert any("torch finds no GPU on this machine" in doubt for doubt in doubts) is not gpu
        assert not any("cuda_graphs" in doubt for doubt in check_study(small()).doubts)


def test_a_check_says_which_arms_are_left_out(small):
    doubts = check_study(small(GRAPHS, DRAWS)).doubts
    assert [doubt.partition(":")[0] for doubt in doubts if "not as CUDA graphs" in doubt] == ["constant", "clr"]


def test_a_whole_study_comes_out_as_without(small, tmp_path, emulated):
    usual, replayed = (
        run_study(small(*changes), where(tmp_path, name)) for name, changes in {"a": [], "b": [GRAPHS]}.items()
    )
    assert emulated
    assert usual.winners == replayed.winners
    assert [run.key for run in usual.runs] == [run.key for run in replayed.runs]
    stores = [open_store(f"sqlite:///{tmp_path}/{name}.db", create=False) for name in "ab"]
    for one, other in zip(usual.runs, replayed.runs, strict=True):
        assert (one.ending, one.note) == (other.ending, other.note)
        assert other.spec.cuda_graphs
        for name, column in one.metrics.items():
            if "seconds" not in name:
                np.testing.assert_array_equal(column, other.metrics[name], err_msg=name)
        np.testing.assert_array_equal(*(read_losses(store, one.key) for store in stores))
    for store in stores:
        store.dispose()
    told = [json.loads((tmp_path / name / "results.json").read_text())["limits"] for name in "ab"]
    assert [any(", in CUDA graphs; nothing else was" in line for line in lines) for lines in told] == [False, True]


def test_runs_that_are_left_out_say_so_in_their_record(small, tmp_path, emulated):
    study = small(
        GRAPHS, DRAWS, ("trials = 4", "trials = 1"), ("updates = 24", "updates = 4"), ("high = 12", "high = 4")
    )
    results = run_study(study, where(tmp_path, "a"))
    assert not emulated
    notes = {run.note for run in results.runs}
    assert len(notes) == 1
    assert "trained without CUDA graphs: " in notes.pop()

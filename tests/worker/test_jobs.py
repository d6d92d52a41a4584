"""A worker over a real database: it resumes, it isolates what fails, it leaves nothing behind."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from clr_study.engine import Training, read_checkpoint
from clr_study.errors import UnfinishedError
from clr_study.spec import Job
from clr_study.store import append, finish, read_losses, read_results, run_endings
from clr_study.worker import jobs as worker
from clr_study.worker import run_jobs
from clr_study.worker.own_loop import NOTE_LENGTH


class Killed(BaseException):
    """Stands in for a kill: nothing of ours catches it."""


def facts(bench):
    """All that was stored of each run but the clock."""
    return [
        (
            run.key,
            run.ending,
            run.note,
            run.updates.tolist(),
            {name: column.tobytes() for name, column in run.metrics.items()},
            read_losses(bench.store, run.key).tobytes(),
        )
        for run in bench.results()
    ]


def killed_after(bench, evaluations: int, monkeypatch, jobs=None) -> None:
    """Trains until some evaluations are stored, and dies before the next."""
    seen = []

    def dying(*arguments, **named):
        if len(seen) == evaluations:
            raise Killed
        seen.append(arguments)
        append(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "append", dying)
        with pytest.raises(Killed):
            run_jobs(jobs or bench.jobs)


def starts(monkeypatch) -> list[tuple[int, int]]:
    """Gives a list that grows with each batch: from which update, with how many lanes."""
    seen = []
    real = Training.__init__

    def noting(self, specs, task, lanes=None, **options):
        real(self, specs, task, lanes, **options)
        seen.append((self.lanes.update, len(self.running)))

    monkeypatch.setattr(Training, "__init__", noting)
    return seen


def test_jobs_come_back_completed_and_their_files_are_gone(bench):
    bench = bench()
    outcomes = run_jobs(bench.jobs)
    assert [(outcome.key, outcome.ending, outcome.updates) for outcome in outcomes] == [
        (job.key, "completed", 20) for job in bench.jobs
    ]
    for run in bench.results():
        assert (run.ending, run.updates.tolist()) == ("completed", [5, 10, 15, 20])
        assert len(read_losses(bench.store, run.key)) == 20
        assert run.device.startswith("CPU, ")
        assert set(run.versions) == {"clr_study", "torch", "numpy", "python"}
    assert bench.files() == []


@pytest.mark.parametrize("evaluations", [1, 2, 3])
def test_a_killed_worker_is_continued_from_its_checkpoint_to_the_same_results(bench, monkeypatch, evaluations):
    whole, broken = bench(name="whole"), None
    run_jobs(whole.jobs)
    expected = facts(whole)
    broken = bench(name="broken")
    killed_after(broken, evaluations, monkeypatch)
    assert {run.ending for run in broken.results()} == {None}
    assert [run.updates.tolist() for run in broken.results()] == [[5, 10, 15][:evaluations]] * 3
    refs = broken.saved()
    assert {ref.update for ref in refs} == {5 * evaluations}
    for ref in refs:
        state = read_checkpoint(broken.folder / ref.path, ref.sha256)
        assert (state.update, len(state)) == (5 * evaluations, 3)
    seen = starts(monkeypatch)
    run_jobs(broken.jobs)
    assert seen == [(5 * evaluations, 3)]
    assert facts(broken) == expected
    assert broken.files() == []


@pytest.mark.parametrize("harm", ["missing", "cut", "flipped", "empty", "another's"])
def test_a_damaged_checkpoint_is_refused_and_the_runs_start_again(bench, monkeypatch, harm):
    whole = bench(name="whole")
    run_jobs(whole.jobs)
    expected = facts(whole)
    broken = bench(name="broken")
    killed_after(broken, 2, monkeypatch)
    (path,) = {ref.path for ref in broken.saved()}
    file = broken.folder / path
    blob = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        flipped = blob[:100] + bytes([blob[100] ^ 1]) + blob[101:]
        file.write_bytes({"cut": blob[:-1], "flipped": flipped, "empty": b"", "another's": blob * 2}[harm])
    seen = starts(monkeypatch)
    run_jobs(broken.jobs)
    assert seen == [(0, 3)]
    assert facts(broken) == expected
    assert broken.files() == []


def test_two_hundred_damaged_files_are_all_refused(bench, monkeypatch):
    bench = bench()
    killed_after(bench, 2, monkeypatch)
    ref = bench.saved()[0]
    file = bench.folder / ref.path
    blob, draw = file.read_bytes(), random.Random(0)
    assert read_checkpoint(file, ref.sha256) is not None
    for _ in range(200):
        harmed = bytearray(blob)
        for _ in range(draw.randint(1, 3)):
            harmed[draw.randrange(len(harmed))] ^= 1 << draw.randrange(8)
        if draw.random() < 0.3:
            del harmed[draw.randrange(len(harmed)) :]
        if bytes(harmed) == blob:
            continue
        file.write_bytes(harmed)
        assert read_checkpoint(file, ref.sha256) is None


def test_jobs_of_two_checkpoints_go_on_apart(bench, monkeypatch):
    bench = bench()
    killed_after(bench, 1, monkeypatch, bench.jobs[:2])
    seen = starts(monkeypatch)
    run_jobs(bench.jobs)
    assert seen == [(0, 1), (5, 2)]
    assert {run.ending for run in bench.results()} == {"completed"}


def test_a_lane_that_is_not_due_keeps_its_own_checkpoint(bench, monkeypatch):
    """One run is looked at when the other is not: neither's file may go while it is the last of a run."""
    bench = bench()
    early, late = (replace(job.spec, evaluate_at=at) for job, at in zip(bench.jobs, [(6, 20), (12, 20)], strict=False))
    jobs = [Job(bench.jobs[0].key, early, 20), Job(bench.jobs[1].key, late, 20)]
    killed_after(bench, 2, monkeypatch, jobs)
    assert len(bench.files()) == 2
    seen = starts(monkeypatch)
    run_jobs(jobs)
    assert seen == [(6, 1), (12, 1)]
    assert bench.files() == []


def test_jobs_that_are_handed_back_keep_one_file_until_they_have_ended(bench):
    bench = bench()
    assert {outcome.ending for outcome in run_jobs(bench.until(5))} == {None}
    assert len(bench.files()) == 1
    assert {outcome.updates for outcome in run_jobs(bench.until(10)[:2])} == {10}
    assert len(bench.files()) == 2, "the third run is still to be continued from the first file"
    run_jobs(bench.until(10)[2:])
    assert len(bench.files()) == 2, "the first file is nobody's any more"
    run_jobs(bench.jobs)
    assert bench.files() == []


def test_a_run_that_ended_before_its_worker_died_is_not_trained_again(bench, monkeypatch):
    bench = bench(lrs=(0.1, 1e30))
    killed_after(bench, 1, monkeypatch)
    endings = run_endings(bench.store, "small")
    assert [endings[job.key] for job in bench.jobs] == [None, "diverged"], "a divergence is stored at once"
    seen = starts(monkeypatch)
    outcomes = {outcome.key: outcome.ending for outcome in run_jobs(bench.jobs)}
    assert [outcomes[job.key] for job in bench.jobs] == ["completed", "diverged"]
    assert seen == [(5, 1)]


def test_a_diverged_lane_is_told_with_update_and_learning_rate(bench):
    bench = bench(lrs=(0.1, 1e30))
    fine, lost = run_jobs(bench.jobs)
    assert fine.ending == "completed"
    assert (lost.ending, lost.updates) == ("diverged", 1)
    assert lost.note == "the loss was not finite after 1 updates, at a learning rate of 1e+30"
    assert bench.results()[1].note == lost.note


def failing(monkeypatch, when, error) -> list[int]:
    """Makes training raise for some batches; gives the sizes of all that were tried."""
    real, sizes = Training.run, []

    def run(self, until=None):
        sizes.append(len(self.specs))
        if when(self.specs):
            raise error
        return real(self, until)

    monkeypatch.setattr(Training, "run", run)
    return sizes


def test_out_of_memory_halves_the_batch_until_it_fits(bench, monkeypatch):
    bench = bench(lrs=[0.01 * number for number in range(1, 8)])
    sizes = failing(monkeypatch, lambda specs: len(specs) > 2, torch.OutOfMemoryError("CUDA out of memory"))
    assert {outcome.ending for outcome in run_jobs(bench.jobs)} == {"completed"}
    assert sizes == [7, 4, 2, 2, 3, 2, 1]
    assert {run.ending for run in bench.results()} == {"completed"}
    parents = [4, 4, 4, 4, 3, 3, 3]
    assert [run.note for run in bench.results()] == [
        f"trained in a batch of 2 at most, since one of {lanes} failed: torch.OutOfMemoryError: CUDA out of memory"
        for lanes in parents
    ]


def test_out_of_memory_on_the_way_goes_on_to_the_same_results(bench, monkeypatch):
    lrs = (0.05, 0.1, 0.2, 0.3)
    whole = bench(lrs, name="whole")
    run_jobs(whole.jobs)
    expected = facts(whole)
    broken = bench(lrs, name="broken")
    seen = starts(monkeypatch)
    real = Training._advance

    def advance(self, stop):
        if len(self.specs) > 2 and stop > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, stop)

    monkeypatch.setattr(Training, "_advance", advance)
    run_jobs(broken.jobs)
    assert seen == [(0, 4), (5, 2), (5, 2)]
    assert {run.note for run in broken.results()} == {
        "trained in a batch of 2 at most, since one of 4 failed: torch.OutOfMemoryError: CUDA out of memory"
    }
    assert [fact[:2] + fact[3:] for fact in facts(broken)] == [fact[:2] + fact[3:] for fact in expected], "but the note"
    assert broken.files() == []


def test_the_culprit_fails_alone_with_its_trace_and_the_others_complete(bench, monkeypatch):
    bench = bench(lrs=[0.01 * number for number in range(1, 6)])
    culprit = bench.jobs[3].spec
    failing(monkeypatch, lambda specs: culprit in specs, RuntimeError("no such kernel"))
    outcomes = {outcome.key.trial: outcome for outcome in run_jobs(bench.jobs)}
    assert {trial: outcome.ending for trial, outcome in outcomes.items()} == {
        **dict.fromkeys(range(5), "completed"),
        3: "failed",
    }
    assert outcomes[3].note.endswith("RuntimeError: no such kernel\n")
    assert "Traceback" in outcomes[3].note
    assert bench.results()[3].note == outcomes[3].note


def test_a_long_trace_keeps_its_end(bench, monkeypatch):
    bench = bench(lrs=(0.1,))
    failing(monkeypatch, lambda specs: True, RuntimeError("x" * 10_000 + " the end"))
    (outcome,) = run_jobs(bench.jobs)
    assert len(outcome.note) == NOTE_LENGTH
    assert outcome.note.endswith("the end\n")


def test_a_full_disk_is_nobodys_failure(bench, monkeypatch):
    """The state before stays, the runs stay unfinished, and go on once there is room."""
    bench = bench()
    killed_after(bench, 2, monkeypatch)
    before = bench.files()

    def full(lanes, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "write_checkpoint", full)
        with pytest.raises(UnfinishedError, match=r"checkpoint .*-15\.safetensors cannot be written: No space left"):
            run_jobs(bench.jobs)
    assert bench.files() == before
    assert {run.ending for run in bench.results()} == {None}
    seen = starts(monkeypatch)
    run_jobs(bench.jobs)
    assert seen == [(10, 3)]
    assert {run.ending for run in bench.results()} == {"completed"}


def test_what_is_trained_twice_is_stored_once(bench, monkeypatch):
    bench = bench()
    run_jobs(bench.jobs)
    expected = facts(bench)
    with bench.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clr_runs SET outcome = NULL")
    run_jobs(bench.jobs)
    assert facts(bench) == expected


def test_without_a_folder_there_are_no_checkpoints(bench, monkeypatch):
    from clr_study.worker import Place, take_place

    bench = bench()
    take_place(Place())
    run_jobs(bench.jobs)
    assert not bench.folder.exists()
    assert bench.saved() == []


def test_finishing_again_keeps_the_first_outcome(bench):
    bench = bench()
    outcomes = run_jobs(bench.jobs)
    finish(bench.store, [replace(outcomes[0], ending="failed", note="late")], "elsewhere", {})
    assert bench.results()[0].ending == "completed"


def test_losses_of_every_update_are_stored_in_order(bench, monkeypatch):
    bench = bench()
    killed_after(bench, 3, monkeypatch)
    run_jobs(bench.jobs)
    for run in bench.results():
        losses = read_losses(bench.store, run.key)
        np.testing.assert_allclose(
            [losses[:5].mean(), losses[5:10].mean(), losses[10:15].mean(), losses[15:].mean()],
            run.metrics["train_loss"],
            rtol=1e-6,
        )


def test_each_call_leaves_a_record_of_who_trained_what_and_when(bench):
    made = bench()
    before = time.time()
    run_jobs(made.until(10))
    between = time.time()
    run_jobs(made.jobs)
    first, second = read_results(made.store, "small").stints
    assert first.arms == second.arms == {"fixed": 3}
    assert first.phase == "search"
    assert first.worker == second.worker
    assert first.worker.endswith(f"/{os.getpid()}")
    assert first.device == made.results()[0].device
    assert before <= first.started < first.ended <= between <= second.started < second.ended <= time.time()

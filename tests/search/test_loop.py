"""Packing and the loop: what shares a step goes together, what is left over is shared out, what dies is tried again."""

from __future__ import annotations

from concurrent.futures import Executor, Future

import pytest

from clr_study.errors import StorageError
from clr_study.search.loop import TRIES, drive, pack
from clr_study.spec import Job, Outcome, RunKey, TrialSpec


def job(number: int, *, batch_size: int = 8, until: int = 10) -> Job:
    spec = TrialSpec(
        study="s",
        data={"kind": "digits"},
        model={"kind": "mlp"},
        optim={"kind": "sgd"},
        schedule={"kind": "constant", "lr": 0.1},
        batch_size=batch_size,
        updates=10,
        evaluate_at=(10,),
        seed=number,
        test=False,
    )
    return Job(RunKey("s", "a", "search", number, number), spec, until)


class Scripted(Executor):
    """Runs nothing; a function says what each batch of trial numbers comes back with."""

    def __init__(self, answer):
        self.answer, self.batches = answer, []

    def submit(self, fn, /, jobs):
        numbers = [one.key.trial for one in jobs]
        self.batches.append(numbers)
        future = Future()
        try:
            self.answer(numbers)
            future.set_result([Outcome(one.key, "completed", 10) for one in jobs])
        except Exception as error:
            future.set_exception(error)
        return future


class Source:
    def __init__(self, jobs):
        self.left, self.outcomes = list(jobs), []

    def step(self, outcomes, room):
        self.outcomes += outcomes
        jobs, self.left = self.left[:room], self.left[room:]
        return jobs


def driven(source, executor, slots=1, lanes=4, most=64, given_up=None):
    given_up = [] if given_up is None else given_up
    drive(source, executor, slots, lambda _: lanes, most, given_up.extend)
    return {outcome.key.trial: outcome for outcome in source.outcomes}


def test_a_batch_holds_only_what_can_share_a_step():
    jobs = [job(0), job(1, batch_size=16), job(2), job(3, until=5), job(4)]
    assert [one.key.trial for one in pack(jobs, lambda _: 9, slots=1)] == [0, 2, 4]


def test_a_batch_has_no_more_than_its_lanes_and_its_share_of_the_slots():
    jobs = [job(number) for number in range(10)]
    assert len(pack(jobs, lambda _: 4, slots=1)) == 4
    assert len(pack(jobs, lambda _: 64, slots=2)) == 5
    assert len(pack(jobs[:1], lambda _: 64, slots=8)) == 1


def test_every_job_comes_back_once():
    executor = Scripted(lambda numbers: None)
    ends = driven(Source(job(number) for number in range(10)), executor, slots=2, lanes=3)
    assert sorted(ends) == list(range(10))
    assert sorted(number for batch in executor.batches for number in batch) == list(range(10))


def test_no_more_jobs_are_asked_for_than_may_be_in_the_air():
    asked = []

    class Counting(Source):
        def step(self, outcomes, room):
            asked.append(room)
            return super().step(outcomes, room)

    driven(Counting(job(number) for number in range(9)), Scripted(lambda numbers: None), lanes=2, most=4)
    assert max(asked) == 4


def test_a_batch_whose_worker_dies_is_halved_until_the_culprit_is_alone_and_failed():
    def answer(numbers):
        if 2 in numbers:
            raise RuntimeError("worker gone")

    executor, given_up = Scripted(answer), []
    ends = driven(Source(job(number) for number in range(4)), executor, lanes=4, given_up=given_up)
    assert [outcome.key.trial for outcome in given_up] == [2], "its worker could not store how it ended"
    assert {number: end.ending for number, end in ends.items()} == {
        0: "completed",
        1: "completed",
        2: "failed",
        3: "completed",
    }
    assert executor.batches.count([2]) == TRIES
    assert "worker gone" in ends[2].note


def test_a_storage_that_is_gone_ends_the_loop():
    def answer(numbers):
        raise StorageError("no database")

    with pytest.raises(StorageError, match="no database"):
        driven(Source([job(0)]), Scripted(answer))


class Noting(Scripted):
    """Two workers that come back at once."""

    def __init__(self, events):
        super().__init__(lambda numbers: events.append("submitted"))


def test_a_free_worker_starts_before_what_came_back_is_told():
    events = []

    class Telling(Source):
        def step(self, outcomes, room):
            if outcomes:
                events.append("told")
            return super().step(outcomes, room)

    source = Telling([job(number) for number in range(8)])
    drive(source, Noting(events), slots=2, lanes=lambda _: 2, most=6, give_up=events.append)
    # Six are asked for, four begin; the other two begin before the first four are told.
    assert events[:4] == ["submitted", "submitted", "submitted", "submitted"]
    assert events[4] == "told"
    assert sorted(outcome.key.trial for outcome in source.outcomes) == list(range(8))

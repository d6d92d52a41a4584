"""Whole studies over a database of their own: where they run, and what must be equal in two of them."""

from __future__ import annotations

import json

import pytest

from clr_study.search import Where, loop, run_study


def where(tmp_path, **changes) -> Where:
    """A database and a report in a folder, and one worker on the CPU."""
    return Where(**{"storage": f"sqlite:///{tmp_path}/s.db", "out": str(tmp_path / "out"), "devices": "cpu", **changes})


def facts(results):
    """What must be equal in two runs of one study: everything but the clock."""
    return {
        run.key: (
            run.ending,
            run.spec.digest,
            run.values,
            {name: column.tolist() for name, column in run.metrics.items()},
        )
        for run in results.runs
    }


def same(one, other) -> bool:
    """Equal to the last bit, NaN beside NaN."""
    return json.dumps(sorted(map(repr, one.items()))) == json.dumps(sorted(map(repr, other.items())))


def killed_and_continued(study, broken: Where, batches: int):
    """The results of a study whose owner is interrupted after so many batches and followed by another one."""
    calls, real = [], loop.run_jobs

    def dying(jobs):
        calls.append(jobs)
        if len(calls) > batches:
            raise KeyboardInterrupt
        return real(jobs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "run_jobs", dying)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, broken)
    return run_study(study, broken)

"""A disk that is full: a clear sentence, nothing lost, and the same command goes on once there is room."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from one_arm import one_arm

from clr_study.store import open_store, read_losses, read_results

STUDY = one_arm("full", hidden=256, batch_size=16, updates=200, evaluations=20, trials=0)
# A report at each evaluation, however fast the machine is.
OFTEN = "from clr_study.worker import jobs; jobs.REPORT_SECONDS = 0.0; from clr_study.cli import main; main()"
RUN = [sys.executable, "-c", OFTEN, "run", "full.toml", "--devices", "cpu"]


def run(folder, largest_file: int | None = None, *options: str) -> subprocess.CompletedProcess:
    """Runs the study where no file may grow beyond some bytes, which is what a process sees of a full disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    environment = {**os.environ, "CLR_STORAGE": "", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*RUN, *options],
        cwd=folder,
        env=environment,
        preexec_fn=limit if largest_file else None,
        capture_output=True,
        text=True,
    )


def facts(folder) -> list:
    with open_store(f"sqlite:///{folder}/clr_study.db", create=False) as store:
        return [
            (run.key, run.ending, run.updates.tolist(), read_losses(store, run.key).tobytes())
            for run in read_results(store, "full").runs
        ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "full.toml").write_text(STUDY)
    said = run(folder)
    assert said.returncode == 0, said.stderr
    return facts(folder)


@pytest.mark.parametrize(
    ("largest", "options", "code", "words"),
    [
        (150_000, [], 1, "the checkpoint"),  # a state of both runs takes 160 kB
        (300_000, ["--checkpoints", "none"], 2, "make room on the disk and run the same command again; what was"),
    ],
    ids=["checkpoint", "database"],
)
def test_no_room_is_said_and_nothing_is_lost(undisturbed, tmp_path, largest, options, code, words):
    (tmp_path / "full.toml").write_text(STUDY)
    said = run(tmp_path, largest, *options)
    assert said.returncode == code, said.stderr
    assert words in said.stderr
    assert "Traceback" not in said.stderr
    said = run(tmp_path)
    assert said.returncode == 0, said.stderr
    assert facts(tmp_path) == undisturbed

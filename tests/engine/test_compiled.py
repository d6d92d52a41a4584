"""A compiled step does what the step does, is compiled once for all numbers of lanes, and needs a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from one_arm import one_arm
from short_runs import CYCLICAL, DIGITS

from clr_study.engine import Training, load_task, start
from clr_study.spec import TrialSpec

SPEC = replace(CYCLICAL, compile=True)
MLP, RESNET = {"kind": "mlp", "hidden": [16]}, {"kind": "resnet", "depth": 8, "width": 2}
STUDY = one_arm("compiled", updates=20, trials=0).replace("updates = 20", "updates = 20, compile = true")

needs_a_compiler = pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")


def lanes(count: int, seeds: int = 1, **changes) -> list[TrialSpec]:
    flat = [{"kind": "constant", "lr": 0.01 * (1 + lane)} for lane in range(count)]
    return [replace(SPEC, schedule=one, seed=lane % seeds, **changes) for lane, one in enumerate(flat)]


def trained(specs: list[TrialSpec], until: int | None = None) -> Training:
    training = Training(specs, load_task(DIGITS))
    training.seen = list(training.run(until))
    return training


def graphs() -> int:
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


@needs_a_compiler
@pytest.mark.parametrize(
    ("model", "count", "seeds"),
    [(MLP, 1, 1), (MLP, 3, 1), (MLP, 3, 2), (RESNET, 3, 2)],
    ids=["alone", "shared inputs", "own inputs", "under vmap"],
)
def test_a_compiled_step_learns_what_the_step_does(model, count, seeds):
    specs = lanes(count, seeds, model=model)
    usual, compiled = (trained([replace(spec, compile=on) for spec in specs]) for on in (False, True))
    begun = start([usual.model] * count, usual.optimizer, torch.device("cpu"), torch.float32)
    for name, tensor in usual.lanes.params.items():
        torch.testing.assert_close(compiled.lanes.params[name], tensor, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(begun.params[name], tensor, rtol=1e-3, atol=1e-4), "or else nothing was learnt"
    for a, b in zip(usual.seen, compiled.seen, strict=True):
        for run, evaluation in a.evaluations.items():
            assert b.evaluations[run].losses == pytest.approx(evaluation.losses, rel=1e-3)


@needs_a_compiler
def test_one_compilation_does_for_all_numbers_of_lanes_and_for_every_training():
    trained(lanes(4))
    before = graphs()
    assert before > 0
    for count in (2, 4, 7, 12):
        training = trained(lanes(count))
        training.drop([0])
    assert graphs() == before


@needs_a_compiler
def test_a_compiled_run_that_is_gone_on_with_ends_as_if_it_had_never_stopped():
    whole = trained(lanes(4))
    half = trained(lanes(4), until=4)
    rest = Training(half.specs, half.task, half.lanes)
    list(rest.run())
    for name, tensor in whole.lanes.params.items():
        assert torch.equal(tensor, rest.lanes.params[name]), name


@needs_a_compiler
def test_lanes_go_on_to_the_same_bits_when_others_are_dropped():
    whole, less = trained(lanes(5)), trained(lanes(5), until=4)
    less.drop([0, 3])
    list(less.run())
    for name, tensor in whole.lanes.params.items():
        assert torch.equal(tensor[[1, 2, 4]], less.lanes.params[name]), name


def test_what_is_not_compiled_is_the_same_run_as_before_there_was_a_choice():
    usual = replace(SPEC, compile=False)
    assert "compile" not in usual.to_json()
    assert '"compile":true' in SPEC.to_json()
    assert TrialSpec.from_json(SPEC.to_json()) == SPEC != usual


def test_without_a_compiler_a_study_is_refused_with_the_mend(tmp_path):
    path = tmp_path / "compiled.toml"
    path.write_text(STUDY)
    bare = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    command = [Path(sys.executable).with_name("clr-study"), "check", path]
    done = subprocess.run(command, env={**os.environ, **bare}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert "[train] compile = true needs a C++ compiler" in sentence
    assert "leave compile out" in sentence

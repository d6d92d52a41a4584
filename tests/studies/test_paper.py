"""The shipped studies of the paper and of the claims can be built, and are laid out as they say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paper_studies import NAMES, schedule_of, shipped
from PIL import Image
from sklearn.datasets import load_digits

from clr_study.check import check_study
from clr_study.data import ImageFiles
from clr_study.engine import load_task
from clr_study.spec import parse_study, scaled


@pytest.fixture(scope="session")
def small_cifar(tmp_path_factory):
    """Noise in the shape of CIFAR-10: enough of it for the largest batch of any study."""
    draw = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "noise.npz"
    arrays = {}
    for suffix, count in (("", 1200), ("_test", 40)):
        arrays[f"x{suffix}"] = draw.integers(0, 256, size=(count, 3, 32, 32), dtype=np.uint8)
        arrays[f"y{suffix}"] = np.arange(count) % 10
    np.savez(path, **arrays)
    return {"kind": "npz", "path": str(path)}


def test_every_table_and_every_question_has_its_study():
    nets, data = ("resnet", "stochastic-depth", "densenet"), ("cifar10", "cifar100")
    tables = ["table1", "table1-tuned", "table3", *(f"table4-{net}-{kind}" for net in nets for kind in data)]
    questions = ["sigmoid-bn", "range-test", "step-size", "windows", "momentum-convention"]
    assert {f"paper-{name}" for name in (*tables, *questions)} | {"super-convergence"} <= set(NAMES)


@pytest.fixture(scope="session")
def large_images(tmp_path_factory):
    """Real handwritten digits, large enough for the networks of ImageNet, as a folder of files."""
    root = tmp_path_factory.mktemp("imagenet")
    digits = load_digits()
    for row in range(40):
        folder = root / ("val" if row % 5 == 0 else "train") / str(digits.target[row])
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((digits.images[row] * 15).astype(np.uint8)).resize((300, 280))
        image.convert("RGB").save(folder / f"{row}.jpg")
    for label in range(10):  # both sides need every class
        for side in ("train", "val"):
            (root / side / str(label)).mkdir(exist_ok=True)
            Image.new("RGB", (260, 260), (label, 0, 0)).save(root / side / str(label) / "plain.png")
    return root


@pytest.mark.parametrize("name", [name for name in NAMES if "imagenet" in name])
def test_the_imagenet_studies_stream_real_files_at_224_pixels(name, large_images):
    study = shipped(name)
    one = replace(study.arms[1], train=replace(study.arms[0].train, batch_size=16))
    small = replace(study, data=replace(study.data, table={**study.data.table, "root": str(large_images)}), arms=(one,))
    task = load_task(small.data.to_dict())
    assert isinstance(task.train.inputs, ImageFiles)
    assert task.sample_shape == (3, 224, 224)
    report = check_study(small, task)
    assert report.samples == (42, 0, 18)
    assert "Dropout" in report.unfusable[one.name]


@pytest.mark.parametrize("name", [name for name in NAMES if "imagenet" not in name])
def test_a_study_can_be_built_and_takes_a_step_of_every_arm(name, small_cifar):
    study = shipped(name)
    held_out = 0.1 if study.data.validation else 0
    small = replace(study, data=replace(study.data, table=small_cifar, validation=held_out))
    report = check_study(small)
    assert report.budgets.keys() == {arm.name for arm in study.arms}
    assert report.samples[2] == 40
    # Stochastic depth draws its own masks; everything else fuses.
    assert set(report.unfusable) == (set(report.budgets) if "stochastic-depth" in name else set())


@pytest.mark.parametrize("name", NAMES)
def test_a_study_is_called_as_its_file_and_asks_a_question(name):
    study = shipped(name)
    assert study.name == name
    assert study.question.endswith("?")
    assert study.target is not None
    assert study.measure.seeds >= 5
    for arm in study.arms:
        table = schedule_of(study, arm)[0].table(1000)
        assert np.isfinite(table).all()
        assert (table > 0).all()


WHOLE_CYCLES = [
    ("paper-step-size", "triangular", 9),
    ("paper-windows", "triangular", 1),
    ("paper-windows", "parabolic", 1),
    ("paper-windows", "sinusoidal", 1),
    ("paper-sigmoid-bn", "triangular", 1),
    ("paper-momentum-convention", "triangular", 6),
    ("super-convergence", "triangular", 1),
]


@pytest.mark.parametrize(("name", "kind", "count"), WHOLE_CYCLES)
def test_runs_that_we_lay_out_ourselves_end_where_a_cycle_ends(name, kind, count):
    study = shipped(name)
    cyclical = [arm for arm in study.arms if arm.schedule["kind"] == kind]
    assert len(cyclical) == count
    for arm in cyclical:
        schedule, budget = schedule_of(study, arm)
        assert schedule.cycle_ends(budget.updates)[-1] == budget.updates


def test_the_step_sizes_are_those_of_the_papers_range_and_beyond():
    study = shipped("paper-step-size")
    inside = sorted(schedule_of(study, arm)[0].step_size / 500 for arm in study.arms if arm.name.startswith("epochs"))
    outside = sorted(schedule_of(study, arm)[0].step_size / 500 for arm in study.arms if arm.name.startswith("outside"))
    assert inside == [2, 3, 5, 6, 7.5, 10]
    assert outside == [1, 15, 30]


def test_the_constants_beside_the_windows_are_their_means():
    study = shipped("paper-windows")
    mean = {arm.name: schedule_of(study, arm)[0].table(24_000).mean() for arm in study.arms}
    assert mean["triangular"] == pytest.approx(mean["constant_at_the_half"], rel=1e-6)
    assert mean["sinusoidal"] == pytest.approx(mean["constant_at_the_half"], rel=1e-6)
    assert mean["parabolic"] == pytest.approx(mean["constant_at_two_thirds"], rel=1e-6)


def test_pairs_of_arms_differ_in_the_convention_alone():
    study = shipped("paper-momentum-convention")
    families = {arm.name.rsplit("_", 1)[0] for arm in study.arms}
    assert len(study.arms) == 2 * len(families)
    for family in families:
        caffe, torch = study.arm(f"{family}_caffe"), study.arm(f"{family}_torch")
        assert caffe.optim == {**torch.optim, "convention": "caffe"}
        assert torch.optim["convention"] == "torch"
        assert (caffe.schedule, caffe.train, caffe.model) == (torch.schedule, torch.train, torch.model)


def test_tuned_arms_have_one_budget():
    for name in ("paper-table1-tuned", "claims-sensitivity", "claims-time-to-target", "claims-generalisation-gap"):
        study = shipped(name)
        assert study.search is not None
        assert study.data.validation == 5000
        assert len({arm.train for arm in study.arms}) == 1
        assert all(arm.space for arm in study.arms)


def test_the_nightly_preview_asks_for_studies_that_bear_its_scale_and_seeds():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    given = dict(re.findall(r"^(SCALE|SEEDS|RAMP) \?= (\S+)$", makefile, flags=re.MULTILINE))
    (names,) = re.findall(r"for study in (paper-.*); do", makefile)
    for name in names.split():
        fewer = parse_study(f"seeds_instead = {given['SEEDS']}\n{shipped(name).source}")
        assert scaled(fewer, float(given["SCALE"])).measure.seeds == int(given["SEEDS"])
    (ramp,) = re.findall(r"clr-study range-test (\S+) --scale \$\(RAMP\)", makefile)
    assert scaled(shipped(ramp), float(given["RAMP"])).range_test.updates >= 100, "one of 40 found no bounds"

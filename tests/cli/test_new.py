from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from clr_study.spec import load_study


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--data", "synthetic", "--model", "mlp", "--epochs", "1"),
        ("--data", "{ kind = 'synthetic', shape = [1, 8, 8] }", "--model", "small_cnn", "--batch-size", "32"),
    ],
)
def test_what_it_writes_passes_the_check(clr_study, flags):
    written = clr_study("new", "mine", *flags)
    assert written.exit_code == 0, written.output
    assert written.output == "wrote mine.toml; next: clr-study check mine.toml\n"
    checked = clr_study("check", "mine.toml")
    assert checked.exit_code == 0, checked.output
    assert "mine: 3 arms" in checked.output


def test_the_flags_stand_in_the_file(clr_study):
    clr_study("new", "mine", "--data", "synthetic", "--epochs", "7", "--batch-size", "16")
    study = load_study("mine.toml")
    train = study.arms[0].train
    assert (study.name, study.data.table, train.epochs, train.batch_size) == ("mine", {"kind": "synthetic"}, 7, 16)
    assert study.arm("clr").schedule["step_size"].high == 7 / 4  # two cycles to a run at least


def test_a_net_of_the_folder_can_be_named(clr_study, in_a_folder):
    (in_a_folder / "own_net_of_test_new.py").write_text(
        "from torch import nn\n\ndef net(*, shape, classes, width=4):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Dropout(), nn.Linear(width, classes))\n"
    )
    written = clr_study("new", "own", "--model", "own_net_of_test_new:net")
    assert written.exit_code == 0, written.output
    checked = clr_study("check", "own.toml")
    assert checked.exit_code == 0, checked.output
    assert "runs train one by one: Its Dropout '2' draws random numbers in training." in checked.output


def make_photos(folder, sizes=((40, 50), (90, 60))):
    for place, name in enumerate(("cats", "dogs")):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(10):
            size = sizes[number % len(sizes)]
            Image.new("RGB", size, (200 * place, 20 * number, 0)).save(folder / "photos" / name / f"{number}.png")


@pytest.mark.parametrize(
    ("sizes", "said"), [(((40, 50), (90, 60)), 40), (((300, 200), (200, 300)), 64), (((12, 10),), None)]
)
def test_a_folder_of_images_is_data(clr_study, in_a_folder, sizes, said):
    make_photos(in_a_folder, sizes)
    written = clr_study("new", "pets", "--data", "photos", "--model", "small_cnn", "--batch-size", "4")
    assert written.exit_code == 0, written.output
    table = load_study("pets.toml").data.table
    assert table == {"kind": "image_folder", "root": "photos"} | ({"size": said} if said else {})
    checked = clr_study("check", "pets.toml")
    assert checked.exit_code == 0, checked.output


def test_a_folder_that_holds_no_classes_is_refused(clr_study, in_a_folder):
    (in_a_folder / "photos").mkdir()
    found = clr_study("new", "pets", "--data", "photos")
    assert found.exit_code == 2
    assert "must hold a folder of images for each of two or more classes" in found.stderr


def test_arrays_are_data(clr_study, in_a_folder):
    np.savez(in_a_folder / "own.npz", x=np.random.default_rng(0).normal(size=(90, 3)), y=np.arange(90) % 3)
    assert clr_study("new", "own", "--data", "own.npz", "--batch-size", "8").exit_code == 0
    assert load_study("own.toml").data.table == {"kind": "npz", "path": "own.npz"}
    assert clr_study("check", "own.toml").exit_code == 0


def test_in_a_terminal_it_asks_for_what_is_not_given(in_a_folder):
    program = "import sys; sys.argv[0] = 'clr-study'; from clr_study.cli import main; main()"
    ours, theirs = os.openpty()
    with os.fdopen(ours, "wb", buffering=0) as person:
        person.write(b"sinthetic\nsynthetic\n\n")
        command = [sys.executable, "-c", program, "new", "mine", "--model", "mlp"]
        said = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
        os.close(theirs)
    assert said.returncode == 0, said.stderr
    assert "there is no such folder or .npz file here" in said.stderr
    assert said.stderr.count("data: a kind") == 2, "it asks again"
    assert "model:" not in said.stderr, "that was given"
    assert "how many epochs one run is long [20]" in said.stderr
    study = load_study("mine.toml")
    assert (study.data.table, study.arms[0].train.epochs) == ({"kind": "synthetic"}, 20)


def test_a_file_that_is_there_is_left_alone(clr_study, in_a_folder):
    (in_a_folder / "mine.toml").write_text("precious")
    found = clr_study("new", "mine")
    assert found.exit_code == 2
    assert "mine.toml is there already" in found.stderr
    assert (in_a_folder / "mine.toml").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mine", "--data", "digitz"), "--data digitz: there is no such folder or .npz file here"),
        (("mine", "--data", "digitz"), "no data set is called 'digitz'; did you mean 'digits'?"),
        (("mine", "--model", "Net"), "one of your own stands as 'my_module:Net'"),
        (("mine", "--model", "./nets/small.py:Net"), "names a file; name the module instead: 'nets.small:Net'"),
        (("mine", "--model", "nowhere:net"), "--model kind: 'nowhere:net': there is no module 'nowhere'"),
        (("mine", "--model", "torchvision"), "give a whole table, as in --model '{ kind = "),
        (("mine", "--data", "{ kind = "), "is not valid TOML"),
        (("../mine",), "name must be 1 to 64 letters"),
        (("mine", "--epochs", "0"), "0 is not in the range x>=1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(clr_study, in_a_folder, words, said):
    found = clr_study("new", *words)
    assert found.exit_code == 2
    assert said in found.stderr
    assert not list(in_a_folder.iterdir())


def test_data_without_a_test_split_are_measured_where_they_were_selected_and_check_says_so(clr_study, in_a_folder):
    make_photos(in_a_folder)
    clr_study("new", "pets", "--data", "photos", "--model", "small_cnn", "--batch-size", "4")
    said = clr_study("check", "pets.toml").output
    assert "none to measure on" in said
    assert "selected and measured on the same validation split" in said
    clr_study("new", "plain", "--data", "synthetic")
    assert "no test split" not in clr_study("check", "plain.toml").output

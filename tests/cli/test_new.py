from __future__ import annotations

import sys

import pytest

from clr_study.spec import load_study


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
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
    assert "its runs train one by one: Its Dropout '2' draws random numbers in training." in checked.output


def test_a_file_that_is_there_is_left_alone(clr_study, in_a_folder):
    (in_a_folder / "mine.toml").write_text("precious")
    found = clr_study("new", "mine")
    assert found.exit_code == 2
    assert "mine.toml is there already" in found.stderr
    assert (in_a_folder / "mine.toml").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mine", "--data", "digitz"), "--data kind: no data set is called 'digitz'; did you mean 'digits'?"),
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

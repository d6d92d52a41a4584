from __future__ import annotations

import pytest

from clr_study.cli.main import FORMS
from clr_study.report.code import FORMS as WRITTEN
from clr_study.schedules import Constant, Triangular
from clr_study.spec import parse_study
from clr_study.store import add_study, open_store, read_results

WINNER = Triangular(base_lr=0.02, max_lr=0.4, step_size=6)


def test_the_help_names_every_form():
    assert tuple(WRITTEN) == FORMS


def test_what_is_printed_is_code_and_nothing_else(clr_study, stored):
    found = clr_study("best", "tiny", "--storage", stored)
    assert found.exit_code == 0
    names: dict = {}
    exec(found.output, names)
    assert names["schedule"] == WINNER
    assert found.output.startswith("# tiny, arm clr: test_accuracy ")
    assert "over 3 seeds" in found.output


@pytest.mark.parametrize("form", ["torch", "lightning", "huggingface"])
def test_the_forms_of_pytorch_run_without_this_package(clr_study, stored, form):
    text = clr_study("best", "tiny", "--as", form, "--storage", stored).output
    assert "clr_study" not in text
    names: dict = {}
    exec(text, names)
    assert [names["learning_rate"](t) for t in range(12)] == pytest.approx(WINNER.table(12).tolist())


def test_another_arm_can_be_asked_for(clr_study, stored):
    names: dict = {}
    exec(clr_study("best", "tiny", "--arm", "fixed", "--storage", stored).output, names)
    assert names["schedule"] == Constant(lr=0.001)


def test_the_file_may_stand_for_the_name(clr_study, stored, tmp_path):
    with open_store(stored) as store:
        (tmp_path / "own.toml").write_text(read_results(store, "tiny").study.source)
    by_file = clr_study("best", str(tmp_path / "own.toml"), "--storage", stored)
    assert by_file.output == clr_study("best", "tiny", "--storage", stored).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tiny", "--as", "pytorch"), "--as: there is no form 'pytorch'; did you mean 'torch'?"),
        (("tiny", "--arm", "clear"), "--arm: tiny has no arm 'clear'; did you mean 'clr'?"),
        (("tyni",), "tyni"),
    ],
)
def test_a_slip_of_the_hand_is_a_sentence(clr_study, stored, words, said):
    found = clr_study("best", *words, "--storage", stored)
    assert found.exit_code == 2
    assert said in found.stderr
    assert found.stdout == ""


def test_a_study_that_has_not_measured_says_how_to_go_on(clr_study, stored, tmp_path):
    with open_store(stored) as store:
        study = parse_study(read_results(store, "tiny").study.source)
    url = f"sqlite:///{tmp_path}/new.db"
    with open_store(url) as store:
        add_study(store, study)
    for words in ((), ("--arm", "clr")):
        found = clr_study("best", "tiny", *words, "--storage", url)
        assert found.exit_code == 1
        assert "has no measured winner" in found.stderr
        assert "`clr-study run tiny`" in found.stderr

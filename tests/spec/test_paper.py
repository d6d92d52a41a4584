"""The rows of the paper in study files, and studies on other data."""

from __future__ import annotations

import pytest

from clr_study.errors import SpecError
from clr_study.shipped import shipped_folder
from clr_study.spec import load_study, parse_study, printed_rows, scaled

STUDY = """
name = "mine"
data = { kind = "cifar10", validation = 0, normalise = "mean_image" }
model = { kind = "cifar10_full" }
train = { updates = 25000 }
PAPER
[arms.decay.schedule]
kind = "decay"
base_lr = 1e-3
max_lr = 7e-3
step_size = 4000
"""
ROW = "table1-cifar10_full-decay-25k"


def parsed(paper: str, before: str = ""):
    return parse_study(before + STUDY.replace("PAPER", paper))


def test_every_printed_accuracy_is_a_row_of_some_study_once():
    studies = [load_study(path) for path in sorted(shipped_folder("studies").glob("*.toml"))]
    named = [row.row for study in studies for row in study.paper]
    assert sorted(named) == sorted(printed_rows())
    assert len(named) == 14 + 12 + 2 * 12 + 6
    assert all(40 < row.accuracy < 100 for row in printed_rows().values())


def test_rows_name_their_readings_and_band():
    (row,) = parsed(f'paper = [{{ row = "{ROW}", arms = ["decay"], band = 1.0 }}]').paper
    assert (row.row, row.arms, row.band) == (ROW, ("decay",), 1.0)
    assert parsed("").paper == ()


REFUSED = [
    (
        f'paper = [{{ row = "{ROW}x", arms = ["decay"], band = 1.0 }}]',
        f"paper prints no '{ROW}x'; did you mean '{ROW}'",
    ),
    (f'paper = [{{ row = "{ROW}", arms = ["dekay"], band = 1.0 }}]', "no arm 'dekay'; did you mean 'decay'"),
    (f'paper = [{{ row = "{ROW}", arms = [], band = 1.0 }}]', "at least one arm"),
    (f'paper = [{{ row = "{ROW}", arms = ["decay"], band = 0 }}]', "0 < band"),
    (f'paper = [{{ row = "{ROW}", arms = ["decay"] }}]', "needs the key 'band'"),
    (f'paper = {{ row = "{ROW}" }}', "must be a list of tables"),
    (f"paper = [{', '.join(2 * [f'{{ row = {ROW!r}, arms = [{chr(39)}decay{chr(39)}], band = 1.0 }}'])}]", "twice"),
]


@pytest.mark.parametrize(("paper", "words"), REFUSED)
def test_what_the_paper_does_not_print_is_refused(paper, words):
    with pytest.raises(SpecError, match=words.replace("(", r"\(")):
        parsed(paper)


def test_other_data_keep_what_the_study_does_to_its_data_and_get_a_name():
    study = parsed("", 'data_instead = { kind = "image_folder", root = "photos", subset = 300 }\n')
    assert study.name == "mine-on-image_folder"
    assert study.question == "On other data (image_folder)."
    assert study.data.table == {"kind": "image_folder", "root": "photos"}
    assert (study.data.validation, study.data.normalise, study.data.subset) == (0, "mean_image", 300)
    preview = scaled(study, 0.1)
    assert preview.name == "mine-on-image_folder-x0.1"
    assert parse_study(preview.source) == preview, "the text that is stored makes the same study"


def test_fewer_seeds_are_a_preview_with_a_name():
    study = parsed("measure = { seeds = 10 }", "seeds_instead = 3\n")
    assert (study.name, study.measure.seeds) == ("mine-n3", 3)
    assert study.question == "A preview on 3 of its 10 seeds."
    preview = scaled(study, 0.1)
    assert preview.name == "mine-n3-x0.1"
    assert parse_study(preview.source) == preview, "the text that is stored makes the same study"
    assert parsed("", "seeds_instead = 7\n").measure.seeds == 7, "of the 8 that a file without a word has"


@pytest.mark.parametrize("seeds", ["0", "-1", "10", "11", "true", "2.0", '"2"'])
def test_seeds_that_are_not_fewer_are_refused(seeds):
    with pytest.raises(SpecError, match=r"seeds_instead must be a whole number .* own, 10, but got"):
        parsed("measure = { seeds = 10 }", f"seeds_instead = {seeds}\n")


@pytest.mark.parametrize("data", ['"photos"', "{ root = 1 }", "{ kind = 1 }"])
def test_other_data_without_a_kind_are_refused(data):
    with pytest.raises(SpecError, match="data_instead must be a table with a kind"):
        parsed("", f"data_instead = {data}\n")

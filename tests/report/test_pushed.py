"""What optuna-dashboard is given: small figures of the two kinds that its plotly.js draws."""

import json

import pytest
from made_results import edge_cases, make_results

from clr_study.analysis import compare
from clr_study.report import pushed_figures
from clr_study.report.pushed import HEIGHT, KNOWN, LARGEST


@pytest.mark.parametrize("name", ["usual", *edge_cases()])
def test_each_is_small_of_a_known_kind_and_stands_alone(name):
    results = {"usual": make_results(), **edge_cases()}[name]
    for figure in pushed_figures(results, compare(results)).values():
        assert len(figure.to_json()) < LARGEST
        assert {trace.type for trace in figure.data} <= KNOWN
        assert figure.layout.title.text
        assert figure.layout.height == HEIGHT
        assert figure.layout.paper_bgcolor == "#FFFFFF"


def test_names_stay_and_numbers_are_as_long_as_a_screen_shows(tmp_path):
    results = make_results()
    found = pushed_figures(results, compare(results))
    assert set(found) == {"final", "learning", "effort", "step-size-map"}
    for figure in found.values():
        numbers: list[str] = []
        json.loads(figure.to_json(), parse_float=numbers.append)
        assert numbers
        assert max(len(text.partition("e")[0].replace(".", "").strip("-0")) for text in numbers) <= 5
    (tmp_path / "twice.toml").write_text(
        'title = "t"\n[[sections]]\ntitle = "s"\nfigures = [{ kind = "learning" }, '
        '{ kind = "learning", column = "train_loss" }, { kind = "cost" }]\n'
    )
    assert list(pushed_figures(results, compare(results), tmp_path / "twice.toml")) == ["learning", "learning-2"]


def test_one_that_is_too_large_is_left_out(monkeypatch):
    results = make_results()
    monkeypatch.setattr("clr_study.report.pushed.LARGEST", 5000)
    assert "learning" not in pushed_figures(results, compare(results))

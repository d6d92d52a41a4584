"""What every registered figure keeps to."""

import dataclasses
import inspect
import runpy
from pathlib import Path

import pytest

from clr_study.analysis import compare
from clr_study.report import DARK, FIGURES, LIGHT, Absent, Figure, Table
from clr_study.report.theme import recolouring
from clr_study.spec import make

MADE = runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_results.py"))
EVERY = [kind for kind in FIGURES if FIGURES[kind].__module__.startswith("clr_study.")]
every_figure = pytest.mark.parametrize("kind", EVERY)


@pytest.fixture(scope="module")
def study():
    ramps = (MADE["make_range_test"](), MADE["make_range_test"]("linear", found=False))
    results = MADE["make_results"](range_tests=ramps)
    return results, compare(results, resamples=200)


@pytest.fixture(scope="module")
def edges():
    return {name: (results, compare(results, resamples=200)) for name, results in MADE["edge_cases"]().items()}


def drawn(kind, study, theme):
    results, comparison = study
    figure = make(FIGURES, {"kind": kind}, "[figure]")
    info = figure.summarise(results, comparison)
    return figure, info, figure.draw(info, theme.of([arm.name for arm in results.study.arms]))


@every_figure
def test_it_is_a_frozen_dataclass_whose_options_have_defaults_and_a_documentation(kind):
    cls = FIGURES[kind]
    assert issubclass(cls, Figure)
    assert cls.__dataclass_params__.frozen
    assert all(field.default is not dataclasses.MISSING for field in dataclasses.fields(cls))
    for field in dataclasses.fields(cls):
        assert f"{field.name}:" in inspect.getdoc(cls)


@every_figure
def test_summarising_twice_gives_equal_infos_that_are_frozen_and_hashable(kind, study):
    figure = FIGURES[kind]()
    info = figure.summarise(*study)
    assert info == figure.summarise(*study) or repr(info) == repr(figure.summarise(*study))  # NaN is not itself
    assert hash(info) is not None


@every_figure
def test_it_draws_something_in_plain_svg_without_titles_or_templates(kind, study):
    _, _, drawing = drawn(kind, study, LIGHT)
    assert drawing.data
    assert {trace.type for trace in drawing.data} <= {"scatter", "bar"}
    assert drawing.layout.template.layout.to_plotly_json() == {}
    assert drawing.layout.paper_bgcolor == drawing.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert drawing.layout.height
    assert drawing.layout.title.text is None


@every_figure
def test_the_dark_drawing_is_the_light_one_with_its_colours_exchanged(kind, study):
    exchange = recolouring(LIGHT, DARK)

    def recoloured(node):
        if isinstance(node, dict):
            return {key: recoloured(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [recoloured(value) for value in node]
        return exchange.get(node, node) if isinstance(node, str) else node

    light, dark = (drawn(kind, study, theme)[2].to_plotly_json() for theme in (LIGHT, DARK))
    assert repr(recoloured(light)) == repr(recoloured_lists(dark))
    assert not set(exchange) & set(strings(dark))


def recoloured_lists(node):
    if isinstance(node, dict):
        return {key: recoloured_lists(value) for key, value in node.items()}
    return [recoloured_lists(value) for value in node] if isinstance(node, (list, tuple)) else node


def strings(node):
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings(value)]
    if isinstance(node, (list, tuple)):
        return [text for value in node for text in strings(value)]
    return [node] if isinstance(node, str) else []


@every_figure
def test_its_caption_is_a_sentence_and_its_table_is_not_empty(kind, study):
    figure, info, _ = drawn(kind, study, LIGHT)
    assert figure.caption(info).endswith(".")
    assert any(digit in figure.caption(info) for digit in "123456789")
    assert figure.heading(info)
    table = figure.table(info)
    assert isinstance(table, Table)
    assert table.rows


@every_figure
def test_it_bears_every_edge_or_says_why_it_is_absent(kind, edges):
    for name, (results, comparison) in edges.items():
        figure = FIGURES[kind]()
        info = figure.summarise(results, comparison)
        if isinstance(info, Absent):
            assert info.why == "" or info.why.endswith("."), name
        else:
            assert figure.draw(info, LIGHT.of([arm.name for arm in results.study.arms])).data, name
            assert figure.caption(info).endswith("."), name
            assert figure.table(info).to_csv(), name

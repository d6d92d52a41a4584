"""The bars of importance say what is more than chance."""

from dataclasses import replace

from made_results import make_results, make_study

from clr_study.analysis import compare
from clr_study.report import FIGURES, LIGHT
from clr_study.spec import Search, Tpe

ARMS = ("fixed", "decay", "triangular", "triangular2")


def summarised(results):
    return FIGURES["importance"]().summarise(results, compare(results, resamples=50))


def test_bars_are_full_where_they_are_more_than_chance_and_pale_elsewhere():
    info = summarised(make_results(make_study(trials=60, seeds=2)))
    drawing = FIGURES["importance"]().draw(info, LIGHT.of(ARMS))
    found = dict(info.arms)["triangular"]
    assert {each.name for each in found} == {"max_lr", "base_lr/max_lr", "step_size"}
    assert {each.p < 0.05 for each in found} == {True, False}
    colours = dict(zip([each.name for each in found], drawing.data[2].marker.color, strict=True))
    assert [colour.startswith("rgba") for colour in colours.values()] == [each.p >= 0.05 for each in found]
    assert set(colours.values()) == {LIGHT.of(ARMS).style("triangular").colour, colours[found[-1].name]}
    assert f"triangular, n = 60: {found[0].name} (p = 0.005)" in FIGURES["importance"]().caption(info)


def test_too_few_trials_say_so_in_place_of_bars():
    absent = summarised(make_results(make_study(trials=8, seeds=2)))
    assert "fixed has 8 trials that ended; importance takes 10." in absent.why


def test_a_sampler_that_learns_has_no_chance_level():
    results = make_results(make_study(trials=16, seeds=2))
    results = replace(results, study=replace(results.study, search=Search(trials=16, sampler=Tpe())))
    assert "so chance cannot be told" in FIGURES["importance"]().caption(summarised(results))

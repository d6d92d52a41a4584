"""The page over several studies."""

import html
import math
import re
from dataclasses import replace

import pytest
from made_results import edge_cases, make_results, make_study

from clr_study.analysis import compare
from clr_study.analysis.words import with_interval
from clr_study.errors import UnknownKindError
from clr_study.report import DARK, JOINT_FIGURES, LIGHT, Absent, studies_html, write_studies_report
from clr_study.report.joint import Profile, StudyToStudy


def renamed(results, name):
    return replace(results, study=replace(results.study, name=name))


@pytest.fixture(scope="module")
def studies():
    second = make_results(make_study(seeds=4, question="<b>second</b>"), diverge=("fixed",))
    return [make_results(make_study(seeds=6)), renamed(second, "second")]


@pytest.fixture(scope="module")
def comparisons(studies):
    return {results.study.name: compare(results, resamples=200) for results in studies}


def test_the_page_has_a_verdict_a_row_a_study_and_every_figure(studies):
    text = studies_html(studies)
    plain = html.unescape(re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.DOTALL))
    assert "Of 2 studies the best arm is" in plain or "leads in both studies." in plain
    assert text.count('class="plot"') == len(JOINT_FIGURES) == 3
    assert text.count("plotly.js v") == 1
    assert "&lt;b&gt;second&lt;/b&gt;" in text
    assert "second: fixed: the search is over" in plain
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert not re.search(r'(?:src|href)="(?!#|data:)', re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_the_profile_is_that_of_the_median_times(comparisons):
    info = Profile().summarise(comparisons)
    assert info.studies == ("made", "second")
    assert info.ratios[0] == 1
    for arm, shares in info.arms:
        times = [comparison.arm(arm).to_target for comparison in comparisons.values()]
        reached = sum(time is not None and time.median is not None for time in times)
        assert shares[-1] == reached / 2
        assert f"{arm} is fastest in {round(2 * shares[0])} and gets there in {reached}" in Profile().caption(info)


def test_an_arm_is_followed_from_study_to_study(comparisons):
    info = StudyToStudy().summarise(comparisons)
    assert info.studies == ("made", "second")
    assert [arm.arm for arm in info.arms] == ["fixed", "decay", "triangular", "triangular2"]
    lost = info.arms[0]
    assert lost.means[1].n == 0, "it diverged in the second study"
    assert math.isnan(lost.changes[0].value)
    for arm in info.arms[1:]:
        first, second = (comparison.arm(arm.arm).final for comparison in comparisons.values())
        assert arm.means == (first, second)
        (moved,) = arm.changes
        assert moved.value == second.value - first.value
        assert moved.low < moved.value < moved.high
        assert moved.high - moved.low > max(first.high - first.low, second.high - second.low)
        assert f"{arm.arm} {with_interval(first, info.metric)}, then " in StudyToStudy().caption(info)
    assert [row[0] for row in StudyToStudy().table(info).rows] == [arm.arm for arm in info.arms for _ in (1, 2)]


def test_nothing_is_followed_through_one_study_or_different_metrics(comparisons):
    made = comparisons["made"]
    assert StudyToStudy().summarise({"made": made}) == Absent("")
    by_loss = {"made": made, "second": replace(made, metric="test_loss")}
    assert StudyToStudy().summarise(by_loss) == Absent("The studies are decided by different metrics.")
    alone = {"made": made, "second": replace(made, arms=(replace(made.arms[0], arm="other"),))}
    assert StudyToStudy().summarise(alone).why.startswith("No arm that stands in all studies")


@pytest.mark.parametrize("kind", JOINT_FIGURES)
def test_every_joint_figure_keeps_to_what_figures_keep_to(kind, comparisons):
    figure = JOINT_FIGURES[kind]()
    info = figure.summarise(comparisons)
    arms = ("fixed", "decay", "triangular", "triangular2")
    drawing = figure.draw(info, LIGHT.of(arms))
    assert {trace.type for trace in drawing.data} == {"scatter"}
    assert drawing.layout.height
    assert figure.draw(info, DARK.of(arms)).data
    assert figure.caption(info).endswith(".")
    assert figure.table(info).rows
    assert hash(info) is not None


def test_studies_of_every_state_stand_on_one_page(tmp_path):
    every = [renamed(results, f"s{number}") for number, results in enumerate(edge_cases().values())]
    text = write_studies_report(every, tmp_path / "report.html").read_text()
    shown = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r">nan<|>None<| nan |nan %", shown)


def test_studies_without_a_target_or_a_run_have_no_figure_but_a_page():
    empty = edge_cases()["nothing has run"]
    text = studies_html([renamed(empty, "x"), renamed(empty, "y")])
    assert 'class="plot"' not in text
    assert "In none of the studies can an arm be called best." in text
    comparison = compare(make_results(make_study(target="", seeds=2)), resamples=50)
    assert isinstance(Profile().summarise({"x": comparison}), Absent)


def test_a_page_of_ones_own_names_figures_over_several_studies(studies, tmp_path):
    page = tmp_path / "mine.toml"
    page.write_text('title = "t"\n[[sections]]\ntitle = "s"\nfigures = [{ kind = "leads" }]\n')
    assert studies_html(studies, page).count('class="plot"') == 1
    page.write_text('title = "t"\n[[sections]]\ntitle = "s"\nfigures = [{ kind = "profil" }]\n')
    with pytest.raises(UnknownKindError, match="did you mean 'profile'"):
        studies_html(studies, page)

"""Pages as files: what is in one, and what is refused."""

import pytest

from clr_study.errors import SpecError, UnknownKindError
from clr_study.report import FIGURES, JOINT_FIGURES, load_page, load_paper_page
from clr_study.report.figures import Final, Learning
from clr_study.shipped import shipped_folder

SECTION = 'title = "t"\n[[sections]]\ntitle = "s"\nfigures = [{}]\n'


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def shipped_pages():
    return [path for path in shipped_folder("dashboards").glob("*.toml") if "[[sections]]" in path.read_text()]


def registry_of(path):
    return JOINT_FIGURES if path.stem == "compare" else FIGURES


@pytest.mark.parametrize("registry", [FIGURES, JOINT_FIGURES], ids=["one study", "several"])
def test_every_figure_stands_on_a_shipped_page(registry):
    shown = {
        registry.kind_of(type(figure))
        for path in shipped_pages()
        if registry_of(path) is registry
        for section in load_page(path, registry).sections
        for figure in section.figures
    }
    if registry is FIGURES:  # the paper's page is described in a form of its own
        shown |= {FIGURES.kind_of(type(figure)) for part in load_paper_page().drawings for figure in part.figures}
    assert shown == {kind for kind in registry if registry[kind].__module__.startswith("clr_study.")}


def test_every_shipped_page_loads():
    assert {path.stem for path in shipped_pages()} >= {"comparison", "compare", "search"}
    for path in shipped_pages():
        assert load_page(path.stem, registry_of(path)) == load_page(path, registry_of(path))


def test_a_page_over_several_studies_is_refused_for_one_and_the_other_way_round():
    with pytest.raises(UnknownKindError, match="no figure is called 'profile'"):
        load_page("compare")
    with pytest.raises(UnknownKindError, match="no figure over several studies is called 'final'"):
        load_page("comparison", JOINT_FIGURES)


def test_a_page_of_ones_own_works_by_path(tmp_path):
    path = write(tmp_path, SECTION.format('{ kind = "learning", column = "train_loss" }, { kind = "final" }'))
    assert load_page(path).sections[0].figures == (Learning(column="train_loss"), Final())
    assert load_page(str(path)) == load_page(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            SECTION.format('{ kind = "lerning" }'),
            r"\[\[sections\]\] 1 figures\[0\] kind: no figure is called 'lerning'; did you mean 'learning'\?",
        ),
        (SECTION.format('{ kind = "learning", colum = "x" }'), "learning takes no key 'colum'; did you mean 'column'"),
        (SECTION.format('{ kind = "learning", column = "x" }'), r"figures\[0\] column .*'deciding'.*but got 'x'"),
        (SECTION.format('{ kind = "schedules", log = 1 }'), r"figures\[0\] log .*bool.*but got 1"),
        (SECTION.format("{ }"), "has no kind; figures are: cost"),
        (SECTION.format('"final"'), "must be a table with a kind, but got 'final'"),
        ('title = "t"\n[[sections]]\ntitle = "s"\n', "needs figures"),
        ('title = "t"\n[[sections]]\nfigures = [{ kind = "final" }]\n', "needs the key 'title'"),
        (
            'title = "t"\n[[sections]]\ntitle = "s"\ntxt = "x"\nfigures = [{ kind = "final" }]\n',
            "no key 'txt'; did you mean 'text'",
        ),
        (SECTION.format('{ kind = "final" }').removeprefix('title = "t"\n'), "needs the key 'title'"),
        ("titel = 3\n" + SECTION.format('{ kind = "final" }'), "no key 'titel'; did you mean 'title'"),
        ('title = "t"\n', "needs sections"),
        ('title = "t"\nsections = [3]\n', r"\[\[sections\]\] 1 must be a table"),
        ("title = \n", "is not valid TOML"),
    ],
)
def test_a_wrong_page_is_refused_with_file_and_key(tmp_path, text, said):
    path = write(tmp_path, text)
    with pytest.raises((SpecError, UnknownKindError), match=said) as caught:
        load_page(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["nothing/there.toml", "there.toml", "../comparison", ""])
def test_a_page_that_is_not_there_is_refused(name):
    with pytest.raises(SpecError, match=r"there is no such page file|no page is called"):
        load_page(name)

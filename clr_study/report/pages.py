"""A page of the report as its TOML file describes it: a title, sections, and which figures with which options."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clr_study.errors import ClrStudyError, SpecError, did_you_mean
from clr_study.registry import Registry
from clr_study.report.figures import FIGURES
from clr_study.shipped import shipped_folder
from clr_study.spec import call, make


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page.

    Args:
        title: Its heading.
        text: What a reader should know before the figures.
        figures: In their order; of one study, or over several, as the page's registry has them.
    """

    title: str
    text: str = ""
    figures: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page; the verdict, the table and the settings stand on every page and are not named in its file.

    Args:
        title: What stands before the study's name.
        intro: A sentence above the sections.
        sections: In their order.
    """

    title: str
    intro: str = ""
    sections: tuple[Section, ...]


def load_page(page: str | Path, figures: Registry[Any] = FIGURES) -> Page:
    """Reads and checks a page's file.

    Args:
        page: The name of a shipped page, or the path of a TOML file.
        figures: Those that it may name: of one study, or over several.

    Raises:
        SpecError: There is no such page, or something in it cannot be.
        UnknownKindError: It names a figure that there is not.

    Examples:
        >>> load_page("comparison").sections[0].title
        'Where the arms end'
        >>> load_page("comparisson")
        Traceback (most recent call last):
        clr_study.errors.SpecError: no page is called 'comparisson'; did you mean 'comparison'?
    """
    path = page_path(page)
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
        return _page(table, figures)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is not valid TOML: {error}") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read as a page: {error.strerror}") from None
    except RecursionError:
        raise SpecError(f"{path}: is nested too deeply") from None
    except ClrStudyError as error:
        raise type(error)(f"{path}: {error}") from None


def page_path(page: str | Path) -> Path:
    """Returns the file of a shipped page by name, or the path that was given.

    Raises:
        SpecError: There is neither.
    """
    given = Path(page)
    if given.suffix == ".toml" or len(given.parts) > 1:
        if not given.is_file():
            raise SpecError(f"{given}: there is no such page file")
        return given
    shipped = {path.stem: path for path in sorted(shipped_folder("dashboards").glob("*.toml")) if _is_page(path)}
    if str(page) not in shipped:
        raise SpecError(f"no page is called {str(page)!r}; {did_you_mean(str(page), shipped)}")
    return shipped[str(page)]


def _is_page(path: Path) -> bool:
    """Whether a file of the folder is a page; the configuration of a foreign dashboard may lie there too."""
    return b"[[sections]]" in path.read_bytes()


def _page(table: Mapping[str, Any], known: Registry[Any]) -> Page:
    rest = {key: value for key, value in table.items() if key != "sections"}
    sections = table.get("sections", ())
    if not isinstance(sections, list) or not sections:
        raise SpecError("a page needs sections, as in [[sections]]")
    made = tuple(_section(section, f"[[sections]] {index + 1}", known) for index, section in enumerate(sections))
    return call(Page, rest, "the page:", given={"sections": made})


def _section(table: Any, where: str, known: Registry[Any]) -> Section:
    if not isinstance(table, Mapping):
        raise SpecError(f"{where} must be a table, but got {table!r}")
    figures = table.get("figures", ())
    if not isinstance(figures, list) or not figures:
        raise SpecError(f'{where} needs figures, as in figures = [{{ kind = "final" }}]')
    made = tuple(make(known, figure, f"{where} figures[{index}]") for index, figure in enumerate(figures))
    rest = {key: value for key, value in table.items() if key != "figures"}
    return call(Section, rest, where, given={"figures": made})

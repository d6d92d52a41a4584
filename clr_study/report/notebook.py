"""What a notebook asks for: a figure by its name, and the results as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import plotly.graph_objects as go

from clr_study.analysis import Comparison, compare
from clr_study.errors import InputError
from clr_study.report.export import export_tables
from clr_study.report.figure import FIGURES, Absent
from clr_study.report.figures.range_test import RangeTest, range_test_info
from clr_study.report.theme import DARK, LIGHT
from clr_study.spec import RangeTestResult, Results
from clr_study.spec.make import make

if TYPE_CHECKING:
    import pandas as pd

THEMES = {"light": LIGHT, "dark": DARK}


def figure(
    results: Results,
    kind: str,
    *,
    theme: Literal["light", "dark"] = "light",
    comparison: Comparison | None = None,
    **options: Any,
) -> go.Figure:
    """Returns one of the report's figures, to be shown, changed or saved.

    Args:
        results: What the study has measured so far.
        kind: Its name, as in `clr-study list figures`: `learning`, `final`, `search`.
        theme: `light` or `dark`.
        comparison: What `compare` says about the results, if that is known already.
        **options: The figure's own, as in a page of `dashboards/`.

    Raises:
        UnknownKindError: No figure is called so.
        InputError: An option is unknown, or there is nothing to draw yet.
    """
    drawn = make(FIGURES, {"kind": kind, **options}, "figure")
    info = drawn.summarise(results, comparison or compare(results))
    if isinstance(info, Absent):
        raise InputError(f"figure {kind!r}: {info.why or 'the study has nothing for it'}")
    return drawn.draw(info, THEMES[theme].of([arm.name for arm in results.study.arms]))


def range_test_figure(result: RangeTestResult, rule: str) -> go.Figure:
    """Returns the figure of one range test.

    Args:
        result: The range test.
        rule: Whose bounds are shaded.
    """
    info = range_test_info([result], rule)
    assert info is not None
    return RangeTest().draw(info, LIGHT)


def frames(results: Results, comparison: Comparison | None = None) -> dict[str, pd.DataFrame]:
    """Returns the tables of a study as pandas frames by name: `runs`, `evaluations`, `winners`, and `dictionary`.

    They are those of `clr-study export`; `dictionary` says what each column means.

    Args:
        results: What the study has measured so far.
        comparison: What `compare` says about the results, if that is known already.

    Raises:
        InputError: pandas is not installed.
    """
    tables = export_tables(results, comparison or compare(results))
    return {name: frame(table.columns, table.rows) for name, table in tables.items()}


def frame(columns: Any, rows: Any) -> pd.DataFrame:
    """Returns rows under named columns as a pandas frame.

    Raises:
        InputError: pandas is not installed.

    Examples:
        >>> frame(("arm", "lr"), [("fixed", 0.5)]).to_dict("list")
        {'arm': ['fixed'], 'lr': [0.5]}
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise InputError("frames are of pandas, which is not installed: pip install 'clr_study[frames]'") from None
    return pd.DataFrame(list(rows), columns=list(columns))

"""Tables and their CSV."""

import csv
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_study.report import Table, plain

cells = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5))
def test_a_csv_has_every_cell_and_no_formula(rows):
    read = list(csv.reader(io.StringIO(Table.of(("a", "b", "c"), rows).to_csv(), newline="")))
    assert len(read) == len(rows) + 1
    for row, found in zip(rows, read[1:], strict=True):
        for cell, text in zip(row, found, strict=True):
            if isinstance(cell, str):
                assert not text.lstrip().startswith(("=", "+", "-", "@"))
                assert text in (plain(cell), "'" + plain(cell))
            elif cell is not None:
                assert float(text) == cell
            else:
                assert text == ""


def test_no_value_is_an_empty_cell():
    assert Table(("a", "b"), ((math.nan, None),)).to_csv() == "a,b\n,\n"
    assert Table(("a", "b"), ((math.nan, None),)).shown(5) == [["", ""]]


def test_a_table_shows_its_first_rows():
    assert Table(("a",), ((1 / 3,), (2,), ("x",))).shown(2) == [["0.333333"], ["2"]]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="every row must have 2 cells: a, b"):
        Table(("a", "b"), ((1,),))


@settings(derandomize=True, max_examples=300)
@given(st.text())
def test_plain_text_cannot_drive_a_terminal(text):
    found = plain(text)
    assert not any((ord(sign) < 32 and sign != "\n") or 127 <= ord(sign) < 160 for sign in found)
    assert plain(found) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\x1b[2J\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\rb", "ab"),
        ("\u202egnp.exe", "gnp.exe"),
        ("süß ±", "süß ±"),
    ],
)
def test_escape_sequences_go_as_a_whole(text, found):
    assert plain(text) == found

"""Colours: told apart by anyone, readable on both papers."""

import itertools
from dataclasses import fields

import pytest

from clr_study.report import DARK, LIGHT, Theme
from clr_study.report.theme import OKABE_ITO, recolouring


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    """The WCAG contrast of two colours."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_is_readable(theme):
    assert contrast(theme.ink, theme.paper) > 7
    assert contrast(theme.soft, theme.paper) > 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_first_arms_stand_out_from_the_paper(theme):
    assert all(contrast(colour, theme.paper) > 2.9 for colour in OKABE_ITO[:4])
    assert all(contrast(colour, theme.paper) > 2.1 for colour in OKABE_ITO)


def test_fifty_arms_are_all_drawn_differently():
    theme = LIGHT.of([f"arm{index}" for index in range(50)])
    styles = [theme.style(arm) for arm in theme.arms]
    assert len({(style.colour, style.symbol) for style in styles}) == 50
    assert len({(style.colour, style.dash) for style in styles[:42]}) == 42, "in lines without markers too"


def test_a_legend_of_many_arms_takes_nothing_from_the_plot():
    heights = {
        count: LIGHT.of([f"arm{index}" for index in range(count)]).figure([], showlegend=True).layout.height
        for count in (1, 8, 9, 17)
    }
    assert heights == {1: 360, 8: 360, 9: 380, 17: 420}
    assert LIGHT.of([f"arm{index}" for index in range(17)]).figure([], showlegend=False).layout.height == 360


def test_each_theme_maps_onto_the_other_and_back():
    there, back = recolouring(LIGHT, DARK), recolouring(DARK, LIGHT)
    assert len(there) == len(fields(Theme)) - 2
    assert all(back[there[colour]] == colour for colour in there)
    assert not set(OKABE_ITO) & (set(there) | set(back))


def test_shades_of_a_bar_are_told_apart():
    for theme in (LIGHT, DARK):
        shades = (theme.heavy, theme.middle, theme.pale)
        assert all(contrast(one, other) > 1.5 for one, other in itertools.combinations(shades, 2))

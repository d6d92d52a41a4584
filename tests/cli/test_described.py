"""`clr-study list` documents everything: each kind's every argument, from its signature and its docstring."""

from __future__ import annotations

from typing import Literal

import pytest

from clr_study.cli.described import Argument, described
from clr_study.cli.listing import REGISTRIES, registry

OURS = [
    pytest.param(kind, thing, id=f"{what}-{kind}")
    for what in REGISTRIES
    for kind, thing in registry(what).items()
    if thing.__module__.startswith("clr_study.")
]


@pytest.mark.parametrize(("kind", "thing"), OURS)
def test_every_argument_of_every_kind_has_a_type_and_says_what_it_means(kind, thing):
    for argument in described(kind, thing).arguments:
        assert argument.type, argument.name
        assert argument.meaning.endswith((".", ")")), f"{argument.name}: {argument.meaning!r}"


def test_a_docstring_is_taken_apart():
    def net(*, shape, classes, width: int, norm: Literal["none", "batch"] = "none", rest=None):
        """Builds a net.

        It has a paragraph that is
        broken, and a list:

        - one that is
          broken too

        Args:
            shape: An image's shape.
            width: Channels,
                at least 1.

        Raises:
            InputError: No width.

        Examples:
            >>> net(shape=(1,), classes=2, width=3)
        """

    found = described("net", net)
    assert found.sentence == "Builds a net."
    assert found.text == "It has a paragraph that is broken, and a list:\n\n- one that is broken too"
    assert found.arguments == (
        Argument("width", "int", None, "Channels, at least 1."),
        Argument("norm", "'none' or 'batch'", "'none'", ""),
        Argument("rest", "", "None", ""),
    )
    assert found.refuses == ("No width.",)
    assert found.examples == ">>> net(shape=(1,), classes=2, width=3)"


def test_what_documents_nothing_is_empty_and_no_error():
    assert described("max", max).arguments == ()


@pytest.mark.parametrize("words", [("schedules", "triangular"), ("triangular",), ("models", "own_of_described:net")])
def test_one_thing_is_shown_whole(clr_study, words, tmp_path, monkeypatch):
    (tmp_path / "own_of_described.py").write_text(
        'def net(*, shape, classes, step_size: int = 3):\n    """Builds it.\n\n    Args:\n'
        '        step_size: The \\x1b[31mone.\n\n    Examples:\n        >>> 1\n    """\n'
    )
    monkeypatch.chdir(tmp_path)
    found = clr_study("list", *words)
    assert found.exit_code == 0, found.output
    assert "step_size" in found.output
    assert "examples" in found.output
    assert "\x1b" not in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("triangulr",), "nothing to list is called 'triangulr'"),
        (("schedules", "triangulr"), "did you mean 'triangular'?"),
        (("studies", "quickstart"), "nothing to list is called 'studies'"),
    ],
)
def test_an_unknown_thing_is_a_sentence(clr_study, words, said):
    found = clr_study("list", *words)
    assert found.exit_code == 2
    assert said in found.stderr


def test_an_example_that_is_wider_than_the_terminal_is_whole(clr_study):
    found = clr_study("list", "optimizers", "sgd", env={"COLUMNS": "80"})
    assert "needs a momentum above 0, but got momentum = 0.0" in " ".join(found.output.split())
    assert max(map(len, found.output.splitlines())) <= 80

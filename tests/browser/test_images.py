"""Figures as pictures, by a real browser."""

import io
import sys

import pytest
from made_results import make_results, make_study
from PIL import Image

from clr_study.errors import InputError
from clr_study.report import write_images

pytestmark = pytest.mark.browser
PAGE = """title = "t"
[[sections]]
title = "s"
figures = [{ kind = "final" }, { kind = "learning" }, { kind = "learning", column = "train_loss" }]
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.toml"
    path.write_text(PAGE)
    return path


def test_each_figure_is_a_picture_with_something_on_it(page, tmp_path):
    pytest.importorskip("kaleido")
    paths = write_images(make_results(make_study(seeds=3)), tmp_path / "deep" / "png", page)
    assert [path.name for path in paths][:3] == ["final.png", "learning.png", "learning-2.png"]
    for path in paths:
        picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
        assert picture.width == 2000
        assert picture.getpixel((1, 1)) == (255, 255, 255)
        assert len(picture.getcolors(1_000_000)) > 50


def test_without_a_chrome_or_without_kaleido_the_sentence_says_what_to_do(page, tmp_path, monkeypatch):
    pytest.importorskip("kaleido")
    from choreographer.errors import ChromeNotFoundError

    class Nowhere:
        def __init__(self, **options):
            raise ChromeNotFoundError

    with monkeypatch.context() as patch:
        patch.setattr("kaleido.Kaleido", Nowhere)
        with pytest.raises(
            InputError, match=r"none was found; install Chrome or Chromium, or name one in .*BROWSER_PATH"
        ):
            write_images(make_results(make_study(seeds=2)), tmp_path / "png", page)
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(InputError, match=r"kaleido, which is not installed: pip install 'clr_study\[images\]'"):
        write_images(make_results(make_study(seeds=2)), tmp_path / "png", page)
    assert not (tmp_path / "png").exists()

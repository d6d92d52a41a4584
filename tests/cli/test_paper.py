"""`paper` and `results`, on a small preview of a shipped study that really ran."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from clr_study.shipped import shipped_folder

MINE = """
name = "mine"
data = { kind = "digits" }
model = { kind = "mlp", hidden = [4] }
train = { updates = 4 }
measure = { seeds = 1 }
arms.fixed.schedule = { kind = "constant", lr = 0.1 }
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Real handwritten digits in the shape of CIFAR-10."""
    digits = load_digits()
    pixels = np.repeat((digits.images * 15).astype(np.uint8)[:, None], 3, axis=1).repeat(4, axis=2).repeat(4, axis=3)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, x=pixels[:220], y=digits.target[:220], x_test=pixels[220:260], y_test=digits.target[220:260])
    return path


def test_a_preview_runs_to_the_page_and_to_a_result_file_that_does_not_count(clr_study, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert clr_study("paper").exit_code == 0, "without any storage the page says that nothing was run"
    # The shipped file with one seed and small batches, so that it takes seconds: another file, that counts for nothing.
    shipped = (shipped_folder("studies") / "paper-sigmoid-bn.toml").read_text()
    (tmp_path / "small.toml").write_text(shipped.replace("seeds = 10", "seeds = 1").replace("size = 100", "size = 10"))
    data = f'{{ kind = "npz", path = "{images}" }}'
    url = f"sqlite:///{tmp_path}/s.db"
    result = clr_study("run", "small.toml", "--scale", "0.00025", "--data", data, "--storage", url)
    assert result.exit_code == 0, result.output
    for names in ((), ("paper-sigmoid-bn-on-npz-x0.00025",)):
        result = clr_study("paper", *names, "--storage", url, "--out", "page")
        assert result.exit_code == 0, result.output
    by_report = clr_study("report", "paper-sigmoid-bn-on-npz-x0.00025", "--page", "paper", "--storage", url)
    assert by_report.output.strip().endswith("results/paper/paper.html")
    page = (tmp_path / "page" / "paper.html").read_text()
    assert "56 have not been run" in page
    assert "These runs are a preview at 0.00025 of its length, on other data (npz)." in page
    result = clr_study("results", "paper-sigmoid-bn-on-npz-x0.00025", "--storage", url, "--out", "kept")
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "kept" / "paper-sigmoid-bn-on-npz-x0.00025.json").read_text())
    assert kept["reservation"] == "a preview at 0.00025 of its length, on other data (npz)"
    assert kept["arms"]["fixed"]["n"] == 1


def test_a_study_that_is_not_shipped_is_refused(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(MINE)
    url = f"sqlite:///{tmp_path}/s.db"
    assert clr_study("run", "mine.toml", "--storage", url).exit_code == 0
    for name, words in (("mine", "no shipped study and no preview of one"), ("nobody", "nobody")):
        result = clr_study("paper", name, "--storage", url)
        assert result.exit_code == 2, result.output
        assert words in result.output
    assert clr_study("paper", "--storage", url).exit_code == 0, "all that are stored: those of the paper are taken"

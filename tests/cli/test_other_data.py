"""`--data`: the same study on other data, under a name of its own."""

from __future__ import annotations

import numpy as np


def test_a_shipped_study_runs_on_other_data_under_another_name(clr_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    arrays = {f"x{side}": draw.integers(0, 256, (220, 3, 32, 32), dtype=np.uint8) for side in ("", "_test")}
    np.savez("mine.npz", **arrays, **{f"y{side}": np.arange(220) % 10 for side in ("", "_test")})
    data = '{ kind = "npz", path = "mine.npz" }'
    result = clr_study("check", "paper-windows", "--scale", "0.002", "--data", data, "--seeds", "2")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("paper-windows-on-npz-n2-x0.002")
    assert "2 seeds" in result.output


def test_what_is_no_table_is_refused(clr_study):
    for data in ("photos", '{ kind = "npz" }\nname = "x"', '{ root = "x" }'):
        result = clr_study("check", "paper-windows", "--data", data)
        assert result.exit_code == 2
        assert "must be a table" in result.output or "one table" in result.output

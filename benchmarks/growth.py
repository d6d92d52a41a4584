"""How the time of a whole study grows with its trials and with its arms: check, search, measuring and report.

The peer of more trials, or arms, is the least number of them, as many times over.

    python benchmarks/growth.py
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import common
import search

TRIALS, ARMS = (10, 100, 1000), (1, 2, 4, 8)
HEAD = """
name = "bench"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "mlp" }}
train = {{ batch_size = 64, epochs = 5, evaluations = 5 }}
search = {{ trials = {trials}, seed = {seed}, confirm = {{ trials = 1 }} }}
measure = {{ seeds = 1 }}
"""
ARM = """
[arms.triangular{number}.schedule]
kind = "triangular"
max_lr = {{ low = 1e-3, high = 1.0, log = true }}
base_lr = {{ times = "max_lr", low = 0.05, high = 0.5 }}
step_size = {{ low = 0.5, high = 2.5, unit = "epochs" }}
"""


def seconds(trials: int, arms: int, seed: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.toml"
        # The first arm is called as the script that is run asks for it.
        names = ["", *map(str, range(1, arms))]
        path.write_text(HEAD.format(trials=trials, seed=seed) + "".join(ARM.format(number=name) for name in names))
        return common.in_process(search.OURS, str(path), folder, "cpu")["seconds"]


def grown(name: str, what: str, sizes: tuple[int, ...], rows: list[dict[int, float]]) -> None:
    """Writes how many times as long the most take as the fewest, for each of them."""
    few, many = min(sizes), max(sizes)
    curve = {size: statistics.median(row[size] for row in rows) for size in sizes}
    print(what + ": " + ", ".join(f"{size}: {value:.2f} s" for size, value in curve.items()))
    common.write(
        f"growth-{name}",
        what=f"time of a study of {many} {what}, mlp, 85 updates a run",
        peer=f"{many // few} times that of {few}",
        target=1.0,
        ratios=[row[many] / (many / few * row[few]) for row in rows],
        unit="s",
        ours=curve[many],
        theirs=many / few * curve[few],
        lower_is_better=True,
        extra={"curve": curve, "rows": rows},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    by_trials = [{trials: seconds(trials, 1, repeat) for trials in TRIALS} for repeat in range(asked.repeats)]
    grown("trials", "trials", TRIALS, by_trials)
    by_arms = [{arms: seconds(16, arms, repeat) for arms in ARMS} for repeat in range(asked.repeats)]
    grown("arms", "arms of 16 trials", ARMS, by_arms)


if __name__ == "__main__":
    main()

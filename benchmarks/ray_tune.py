"""A whole search against Ray Tune with OptunaSearch: trials an hour, Ray's start-up included, as ours is.

python benchmarks/ray_tune.py --net mlp --trials 12 --epochs 30
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

import common
import nets
import search

# Epochs from which a trial of the script takes about a minute, and another ratio is aimed for.
LONG = 300


def peer(net: str, trials: int, epochs: int, seed: int) -> dict[str, float]:
    nets.data(net)
    asked = json.dumps({"net": net, "trials": trials, "epochs": epochs, "seed": seed})
    done = subprocess.run(
        [sys.executable, str(common.HERE / "peers" / "ray_tune.py"), asked], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"Ray Tune failed; `pip install 'ray[tune]'` if it is missing:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", default="mlp", choices=nets.NETS)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--more", action="store_true", help="Repeats beside those of the result that is there.")
    asked = parser.parse_args()
    name = f"ray-tune-{asked.net}" + ("" if asked.epochs < LONG else "-long")
    rows = common.rows_of(name, trials=asked.trials, epochs=asked.epochs) if asked.more else []
    for repeat in range(len(rows), len(rows) + asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            mine = search.ours(asked.net, asked.trials, asked.epochs, repeat, folder, "cpu")
        theirs = peer(asked.net, asked.trials, asked.epochs, repeat)
        rows.append({"ours": mine, "theirs": theirs, "ratio": theirs["seconds"] / mine["seconds"]})
        print(
            f"{asked.net} repeat {repeat}: ours {mine['seconds']:.1f} s, Ray Tune {theirs['seconds']:.1f} s", flush=True
        )
    hourly = 3600 * asked.trials
    common.write(
        name,
        what=f"whole search, {asked.net}: {asked.trials} trials of {asked.epochs} epochs",
        peer="Ray Tune with OptunaSearch",
        target=15.0 if asked.epochs < LONG else 5.0,
        ratios=[row["ratio"] for row in rows],
        unit="trials an hour",
        ours=hourly / statistics.median(row["ours"]["seconds"] for row in rows),
        theirs=hourly / statistics.median(row["theirs"]["seconds"] for row in rows),
        extra={"trials": asked.trials, "epochs": asked.epochs, "rows": rows},
    )


if __name__ == "__main__":
    main()

"""What the quickstart spends outside of training: between batches, and before, between and after its phases.

python benchmarks/orchestration.py --repeats 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile

import common

ONE = """
import json, sys, time
begin = time.perf_counter()
from clr_study.search import Where, run_study
import clr_study.search.run as run
import clr_study.search.ending as ending
import clr_study.search.loop as loop
from clr_study.spec import load_study
imported = time.perf_counter()
spent = {"training": 0.0, "drive": 0.0, "report": 0.0}
def clocked(module, name, key):
    real = getattr(module, name)
    def call(*arguments, **options):
        start = time.perf_counter()
        try:
            return real(*arguments, **options)
        finally:
            spent[key] += time.perf_counter() - start
    setattr(module, name, call)
clocked(loop, "run_jobs", "training")
clocked(run, "drive", "drive")
clocked(ending, "write_everything", "report")
study = load_study(sys.argv[1])
run_study(study, Where(storage=f"sqlite:///{sys.argv[2]}/s.db", out=sys.argv[2], devices=sys.argv[3]))
print(json.dumps({**spent, "imports": imported - begin, "wall": time.perf_counter() - imported}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--study", default=str(common.HERE.parent / "studies" / "quickstart.toml"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    rows = []
    for _ in range(asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(common.in_process(ONE, asked.study, folder, asked.device))
    parts = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    print(", ".join(f"{key} {value:.2f} s" for key, value in parts.items()))
    common.write(
        "orchestration" + ("" if asked.device == "cpu" else "-gpu"),
        what="quickstart: asking, packing, storing and telling between batches, as a share of its wall time",
        peer="the whole run, imports apart",
        target=0.05,
        ratios=[(row["drive"] - row["training"]) / row["wall"] for row in rows],
        unit="s",
        ours=statistics.median(row["drive"] - row["training"] for row in rows),
        theirs=parts["wall"],
        lower_is_better=True,
        device=asked.device,
        extra={"seconds": parts, "rows": rows},
    )


if __name__ == "__main__":
    main()

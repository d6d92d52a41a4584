"""A fused step that torch has compiled against the same step as it is: all lanes' updates a second.

Each side is a process of its own, which begins with what it costs to compile and is timed after that.

    python benchmarks/compiled.py --net mlp
"""

from __future__ import annotations

import argparse
import statistics

import common
import lanes
import nets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", default="mlp", choices=nets.NETS)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    rows = []
    for repeat in range(asked.repeats):
        usual, compiled = (
            lanes.one(asked.net, asked.lanes, asked.device, compiled)["rate"] for compiled in (False, True)
        )
        rows.append({"usual": usual, "compiled": compiled})
        print(f"{asked.net} repeat {repeat}: {usual:,.0f} updates/s, compiled {compiled:,.0f}", flush=True)
    common.write(
        f"compiled-{asked.net}" + ("" if asked.device == "cpu" else "-gpu"),
        what=f"compiled step, {asked.net}, {asked.lanes} lanes",
        peer="the same step as it is",
        target=None,
        ratios=[row["compiled"] / row["usual"] for row in rows],
        unit="updates/s",
        ours=statistics.median(row["compiled"] for row in rows),
        theirs=statistics.median(row["usual"] for row in rows),
        device=asked.device,
        extra={"rows": rows},
    )


if __name__ == "__main__":
    main()

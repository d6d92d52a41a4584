"""Updates replayed as a CUDA graph against the same updates launched kernel by kernel, and lanes against one run.

Two rows: many lanes replayed against the same lanes launched, and many lanes against one run where both are replayed,
so that the second says what fusing wins when launches cost nothing. Each side is a process of its own, which begins
with what it costs to record and is timed after that.

    python benchmarks/graphs.py --net mlp --device cuda:0
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence

import common
import lanes
import nets

Rates = Mapping[tuple[int, bool], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", default="mlp", choices=nets.ALL)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda:0")
    asked = parser.parse_args()
    if asked.device == "cpu":
        raise SystemExit("a CPU has no CUDA graphs; name a GPU, as in --device cuda:0")
    sides = [(count, replayed) for count in (1, asked.lanes) for replayed in (False, True)]
    rows: list[dict[tuple[int, bool], float]] = []
    for repeat in range(asked.repeats):
        rows.append({(n, on): lanes.one(asked.net, n, asked.device, graphs=on)["rate"] for n, on in sides})
        told = ", ".join(f"{words(side)} {rate:,.0f} updates/s" for side, rate in rows[-1].items())
        print(f"{asked.net} repeat {repeat}: {told}", flush=True)
    many = (asked.lanes, True)
    row(asked, "graphs", "the same lanes, launched kernel by kernel", None, rows, many, (asked.lanes, False))
    row(asked, "graphs-fused", "one run of the plain engine, replayed too", 5.0, rows, many, (1, True))


def words(side: tuple[int, bool]) -> str:
    return f"{side[0]} lane{'s' if side[0] > 1 else ''} {'replayed' if side[1] else 'launched'}"


def row(
    asked: argparse.Namespace,
    name: str,
    peer: str,
    target: float | None,
    rows: Sequence[Rates],
    ours: tuple[int, bool],
    theirs: tuple[int, bool],
) -> None:
    common.write(
        f"{name}-{asked.net}-gpu",
        what=f"{asked.lanes} lanes replayed as a CUDA graph, {asked.net}",
        peer=peer,
        target=target,
        ratios=[one[ours] / one[theirs] for one in rows],
        unit="updates/s",
        ours=statistics.median(one[ours] for one in rows),
        theirs=statistics.median(one[theirs] for one in rows),
        device=asked.device,
        extra={
            "products": nets.products(asked.net),
            "rows": [
                {f"{n} {'replayed' if on else 'launched'}": rate for (n, on), rate in one.items()} for one in rows
            ],
        },
    )


if __name__ == "__main__":
    main()

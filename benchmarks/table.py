"""Prints what was measured as a Markdown table, from the files under `results/`; what was not measured says so.

python benchmarks/table.py
"""

from __future__ import annotations

import json

import common

ROWS = (
    "search-mlp",
    "search-small_cnn",
    "search-cifar10_full",
    "plain-mlp",
    "plain-small_cnn",
    "plain-cifar10_full",
    "orchestration",
    "ray-tune-mlp",
    "ray-tune-small_cnn-long",
    "compiled-mlp",
    "compiled-small_cnn",
    "lanes-mlp",
    "lanes-small_cnn",
    "lanes-cifar10_full",
    "memory-mlp",
    "memory-small_cnn",
    "memory-cifar10_full",
    "growth-trials",
    "growth-arms",
)
ON_A_GPU = {
    "search-cifar10_full-gpu": "whole search, cifar10_full, one GPU",
    "search-cifar10_full-graphs-gpu": "whole search, cifar10_full, one GPU, CUDA graphs",
    "search-resnet-20-gpu": "whole search, resnet-20, batch 128, one GPU",
    "search-resnet-20-graphs-gpu": "whole search, resnet-20, batch 128, one GPU, CUDA graphs",
    "plain-cifar10_full-gpu": "one run, plain engine, cifar10_full, one GPU",
    "lanes-cifar10_full-gpu": "updates of all lanes together, cifar10_full, one GPU",
    "graphs-mlp-gpu": "lanes replayed as a CUDA graph, mlp, one GPU",
    "graphs-small_cnn-gpu": "lanes replayed as a CUDA graph, small_cnn, one GPU",
    "graphs-cifar10_full-gpu": "lanes replayed as a CUDA graph, cifar10_full, one GPU",
    "graphs-fused-mlp-gpu": "lanes against one run, both replayed, mlp, one GPU",
    "graphs-fused-small_cnn-gpu": "lanes against one run, both replayed, small_cnn, one GPU",
    "graphs-fused-cifar10_full-gpu": "lanes against one run, both replayed, cifar10_full, one GPU",
    "orchestration-gpu": "orchestration of a study on one GPU",
}


def cells(name: str, what: str = "") -> list[str]:
    path = common.RESULTS / f"{name}.json"
    if not path.exists():
        return [what or name, "not measured", "", "", "", ""]
    row = json.loads(path.read_text())
    low, high = row["ratio_range"]
    goal = "" if row["target"] is None else f"{'≤' if row['lower_is_better'] else '≥'} {row['target']:g}"
    digits = 3 if row["ratio"] < 0.2 else 2
    ratio = f"{row['ratio']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}], n = {row['repeats']}"
    sides = [f"{row[side]:,.4g} {row['unit']}" for side in ("ours", "theirs")]
    if "products" in row:  # of a run's update, so many floating-point operations
        share = row["ours"] * row["products"] / row["limits"]["matmul_gflops"] / 1e9
        sides[0] += f", {share:.1%} of the product's rate"
    return [row["what"], row["peer"], *sides, ratio, goal]


def main() -> None:
    table = [cells(name) for name in ROWS] + [cells(name, what) for name, what in ON_A_GPU.items()]
    print("| what | peer | ours | theirs | ratio | target |\n|---|---|---|---|---|---|")
    for row in table:
        print("| " + " | ".join(row) + " |")
    measured = [json.loads(path.read_text()) for path in sorted(common.RESULTS.glob("*.json"))]
    rows = [row for row in measured if "limits" in row]
    places = sorted({(row["measured"][:10], row["device"], row["versions"]["torch"]) for row in rows})
    print()
    for day, device, torch in places:
        top = [row["limits"] for row in rows if (row["device"], row["measured"][:10]) == (device, day)]
        product, copy = (sorted(one[key] for one in top)[len(top) // 2] for key in ("matmul_gflops", "copy_gbytes"))
        print(f"{day}, {device}, torch {torch}; float32 product {product:,.0f} GFLOP/s, memory copy {copy:,.0f} GB/s.")


if __name__ == "__main__":
    main()

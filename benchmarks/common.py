"""What every row shares: paired repeats, the device's own limits, and a JSON file with hardware and versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PACKAGES = ("clr_study", "torch", "numpy", "optuna", "sqlalchemy", "ray")


def processor() -> str:
    """Returns the processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Returns the versions that a time may depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def device_words(device: str) -> str:
    """Returns the device in words."""
    if device == "cpu":
        return f"{processor()}, {os.cpu_count()} cores"
    import torch

    return torch.cuda.get_device_name(device)


def best_seconds(call: Callable[[], Any], seconds: float = 0.5) -> float:
    """Returns the least time of a call, over repeats of half a second in all."""
    call()
    least, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - begin)
    return least


def limits(device: str = "cpu") -> dict[str, float]:
    """Measures what the device can do at most: a float32 matrix product, and a copy in memory."""
    import torch

    size = 2048 if device == "cpu" else 8192
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    long = torch.randn(2**26 if device == "cpu" else 2**28, device=device)
    other = torch.empty_like(long)
    wait = torch.cuda.synchronize if device != "cpu" else lambda: None
    product = best_seconds(lambda: (a @ b, wait()))
    copy = best_seconds(lambda: (other.copy_(long), wait()))
    return {"matmul_gflops": 2 * size**3 / product / 1e9, "copy_gbytes": 2 * long.nbytes / copy / 1e9}


def in_process(code: str, *arguments: str) -> dict[str, Any]:
    """Runs code in a fresh interpreter and returns the JSON object that it prints last."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"a benchmark's process failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def rows_of(name: str, **settings: Any) -> list[dict[str, Any]]:
    """Returns the repeats in `results/<name>.json`, if they were made on this device with these settings.

    Raises:
        SystemExit: They were made otherwise, so that more of them would not be the same measurement.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return []
    record = json.loads(path.read_text())
    asked = {"device": device_words("cpu"), "versions": versions(), **settings}
    for key, value in asked.items():
        if record[key] != value:
            raise SystemExit(f"{path} was made with {key} = {record[key]!r}, not {value!r}; measure it anew")
    rows: list[dict[str, Any]] = record["rows"]
    return rows


def write(
    name: str,
    what: str,
    peer: str,
    target: float | None,
    ratios: Sequence[float],
    unit: str,
    ours: float,
    theirs: float | None,
    *,
    lower_is_better: bool = False,
    device: str = "cpu",
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Prints a row and writes it to `results/<name>.json`.

    Args:
        name: The file's.
        what: What was measured.
        peer: What it was measured against.
        target: The ratio that is aimed for; None where there is none.
        ratios: One a paired repeat.
        unit: Of ours and theirs.
        ours: Our median.
        theirs: The peer's median.
        lower_is_better: For ratios of times and shares.
        device: What it ran on.
        extra: What else belongs to it: settings, the repeats, sizes.
    """
    ordered = sorted(ratios)
    record = {
        "name": name,
        "what": what,
        "peer": peer,
        "target": target,
        "lower_is_better": lower_is_better,
        "ratio": statistics.median(ordered) if ordered else None,
        "ratio_range": [ordered[0], ordered[-1]] if ordered else None,
        "repeats": len(ordered),
        "unit": unit,
        "ours": ours,
        "theirs": theirs,
        "device": device_words(device),
        "limits": limits(device),
        "versions": versions(),
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **(extra or {}),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    spread = f" [{ordered[0]:.2f}, {ordered[-1]:.2f}] over {len(ordered)}" if ordered else ""
    against = f"{peer} {theirs:,.4g}; " if theirs is not None else ""
    ratio = f"ratio {record['ratio']:.2f}{spread}" if ordered else ""
    print(f"{what}: ours {ours:,.4g} {unit}; {against}{ratio}", flush=True)

"""`clr-study doctor`: what this machine has, what is wrong with it, and what to do."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clr_study.cli.text import in_bytes, plain
from clr_study.errors import StorageError
from clr_study.store import open_store
from clr_study.where import Where

# A study of the size of the quickstart writes some 10 MB; below this it is not started.
LEAST_DISK, LITTLE_DISK = 200 * 2**20, 2 * 2**30
# torch alone takes about half a GiB.
LEAST_MEMORY, LITTLE_MEMORY = 2**30, 4 * 2**30
# Those that pyproject.toml declares.
TESTED = ((3, 11), (3, 12), (3, 13))
_NO_GPU = "nothing, if there is no GPU; else look whether nvidia-smi sees it, and mend its driver"
# By any of these names kaleido finds what draws its pictures.
CHROMES = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome")
COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        name: What was looked at.
        state: `ok`; `note` for what may be missed; `wrong` for what stops a study.
        found: What there is.
        mend: What to do; empty where nothing is.
    """

    name: str
    state: Literal["ok", "note", "wrong"]
    found: str
    mend: str = ""


def diagnose(storage: str = "") -> list[Finding]:
    """Returns what there is to say about this machine.

    Args:
        storage: The database's URL; empty for the usual one.
    """
    return [
        python(sys.version_info[:2], f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *_torch(),
        *driver(_nvidia_smi()),
        _cores(),
        memory(_memory()),
        disk(shutil.disk_usage(Path.cwd()).free, os.access(Path.cwd(), os.W_OK)),
        database(Where(storage=storage).url),
        *extras(metadata.requires("clr_study") or ()),
    ]


def print_findings(findings: Iterable[Finding]) -> int:
    """Prints findings as a table and returns the exit code: 1 if something is wrong."""
    findings = list(findings)
    table = Table(show_edge=False)
    for column in ("", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        state = Text(finding.state, style=COLOURS[finding.state])
        table.add_row(state, Text(finding.name), Text(plain(finding.found)), Text(plain(finding.mend)))
    Console().print(table)
    wrong = [finding.name for finding in findings if finding.state == "wrong"]
    said = f"wrong: {', '.join(wrong)}" if wrong else "nothing stops `clr-study run quickstart`"
    Console().print(Text(said, style="bold"))
    return 1 if wrong else 0


def python(version: tuple[int, int], words: str) -> Finding:
    """Judges the version of Python.

    Examples:
        >>> python((3, 12), "3.12.1").state, python((3, 99), "3.99.0").state
        ('ok', 'note')
    """
    if version in TESTED:
        return Finding("python", "ok", words)
    tested = ", ".join(f"{major}.{minor}" for major, minor in TESTED)
    return Finding("python", "note", words, f"clr_study is tested with Python {tested}; if something fails, take one")


def _nvidia_smi() -> str | None:
    """What NVIDIA's driver says of itself and its GPUs; None if it is not there, or does not answer."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=driver_version,name,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None


def driver(said: str | None) -> Iterator[Finding]:
    """Says which driver there is for GPUs of NVIDIA, and what to do if it sees GPUs that torch does not.

    Args:
        said: By nvidia-smi: version, name and memory, a line for each GPU; None if there is no driver.
    """
    if said is None:
        yield Finding("driver", "ok" if _gpus() else "note", "no driver of NVIDIA's answers", _NO_GPU)
        return
    lines = [line.split(",") for line in said.splitlines()]
    version, seen = lines[0][0].strip(), len(lines)
    found = f"NVIDIA {version}, which sees {seen} GPU{'s' * (seen > 1)}"
    if _gpus() < seen:
        mend = "look at CUDA_VISIBLE_DEVICES; else update the driver, or install a torch built for an older CUDA"
        yield Finding("driver", "note", f"{found}; torch can use {_gpus()}", mend)
    else:
        yield Finding("driver", "ok", found)


def _gpus() -> int:
    from clr_study.worker import machine

    return len(machine().gpus)


def _torch() -> Iterator[Finding]:
    reinstall = "install torch and torchvision again, both from the same index"
    for name in ("torch", "torchvision"):
        try:
            import_module(name)
        except Exception as error:  # a broken build fails in many ways, as OSError and RuntimeError too
            yield Finding(name, "wrong", f"cannot be imported: {type(error).__name__}: {error}", reinstall)
            return
    from clr_study.worker import machine

    found = machine()
    build = f"built for CUDA {found.cuda}" if found.cuda else "built without CUDA"
    yield Finding("torch", "ok", f"{found.torch}, {build}")
    for number, (name, size) in enumerate(found.gpus):
        yield Finding(f"cuda:{number}", "ok", f"{name}, {in_bytes(size)}")
    if not found.gpus:
        mend = _NO_GPU if found.cuda else "nothing, if there is no GPU; else install a torch that is built for CUDA"
        yield Finding("cuda", "note", "no GPU that torch can use; studies train on the CPU", mend)


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("cores", "ok", f"{usable} for this process")


def _memory() -> int | None:
    """The bytes that this process may still take; None where the system does not say."""
    limits = []
    try:
        said = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
        limits += [1024 * int(said[1])] if said else []
        group = Path("/sys/fs/cgroup")
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # another system, or a group without a limit
        pass
    return min(limits, default=None)


def memory(free: int | None) -> Finding:
    """Judges the bytes of memory that are free.

    Examples:
        >>> memory(8 * 2**30)
        Finding(name='memory', state='ok', found='8.0 GiB free', mend='')
        >>> memory(2**20).state
        'wrong'
    """
    if free is None:
        return Finding("memory", "ok", "the system does not say how much is free")
    if free >= LITTLE_MEMORY:
        return Finding("memory", "ok", f"{in_bytes(free)} free")
    state: Literal["note", "wrong"] = "wrong" if free < LEAST_MEMORY else "note"
    return Finding("memory", state, f"{in_bytes(free)} free", "end other programs, or give --lanes 1")


def disk(free: int, writable: bool) -> Finding:
    """Judges the current folder, where the report and the default database go.

    Examples:
        >>> disk(2**40, writable=True)
        Finding(name='disk', state='ok', found='1.0 TiB free in this folder', mend='')
        >>> disk(2**40, writable=False).mend
        'go to another folder, or give --out and --storage'
    """
    if not writable:
        return Finding(
            "disk", "wrong", "this folder may not be written", "go to another folder, or give --out and --storage"
        )
    found = f"{in_bytes(free)} free in this folder"
    if free >= LITTLE_DISK:
        return Finding("disk", "ok", found)
    return Finding("disk", "wrong" if free < LEAST_DISK else "note", found, "make room, or give --out and --storage")


def database(url: str) -> Finding:
    """Opens a storage as a worker does, which makes nothing.

    Args:
        url: The storage's URL.
    """
    try:
        with open_store(url, create=False) as store:
            return Finding("database", "ok", f"{store.masked_url} opens")
    except StorageError as error:
        if "`clr-study run`" in str(error):  # there is nothing there yet, which is no fault
            return Finding("database", "ok", str(error))
        return Finding("database", "wrong", str(error), "give another --storage, or set CLR_STORAGE")


def extras(requirements: Iterable[str]) -> Iterator[Finding]:
    """Says which optional extras are installed.

    Args:
        requirements: As a package's metadata has them.

    Examples:
        >>> list(extras(["numpy>=1", 'click>=8; extra == "shell"']))[0].found.split()[0]
        'click'
        >>> list(extras(["no-such-thing>=1; extra == 'some'"]))[0].mend
        "for it: pip install 'clr_study[some]'"
    """
    for requirement in requirements:
        extra, name = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement), re.match(r"[\w.-]+", requirement)
        if extra is None or name is None or extra[1] == "all":  # which is only the others together
            continue
        try:
            found = f"{name[0]} {metadata.version(name[0])}"
            if name[0] == "kaleido" and not any(map(shutil.which, CHROMES)):
                yield Finding(f"[{extra[1]}]", "note", f"{found}, but no Chrome", "for it: install Chrome or Chromium")
                continue
            yield Finding(f"[{extra[1]}]", "ok", found)
        except metadata.PackageNotFoundError:
            mend = f"for it: pip install 'clr_study[{extra[1]}]'"
            yield Finding(f"[{extra[1]}]", "note", f"{name[0]} is not installed", mend)

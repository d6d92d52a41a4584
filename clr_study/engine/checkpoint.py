"""Checkpoints: safetensors and JSON, written aside, synced, renamed, and refused when a bit has flipped."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from clr_study.engine.state import Lanes


def write_checkpoint(lanes: Lanes, path: Path) -> str:
    """Writes a state to a file that is there whole or not at all, and returns its SHA-256.

    Args:
        lanes: The state.
        path: The file; its folder is made.

    Raises:
        OSError: There is no room, or no right to write; what stood at `path` before is still there.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in lanes.tensors().items()}
    blob = save(tensors, metadata={"clr_study": json.dumps({"update": lanes.update})})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        _sync_folder(path.parent)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return hashlib.sha256(blob).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Makes the file's new name outlast a power cut, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_checkpoint(path: Path, sha256: str) -> Lanes | None:
    """Returns the state that a file holds, or None if the file is missing or is not what was written.

    Args:
        path: The file.
        sha256: What `write_checkpoint` returned.
    """
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(blob).hexdigest() != sha256:
        return None
    try:
        size = int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8 : 8 + size])
        tensors: dict[str, torch.Tensor] = load(blob)
        return Lanes.from_tensors(tensors, json.loads(header["__metadata__"]["clr_study"])["update"])
    except (SafetensorError, ValueError, KeyError):
        return None

"""Training: one pure step, plain or fused over lanes, and a loop that yields what it sees."""

from clr_study.engine.checkpoint import read_checkpoint, write_checkpoint
from clr_study.engine.compiled import try_compiler
from clr_study.engine.evaluate import Scores, evaluate
from clr_study.engine.fuse import (
    MOST_LANES,
    counted_lanes,
    fills_caches,
    fitting_lanes,
    fuse_key,
    lane_bytes,
    room_for_lanes,
    step_key,
)
from clr_study.engine.graphs import Record, recorder, why_unrecorded
from clr_study.engine.probe import fastest, flat_training, probe
from clr_study.engine.side_by_side import most_shares
from clr_study.engine.state import Lanes, start, together
from clr_study.engine.step import make_step
from clr_study.engine.task import Task, load_task, make_task
from clr_study.engine.train import Build, Divergence, Snapshot, Training

__all__ = [
    "MOST_LANES",
    "Build",
    "Divergence",
    "Lanes",
    "Record",
    "Scores",
    "Snapshot",
    "Task",
    "Training",
    "counted_lanes",
    "evaluate",
    "fastest",
    "fills_caches",
    "fitting_lanes",
    "flat_training",
    "fuse_key",
    "lane_bytes",
    "load_task",
    "make_step",
    "make_task",
    "most_shares",
    "probe",
    "read_checkpoint",
    "recorder",
    "room_for_lanes",
    "start",
    "step_key",
    "together",
    "try_compiler",
    "why_unrecorded",
    "write_checkpoint",
]

"""Where jobs run: executors in the shape of `concurrent.futures`."""

from clr_study.executors.base import EXECUTORS, SetUp, elsewhere, is_elsewhere
from clr_study.executors.inline import InlineExecutor, inline
from clr_study.executors.processes import ProcessesExecutor, processes
from clr_study.executors.ray_cluster import RayExecutor, ray
from clr_study.executors.slurm_cluster import SlurmExecutor, slurm

__all__ = [
    "EXECUTORS",
    "InlineExecutor",
    "ProcessesExecutor",
    "RayExecutor",
    "SetUp",
    "SlurmExecutor",
    "elsewhere",
    "inline",
    "is_elsewhere",
    "processes",
    "ray",
    "slurm",
]

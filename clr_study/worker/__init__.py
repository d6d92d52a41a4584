"""What runs beside a device: it trains jobs and reports to the store."""

from clr_study.worker.jobs import STORAGE, run_jobs
from clr_study.worker.machine import Machine, machine
from clr_study.worker.place import Place, current_place, device_words, places, take_place, versions

__all__ = [
    "STORAGE",
    "Machine",
    "Place",
    "current_place",
    "device_words",
    "machine",
    "places",
    "run_jobs",
    "take_place",
    "versions",
]

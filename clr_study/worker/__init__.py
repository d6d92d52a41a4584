"""What runs beside a device: it trains jobs and reports to the store."""

from clr_study.worker.jobs import closing_stores, is_checkpoint, run_jobs
from clr_study.worker.machine import Machine, machine
from clr_study.worker.own_loop import Trial
from clr_study.worker.place import (
    Capacity,
    Place,
    capacity,
    current_place,
    device_words,
    lane_rates,
    places,
    places_elsewhere,
    take_place,
    versions,
)

__all__ = [
    "Capacity",
    "Machine",
    "Place",
    "Trial",
    "capacity",
    "closing_stores",
    "current_place",
    "device_words",
    "is_checkpoint",
    "lane_rates",
    "machine",
    "places",
    "places_elsewhere",
    "run_jobs",
    "take_place",
    "versions",
]

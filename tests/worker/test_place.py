"""Where a worker works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from clr_study.errors import InputError
from clr_study.worker import Place, current_place, device_words, places, places_elsewhere, take_place, versions


@pytest.fixture
def gpus(monkeypatch):
    """Pretends that the machine has so many GPUs and eight cores."""

    def pretend(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr("os.cpu_count", lambda: 8)

    return pretend


@pytest.mark.parametrize(
    ("count", "devices", "found"),
    [
        (0, "auto", [("cpu", 0)]),
        (2, "auto", [("cuda:0", 0), ("cuda:1", 0)]),
        (0, "cpu", [("cpu", 0)]),
        (0, "cpu,cpu", [("cpu", 4), ("cpu", 4)]),
        (0, "cpu, cpu ,cpu", [("cpu", 2)] * 3),
        (1, "cuda", [("cuda:0", 0)]),
        (2, "cuda:1,cpu", [("cuda:1", 0), ("cpu", 0)]),
        (1, "cuda:0,cuda:0", [("cuda:0", 0), ("cuda:0", 0)]),
        (0, ",".join(["cpu"] * 20), [("cpu", 1)] * 20),
    ],
)
def test_a_list_of_devices_is_a_list_of_places(gpus, count, devices, found):
    gpus(count)
    assert [(place.device, place.threads) for place in places(devices)] == found


@pytest.mark.parametrize(
    ("count", "devices", "word", "there"),
    [
        (0, "cuda:0", "'cuda:0'", "cpu, auto"),
        (0, "cuda", "'cuda'", "cpu, auto"),
        (1, "cuda:1", "'cuda:1'", "cpu, cuda:0, auto"),
        (1, "gpu", "'gpu'", "cpu, cuda:0, auto"),
        (0, "", "''", "cpu, auto"),
        (0, "cpu,", "''", "cpu, auto"),
        (0, "cpu,auto", "'auto'", "cpu, auto"),
    ],
)
def test_a_device_that_is_not_there_is_named_with_those_that_are(gpus, count, devices, word, there):
    gpus(count)
    with pytest.raises(InputError) as caught:
        places(devices)
    assert str(caught.value) == f"--devices: there is no device {word} here; there are: {there}"


@pytest.mark.parametrize(
    ("count", "devices", "options", "found"),
    [
        (0, "auto", {"workers": 4}, [("cpu", 2)] * 4),
        (0, "cpu", {"workers": 2, "threads": 3}, [("cpu", 3)] * 2),
        (2, "auto", {"workers": 3}, [("cuda:0", 0), ("cuda:1", 0), ("cuda:0", 0)]),
        (2, "auto", {"gpus_per_worker": 0.5}, [("cuda:0", 0), ("cuda:1", 0)] * 2),
        (2, "cuda:1", {"gpus_per_worker": 0.3}, [("cuda:1", 0)] * 3),
        (2, "auto", {"gpus_per_worker": 1.0, "workers": 1, "threads": 4}, [("cuda:0", 4)]),
    ],
)
def test_workers_share_the_devices(gpus, count, devices, options, found):
    gpus(count)
    assert [(place.device, place.threads) for place in places(devices, **options)] == found


@pytest.mark.parametrize(
    ("count", "options", "words"),
    [
        (0, {"gpus_per_worker": 0.5}, "gives the 0 GPUs of --devices room for 0 workers, but .* for 1"),
        (1, {"gpus_per_worker": 1.0, "workers": 2}, "gives the 1 GPUs of --devices room for 1 workers, but .* for 2"),
        (2, {"gpus_per_worker": 0.6, "workers": 3}, "gives the 2 GPUs of --devices room for 2 workers, but .* for 3"),
    ],
)
def test_more_gpus_than_there_are_are_refused(gpus, count, options, words):
    gpus(count)
    with pytest.raises(InputError, match=words):
        places("auto", **options)


def test_a_worker_elsewhere_takes_what_it_is_given_there():
    assert places_elsewhere(2, 0.5, 3, "/shared", ("json",)) == (Place("cuda:0", 3, "/shared", ("json",)),) * 2
    assert places_elsewhere(1, 0.0, 1, "", ()) == (Place("cpu", 1),)


def test_a_gpu_that_is_not_there_is_no_reason_to_train_on_the_cpu():
    with pytest.raises(InputError, match=r"a worker on host .* is to train on cuda:0, but torch finds no GPU"):
        take_place(Place("cuda:0"))


def test_places_carry_their_folder_and_modules():
    (place,) = places("cpu", "/tmp/here", ("json",))
    assert place == Place("cpu", 0, "/tmp/here", ("json",))


def test_taking_a_place_sets_threads_and_imports_modules(tmp_path):
    """In a process of its own: threads and imports are for the whole process."""
    (tmp_path / "things_of_a_user.py").write_text("ready = True\n")
    code = (
        "import sys, torch; from clr_study.worker import Place, current_place, take_place\n"
        "place = Place('cpu', 3, '', ('things_of_a_user',)); take_place(place)\n"
        "print(torch.get_num_threads(), 'things_of_a_user' in sys.modules, current_place() == place)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["3", "True", "True"]


def test_a_process_without_a_place_works_on_the_cpu():
    take_place(Place())
    assert current_place().device == "cpu"


def test_the_record_names_the_device_and_the_versions():
    assert device_words("cpu").startswith("CPU, ")
    assert torch.__version__.startswith(versions()["torch"])


PINNED = """
import multiprocessing, os, torch
from clr_study.worker import Place, current_place, take_place
torch.cuda.is_available = lambda: True
def pin():
    take_place(Place("cuda:1"))
    print(os.environ["CUDA_VISIBLE_DEVICES"], current_place().device, flush=True)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=pin)
    process.start()
    process.join()
    take_place(Place("cuda:1"))
    print(os.environ["CUDA_VISIBLE_DEVICES"], current_place().device)
"""


def test_a_process_of_ours_sees_its_own_gpu_only(tmp_path):
    """The owner itself sees all of them: it may have others' work to do."""
    (tmp_path / "pinned.py").write_text(PINNED)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "4,6"}
    said = subprocess.run(
        [sys.executable, "pinned.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["6", "cuda:0", "4,6", "cuda:1"]

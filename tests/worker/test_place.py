"""Where a worker works."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from clr_study.errors import InputError
from clr_study.worker import Place, current_place, device_words, places, take_place, versions


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

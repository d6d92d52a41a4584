"""The dashboard on a real storage, in a process of its own, as a user starts and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from one_arm import one_arm

from clr_study.errors import InputError, StorageError
from clr_study.search import Where, run_study, serve_dashboard
from clr_study.spec import parse_study

FILE = (
    one_arm("tiny", updates=4, evaluations=1, seeds=1)
    + """
[arms.known.schedule]
kind = "constant"
lr = 0.05
"""
)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    url = f"sqlite:///{folder}/s.db"
    run_study(parse_study(FILE), Where(storage=url, out=str(folder / "out"), devices="cpu"))
    return url


def test_it_serves_the_arms_until_it_is_interrupted(url, tmp_path):
    words = ["-X", "importtime", "-c", "from clr_study.cli import main; main()", "dashboard", "tiny", "--port", "0"]
    environment = {**os.environ, "CLR_STORAGE": url}
    with open(tmp_path / "imported", "w") as imported:
        served = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=imported, text=True, env=environment
        )
    try:
        said = served.stdout.readline()
        assert said.startswith("tiny/fixed: http://127.0.0.1:")
        place = said.split(": ")[1].partition("/dashboard/studies/")[0]
        with urllib.request.urlopen(f"{place}/api/studies", timeout=20) as answer:
            names = [study["study_name"] for study in json.load(answer)["study_summaries"]]
        assert names == ["tiny/fixed"]
        assert served.stdout.readline() == f"report: {place}/report/tiny\n"
        with urllib.request.urlopen(f"{place}/report/tiny", timeout=60) as answer:
            assert b"<h1>" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"{place}/report/..%2Ftinny", timeout=20)
        assert b"holds no study" in refused.value.read()
        assert served.stdout.readline() == "Ctrl-C ends it\n"
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=20) == 0
    finally:
        served.kill()
        served.stdout.close()
        served.wait()
    lines = (tmp_path / "imported").read_text().splitlines()
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "optuna_dashboard" in packages
    assert "torch" not in packages, "which alone takes as long as all others"


def test_a_missing_package_is_named_with_its_extra(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(InputError, match=r"pip install 'clr_study\[dashboard\]'") as caught:
        serve_dashboard(url, None)
    assert caught.value.exit_code == 2


def test_a_taken_port_an_unknown_study_and_a_missing_file_are_refused(url, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="give another --host"):
        serve_dashboard(url, None, port=taken.getsockname()[1])
    with pytest.raises(StorageError, match="holds no study 'nope'"):
        serve_dashboard(url, "nope")
    with pytest.raises(StorageError, match="there is no database"):
        serve_dashboard(f"sqlite:///{tmp_path}/none.db", None)


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_an_address_that_others_reach_is_warned_of(url, host, warned):
    said = []

    def say(sentence):
        said.append(sentence)
        if sentence.startswith("Ctrl-C"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve_dashboard(url, None, host=host, port=0, say=say)
    assert ("no login" in said[0]) is warned
    assert said[-2].startswith("all studies: http://")

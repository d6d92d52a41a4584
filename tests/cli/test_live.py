"""`clr-study run` as a person meets it: in a terminal, in a log, in a pipe, stopped half-way."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest

FILE = """
name = "tiny"
question = "Is it seen?"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = UPDATES, evaluations = 20 }
search = { trials = 2, confirm = { trials = 1 } }
measure = { seeds = 2 }
[arms.fixed.schedule]
kind = "constant"
lr = { low = 0.01, high = 0.1 }
"""
COMMAND = [sys.executable, "-c", "from clr_study.cli import main; main()", "run", "tiny.toml", "--devices", "cpu"]
SIGNS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SHOWN, HIDDEN = "\x1b[?25h", "\x1b[?25l"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("CLR_STORAGE", raising=False)

    def made(updates):
        (tmp_path / "tiny.toml").write_text(FILE.replace("UPDATES", str(updates)))
        return tmp_path

    return made


def in_terminal(folder, stop_at=None):
    """Runs it in a pseudo-terminal of 80 columns; Ctrl-C once the screen has shown `stop_at`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    running = subprocess.Popen(COMMAND, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    try:
        while select.select([ours], [], [], 60)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if stop_at is not None and stop_at in seen.decode(errors="replace"):
                running.send_signal(signal.SIGINT)
                stop_at = None
        return running.wait(timeout=30), seen.decode()
    finally:
        running.kill()
        running.wait()
        os.close(ours)


def test_a_terminal_sees_a_panel_that_goes_and_an_answer_that_stays(folder):
    code, screen = in_terminal(folder(600))
    assert code == 0
    assert screen.count(HIDDEN) == screen.count(SHOWN) == 1, "the cursor is given back"
    panel, answer = screen.split(SHOWN)
    # On a busy machine the study may be over before its storage is looked at, and the panel never have a second line.
    assert re.search("getting ready|0/2 runs", SIGNS.sub("", panel))
    assert "\r\x1b[2K" in panel, "the panel is drawn over"
    assert max(len(line) for line in SIGNS.sub("", panel).splitlines()) <= 80
    assert "tiny: test accuracy" in answer
    assert "report: results/tiny/report.html" in SIGNS.sub("", answer)
    assert "0/2" not in answer


def test_ctrl_c_leaves_a_whole_terminal_says_how_far_it_came_and_the_next_call_goes_on(folder):
    place = folder(10000)
    code, screen = in_terminal(place, stop_at="updates/s")
    assert code == 130
    assert screen.rindex(SHOWN) > screen.rindex(HIDDEN)
    left = SIGNS.sub("", screen[screen.rindex(SHOWN) :])
    assert re.search(r"so far: search 0/2 runs, \d+ % of all updates", left)
    assert "clr-study: stopped; what was done is saved, and the same command goes on from there" in left
    assert "Traceback" not in screen
    code, screen = in_terminal(place, stop_at="updates/s")
    assert "begun before: 2 go on, from their last checkpoint where there is one" in screen


def test_a_log_gets_lines_and_a_pipe_only_the_answer(folder, clr_study, monkeypatch):
    place = folder(40)
    done = subprocess.run(COMMAND, cwd=place, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.splitlines()[0] == "tiny: Is it seen?"
    assert "search: 2 trials for each of 1 arms" in done.stderr
    assert re.search(r"fixed: trial \d won, validation accuracy [\d.]+ %, constant: lr 0\.0\d+", done.stderr)
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stdout.splitlines()[0].rstrip() == "tiny: test accuracy"
    assert done.stdout.endswith("report: results/tiny/report.html\n")
    assert "trials for each" not in done.stdout
    monkeypatch.chdir(place)
    again = clr_study("run", "tiny.toml", "--devices", "cpu", "--quiet")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "results/tiny/report.html\n", "")

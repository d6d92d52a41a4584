"""Everything that is printed can be read at 80 columns and without colour, in a terminal that has neither."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from clr_study.cli import main
from clr_study.cli.listing import LISTED

TINY = """
name = "narrow"
question = "Does what is printed while a study runs fit, and its table, and its verdict, which are sentences?"
data = { kind = "digits", validation = 0.2 }
model = { kind = "mlp", hidden = [8] }
train = { batch_size = 64, updates = 12, evaluations = 2 }
measure = { seeds = 2 }
[arms.fixed.schedule]
kind = "constant"
lr = 0.1
[arms.cyclical.schedule]
kind = "triangular"
max_lr = 0.4
base_lr = 0.02
step_size = 6
"""
ROOM = {"COLUMNS": "80", "NO_COLOR": "1"}


def widest(text: str) -> str:
    return max(text.splitlines(), key=len)


@pytest.mark.parametrize("command", ["", *sorted(main.commands)])
def test_help_fits(clr_study, command):
    said = clr_study(*command.split(), "--help", env=ROOM).output
    assert len(widest(said)) <= 80, widest(said)


def test_the_overview_cuts_no_sentence_short(clr_study):
    assert "..." not in clr_study("--help", env=ROOM).output.partition("Commands:")[2]


@pytest.mark.parametrize("what", LISTED)
def test_lists_fit(clr_study, what):
    found = clr_study("list", what, env=ROOM)
    assert len(widest(found.output)) <= 80, widest(found.output)
    assert "\x1b" not in found.output


@pytest.mark.parametrize(
    "words", [("doctor",), ("show", "tiny"), ("show", "tinny"), ("run", "tiny.toml", "--devices", "cpu")], ids=" ".join
)
def test_in_a_terminal_of_80_columns_nothing_is_wider_or_coloured_or_cut(words, stored, tmp_path):
    """A real terminal: what is printed to one differs from what goes to a file."""
    (tmp_path / "tiny.toml").write_text(TINY)
    said = in_terminal(words, tmp_path, {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "CLR_STORAGE": stored})
    assert "Traceback" not in said
    assert not re.search(r"\x1b\[(?:\d+;)*(?:[349][0-7]|10[0-7])[;m]", said), "a colour"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert "…" not in text
    before_code, *_ = text.partition("the schedule of ")  # which is to be pasted, so never broken
    # A complaint is one line: the paths and addresses in it are to be copied whole.
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", before_code) if not line.startswith("clr-study: ")]
    assert max(map(len, lines), default=0) <= 80


def in_terminal(words, folder, environment) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    program = "import sys; sys.argv[0] = 'clr-study'; from clr_study.cli import main; main()"
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment
    ):
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side has closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    return b"".join(parts).decode()

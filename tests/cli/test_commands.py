"""What every command keeps to: help with an example, exit codes, nothing written on a mistake, inert text."""

from __future__ import annotations

import json

import pytest
from one_arm import one_arm

from clr_study.cli import main
from clr_study.cli.listing import REGISTRIES
from clr_study.version import __version__

every_command = pytest.mark.parametrize("command", sorted(main.commands))


@every_command
def test_a_command_has_help_with_an_example_of_itself(clr_study, command):
    result = clr_study(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"  clr-study {command}" in result.output
    assert clr_study(command, "-h").output == result.output


@every_command
def test_every_option_says_what_it_does(command):
    for parameter in main.commands[command].params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.name


@every_command
def test_an_unknown_option_is_a_mistake(clr_study, command):
    result = clr_study(command, "--nonsense")
    assert result.exit_code == 2
    assert "No such option" in result.output


def test_the_version_is_the_packages(clr_study):
    result = clr_study("--version")
    assert (result.exit_code, result.output) == (0, f"clr-study, version {__version__}\n")


def test_an_unknown_command_is_a_mistake(clr_study):
    assert clr_study("rum").exit_code == 2


@pytest.mark.parametrize("what", ["studies", *REGISTRIES])
def test_everything_can_be_listed(clr_study, what):
    result = clr_study("list", what, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    if what in REGISTRIES:
        from importlib import import_module

        module, name = REGISTRIES[what]
        for kind in getattr(import_module(module), name):
            assert kind in result.output
    else:
        assert "quickstart" in result.output


def test_listing_says_what_there_is_to_list(clr_study):
    result = clr_study("list")
    assert result.exit_code == 0
    assert all(what in result.output for what in ("studies", *REGISTRIES))


FILE = one_arm("tiny", question="Is it \\u001b[31mred\\u001b[0m, <b>bold</b> [bold]or[/bold] =cmd()?", trials=0)

# The words after `clr-study`, and what the sentence must name.
MISTAKES = [
    (("run", "quickstrat"), "no shipped study is called 'quickstrat'; did you mean 'quickstart'?"),
    (("run", "tiny"), "no shipped study is called 'tiny'; did you mean the file tiny.toml?"),
    (("run", "zzz"), "no shipped study is called 'zzz'; `clr-study list studies` shows them; for a file of your own"),
    (("run", "none.toml"), "none.toml: there is no such study file"),
    (("check", "broken.toml"), "broken.toml: [train] batch_size should be a valid integer, but got 'x'"),
    (("run", "broken.toml"), "broken.toml: [train] batch_size"),
    (("range-test", "broken.toml"), "broken.toml: [train] batch_size"),
    (("run", "tiny.toml", "--devices", "cuda:9"), "--devices: there is no device 'cuda:9' here"),
    (("run", "tiny.toml", "--executor", "proceses"), "no executor is called 'proceses'; did you mean 'processes'?"),
    (("run", "tiny.toml", "--devices", "cpu,cpu", "--executor", "inline"), "works on one device, but got 2"),
    (("run", "tiny.toml", "--lanes", "0"), "--lanes must be auto or a number from 1 up, but got '0'"),
    (("run", "tiny.toml", "--lanes", "\x1b[31m"), "--lanes must be auto"),
    (("run", "tiny.toml", "--storage", "nosuch://x"), "nosuch"),
    (("run", "large.toml"), "batch_size = 5000 is larger than the training split of 1150 samples"),
    (("run", "short.toml"), "[data] validation = 0 leaves nothing to select settings on"),
    (("run", "ruled.toml"), "[range_test] rule: no bound rule is called 'smit'; did you mean 'smith'?"),
    (("range-test", "tiny.toml"), "[range_test] is 12 updates long, which is fewer than its 40 evaluations"),
    (("show", "tiny"), "there is no database"),
    (("report", "tiny"), "there is no database"),
    (("list", "schedule"), "nothing to list is called 'schedule'; did you mean 'schedules'?"),
]


@pytest.mark.parametrize(
    ("words", "sentence"), MISTAKES, ids=[" ".join(words).replace("\x1b", "ESC") for words, _ in MISTAKES]
)
def test_a_mistake_is_a_sentence_and_exit_code_2_and_nothing_is_written(
    clr_study, words, sentence, tmp_path, monkeypatch
):
    files = {
        "tiny.toml": FILE,
        "broken.toml": FILE.replace("batch_size = 64", 'batch_size = "x"'),
        "large.toml": FILE.replace("batch_size = 64", "batch_size = 5000"),
        "short.toml": FILE.replace("validation = 0.2", "validation = 0").replace(
            "measure", "search = { trials = 2 }\nmeasure"
        ),
        "ruled.toml": FILE.replace("measure", 'range_test = { rule = "smit" }\nmeasure'),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    result = clr_study(*words)
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert sentence in " ".join(result.stderr.split())
    assert "\x1b" not in result.stderr
    assert "Traceback" not in result.output
    assert {path.name for path in tmp_path.iterdir()} == set(files)


def test_the_way_from_a_file_to_a_report_and_back(clr_study, tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    checked = clr_study("check", "tiny.toml")
    assert (checked.exit_code, "1 corners built" in checked.output) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]

    ran = clr_study("run", "tiny.toml", "--devices", "cpu")
    assert ran.exit_code == 0, ran.output
    assert "\x1b" not in ran.output
    assert "<b>bold</b> [bold]or[/bold] =cmd()?" in ran.output, "the question is shown as it was written"
    assert "results/tiny/report.html" in ran.output
    assert (tmp_path / "clr_study.db").exists()
    page = (tmp_path / "results" / "tiny" / "report.html").read_text()
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page

    shown = clr_study("show", "tiny", "--json")
    document = json.loads(shown.output)
    assert document["study"] == "tiny"
    assert document == json.loads((tmp_path / "results" / "tiny" / "results.json").read_text())
    assert json.loads(clr_study("show", "--json").output)["studies"] == ["tiny"]
    plain = clr_study("show", "tiny")
    assert plain.exit_code == 0
    assert "fixed" in plain.output

    again = clr_study("report", "tiny", "--out", str(tmp_path / "elsewhere"))
    assert again.exit_code == 0
    assert again.output.strip().endswith("report.html")
    assert (tmp_path / "elsewhere" / "report.html").exists()
    unknown = clr_study("show", "tinny")
    assert (unknown.exit_code, "did you mean 'tiny'?" in unknown.stderr) == (2, True)


def test_a_study_whose_runs_fail_ends_with_1_and_a_report(clr_study, tmp_path, monkeypatch):
    from clr_study.engine import Training

    real = Training.run

    def failing(self, until=None):
        if self.specs[0].updates == 12:
            raise RuntimeError("no such kernel")
        return real(self, until)

    (tmp_path / "tiny.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLR_STORAGE", raising=False)
    monkeypatch.setattr(Training, "run", failing)
    result = clr_study("run", "tiny.toml", "--devices", "cpu")
    assert result.exit_code == 1
    assert "2 of 2 runs failed, first trial 0 of arm fixed: RuntimeError: no such kernel" in " ".join(
        result.stderr.split()
    )
    assert (tmp_path / "results" / "tiny" / "report.html").exists()


def test_a_bug_keeps_its_traceback(clr_study, monkeypatch):
    monkeypatch.setattr("clr_study.cli.listing.print_list", lambda what, kind: 1 / 0)
    assert isinstance(clr_study("list").exception, ZeroDivisionError)


def test_a_report_over_several_studies_and_what_it_refuses(clr_study, stored, tmp_path):
    where = ("--storage", stored, "--out", str(tmp_path / "both"))
    result = clr_study("report", "tiny", "tiny", *where)
    assert result.exit_code == 2
    assert "the same study stands twice among tiny, tiny" in result.output
    result = clr_study("report", "tiny", "tinny", *where)
    assert result.exit_code == 2
    assert "did you mean 'tiny'" in result.output
    result = clr_study("report", "tiny", *where, "--page", "compare")
    assert result.exit_code == 2
    assert "no figure is called 'profile'" in result.output
    assert not (tmp_path / "both").exists()


def test_a_report_takes_a_page_of_ones_own_and_refuses_what_is_wrong_in_it(clr_study, stored, tmp_path):
    page = tmp_path / "mine.toml"
    page.write_text('title = "Mine"\n[[sections]]\ntitle = "s"\nfigures = [{ kind = "final" }]\n')
    where = ("--storage", stored, "--out", str(tmp_path / "out"))
    assert clr_study("report", "tiny", *where, "--page", str(page)).exit_code == 0
    assert '<p class="kicker">Mine</p>' in (tmp_path / "out" / "report.html").read_text()
    page.write_text(page.read_text().replace("final", "finall"))
    result = clr_study("report", "tiny", *where, "--page", str(page))
    assert result.exit_code == 2
    assert "no figure is called 'finall'; did you mean 'final'?" in result.output

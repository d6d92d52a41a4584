"""Draws the pictures of the documentation again: `make pictures`. The range test takes half a minute on two cores."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from clr_study import Where, compare, load_study, run_study
from clr_study.report import FIGURES, LIGHT, write_schedules
from clr_study.schedules import ExpRange, Parabolic, Sinusoidal, Triangular, Triangular2

PICTURES = Path(__file__).parent / "pictures"
# Of the paper's table 1, for Caffe's CIFAR-10 network.
PAPER = {"base_lr": 0.001, "max_lr": 0.006, "step_size": 2000}


def draw_policies() -> None:
    """Draws the policies of the paper with the bounds of its table 1, and the windows that it calls equivalent."""
    policies = [Triangular(**PAPER), Triangular2(**PAPER), ExpRange(**PAPER, gamma=0.99994)]
    write_schedules(policies, [24_000] * 3, PICTURES / "policies.svg")
    write_schedules(
        [Triangular(**PAPER), Parabolic(**PAPER), Sinusoidal(**PAPER)], [8_000] * 3, PICTURES / "windows.svg"
    )


def draw_measured() -> None:
    """Draws what the study of the page on the paper measures: a range test, and learning over the learning rate."""
    with TemporaryDirectory() as folder:
        study = load_study(PICTURES / "story.toml")
        results = run_study(study, Where(storage=f"sqlite:///{folder}/story.db", out=folder, devices="cpu"))
    comparison = compare(results)
    theme = LIGHT.of([arm.name for arm in results.study.arms])
    for kind in ("range_test", "learning_over_lr"):
        figure = FIGURES[kind]()
        drawn = figure.draw(figure.summarise(results, comparison), theme)
        drawn.update_layout(paper_bgcolor=LIGHT.paper, width=860)
        drawn.write_image(PICTURES / f"{kind}.svg")


if __name__ == "__main__":
    draw_policies()
    draw_measured()

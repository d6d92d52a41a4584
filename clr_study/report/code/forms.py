"""The winning schedule as code to paste: a form for each framework, which runs as it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from clr_study.report.code.formulas import KERAS, PYTHON, formula
from clr_study.report.code.optimizers import torch_optimizer
from clr_study.report.code.points import TOLERANCE, knots
from clr_study.report.code.toml import toml_table
from clr_study.report.code.winner import Winner
from clr_study.report.table import plain
from clr_study.report.terminal import schedule_code
from clr_study.schedules import schedule_from_dict
from clr_study.spec import OWN_LOOP

POINTS = f"No short formula: points and straight lines between them, within {TOLERANCE:.1%} of each learning rate."


def code(winner: Winner, form: str) -> str:
    """Returns code that makes the winning schedule; what is known about it stands above, as comments.

    Args:
        winner: The winner.
        form: One of `FORMS`.

    Examples:
        >>> winner = Winner("fixed", {"kind": "constant", "lr": 0.5}, {"kind": "sgd"}, None, 100, ("The best.",))
        >>> print(code(winner, "python"))
        # The best.
        <BLANKLINE>
        from clr_study.schedules import Constant
        <BLANKLINE>
        schedule = Constant(lr=0.5)
        lrs = schedule.table(100)  # the learning rate of each update
        # In PyTorch: scheduler = schedule.to_torch(optimizer); scheduler.step() after every optimizer.step().
        <BLANKLINE>
    """
    comments = [line for part in winner.head for line in textwrap.wrap(" ".join(plain(part).split()), 100)]
    text = "\n".join([*(f"# {line}" for line in comments), "", FORMS[form](winner).strip()])
    return text + "\n"


def _python(winner: Winner) -> str:
    imports, call = schedule_code(winner.schedule)
    return "\n".join(
        [
            *imports,
            "",
            f"schedule = {call}",
            f"lrs = schedule.table({winner.updates})  # the learning rate of each update",
            "# In PyTorch: scheduler = schedule.to_torch(optimizer); scheduler.step() after every optimizer.step().",
        ]
    )


def _learning_rate(winner: Winner) -> tuple[list[str], str]:
    """What `learning_rate` imports, and its code."""
    lines = formula(winner.schedule, PYTHON)
    if lines is None:
        updates, lrs = knots(schedule_from_dict(winner.schedule).table(winner.updates))
        listed = _listed("UPDATES", updates.tolist()) + _listed("LRS", lrs.tolist())
        lines, imports = [f"# {POINTS}", "lr = float(numpy.interp(t, UPDATES, LRS))"], ["import numpy"]
    else:
        listed, imports = "", ["import math"] if any("math." in line for line in lines) else []
    body = textwrap.indent("\n".join(lines), "    ")
    say = '    """Returns the learning rate of update t, counted from 0."""'
    return imports, f"{listed}\n\ndef learning_rate(t):\n{say}\n{body}\n    return lr\n".lstrip("\n")


def _listed(name: str, values: list[Any]) -> str:
    inside = textwrap.fill(", ".join(map(repr, values)), 110, initial_indent="    ", subsequent_indent="    ")
    return f"{name} = [\n{inside},\n]\n"


_MAKE_SCHEDULER = '''

def make_scheduler(optimizer):
    """Returns a scheduler; call its step() after every optimizer.step()."""
    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0  # LambdaLR multiplies this by what learning_rate returns
    return LambdaLR(optimizer, learning_rate)
'''


def _with_torch(winner: Winner, tail: str, *imports: str) -> str:
    first, function = _learning_rate(winner)
    lines = [*first, *([""] if first else []), *imports, "from torch.optim.lr_scheduler import LambdaLR"]
    # As isort has it: packages after the standard library, numpy among the packages.
    if first == ["import numpy"]:
        lines.remove("")
    return "\n".join(lines) + "\n\n\n" + function + _MAKE_SCHEDULER + tail


def _torch(winner: Winner) -> str:
    return _with_torch(winner, "")


def _lightning(winner: Winner) -> str:
    made = textwrap.indent("\n".join(torch_optimizer(winner.optim, "self.parameters()")), "    ")
    tail = f'''

def configure_optimizers(self):
    """A method for your LightningModule; the scheduler is stepped after every update."""
{made}
    return {{"optimizer": optimizer, "lr_scheduler": {{"scheduler": make_scheduler(optimizer), "interval": "step"}}}}
'''
    return _with_torch(winner, tail, "import torch")


def _huggingface(winner: Winner) -> str:
    made = textwrap.indent("\n".join(torch_optimizer(winner.optim, "model.parameters()")), "    ")
    tail = f'''

def make_optimizers(model):
    """For a Trainer: Trainer(model=model, args=args, train_dataset=..., optimizers=make_optimizers(model))."""
{made}
    return optimizer, make_scheduler(optimizer)
'''
    return _with_torch(winner, tail, "import torch")


def _keras(winner: Winner) -> str:
    lines, listed = formula(winner.schedule, KERAS), ""
    if lines is None:
        updates, lrs = knots(schedule_from_dict(winner.schedule).table(winner.updates))
        listed = _listed("UPDATES", [float(update) for update in updates]) + _listed("LRS", lrs.tolist()) + "\n\n"
        lines = [
            f"# {POINTS}",
            "updates, lrs = ops.convert_to_tensor(UPDATES), ops.convert_to_tensor(LRS)",
            'after = ops.sum(ops.cast(t >= updates, "int32"))',
            "right = ops.minimum(ops.maximum(after, 1), len(UPDATES) - 1)",
            "start, end = ops.take(updates, right - 1), ops.take(updates, right)",
            "part = ops.minimum(1.0, (t - start) / (end - start))",
            "lr = ops.take(lrs, right - 1) * (1 - part) + ops.take(lrs, right) * part",
        ]
    body = textwrap.indent("\n".join(lines), "        ")
    first = "import math\n\n" if "math." in body else ""
    return f'''{first}import keras
from keras import ops

{listed or chr(10)}class Winning(keras.optimizers.schedules.LearningRateSchedule):
    """Give it to an optimizer: keras.optimizers.SGD(learning_rate=Winning()); Keras counts updates from 0."""

    def __call__(self, step):
        t = ops.cast(step, "float32")
{body}
        return lr

    def get_config(self):
        return {{}}
'''


def _toml(winner: Winner) -> str:
    name = f'"{winner.arm}"' if "." in winner.arm else winner.arm
    optim = None if winner.optim["kind"] == OWN_LOOP else winner.optim
    tables = {"schedule": winner.schedule, "optim": optim, "model": winner.model, "values": winner.values}
    parts = [toml_table(f"arms.{name}.{part}", table) for part, table in tables.items() if table is not None]
    own = [f"[arms.{name}]\nupdates = {winner.updates}\n"] if winner.own_budget else []
    return "\n".join([*own, *parts])


FORMS: dict[str, Callable[[Winner], str]] = {
    "python": _python,
    "torch": _torch,
    "lightning": _lightning,
    "huggingface": _huggingface,
    "keras": _keras,
    "toml": _toml,
}

"""A study's optimizer as the one of PyTorch that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_study.spec import OWN_LOOP

# The class of each kind; its arguments are called as ours are, but for Adam's two betas.
CLASSES = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
}


def torch_optimizer(optim: Mapping[str, Any], parameters: str) -> list[str]:
    """Returns the lines that make `optimizer`; a comment above says where it is not the one that was measured.

    Args:
        optim: The optimizer's table.
        parameters: The code of what it trains.

    Examples:
        >>> torch_optimizer({"kind": "sgd", "momentum": 0.9}, "model.parameters()")
        ['optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)']
        >>> torch_optimizer({"kind": "adam", "beta1": 0.8}, "self.parameters()")
        ['optimizer = torch.optim.Adam(self.parameters(), lr=1.0, betas=(0.8, 0.999))']
    """
    arguments = {key: value for key, value in optim.items() if key not in ("kind", "convention")}
    notes = []
    if optim.get("convention", "torch") != "torch":
        notes.append("# Measured with Caffe's momentum, in which each gradient keeps the LR of its own update.")
    if optim["kind"] == OWN_LOOP:
        return ["# Put your own optimizer here.", f"optimizer = torch.optim.SGD({parameters}, lr=1.0)"]
    if optim["kind"] not in CLASSES:
        notes.append(f"# Measured with {optim['kind']}: put that optimizer here.")
        return [*notes, f"optimizer = torch.optim.SGD({parameters}, lr=1.0)"]
    betas = [arguments.pop("beta1", None), arguments.pop("beta2", None)]
    if betas != [None, None]:
        arguments["betas"] = (0.9 if betas[0] is None else betas[0], 0.999 if betas[1] is None else betas[1])
    given = "".join(f", {key}={value!r}" for key, value in arguments.items())
    return [*notes, f"optimizer = torch.optim.{CLASSES[optim['kind']]}({parameters}, lr=1.0{given})"]

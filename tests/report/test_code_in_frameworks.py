"""The pasted code in the loops it is meant for: Lightning's and Hugging Face's own, which step it once an update."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from clr_study.report.code import Winner, code
from clr_study.schedules import schedule_from_dict

UPDATES = 12
SCHEDULE = {"kind": "triangular", "base_lr": 0.001, "max_lr": 0.006, "step_size": 3}
WANTED = schedule_from_dict(SCHEDULE).table(UPDATES)
X, Y = torch.linspace(-1, 1, 32).reshape(16, 2), torch.linspace(-1, 1, 16).reshape(16, 1)


def pasted(form):
    whole = schedule_from_dict(SCHEDULE).to_dict()
    names: dict = {}
    exec(code(Winner("clr", whole, {"kind": "sgd", "momentum": 0.9}, None, UPDATES, ("Why.",)), form), names)
    return names


def test_lightning_steps_it_every_update():
    lightning = pytest.importorskip("lightning")
    seen = []

    class Module(lightning.LightningModule):
        configure_optimizers = pasted("lightning")["configure_optimizers"]

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def training_step(self, batch, index):
            seen.append(self.optimizers().param_groups[0]["lr"])
            return (self.layer(batch[0]) - batch[1]).square().mean()

    trainer = lightning.Trainer(
        max_steps=UPDATES, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Module(), DataLoader(TensorDataset(X, Y), batch_size=4))
    np.testing.assert_allclose(seen, WANTED, rtol=1e-9)


def test_hugging_faces_trainer_steps_it_every_update(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    seen = []

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x, labels=None):
            if self.training:
                seen.append(optimizer.param_groups[0]["lr"])
            return {"loss": (self.layer(x) - labels).square().mean()}

    model = Model()
    optimizer, scheduler = pasted("huggingface")["make_optimizers"](model)
    settings = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=UPDATES, per_device_train_batch_size=4, save_strategy="no", report_to=[],
        disable_tqdm=True, use_cpu=True, logging_strategy="no",
    )  # fmt: skip
    rows = [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]
    trainer = transformers.Trainer(model=model, args=settings, train_dataset=rows, optimizers=(optimizer, scheduler))
    trainer.train()
    np.testing.assert_allclose(seen, WANTED, rtol=1e-9)

"""A study of one arm that is over in a second or two, for tests of what lies around it."""

from __future__ import annotations


def one_arm(
    name: str,
    *,
    question: str = "",
    hidden: int = 8,
    batch_size: int = 64,
    updates: int = 12,
    evaluations: int = 2,
    trials: int = 2,
    seeds: int = 2,
) -> str:
    """The text of its study file, to which arms can be added; without trials its arm `fixed` is run as it stands."""
    return f"""
name = "{name}"
question = "{question}"
data = {{ kind = "digits", validation = 0.2 }}
model = {{ kind = "mlp", hidden = [{hidden}] }}
train = {{ batch_size = {batch_size}, updates = {updates}, evaluations = {evaluations} }}
{f"search = {{ trials = {trials} }}" if trials else ""}
measure = {{ seeds = {seeds} }}
[arms.fixed.schedule]
kind = "constant"
lr = {"{ low = 0.01, high = 0.1 }" if trials else 0.1}
"""

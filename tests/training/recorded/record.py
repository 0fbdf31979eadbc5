"""Writes torch.json: what PyTorch's optimizers and schedulers do, step by step, in float64.

The tests compare with the file, so that they need no PyTorch. To write it anew, with PyTorch (the "bench"
extra) installed: ``python tests/training/recorded/record.py``.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import optim
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import lr_scheduler

STEPS = 25
ROUNDS = 40
COSTS = [3, 2, 2.5, 1.9, 1.8999, 1.95, 1.9, 1.9, 2, 1, 1.5, 1.5, 1.5, 1.5, 1.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
RATE = 0.05


def part(name, **settings):
    """Return the plain data of our optimizer, transform or schedule."""
    return {"name": name, **settings}


def clipped_norm(parameters):
    """Clip as our transform below says."""
    clip_grad_norm_(parameters, 1.5)


def clipped_value(parameters):
    """Clip as our transform below says."""
    clip_grad_value_(parameters, 0.4)


NESTEROV = {"momentum": 0.9, "nesterov": True}
# Ours; theirs, with settings; the weight decay of weights, and of biases; what is done to the gradients.
MADE = [
    ([part("sgd")], optim.SGD, {}, (0, 0), None),
    ([part("momentum", decay=0.8)], optim.SGD, {"momentum": 0.8}, (0, 0), None),
    ([part("nesterov")], optim.SGD, NESTEROV, (0, 0), None),
    ([part("adagrad")], optim.Adagrad, {}, (0, 0), None),
    ([part("rmsprop")], optim.RMSprop, {}, (0, 0), None),
    ([part("rmsprop", alpha=0.9, epsilon=0.01)], optim.RMSprop, {"alpha": 0.9, "eps": 0.01}, (0, 0), None),
    ([part("adam")], optim.Adam, {}, (0, 0), None),
    (
        [part("adam", b1=0.8, b2=0.95, epsilon=0.1)],
        optim.Adam,
        {"betas": (0.8, 0.95), "eps": 0.1},
        (0, 0),
        None,
    ),
    ([part("adamw")], optim.AdamW, {}, (0.01, 0), None),
    ([part("adamw", weight_decay=0.5)], optim.AdamW, {}, (0.5, 0), None),
    ([part("weight_decay", strength=0.5, biases=True), part("adam")], optim.AdamW, {}, (0.5, 0.5), None),
    ([part("nadam")], optim.NAdam, {}, (0, 0), None),
    ([part("nadam", momentum_decay=0.1)], optim.NAdam, {"momentum_decay": 0.1}, (0, 0), None),
    ([part("l2", strength=0.3), part("nesterov")], optim.SGD, NESTEROV, (0.3, 0), None),
    ([part("l2", strength=0.3, biases=True), part("adam")], optim.Adam, {}, (0.3, 0.3), None),
    ([part("l2", strength=0.3), part("rmsprop")], optim.RMSprop, {}, (0.3, 0), None),
    ([part("clip_norm", most=1.5), part("momentum")], optim.SGD, {"momentum": 0.9}, (0, 0), clipped_norm),
    ([part("clip_value", most=0.4), part("adagrad")], optim.Adagrad, {}, (0, 0), clipped_value),
]
SCHEDULED = [
    (part("constant"), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    (part("step", every=7, factor=0.3), lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
    (part("exponential", factor=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    (part("cosine"), lambda o: lr_scheduler.CosineAnnealingLR(o, ROUNDS)),
    (part("cosine", lowest=0.2), lambda o: lr_scheduler.CosineAnnealingLR(o, ROUNDS, 0.2)),
    (
        part("warmup", length=8, start=0.25, then=part("cosine")),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.LinearLR(o, 0.25, 1.0, 8), lr_scheduler.CosineAnnealingLR(o, ROUNDS - 8)],
            [8],
        ),
    ),
    (part("one_cycle"), lambda o: lr_scheduler.OneCycleLR(o, 1.0, ROUNDS, cycle_momentum=False)),
    (
        part("one_cycle", rising=0.45, first=10, last=50),
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, ROUNDS, pct_start=0.45, div_factor=10, final_div_factor=50, cycle_momentum=False
        ),
    ),
    (part("plateau", factor=0.5, patience=2), lambda o: lr_scheduler.ReduceLROnPlateau(o, "min", 0.5, 2)),
    (
        part("plateau", factor=0.5, patience=0, cooldown=2, threshold=0.01, lowest=0.1),
        lambda o: lr_scheduler.ReduceLROnPlateau(o, "min", 0.5, 0, 0.01, "rel", 2, 0.1),
    ),
]


def steps_of(kind, settings, decays, clip, gradients):
    """Return both parameters after every step."""
    w = torch.tensor([[0.7, -1.2], [0.4, 2.0]], requires_grad=True)
    b = torch.tensor([0.1, -0.3], requires_grad=True)
    groups = [{"params": [array], "weight_decay": decay} for array, decay in zip((w, b), decays, strict=True)]
    chosen, found = kind(groups, RATE, **settings), []
    for slope in gradients:
        w.grad, b.grad = torch.tensor(slope[:4]).reshape(2, 2), torch.tensor(slope[4:])
        if clip is not None:
            clip([w, b])
        chosen.step()
        found.append([*w.detach().ravel().tolist(), *b.detach().tolist()])
    return found


def factors_of(make):
    """Return the learning rate of every round, the first being that before the scheduler's first step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler, found = make(optimizer), []
    watching = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
    for cost in COSTS if watching else range(ROUNDS):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step(*[cost] * watching)
    return found


def main():
    """Write the file."""
    warnings.simplefilter("ignore")
    torch.set_default_dtype(torch.float64)
    random = np.random.default_rng(0)
    gradients = random.normal(size=(STEPS, 6)) * np.exp(random.normal(size=(STEPS, 1)))
    gradients[3] = 0
    gradients = gradients.round(6).tolist()
    record = {
        "torch": torch.__version__,
        "rate": RATE,
        "gradients": gradients,
        "costs": COSTS,
        "optimizers": [{"ours": ours, "steps": steps_of(*theirs, gradients)} for ours, *theirs in MADE],
        "schedules": [{"ours": ours, "factors": factors_of(make)} for ours, make in SCHEDULED],
    }
    path = Path(__file__).with_name("torch.json")
    path.write_text(json.dumps(record, separators=(",", ":")).replace('{"ours"', '\n{"ours"') + "\n")


if __name__ == "__main__":
    main()

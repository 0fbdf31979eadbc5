"""PyTorch: eager with its own optimizers, and the whole step through `torch.compile`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from peers.base import Peer
from peers.numpy_peer import B1, B2, EPSILON
from peers.settings import Problem

FUSED_FROM = 100_000  # parameters; fused optimizers gain where there are many, and lose a little where few


class TorchPeer(Peer):
    """PyTorch as it is usually written: autograd, and an optimizer of torch.optim."""

    def __init__(self, threads: int | None) -> None:
        super().__init__(threads)
        import torch

        self.torch = torch
        if threads is not None:
            torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        """Return the version of PyTorch."""
        return {"PyTorch": self.torch.__version__}

    def prepare(self, problem: Problem) -> None:
        """Take a problem."""
        torch = self.torch
        self.setting = problem.setting
        self.x = torch.from_numpy(problem.x)
        quadratic = problem.setting.cost == "quadratic"
        self.target = torch.from_numpy(problem.target if quadratic else problem.labels)
        self.P = [torch.from_numpy(value.copy()) for value in problem.parameters]
        self.start()

    def start(self) -> None:
        """Make the optimizer."""
        for p in self.P:
            p.requires_grad_()
        kind = self.torch.optim.SGD if self.setting.optimizer == "sgd" else self.torch.optim.Adam
        fused = sum(p.numel() for p in self.P) >= FUSED_FROM
        self.optimizer = kind(self.P, lr=self.setting.rate, fused=fused or None)

    def cost(self, P: list[Any], x: Any, target: Any) -> Any:
        """Return the mean cost."""
        torch, F = self.torch, self.torch.nn.functional
        a = x
        for W, b in zip(P[:-2:2], P[1:-2:2], strict=True):
            z = torch.addmm(b, a, W)
            a = torch.sigmoid(z) if self.setting.activation == "sigmoid" else torch.relu(z)
        z = torch.addmm(P[-1], a, P[-2])
        if self.setting.cost == "quadratic":
            return F.mse_loss(torch.sigmoid(z), target, reduction="sum") * (0.5 / len(x))
        return F.cross_entropy(z, target)

    def run(self, order: np.ndarray) -> float:
        """Learn from the rows in this order."""
        total = self.torch.zeros(())
        batches = self.torch.from_numpy(order).split(self.setting.batch)
        for rows in batches:
            self.optimizer.zero_grad()
            cost = self.cost(self.P, self.x[rows], self.target[rows])
            cost.backward()
            self.optimizer.step()
            total += cost.detach()
        return total.item() / len(batches)

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from one row to probabilities, in inference mode."""
        torch = self.torch
        W1, b1, W2, b2 = (torch.from_numpy(value) for value in parameters)

        def probabilities(x: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                a = torch.sigmoid(torch.addmv(b1, W1.T, torch.from_numpy(x)))
                return torch.softmax(torch.addmv(b2, W2.T, a), 0).numpy()

        return probabilities


class CompiledTorchPeer(TorchPeer):
    """Gather, cost, gradients and update as one function given to torch.compile; no autograd at run time."""

    def start(self) -> None:
        """Compile the step."""
        torch = self.torch
        torch.compiler.reset()
        self.m, self.v = ([torch.zeros_like(p) for p in self.P] for _ in range(2))
        self.t = torch.zeros(())
        both = torch.func.grad_and_value(self.cost)

        def sgd(P: list[Any], x: Any, target: Any, rows: Any) -> Any:
            gradients, cost = both(P, x[rows], target[rows])
            for p, g in zip(P, gradients, strict=True):
                p.sub_(g, alpha=self.setting.rate)
            return cost

        def adam(P: list[Any], x: Any, target: Any, rows: Any) -> Any:
            gradients, cost = both(P, x[rows], target[rows])
            self.t.add_(1)
            rate = self.setting.rate / (1 - B1**self.t)
            widening = 1 / torch.sqrt(1 - B2**self.t)
            for p, g, m, v in zip(P, gradients, self.m, self.v, strict=True):
                m.mul_(B1).add_(g, alpha=1 - B1)
                v.mul_(B2).addcmul_(g, g, value=1 - B2)
                p.sub_(rate * m / (torch.sqrt(v) * widening + EPSILON))
            return cost

        self.step = torch.compile(sgd if self.setting.optimizer == "sgd" else adam, dynamic=False)

    def run(self, order: np.ndarray) -> float:
        """Learn from the rows in this order."""
        with self.torch.no_grad():
            total = self.torch.zeros(())
            batches = self.torch.from_numpy(order).split(self.setting.batch)
            for rows in batches:
                total += self.step(self.P, self.x, self.target, rows)
            return total.item() / len(batches)

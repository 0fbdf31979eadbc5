"""JAX: a whole epoch jitted as one `lax.scan` over gathered mini-batches, its state donated."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from peers import functions
from peers.base import Peer
from peers.numpy_peer import B1, B2, EPSILON
from peers.settings import Problem, Setting


class JaxPeer(Peer):
    """JAX on the CPU. With one thread the process is pinned to a core, which JAX sizes its pool by."""

    def __init__(self, threads: int | None) -> None:
        super().__init__(threads)
        cores = sorted(os.sched_getaffinity(0))
        if threads is not None:
            os.sched_setaffinity(0, cores[-threads:])
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax

        self.jax = jax

    def versions(self) -> dict[str, str]:
        """Return the version of JAX."""
        return {"JAX": self.jax.__version__}

    def prepare(self, problem: Problem) -> None:
        """Take a problem."""
        jnp = self.jax.numpy
        self.setting = problem.setting
        self.x, self.target = jnp.asarray(problem.x), jnp.asarray(problem.target)
        P = [jnp.array(value) for value in problem.parameters]
        self.state = (P, [jnp.zeros_like(p) for p in P], [jnp.zeros_like(p) for p in P], jnp.float32(0))
        step = training_step(self.jax, problem.setting)

        def epoch(state: Any, order: Any, x: Any, target: Any) -> Any:
            return self.jax.lax.scan(lambda state, rows: step(state, x[rows], target[rows]), state, order)

        self.compiled = self.jax.jit(epoch, donate_argnums=0)

    def run(self, order: np.ndarray) -> float:
        """Learn from the rows in this order."""
        batches = order.reshape(-1, self.setting.batch).astype("int32")
        self.state, costs = self.compiled(self.state, batches, self.x, self.target)
        return float(costs.mean())

    def gradients(self) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
        """Return ``jit(value_and_grad(f))`` of each function."""
        jax = self.jax
        made = {}
        for name, one in functions.functions(jax.numpy, jax.nn.logsumexp).items():
            both = jax.jit(jax.value_and_grad(one.function, one.wrt))
            arguments = tuple(jax.numpy.asarray(value) for value in one.arguments)
            made[name] = (lambda *values, both=both: jax.block_until_ready(both(*values)), arguments)
        return made


def training_step(jax: Any, setting: Setting) -> Callable[..., Any]:
    """Return the step: from (state, x, target) to (state, cost)."""
    jnp = jax.numpy

    def cost(P: Any, x: Any, target: Any) -> Any:
        a = x
        for W, b in zip(P[:-2:2], P[1:-2:2], strict=True):
            z = a @ W + b
            a = jax.nn.sigmoid(z) if setting.activation == "sigmoid" else jax.nn.relu(z)
        z = a @ P[-2] + P[-1]
        if setting.cost == "quadratic":
            return 0.5 * jnp.sum((target - jax.nn.sigmoid(z)) ** 2) / len(x)
        return -jnp.sum(target * jax.nn.log_softmax(z)) / len(x)

    def sgd(state: Any, gradients: Any) -> Any:
        P, m, v, t = state
        return [p - setting.rate * g for p, g in zip(P, gradients, strict=True)], m, v, t

    def adam(state: Any, gradients: Any) -> Any:
        P, m, v, t = state
        t = t + 1
        m = [B1 * a + (1 - B1) * g for a, g in zip(m, gradients, strict=True)]
        v = [B2 * a + (1 - B2) * g * g for a, g in zip(v, gradients, strict=True)]
        rate, widening = setting.rate / (1 - B1**t), 1 / jnp.sqrt(1 - B2**t)
        moved = [p - rate * a / (jnp.sqrt(b) * widening + EPSILON) for p, a, b in zip(P, m, v, strict=True)]
        return moved, m, v, t

    update = sgd if setting.optimizer == "sgd" else adam

    def step(state: Any, x: Any, target: Any) -> Any:
        value, gradients = jax.value_and_grad(cost)(state[0], x, target)
        return update(state, gradients), value

    return step

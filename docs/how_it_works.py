"""How chainrule works, in one page that runs: ``python docs/how_it_works.py``.

The prose is in the comments, the code between them uses the library's own modules, and every assert is
checked by the tests. It takes ten minutes to read and less than a second to run.

One idea carries everything: **a computation is a graph, and the gradient of a graph is again a graph.**
Printing, checking, explaining and training are then four uses of one thing.
"""

from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.gradients import pull_back
from chainrule.graph.interpreter import Program
from chainrule.graph.node import CONSTANT
from chainrule.graph.primitive import PRIMITIVES
from chainrule.primitives import transcendental
from chainrule.training.optimizers import optimizer
from chainrule.training.step import step_graph

# ## 1. Nodes
#
# A node is one value of a computation that has not been carried out. It knows the operation that makes
# it (its primitive), the nodes that this is applied to, and from birth its shape and dtype. It is
# frozen. (`is` tells nodes apart; `==` and `<` compare entry by entry, as for arrays, and make new nodes.)
# Where do nodes come from? From calling a plain function with nodes for arguments.


def formula(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


graph = cr.trace(formula, 7.0, 4.0, 2.0)
print("1. A traced function:\n", graph, sep="\n")

(result,) = graph.outputs
three, v = result.inputs
a, u = v.inputs
assert a is graph.inputs[0]
assert u.primitive is PRIMITIVES["multiply"]
assert u.inputs == graph.inputs[1:]
assert (u.shape, u.dtype) == ((), np.dtype("float64"))
assert str(u.location).startswith("how_it_works.py:")  # every node remembers the line that it comes from

# ## 2. Tracing
#
# The function did not notice. `b * c` asked the node b to multiply itself, and a node answers with a new
# node. NumPy's own functions ask their arguments too, before they compute anything (`__array_ufunc__`,
# `__array_function__`), so `np.tanh(x)` on a node is a node. Loops, closures and function calls run as
# always; what they do is what is recorded.


def repeated(x):
    for _ in range(3):
        x = np.tanh(x)
    return x


unrolled = cr.trace(repeated, cr.ArraySpec((2,)))  # a shape is enough, unless the function branches on values
assert [node.primitive.name for node in unrolled.nodes] == ["tanh", "tanh", "tanh"]

# What those protocols cannot see would silently become a constant, with derivative 0. It is refused
# instead, with the line and what to write.

try:
    cr.trace(lambda x: np.sum(np.array([x, 2 * x])), 1.0)
except cr.ChainruleError as error:
    refusal = str(error)
assert "np.stack" in refusal

# ## 3. Running a graph
#
# Nodes come into the world after their operands, so the order of birth is an order in which they can be
# computed. An interpreter is therefore a loop. This is one; the library's `Program` is the same loop
# with the bookkeeping done beforehand, and with memory freed as soon as nobody needs it.


def interpret(graph, *values):
    known = dict(zip(graph.inputs, values, strict=True))
    for node in graph.nodes:
        if node.primitive is CONSTANT:
            known[node] = node.value
        else:
            operands = [known[source] for source in node.inputs]
            known[node] = node.primitive.forward(np, *operands, **node.settings)
    return known[graph.outputs[0]]


assert interpret(graph, 7.0, 4.0, 2.0) == 45.0
assert Program(graph.inputs, graph.outputs).run(7.0, 4.0, 2.0) == [45.0]
assert graph(7.0, 4.0, 2.0) == 45.0

# It is a loop and no recursion, so a graph may be as deep as memory allows.


def deep(x):
    for _ in range(5_000):
        x = x + 1.0
    return x


assert cr.grad(deep)(0.0) == 1.0

# ## 4. Primitives
#
# A primitive is everything that is known about one operation, side by side in one record. This is tanh,
# as it stands in src/chainrule/primitives/transcendental.py.

RECORD = r"""
tanh = elementwise(
    "tanh",
    forward=lambda xp, x: xp.tanh(x),
    partials=lambda y, _: (1 - y * y,),
    numpy=(np.tanh,),
    text="tanh({0})",
    latex=r"\tanh({0})",
    source="math.tanh({0})",
)
"""
assert RECORD in Path(transcendental.__file__).read_text(encoding="utf-8")

# Its name in graphs; the value, by NumPy or a namespace like it; the local derivative, from the result y
# and the operand; the NumPy function that means it; how it is written for people, in LaTeX, and in
# Python.
#
# The author of an elementwise operation writes the local derivative only. It is made of nodes, by the
# same operators as any traced function: `1 - y * y` below is a graph.

tanh = PRIMITIVES["tanh"]
y = unrolled.nodes[0]
(local,) = tanh.partials(y, *y.inputs)
assert local.primitive.name == "subtract"
assert local.inputs[1].primitive.name == "multiply"
assert local.inputs[1].inputs == (y, y)

# Operations that mix entries, such as a matrix product or a sum, have a *pullback* instead: from the
# gradient g of the result to the gradient of each operand. For y = A @ B it is g @ Bᵀ and Aᵀ @ g.

assert PRIMITIVES["matmul"].pullback is not None

# ## 5. The chain rule
#
# One function, `pull_back`, knows the chain rule. It goes from the output back; each node hands on to
# its operands what came in, times the local derivative. We ask it to write down every such edge.

edges = []
da, db, dc = pull_back(result, graph.inputs, edges=edges)
print("\n5. The chain rule, edge by edge (at a = 7, b = 4, c = 2):\n")
for edge in edges:
    program = Program(graph.inputs, [edge.incoming, edge.gradient])
    incoming, product = program.run(7.0, 4.0, 2.0)
    print(f"   {edge.consumer.primitive.name:>8} → operand: {incoming:g} comes in, {product:g} goes on")
assert Program(graph.inputs, [da, db, dc]).run(7.0, 4.0, 2.0) == [3.0, 6.0, 12.0]

# da, db and dc are nodes. So the gradient is a graph: it prints, and it is run by the same interpreter.

gradient = cr.gradient(graph)
print("\n   The gradient of that graph:\n", gradient, sep="\n")
assert gradient(7.0, 4.0, 2.0) == (3.0, 6.0, 12.0)

# ## 6. A value that is used more than once
#
# It receives one gradient for each use, and its own is their sum. Below, b reaches the result along two
# paths, directly and through v: 2 + 2a. Who forgets one of them (it happens in every course) finds 2 or
# 2a. An operand named twice is two uses too: a + a has two edges.


def two_paths(a, b, c):
    v = a * b + c
    return 2 * (v + b)


assert cr.grad(two_paths, wrt=1)(1.0, 2.0, 3.0) == 2 + 2 * 1.0
assert cr.grad(lambda a: a + a)(5.0) == 2.0

# ## 7. Broadcasting, undone
#
# NumPy repeats a bias of shape (3,) for each of 4 examples. Repeated 4 times means used 4 times, so its
# gradient is a sum over the examples: the library sums over every axis that was stretched, in one place,
# for all operations.

W, b, x = np.ones((2, 3)), np.zeros(3), np.arange(8.0).reshape(4, 2)
of_weights, of_bias = cr.grad(lambda W, b: np.sum(x @ W + b), wrt=(0, 1))(W, b)
assert of_bias.shape == (3,)
assert (of_bias == 4).all()
assert (of_weights == np.sum(x, axis=0).reshape(2, 1)).all()

# ## 8. Zero times infinity
#
# sqrt has slope ∞ at 0. Where a mask has thrown that branch away, its slope must not matter; but 0 · ∞
# is NaN in floating point, and a NaN would spoil everything. So where the gradient that comes in is a
# choice with 0, the product is taken inside the choice: select(c, g, 0) · p = select(c, g · p, 0).

assert cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(np.array([0.0, 4.0])).tolist() == [
    0.0,
    0.25,
]

# The rule is not "0 times anything is 0": a gradient that happens to be 0 has a slope of its own.

assert cr.hessian(lambda x: (x - 3.0) ** 2)(3.0) == 2.0

# Before differentiation some graphs are rewritten into a stable form of equal value: log(1 + eˣ) is
# computed as softplus(x), so that both value and slope stay right where eˣ overflows.

value, slope = cr.value_and_grad(lambda x: np.log(1 + np.exp(x)))(800.0)
assert (value, slope) == (800.0, 1.0)

# ## 9. The gradient of a gradient
#
# Nothing new is needed: the gradient is a graph, so it has a gradient.

third = cr.grad(cr.grad(cr.grad(np.sin)))
assert third(0.5) == -np.cos(0.5)

# ## 10. A network is a graph
#
# The layers of `cr.Network` are plain functions of nodes: activation(x @ W + b). So are the costs. None
# of them comes with a derivative. Here is one training step of a small network: forward, backward and
# update in one graph, from (parameters, inputs, targets, learning rate) to (cost, new parameters).

net = cr.Network([2, 3, 1], activation="tanh", seed=0, dtype="float64")
step = step_graph(net.graph(4, cost=True), optimizer("sgd"))
print("\n10. A training step of four examples:\n", step, sep="\n")
assert [node.label for node in step.inputs] == ["W1", "b1", "W2", "b2", "x", "target", "learning_rate"]

# ## 11. What fit does
#
# It shuffles the examples, cuts them into mini-batches, and runs that graph once for each. That is all:
# done by hand, it gives the same parameters.

x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
labels = np.array([0, 1, 1, 0])

parameters = list(net.parameters.values())
for _ in range(500):
    cost, *parameters = step(*parameters, x, labels.reshape(4, 1), 1.0)

net.fit(x, labels, epochs=500, batch_size=4, learning_rate=1.0, shuffle=False)
for ours, theirs in zip(parameters, net.parameters.values(), strict=True):
    assert np.allclose(ours, theirs, rtol=1e-9)
print("11. After 500 steps: cost", round(float(cost), 4), "and predictions", net.predict(x))
assert net.predict(x).tolist() == [0, 1, 1, 0]

# ## 12. Seeing it
#
# And since it is a graph, it can be explained: every step forward with its numbers, every step of the
# chain rule back. The numbers are those of this run.

explanation = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
print("\n12.", explanation)
assert explanation.gradient["c"] == 12

"""Chain rule by hand on a small graph, and the two mistakes that are easy to make in it.

u = ab, v = ab + c, J = 2(v + b), at a = 1, b = 2, c = 3. Two things are easily overlooked:

* b reaches J along two paths, b → J and b → v → J. Each gives a product, and the derivative is their sum.
* u is computed, but J does not use it (v computes ab once more). Moving u alone moves nothing.
"""

from __future__ import annotations

import chainrule as cr

POINT = {"a": 1.0, "b": 2.0, "c": 3.0}


def forward(a, b, c):
    u = a * b
    v = a * b + c
    J = 2 * (v + b)
    return u, v, J


def cost(a, b, c):
    return forward(a, b, c)[2]


def cost_moved(a, b, c, move_u, move_v):
    """Return J with u or v moved by itself: at 0, 0 the derivatives by the moves are dJ/du and dJ/dv."""
    u = a * b + move_u
    v = a * b + c + move_v
    return 2 * (v + b) + 0 * u


def by_hand():
    """Return the derivatives of J, from the output back to the inputs."""
    a, b = POINT["a"], POINT["b"]
    dv = 2.0
    du = 0.0  # no path leads from u to J
    dc = dv * 1
    db = 2.0 + dv * a  # b → J, and b → v → J
    da = dv * b
    return {"dv": dv, "du": du, "dc": dc, "db": db, "da": da}


def by_graph():
    """Return the same derivatives, found by cr.grad."""
    da, db, dc, du, dv = cr.grad(cost_moved, wrt=(0, 1, 2, 3, 4))(*POINT.values(), 0.0, 0.0)
    return {"dv": float(dv), "du": float(du), "dc": float(dc), "db": float(db), "da": float(da)}


def main():
    u, v, J = forward(**POINT)
    print(f"u = {u:g}, v = {v:g}, J = {J:g}\n")
    print("      by hand   cr.grad")
    found = by_graph()
    for name, value in by_hand().items():
        print(f"{name}    {value:7g} {found[name]:9g}")
    print("\nThe graph that cr.grad differentiates; b is used in two lines:\n")
    print(cr.trace(cost, *POINT.values()))


if __name__ == "__main__":
    main()

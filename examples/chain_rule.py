"""J(a, b, c) = 3(a + bc): forward for the values, backward for the derivatives, nudges to check them.

Each derivative is that of the next step times a local one: dJ/da = dJ/dv · dv/da. At a = 7, b = 4, c = 2
dJ/dc is 3 · b = 12.
"""

from __future__ import annotations

import chainrule as cr

POINT = (7.0, 4.0, 2.0)


def cost(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


def by_hand(a, b, c):
    """Return u, v, J, and the derivatives of J by v, u, a, b, c, one chain-rule step each."""
    u = b * c
    v = a + u
    values = {"u": u, "v": v, "J": 3 * v}
    dv = 3.0
    du = dv * 1
    da = dv * 1
    db = du * c
    dc = du * b
    return values, {"v": dv, "u": du, "a": da, "b": db, "c": dc}


def nudged(place, step=0.001):
    """Return J after one of its arguments has moved by ``step``."""
    moved = [value + step * (position == place) for position, value in enumerate(POINT)]
    return cost(*moved)


def main():
    values, slopes = by_hand(*POINT)
    print(", ".join(f"{name} = {value:g}" for name, value in values.items()))
    print(f"v: 15 → 15.001 moves J from 45 to {3 * 15.001:g}, so dJ/dv = {slopes['v']:g}")
    found = cr.grad(cost, wrt=(0, 1, 2))(*POINT)
    for place, name in enumerate("abc"):
        print(
            f"dJ/d{name} = {slopes[name]:g} by hand, {found[place]:g} by cr.grad; "
            f"{name} + 0.001 gives J = {nudged(place):g}"
        )
    graph = cr.trace(cost, *POINT)
    print(f"\nThe graph:\n\n{graph}\nIts gradient is a graph too:\n\n{cr.gradient(graph)}")


if __name__ == "__main__":
    main()

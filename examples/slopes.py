"""A derivative is a slope: move the input a little, and see how much farther the output moves.

Then a table of derivatives of common functions, each checked twice: by nudging, and by cr.grad.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr


def nudge(function, at, step=0.001):
    """Return the values before and after a step, and the slope: how much the output moved for each unit."""
    before, after = function(at), function(at + step)
    return before, after, (after - before) / step


def line(a):
    return 4 * a


def square(a):
    return a**2


TABLE = [
    ("a²", lambda a: a**2, "2a", lambda a: 2 * a, 5.0),
    ("a³", lambda a: a**3, "3a²", lambda a: 3 * a**2, 2.0),
    ("1/a", lambda a: 1 / a, "−1/a²", lambda a: -1 / a**2, 2.0),
    ("√a", np.sqrt, "1/(2√a)", lambda a: 1 / (2 * np.sqrt(a)), 4.0),
    ("2ᵃ", lambda a: 2**a, "2ᵃ log 2", lambda a: 2**a * np.log(2), 3.0),
    ("eᵃ", np.exp, "eᵃ", np.exp, 1.0),
    ("log a", np.log, "1/a", lambda a: 1 / a, 2.0),
    ("sin a", np.sin, "cos a", np.cos, 1.0),
    ("cos a", np.cos, "−sin a", lambda a: -np.sin(a), 1.0),
    ("tan a", np.tan, "1 + tan² a", lambda a: 1 + np.tan(a) ** 2, 0.5),
    ("σ(a)", cr.sigmoid, "σ(1 − σ)", lambda a: cr.sigmoid(a) * (1 - cr.sigmoid(a)), 0.5),
    ("tanh a", np.tanh, "1 − tanh² a", lambda a: 1 - np.tanh(a) ** 2, 0.5),
    ("max(0, a)", lambda a: np.maximum(0, a), "1 if a > 0", lambda a: float(a > 0), 3.0),
]


def slopes(function, derivative, at):
    """Return the derivative by its formula, by nudging to both sides, and by cr.grad."""
    nudged = (function(at + 1e-6) - function(at - 1e-6)) / 2e-6
    return float(derivative(at)), float(nudged), float(cr.grad(function)(at))


def main():
    for text, function, at in (("4a", line, 2.0), ("a²", square, 2.0), ("a²", square, 5.0)):
        before, after, slope = nudge(function, at)
        print(f"{text} at {at:g}: {before:g} → {after:.9g} when a moves by 0.001, slope {slope:.3f}")
    print(f"\n{'f(a)':<10} {'derivative':<12} {'a':>4} {'formula':>10} {'nudged':>10} {'cr.grad':>10}")
    for text, function, formula, derivative, at in TABLE:
        true, nudged, ours = slopes(function, derivative, at)
        print(f"{text:<10} {formula:<12} {at:>4g} {true:>10.6f} {nudged:>10.6f} {ours:>10.6f}")


if __name__ == "__main__":
    main()

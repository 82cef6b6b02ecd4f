"""Newton's method for the smooth convex objectives of the ratings: few steps, to the last digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEPS, SMALL = 100, 1e-6


def minimize(objective: Callable, solve: Callable, start: np.ndarray) -> np.ndarray:
    """The point where a strictly convex function is smallest.

    objective(x) gives (value, gradient (D,), curvature); solve(curvature, gradient) gives the (D,) solution
    of Hessian @ step = gradient. The step is halved until the value falls by a part of what the slope
    promises (Boyd and Vandenberghe, Convex Optimization, algorithm 9.5), so it converges from any start.
    Raises RuntimeError when 100 steps were not enough, which means that there is no smallest value.
    """
    x = start
    value, gradient, curvature = objective(x)
    for _ in range(STEPS):
        step = solve(curvature, gradient)
        promise = float(gradient @ step)
        if np.abs(step).max() <= SMALL:  # this last step squares what is left of the error
            return x - step
        length = 1.0
        while True:
            following = objective(x - length * step)
            # near the minimum the fall is lost in the rounding of the value: 1e-12 of it is allowed for
            if following[0] <= value - length * promise / 4 + 1e-12 * abs(value) or length < 1e-9:
                break
            length /= 2
        x = x - length * step
        value, gradient, curvature = following
    raise RuntimeError(f"minimize: no minimum after {STEPS} Newton steps; the objective may have none.")

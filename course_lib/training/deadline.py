"""Ends a schedule on time when the machine turns out slower than it was when it was measured."""

from __future__ import annotations


class Deadline:
    """Walks through a schedule of `total` steps so that it is finished after `seconds`.

    As long as the machine keeps its pace each step moves the schedule by one. When the steps left no longer
    fit into the time left (with `slack`), each moves it by more: the learning rate still runs through its
    whole cosine, in fewer steps. Without seconds every step counts one.
    """

    def __init__(self, total: int, seconds: float | None = None, slack: float = 1.04, warm_up: int = 5):
        self.total, self.seconds, self.slack, self.warm_up = total, seconds, slack, warm_up
        self.position = 0.0  # how much of the schedule is behind us
        self._steps, self._pace, self._last = 0, 0.0, 0.0

    @property
    def done(self) -> bool:
        """Whether the schedule is at its end."""
        return self.position >= self.total - 1e-6

    def step(self, elapsed: float) -> int:
        """One training step ended `elapsed` seconds after the start; returns its place in the schedule."""
        stride = 1.0
        pace = elapsed - self._last
        self._last = elapsed
        self._steps += 1
        if self._steps > 1:  # the first step also loads kernels
            self._pace = pace if self._pace == 0 else 0.8 * self._pace + 0.2 * pace
        if self.seconds is not None and self._steps > self.warm_up and self._pace > 0:
            affordable = max(1.0, (self.seconds * self.slack - elapsed) / self._pace)
            stride = max(1.0, (self.total - self.position) / affordable)
        self.position = min(self.total, self.position + stride)
        return int(self.position + 1e-6)

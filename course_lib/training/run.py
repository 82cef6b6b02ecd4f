"""What `fit` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas


@dataclass
class Run:
    """A training run: the method with its trained weights, and what happened.

    status: "finished" or "interrupted". history: one row per step with step (counted from 1), seconds of
    training, loss, learning_rate, feature_std and effective_rank (nan where they were not measured).
    images_per_second: images through the training loop, each counted once however many views it has.
    checkpoint: the file to resume from. warnings: the health panel's sentences. probe: k-NN accuracies in
    [0, 1] at "start" and "end", when a probe was asked for. settings: precision, layout, batch size, steps.
    """

    method: Any
    history: pandas.DataFrame = field(repr=False)
    images_per_second: float
    checkpoint: Path
    status: str
    steps: int
    seconds: float
    stuck_values: dict[str, float] = field(default_factory=dict, repr=False)
    warnings: list[str] = field(default_factory=list)
    probe: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"Run({type(self.method).__name__}, {self.status})"  # no number that changes from run to run

    def plot(self) -> matplotlib.figure.Figure:
        """The learning curve with the loss's stuck values, and the two health numbers beside it."""
        from course_lib.training.curve import learning_curve

        return learning_curve(self.history, self.stuck_values, type(self.method).__name__)

    def summary(self) -> dict[str, Any]:
        """The run in plain values: status, steps, seconds, losses, speed, health, probe and settings."""
        health = self.history.dropna(subset=["feature_std"])
        last = health.iloc[-1] if len(health) else {"feature_std": math.nan, "effective_rank": math.nan}
        return {
            "method": type(self.method).__name__,
            "status": self.status,
            "steps": self.steps,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "first_loss": float(self.history.loss.iloc[0]) if len(self.history) else math.nan,
            "last_loss": float(self.history.loss.tail(20).mean()) if len(self.history) else math.nan,
            "feature_std": float(last["feature_std"]),
            "effective_rank": float(last["effective_rank"]),
            "probe": dict(self.probe),
            "warnings": list(self.warnings),
            **self.settings,
        }

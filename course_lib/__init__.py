"""Self-supervised learning and vision foundation models: the library of the course.

Rooms, in the order in which data flows: ``world`` and ``data`` -> ``methods`` (``models`` and ``losses``)
-> ``evaluate`` -> ``viz`` -> ``training`` -> ``checkpoints`` and ``lab``; ``arena`` compares finished
models, ``grading`` grades. Each is imported when it is first used, so that ``import course_lib`` costs
nothing.

>>> import course_lib
>>> train = course_lib.data.load("world", "train")
>>> run = course_lib.fit(course_lib.methods.SimCLR(course_lib.models.resnet()), train, minutes=1)
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = (
    *("world", "data", "losses", "models", "methods", "evaluate", "viz", "training"),
    *("checkpoints", "lab", "arena", "grading"),
)

__all__ = ["__version__", "fit", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"course_lib.{name}")
    if name == "fit":
        return importlib.import_module("course_lib.training").fit
    raise AttributeError(f"course_lib has no {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Training: `fit` on Lightning, the supervised baseline, profiles and the calibration of this machine.

Names load on first use: `profile` and `calibrate`, which the setup cell of a lab needs, do not pay for
Lightning.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Machine": "profiles",
    "Profile": "profiles",
    "Run": "run",
    "calibrate": "profiles",
    "choose_profile": "profiles",
    "fit": "fitting",
    "learning_curve": "curve",
    "supervised": "supervision",
}

__all__ = ["Machine", "Profile", "Run", "calibrate", "choose_profile", "fit", "learning_curve", "supervised"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"course_lib.training has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

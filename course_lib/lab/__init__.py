"""What a notebook calls: `setup`, `check`, `hint`, and `emit` for the grader.

Everything here is loaded on first use, because the grader reads `lab.values`, `lab.compare` and
`lab.bundle` in a process that must never import torch. No module is called like one of these
functions, so that importing a module can never replace a function.
"""

import importlib

_HOME = {"setup": "session", "Setup": "session", "check": "verdict", "hint": "verdict", "emit": "probe"}

__all__ = ["Setup", "check", "emit", "hint", "setup"]


def __getattr__(name: str):
    """Load a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"course_lib.lab has no {name!r}; it has {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value

"""Arrays -> static figures -> interactive widgets. Nothing here imports matplotlib until it draws.

Modules (``course_lib.viz.intro_figures``, ...) are imported by their full name; the names below load on
first use.
"""

from __future__ import annotations

import importlib
from typing import Any

# public name -> module that defines it
_HOME = {
    "alt": "figures",
    "draw_flows": "flow",
    "read_flow": "flow",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"course_lib.viz has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"course_lib.viz.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__

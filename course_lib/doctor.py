"""What this machine can do for the course, in plain words (``course doctor``)."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path


def examine() -> str:
    """Return a report, one fact a line: versions, device, caches, datasets, helpers of the tests."""
    import platformdirs
    import torch

    from course_lib.data import available

    cache = Path(os.environ.get("COURSE_CACHE") or platformdirs.user_cache_dir("ssl-course"))
    here = [status.name for status in available() if status.found]
    lines = [
        f"python      {platform.python_version()} ({sys.executable})",
        f"torch       {torch.__version__}, {torch.get_num_threads()} threads, device {_device()}",
        f"cache       {cache}: {_writable(cache)}",
        f"datasets    {', '.join(here)} (the rest: course data)",
        f"browser     {_found('chromium', 'needed only by the browser tests')}",
        f"sandbox     {_found('bwrap', '`course grade` refuses to run without --allow-unsandboxed')}",
        f"isolation   {_isolation()}",
    ]
    return "\n".join(lines)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return "Apple GPU (mps)" if torch.backends.mps.is_available() else "CPU"


def _isolation() -> str:
    """The level and what to do, from a kernel that has just tried to get out."""
    try:
        from course_lib.grading.running import isolation
    except ImportError as error:
        return f"not known: the grader needs {error.name}; run `pip install -e '.[lab]'` in the checkout"
    found = isolation.level(fresh=True)
    if found.level == "full":
        return found.sentence
    return f"{found.sentence} Until then `course grade` runs only notebooks that you say you trust."


def _writable(folder: Path) -> str:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return "not writable; the world is drawn anew in each session (set COURSE_CACHE to a folder of yours)"
    return f"writable, {shutil.disk_usage(nearest).free / 1e9:.0f} GB free"


def _found(program: str, otherwise: str) -> str:
    path = shutil.which(program)
    return path if path else f"{program} is not installed: {otherwise}"

"""Where a student's kernel runs. First version: an empty folder, a small environment, limits; no walls yet.

The seam is jupyter_client's kernel provisioner: `provisioner` names an entry point of the group
`jupyter_client.kernel_provisioners`, and every kernel of the grader is started through it. None means the
local provisioner: student code can read and write what the grader can. Values still decide the points, but
run notebooks of strangers only on a machine that you can afford to lose until a real sandbox is named here.
"""

import os
from pathlib import Path

import course_lib

_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV", "CONDA_PREFIX")


def environment(folder: Path, bundles: Path, provisioner: str | None = None) -> dict[str, str]:
    """The variables of the process that drives a kernel, and so of the kernel itself.

    folder: the private home of this run. bundles: a folder with stripped bundles, probes without values.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # data sets, drawn only once
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    found |= {
        "HOME": str(folder),
        "XDG_CACHE_HOME": cache,
        "PYTHONPATH": str(Path(course_lib.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "COURSE_PROFILE": "quick",
        "COURSE_GRADING": "1",
        "COURSE_BUILDING": "1",
        "COURSE_BUNDLES": str(bundles),
    }
    if "COURSE_CACHE" in os.environ:
        found["COURSE_CACHE"] = os.environ["COURSE_CACHE"]
    if provisioner:
        found["JUPYTER_DEFAULT_PROVISIONER_NAME"] = provisioner
    return found

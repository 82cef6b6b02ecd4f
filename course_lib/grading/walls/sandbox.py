"""What a student's kernel gets: its folders, its environment, and which walls are round it.

The seam is jupyter_client's kernel provisioner. "bubblewrap" (see `bubblewrap`) starts the kernel behind
walls; None means the local provisioner: no walls, the student's code can read and write what the grader can.
Values decide the points in both cases, but without walls run only notebooks that you trust.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

import course_lib
from course_lib.grading.walls.limits import VARIABLE, Limits

NAME = "bubblewrap"
HOME, SOCKETS = "/home/student", "/run/kernel"
LIBRARY, VENV, CACHE, DATA = "/course/library", "/course/venv", "/course/cache", "/course/data"
RUN = "/course/run"  # stripped bundles and the connection file
FOLDER = "COURSE_FOLDER"  # the variable that names the private folder of a run
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV", "CONDA_PREFIX")
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "fonts")
_SHOWN = ("world-", "prepared", "data")  # of the cache: data sets, not what an instructor did or trained
_VENV_KEYS = ("include-system-site-packages", "version", "version_info")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(
    home: Path, bundles: Path, provisioner: str | None = None, limits: Limits | None = None
) -> dict[str, str]:
    """The variables of the process that drives a kernel.

    home: a private folder of the driver. bundles: a folder with stripped bundles, probes without values.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # data sets, drawn only once
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    found |= dict.fromkeys(_THREADS, "1")
    found |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": cache,
        "PYTHONPATH": str(Path(course_lib.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "MPLBACKEND": "agg",
        "COURSE_PROFILE": "quick",
        "COURSE_GRADING": "1",
        "COURSE_BUILDING": "1",
        "COURSE_BUNDLES": str(bundles),
        VARIABLE: json.dumps(asdict(limits or Limits())),
    }
    found |= {name: os.environ[name] for name in ("COURSE_CACHE", "COURSE_DATA") if name in os.environ}
    if provisioner:
        found["JUPYTER_DEFAULT_PROVISIONER_NAME"] = provisioner
    return found


def inside() -> dict[str, str]:
    """The variables of a kernel behind walls: nothing of the host but its language."""
    found = dict.fromkeys(_THREADS, "1")
    found |= {
        "PATH": f"{Path(interpreter()).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([LIBRARY, *map(str, _other_packages())]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "COURSE_PROFILE": "quick",
        "COURSE_GRADING": "1",
        "COURSE_BUILDING": "1",
        "COURSE_BUNDLES": f"{RUN}/bundles",
    }
    if cache_folder().is_dir():
        found["COURSE_CACHE"] = CACHE
    if "COURSE_DATA" in os.environ or (cache_folder() / "data").is_dir():
        found["COURSE_DATA"] = DATA if "COURSE_DATA" in os.environ else f"{CACHE}/data"
    return found


def cache_folder() -> Path:
    """Where the course keeps data sets on this machine."""
    return Path(os.environ.get("COURSE_CACHE") or platformdirs.user_cache_dir("ssl-course")).expanduser()


def interpreter() -> str:
    """The path of Python behind the walls: that of this process, or the same under its own small venv."""
    return f"{VENV}/bin/python" if sys.prefix != sys.base_prefix else sys.executable


@dataclass(frozen=True)
class Mount:
    """One thing that is seen behind the walls. kind: read, link, folder or empty (covers what is there)."""

    kind: str
    target: str
    source: str = ""


def mounts(private: Path) -> Iterator[Mount]:
    """Everything that can be read behind the walls, in the order in which it has to be laid.

    private: a folder of this run; from it only `private/seen` is shown.
    """
    yield Mount("read", "/usr", "/usr")
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            yield Mount("link", str(path), os.readlink(path))
        elif path.is_dir():
            yield Mount("read", str(path), str(path))
    for name in _SETTINGS:
        if Path("/etc", name).exists():
            yield Mount("read", f"/etc/{name}", str(Path("/etc", name).resolve()))
    seen = private / "seen"
    for name in ("passwd", "group", "hosts"):
        yield Mount("read", f"/etc/{name}", str(seen / name))
    yield Mount("read", RUN, str(seen))
    if Path("/sys/devices/system/cpu").is_dir():  # how many cores there are and what they can do
        yield Mount("read", "/sys/devices/system/cpu", "/sys/devices/system/cpu")
    yield from _python(seen)
    library = Path(course_lib.__file__).parent
    yield Mount("read", f"{LIBRARY}/course_lib", str(library))
    for name in ("grading", "lab/bundles"):
        if (library / name).is_dir():
            yield Mount("empty", f"{LIBRARY}/course_lib/{name}")
    yield from _data(seen)


def _python(seen: Path) -> Iterator[Mount]:
    """The interpreter where it is on the host, since libraries know their place; its packages in a venv."""
    base = Path(sys.base_prefix)
    if not base.is_relative_to("/usr"):
        yield Mount("read", str(base), str(base))
    if sys.prefix != sys.base_prefix:
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        packages, target = (
            Path(sys.prefix, "lib", version, "site-packages"),
            f"{VENV}/lib/{version}/site-packages",
        )
        yield Mount("read", f"{VENV}/pyvenv.cfg", str(seen / "pyvenv.cfg"))
        yield Mount("link", f"{VENV}/bin/python", os.path.realpath(sys.executable))
        yield Mount("read", target, str(packages))
        if (packages / "course_lib").is_dir():  # an installed copy would show its bundles
            yield Mount("empty", f"{target}/course_lib")
    for path in _other_packages():
        yield Mount("read", str(path), str(path))


def _other_packages() -> list[Path]:
    """Folders of packages outside the interpreter and its venv: those of the user, as after `pip --user`."""
    known = [Path(sys.base_prefix), Path(sys.prefix), Path("/usr")]
    paths = (Path(path) for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    return [path for path in paths if path.is_dir() and not any(path.is_relative_to(one) for one in known)]


def _data(seen: Path) -> Iterator[Mount]:
    cache = cache_folder()
    if cache.is_dir():
        yield Mount("read", CACHE, str(cache))
        for path in sorted(cache.iterdir()):
            if not path.name.startswith(_SHOWN) and not path.is_symlink():
                covered = f"{CACHE}/{path.name}"
                yield (
                    Mount("empty", covered)
                    if path.is_dir()
                    else Mount("read", covered, str(seen / "nothing"))
                )
    if "COURSE_DATA" in os.environ and Path(os.environ["COURSE_DATA"]).expanduser().is_dir():
        yield Mount("read", DATA, str(Path(os.environ["COURSE_DATA"]).expanduser()))


def write_seen(private: Path, bundles: dict[str, str]) -> Path:
    """Write what a run shows behind its walls (bundles: {file name: text}); return the bundles' folder."""
    texts = {
        "passwd": f"student:x:1000:1000:student:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        "group": "student:x:1000:\nnogroup:x:65534:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nothing": "",
        "pyvenv.cfg": _venv(),
    }
    texts |= {f"bundles/{name}": text for name, text in bundles.items()}
    for name, text in texts.items():
        path = private / "seen" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        path.parent.chmod(0o755)
    return private / "seen" / "bundles"


def _venv() -> str:
    """What tells the interpreter that it belongs to a venv."""
    with suppress(OSError):
        lines = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.split("=")[0].strip() in _VENV_KEYS]
        return "\n".join([f"home = {Path(sys.executable).resolve().parent}", *kept]) + "\n"
    return ""


def system() -> str:
    """The name of this operating system, as in `platform.system`."""
    return platform.system()

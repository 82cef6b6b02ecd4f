"""How well do the walls round a kernel hold on this machine? Starts one and tries to get out.

full: every wall holds. partial: there are walls, and the sentence says which of them do not hold. none: no
walls can be put up. Where that is so: bubblewrap needs Linux and user namespaces. macOS has none; Docker
blocks them unless it is told otherwise; Ubuntu from 23.10 on blocks them for programs without an AppArmor
profile; Colab and Kaggle are containers of somebody else.
"""

import json
import os
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import course_lib
from course_lib.files import write_whole
from course_lib.grading.running.escapes import ATTEMPTS, HEAD, WALLS
from course_lib.grading.walls import bubblewrap, sandbox
from course_lib.grading.walls.limits import MB, Limits

VERSION = 1
REMEMBERED = 86_400.0  # seconds for which a result is believed, until the machine starts again
PROBE = Limits(memory=350 * MB, processes=64, home=8 * MB, scratch=8 * MB)


@dataclass(frozen=True)
class Isolation:
    """level: "full", "partial" or "none". broken: names of WALLS that do not hold. sentence: plain words."""

    level: str
    sentence: str
    broken: list[str] = field(default_factory=list)


def level(fresh: bool = False) -> Isolation:
    """The isolation of this machine: remembered from less than a day ago, or (fresh) tried now."""
    memory = sandbox.cache_folder() / "isolation.json"
    known = _identity()
    if not fresh:
        with suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(memory.read_text(encoding="utf-8"))
            if stored["identity"] == known and 0 <= time.time() - stored["written"] < REMEMBERED:
                return Isolation(**stored["found"])
    found = _tried()
    with suppress(OSError):
        stored = {"identity": known, "written": time.time(), "found": asdict(found)}
        write_whole(memory, json.dumps(stored, indent=1) + "\n")
    return found


def best(fresh: bool = False) -> tuple[str | None, str, str]:
    """(provisioner, level, sentence): the strongest walls of this machine and how well they hold.

    level: "full", "partial" or "none"; with "none" the provisioner is None. fresh: try them now, whatever is
    remembered from before. Takes a few seconds the first time on a machine.
    """
    found = level(fresh=fresh)
    return (sandbox.NAME if found.level != "none" else None), found.level, found.sentence


def _identity() -> list[str]:
    """What a remembered result depends on: this start of this machine, this user, this Python, this code."""
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    code = [Path(str(module.__file__)).stat().st_mtime_ns for module in (bubblewrap, sandbox)]
    return [str(VERSION), boot, str(user), sys.executable, str(Path(course_lib.__file__)), *map(str, code)]


def _tried() -> Isolation:
    try:
        bubblewrap.options(bubblewrap.program())
        broken = broken_walls(sandbox.NAME)
    except bubblewrap.Unavailable as reason:
        return Isolation("none", f"none: {reason}. {advice()}", list(WALLS))
    if broken is None:
        return Isolation("none", f"none: bubblewrap cannot start a kernel here. {advice()}", list(WALLS))
    if broken:
        said = "; ".join(WALLS[name] for name in broken)
        return Isolation("partial", f"partial: {said}. {advice()}", broken)
    return Isolation(
        "full", "full: kernels of submissions have no network, see no file and no process of this machine, "
        "run as nobody, and are limited in memory, processes, files and time.",
    )  # fmt: skip


def broken_walls(provisioner: str | None) -> list[str] | None:
    """Names of WALLS that do not hold for kernels of a provisioner; None if no kernel started."""
    from course_lib.grading.running import run

    with tempfile.TemporaryDirectory(prefix="course-probe-") as folder, _listening() as (tcp, name):
        secret = Path(folder, "secret.txt")
        secret.write_text("a secret", encoding="utf-8")
        checkout = Path(course_lib.__file__).parents[1]
        told = {
            "paths": [str(secret), "/etc/shadow", *_private(checkout)],
            "secret": str(secret), "folder": folder, "library": str(Path(course_lib.__file__)),
            "port": tcp, "name": name, "pid": os.getpid(), "home": str(Path.home()),
            "limit": PROBE.processes, "memory": PROBE.memory, "disk": PROBE.home,
        }  # fmt: skip
        head = {"role": "setup", "exercise": None, "source": HEAD.format(told), "timeout_s": 30.0}
        attempts = [
            {"role": "emit", "exercise": wall, "source": source, "timeout_s": 30.0}
            for wall, source in ATTEMPTS.items()
        ]
        bundle = {"lab": "probe", "version": "", "exercises": {}}
        result = run.run(
            [head, *attempts],
            bundle,
            deadline=90.0,
            provisioner=provisioner,
            limits=PROBE,
            isolation="unknown",
        )
        untouched = os.listdir(folder) == [secret.name]
    if not result.lines or result.lines[0]["status"] != "ok":
        return None
    broken = [wall for wall in WALLS if not _holds(wall, result.of("emit", wall))]
    if not untouched and "write" not in broken:
        broken.append("write")
    return broken


def _holds(wall: str, line: dict) -> bool:
    if wall == "memory" and line["status"] == "memory_limit":
        return True
    documents = line["documents"]
    return line["status"] == "ok" and len(documents) == 1 and documents[0].get("holds") is True


def _private(checkout: Path) -> list[str]:
    """Paths of the course that a student must not see."""
    own = ("labs", "tests", ".git", "course_lib/grading", "course_lib/lab/bundles")
    return [str(checkout / name) for name in own]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


class _listening:
    """A TCP port and an abstract socket of the host that nobody behind walls can reach."""

    def __enter__(self) -> tuple[int, str]:
        self._open = [socket.create_server(("127.0.0.1", 0))]
        name = f"course-probe-{os.getpid()}-{time.monotonic_ns()}"
        if sys.platform == "linux":
            self._open.append(socket.socket(socket.AF_UNIX))
            self._open[-1].bind(f"\0{name}")
            self._open[-1].listen()
        return self._open[0].getsockname()[1], name

    def __exit__(self, *_) -> None:
        for one in self._open:
            one.close()


def advice() -> str:
    """What to do on this machine to have more isolation, in a sentence."""
    if sandbox.system() != "Linux":
        return "Grade in a Linux virtual machine, or only notebooks that you trust."
    if "COLAB_RELEASE_TAG" in os.environ or "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "Students can check themselves here; grade on a Linux machine of your own."
    with suppress(OSError):
        name = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
        if Path(name).read_text(encoding="utf-8").strip() == "1" and not _is_root():
            return (
                "AppArmor blocks namespaces for ordinary programs here: allow them for bwrap with a profile, "
                "or for all programs with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
            )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "Containers block namespaces as they come: grade outside of the container, or start it with "
            "`--security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
        )
    return "Install bubblewrap (apt install bubblewrap), allow user namespaces, or use a virtual machine."

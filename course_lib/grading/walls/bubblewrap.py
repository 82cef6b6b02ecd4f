"""The kernel provisioner "bubblewrap": a kernel in namespaces of its own, with nothing but what it needs.

Started by an ordinary user, one bwrap makes everything. Started by root, a first bwrap lays out the files,
because the interpreter may lie where only root can go; then root is given up for good, and a second bwrap
makes the namespaces as a user that owns nothing. Limits on processes count only for users other than root.

The kernel talks over sockets in a folder of its own memory, which the grader reaches through the process's
entry in /proc: no folder of the host is shared, so there is none that a student could fill.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from course_lib.grading.walls import sandbox
from course_lib.grading.walls.limits import Limits

USERS = 61_184, 65_519  # ids meant for users that exist only while something runs
START = 20.0  # seconds until the namespaces must stand
# stays root outside of the walls: when it dies, it may still signal the child that has given up being root
BECOME = """import os
child = os.fork()
if not child:
    os.setgroups([]); os.setresgid({0}, {0}, {0}); os.setresuid({0}, {0}, {0})
    os.execv({1!r}, {2!r})
os.waitpid(child, 0)"""


class Unavailable(RuntimeError):
    """The walls cannot be put up here; the text says why."""


def register() -> None:
    """Make the provisioner known by its name, also where the installed entry points are older than it."""
    entry = EntryPoint(sandbox.NAME, f"{__name__}:Bubblewrap", KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.provisioners.setdefault(sandbox.NAME, entry)


def program() -> str:
    """The path of bwrap. Raises Unavailable in a sentence."""
    found = shutil.which("bwrap")
    if sandbox.system() != "Linux":
        raise Unavailable(f"{sandbox.system()} has no namespaces, so there is no bubblewrap for it")
    if found is None:
        raise Unavailable("bubblewrap is not installed (apt install bubblewrap)")
    return found


def options(bwrap: str) -> str:
    """What this bwrap can do, as its help says it. Raises Unavailable if that is too little."""
    text = subprocess.run([bwrap, "--help"], capture_output=True, text=True, check=False).stdout
    missing = [name for name in ("--size", "--perms", "--clearenv", "--remount-ro") if name not in text]
    if missing:
        raise Unavailable(f"this bubblewrap is too old, it has no {', '.join(missing)}; install 0.7 or newer")
    return text


def view(private: Path) -> list[str]:
    """Arguments that lay out everything that can be read; the rest of the host is simply not there."""
    made, arguments = {"/"}, []
    for mount in [
        *sandbox.mounts(private),
        sandbox.Mount("folder", "/dev"),
        sandbox.Mount("folder", "/proc"),
    ]:
        for folder in reversed(Path(mount.target).parents):
            if str(folder) not in made:  # explicitly, so that a user without rights can walk through it
                arguments += ["--perms", "0755", "--dir", str(folder)]
                made.add(str(folder))
        if mount.kind == "read":
            arguments += ["--ro-bind", mount.source, mount.target]
        elif mount.kind == "link":
            arguments += ["--symlink", mount.source, mount.target]
        elif mount.kind == "folder":
            arguments += ["--perms", "0755", "--dir", mount.target]
        else:
            arguments += [
                "--perms",
                "0555",
                "--size",
                "4096",
                "--tmpfs",
                mount.target,
                "--remount-ro",
                mount.target,
            ]
        made.add(mount.target)
    for target in ("/tmp", sandbox.HOME, sandbox.SOCKETS):
        arguments += [
            "--perms",
            "0755",
            "--dir",
            str(Path(target).parent),
            "--perms",
            "0755",
            "--dir",
            target,
        ]
    return arguments


def walls(limits: Limits, help_text: str, environment: dict[str, str]) -> list[str]:
    """Arguments that cut the process off and give it its own small folders."""
    arguments = ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "course"]
    arguments += ["--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
    sizes = {sandbox.HOME: limits.home, sandbox.SOCKETS: 1_000_000}
    sizes |= {"/tmp": limits.scratch, "/dev/shm": limits.scratch}
    for target, size in sizes.items():
        arguments += ["--perms", "0700", "--size", str(size), "--tmpfs", target]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    if "--disable-userns" in help_text:
        arguments += ["--disable-userns"]
    arguments += ["--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--chdir", sandbox.HOME]


class Started:
    """A process behind walls. process: what is waited for; inner: the first inside, seen from the host."""

    def __init__(self, command: list[str], private: Path, limits: Limits):
        bwrap = program()
        cut = walls(limits, options(bwrap), sandbox.inside())
        first, files = view(private), []
        status, told = os.pipe()
        files.append(told)
        if os.geteuid() == 0:
            second = ["--ro-bind", "/", "/", *cut]
            files.append(_arguments(second))
            inner = [bwrap, "--args", str(files[-1]), "--info-fd", str(told), "--", *command]
            user = USERS[0] + os.getpid() % (USERS[1] - USERS[0])
            command = [os.path.realpath(sys.executable), "-I", "-S", "-c", BECOME.format(user, bwrap, inner)]
            # the second bwrap may only mount a new /proc if it can see the whole old one
            first += ["--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--remount-ro", "/"]
            first += ["--die-with-parent"]
            for power in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
                first += ["--cap-add", power]
            told_by_first: list[str] = []
        else:
            first += cut
            told_by_first = ["--info-fd", str(told)]
        files.append(_arguments(first))
        self.process = subprocess.Popen(
            [bwrap, "--args", str(files[-1]), *told_by_first, "--", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=files, cwd="/", env={}, start_new_session=True,
        )  # fmt: skip
        for file in files:
            os.close(file)
        self.inner = _child_of(status, self.process)

    def kill(self) -> None:
        """End everything inside: with the first process of its namespace all others die."""
        for pid in (self.inner, self.process.pid):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _arguments(words: list[str]) -> int:
    """A file descriptor from which bwrap reads its arguments, so that no process list shows them."""
    descriptor = os.memfd_create("arguments")
    os.write(descriptor, b"".join(word.encode() + b"\0" for word in words))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _child_of(status: int, process: subprocess.Popen) -> int:
    """The process that bwrap tells of on the pipe. Raises Unavailable if it ends without doing so."""
    received, ends = b"", time.monotonic() + START
    with os.fdopen(status, "rb") as pipe:
        os.set_blocking(pipe.fileno(), False)
        while time.monotonic() < ends:
            piece = pipe.read()
            if piece == b"":
                break
            received += piece or b""
            with suppress(ValueError, KeyError):
                return int(json.loads(received)["child-pid"])
            time.sleep(0.002)
    process.kill()
    process.wait()
    raise Unavailable("bubblewrap cannot make its namespaces here")


class Bubblewrap(LocalProvisioner):
    """Starts ipykernel behind walls and ends everything that it leaves."""

    started: Started | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose sockets instead of ports, and messages instead of signals for an interrupt."""
        manager: Any = self.parent
        self.kernel_spec.interrupt_mode = "message"
        manager.transport, manager.ip, manager.cache_ports = "ipc", f"{sandbox.SOCKETS}/k", False
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; `cmd` is the manager's, with another interpreter and another connection file."""
        manager: Any = self.parent
        private = Path(os.environ[sandbox.FOLDER])
        written = json.loads(Path(manager.connection_file).read_text(encoding="utf-8"))
        shown = private / "seen" / "connection.json"
        shown.write_text(json.dumps(written), encoding="utf-8")
        shown.chmod(0o644)
        inside = {
            cmd[0]: sandbox.interpreter(),
            manager.connection_file: f"{sandbox.RUN}/connection.json",
        }
        command = [inside.get(word, word) for word in cmd]
        self.started = Started(command, private, Limits.from_environment())
        self.process, self.pid = self.started.process, self.started.process.pid
        self.pgid, self.cwd = None, sandbox.HOME
        outside = f"/proc/{self.started.inner}/root{sandbox.SOCKETS}/k"
        self.connection_info = {**self.connection_info, "ip": outside}
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Only ends matter here; interrupts are messages."""
        if self.started is not None and signum in (signal.SIGKILL, signal.SIGTERM):
            self.started.kill()

    async def kill(self, restart: bool = False) -> None:
        """End everything."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """End everything."""
        await self.send_signal(signal.SIGKILL)

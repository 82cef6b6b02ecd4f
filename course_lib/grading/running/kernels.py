"""One kernel and its end: started through a provisioner, watched while it runs, killed with all below it."""

import ctypes
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import ipykernel.kernelspec
from jupyter_client.manager import KernelManager
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager, RunningKernel

from course_lib.grading.running import wire
from course_lib.grading.walls import bubblewrap, sandbox
from course_lib.grading.walls.limits import Limits, Watchdog, below, kernel_command, wait_until_gone

START = 60.0  # seconds until a kernel must answer
DYING = 1.0  # seconds after a cut connection in which a kernel may turn out to be dead
DEATH_SIGNAL, SUBREAPER = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER


class KernelFailed(RuntimeError):
    """No kernel could be started; the text says why."""


def bind_processes() -> None:
    """Die with the grader, and become the parent of whatever detaches itself below this process (Linux)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            system = ctypes.CDLL(None)
            system.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
            system.prctl(SUBREAPER, 1, 0, 0, 0)


class OwnSpecs(NbvalKernelspecManager):
    """nbval's kernel of this environment, started so that it first limits itself."""

    def get_kernel_spec(self, kernel_name: str):
        """The specification of this environment's kernel, whatever name is asked for."""
        walled = os.environ.get("JUPYTER_DEFAULT_PROVISIONER_NAME") == sandbox.NAME
        command = [sys.executable, *kernel_command(Limits.from_environment(), walled)]
        specification = ipykernel.kernelspec.get_kernel_dict() | {"argv": command}
        return self.kernel_spec_class(resource_dir=ipykernel.kernelspec.RESOURCES, **specification)


class WatchedKernel(RunningKernel):
    """nbval's kernel with a watchdog. Its end is the end of every process that it started."""

    def __init__(self, limits: Limits, private: Path):
        bubblewrap.register()
        self._home = tempfile.TemporaryDirectory(prefix="home-", dir=private, ignore_cleanup_errors=True)
        self._context = wire.context()
        self.km = KernelManager(
            kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=OwnSpecs(), context=self._context
        )
        self.kc: Any = None
        self.wire: Any = None
        self.watchdog: Watchdog | None = None
        null = open(os.devnull, "w")  # noqa: SIM115 - for the kernel, until it ends
        try:
            home = {"cwd": self._home.name, "env": {**os.environ, "HOME": self._home.name}}
            self.km.start_kernel(stdout=null, stderr=null, **home)
            provisioner: Any = self.km.provisioner
            self.watchdog = Watchdog(provisioner.pid, limits, self.end_processes)
            self.watchdog.start()
            self.kc = self.km.client(context=self._context)
            self.kc.start_channels(stdin=False, hb=False, control=False)
            self.wire = wire.Wire(self.kc)
            self._wait_for_answer()
        except BaseException:
            self.kill()
            raise
        finally:
            null.close()

    def _wait_for_answer(self) -> None:
        """Ask until the kernel answers on both channels. Raises KernelFailed."""
        ends, asked, heard = time.monotonic() + START, 0.0, set()
        while time.monotonic() < ends:
            if time.monotonic() > asked + 0.5:
                asked = time.monotonic()
                self.kc.kernel_info()
            if not self.is_alive():
                raise KernelFailed("the kernel ended while it started")
            with suppress(wire.Cut):
                message = self.wire.receive(0.1)
                if message is not None:
                    heard.add(message.channel)
                if len(heard) == 2:
                    return
        raise KernelFailed(f"the kernel did not answer within {START:.0f} seconds")

    def interrupt(self) -> None:
        """Ask the kernel to stop what it does."""
        with suppress(Exception):
            self.km.interrupt_kernel()

    def died(self) -> tuple[str, str] | None:
        """(status, sentence) if there is no kernel any more, None while it lives."""
        if self.watchdog is not None and self.watchdog.reason:
            return self.watchdog.reason
        return None if self.is_alive() else ("kernel_died", "the kernel died while this ran")

    def end_of_connection(self) -> tuple[str, str]:
        """Why the connection was cut: (status, sentence)."""
        ends = time.monotonic() + DYING
        while time.monotonic() < ends:
            if (end := self.died()) is not None:
                return end
            time.sleep(0.02)
        return "output_limit", f"one message of more than {wire.LARGEST / 1e6:.0f} MB"

    def end_processes(self) -> None:
        """Kill the kernel and everything below it; safe to call from any thread, at any time."""
        provisioner = getattr(getattr(self, "km", None), "provisioner", None)
        if provisioner is None or provisioner.pid is None:
            return
        tree = below(provisioner.pid)
        if (started := getattr(provisioner, "started", None)) is not None:
            started.kill()
        elif provisioner.pgid and provisioner.pgid != os.getpgid(0):
            with suppress(OSError):
                os.killpg(provisioner.pgid, signal.SIGKILL)
        wait_until_gone(tree, 5.0)

    def kill(self) -> None:
        """End everything, close the connections and remove the kernel's folder."""
        if self.watchdog is not None:
            self.watchdog.stop()
        self.end_processes()
        with suppress(Exception):
            specification: Any = self.km.kernel_spec
            specification.interrupt_mode = "signal"  # no message that would wait for the dead
            self.km.shutdown_kernel(now=True)
        wait_until_gone(below(os.getpid())[1:], 5.0)  # what had detached itself is a child of ours now
        for close in (self.wire and self.wire.close, self.kc and self.kc.stop_channels):
            with suppress(Exception):
                close()
        with suppress(Exception):
            self._context.destroy(linger=0)
        self._home.cleanup()

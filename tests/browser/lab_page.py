"""Drives a real JupyterLab as a student does: start the server, open a notebook, run, type, save.

``serve`` starts ``course lab`` on a temporary checkout; ``LabPage`` moves one page of a browser. Clicks and
keys go through the page itself; what came out is read from the notebook's model in the page, because
JupyterLab keeps only the visible cells in the document.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def started_chromium(*options: str):
    """A Chromium of playwright without a window, closed at the end of the block; options: more of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*CHROMIUM_OPTIONS, *options]
        )
        yield chromium
        chromium.close()


# no pop-up about news or updates over the notebook
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
QUIET_FILE = "lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"


def free_port() -> int:
    """A TCP port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def copy_of_the_labs(root: Path, folder: Path) -> Path:
    """Copy labs/ of a checkout to ``folder``, so that nothing a test does touches a tracked file."""
    shutil.copytree(root / "labs", folder / "labs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder


@dataclass
class Server:
    """A running JupyterLab: its address, its token, and the file that it logs to."""

    address: str
    token: str
    log: Path

    def get(self, path: str) -> dict:
        """Answer of the server's HTTP API, for example ``get("api/contents/labs/03.ipynb")``."""
        request = urllib.request.Request(
            f"{self.address}/{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def serve(checkout: Path, folder: Path, notebook: str | None = None, seconds: float = 90) -> Iterator[Server]:
    """Run ``course lab --no-browser`` on ``checkout`` until the block ends; settings and log in ``folder``.

    Raises RuntimeError with the end of the log if the server stops or does not answer within ``seconds``.
    """
    port, token, log = free_port(), secrets.token_hex(16), folder / "jupyter.log"
    environment = dict(os.environ, IPYTHONDIR=str(folder / "ipython"))
    for name in ("CONFIG", "DATA", "RUNTIME"):  # neither the user's settings nor their running servers
        environment[f"JUPYTER_{name}_DIR"] = str(folder / name.lower())
    environment.pop("MPLBACKEND", None)  # figures as a student gets them
    settings = folder / "config" / QUIET_FILE
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(QUIET))
    command = [sys.executable, "-m", "course_lib.cli", "--root", str(checkout), "lab", "--no-browser"]
    command += ["--notebook", notebook] if notebook else []
    command += ["--port", str(port), "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]  # window.jupyterapp, from which results are read
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=checkout, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", token, log)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                server.get("api/status")
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            try:
                process.wait(timeout=0.2)  # the pause between two polls; ends at once if the server dies
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
            raise RuntimeError(f"`course lab` did not come up in {seconds:.0f} s:\n{log.read_text()[-3000:]}")
        yield server
    finally:
        process.terminate()  # JupyterLab shuts its kernels down first
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# what the page is asked: the panel of a notebook, the state of its cells, whether all has run
SCRIPT = """window.course = {
  panel: path => [...(window.jupyterapp?.shell.widgets('main') ?? [])].find(w => w.context?.path === path),
  state: path => {
    const panel = course.panel(path), kernel = panel?.sessionContext?.session?.kernel;
    if (!kernel || !panel.context.isReady || !panel.content.widgets.length) return null;
    const cells = panel.content.widgets.map(cell => ({
      type: cell.model.type, source: cell.model.sharedModel.getSource(),
      count: cell.model.executionCount ?? null, running: cell.model.executionState === 'running',
      outputs: cell.model.toJSON().outputs ?? []}));
    return {kernel: kernel.status, cells};
  },
  finished: path => {
    const state = course.state(path);
    if (state?.kernel !== 'idle' || state.cells.some(cell => cell.running)) return false;
    const code = state.cells.filter(cell => cell.type === 'code' && cell.source.trim());
    const failed = code.some(cell => cell.outputs.some(output => output.output_type === 'error'));
    return failed || code[code.length - 1].count !== null;
  },
  hasRun: ([path, index]) => {
    const state = course.state(path), cell = state.cells[index];
    return state.kernel === 'idle' && !cell.running && cell.count !== null;
  },
  asked: ([path, index]) => {
    const model = course.panel(path).content.widgets[index].model;
    return model.executionState !== 'idle' || model.executionCount !== null;
  },
  select: async ([path, index]) => {
    await window.jupyterapp.restored;  // until then the page moves the focus by itself
    const panel = course.panel(path);
    panel.content.activeCellIndex = index;
    panel.content.mode = 'command';
    panel.content.widgets[index].model.executionCount = null;  // a new kernel counts from 1 again
    window.jupyterapp.shell.activateById(panel.id);
    panel.content.activate();
  },
  focused: path => course.panel(path).content.node.contains(document.activeElement),
  show: async ([path, index]) => {
    const notebook = course.panel(path).content;
    await notebook.scrollToItem(index, 'center');
    await notebook.widgets[index].ready;
    return notebook.widgets[index].node;
  },
};"""


class LabPage:
    """One notebook in a page of JupyterLab."""

    def __init__(self, page, server: Server, notebook: str):
        """Open ``notebook`` (path below the server's folder) and wait until its kernel is ready."""
        self.page, self.server, self.notebook = page, server, notebook
        page.add_init_script(SCRIPT)
        page.goto(f"{server.address}/lab/tree/{notebook}?token={server.token}")
        page.wait_for_function("path => course.state(path)?.kernel === 'idle'", arg=notebook, timeout=120_000)

    def cells(self) -> list[dict]:
        """Every cell as {type, source, count (None = not run), running, outputs}."""
        return self.page.evaluate("path => course.state(path).cells", self.notebook)

    def menu(self, *names: str) -> None:
        """Click through the menu bar, for example ``menu("Run", "Run All Cells")``."""
        for name in names:
            self.page.get_by_role("menuitem", name=name, exact=True).click()

    def run_all(self, seconds: float) -> list[dict]:
        """Clear all outputs, Run > Run All Cells, and return the cells when the kernel is done.

        After an error Jupyter drops the requests that have already reached the kernel; in a notebook of quick
        cells one that arrives later may still run, so only the cells up to the first error are certain.
        """
        self.menu("Edit", "Clear Outputs of All Cells")
        assert all(cell["count"] is None for cell in self.cells()), "old outputs are still there"
        self.menu("Run", "Run All Cells")
        self.wait("course.finished(path)", self.notebook, seconds)
        return self.cells()

    def show(self, index: int):
        """Scroll cell ``index`` into the middle of the window; return its element."""
        return self.page.evaluate_handle("where => course.show(where)", [self.notebook, index]).as_element()

    def write(self, index: int, text: str) -> None:
        """Click into cell ``index`` and replace what stands there, as typed by hand."""
        self.show(index).wait_for_selector(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")  # out of the editor, and of any completion list
        written = self.cells()[index]["source"]
        assert written == text, f"cell {index} holds {written!r}"

    def run(self, index: int, seconds: float = 60) -> list[dict]:
        """Select cell ``index``, press Ctrl+Enter, and return the outputs once the cell has run."""
        where = [self.notebook, index]
        self.page.evaluate("where => course.select(where)", where)
        self.wait("course.focused(path)", self.notebook, 30)
        self.page.keyboard.press("Control+Enter")
        if not self.page.evaluate("path => course.asked(path)", where):  # a key can fall between two focuses
            self.page.evaluate("where => course.select(where)", where)
            self.page.keyboard.press("Control+Enter")
        self.wait("course.asked(path)", where, 30)
        self.wait("course.hasRun(path)", where, seconds)
        return self.cells()[index]["outputs"]

    def wait(self, condition: str, argument, seconds: float) -> None:
        """Wait until ``condition``, JavaScript of ``path``, holds; else fail with what the page shows."""
        from playwright.sync_api import TimeoutError as PageTimeout

        try:
            self.page.wait_for_function(
                f"path => {condition}", arg=argument, timeout=seconds * 1000, polling=100
            )
        except PageTimeout as error:
            focus = "[document.activeElement?.tagName, document.activeElement?.className].join(' ')"
            states = [
                (cell["count"], cell["running"], cell["source"][:40])
                for cell in self.cells()
                if cell["type"] == "code"
            ]
            kernel = self.page.evaluate("path => course.state(path).kernel", self.notebook)
            raise AssertionError(
                f"{condition} did not hold for {argument} within {seconds:.0f} s: the kernel is {kernel}, "
                f"the focus is on {self.page.evaluate(focus)}, the cells (count, running, source) are "
                f"{states}; the server's log ends with\n{self.server.log.read_text()[-2000:]}"
            ) from error

    def save(self) -> dict:
        """Press Ctrl+S; return the notebook that the server then has on disk."""
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("path => !course.panel(path).context.model.dirty", arg=self.notebook)
        return self.server.get(f"api/contents/{self.notebook}")["content"]


def errors(cells: list[dict]) -> list[tuple[int, dict]]:
    """(index of the cell, error output) for every error, from the top."""
    return [
        (index, output)
        for index, cell in enumerate(cells)
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]


def text_of(outputs: list[dict]) -> str:
    """All that a reader sees as text in a cell's outputs."""
    parts = []
    for output in outputs:
        parts.append(output.get("text", ""))
        shown = output.get("data", {})
        parts += [shown.get(kind, "") for kind in ("text/plain", "text/markdown", "text/html")]
        parts.append(output.get("evalue", ""))
    return "\n".join("".join(part) if isinstance(part, list) else part for part in parts)

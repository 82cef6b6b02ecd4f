"""A notebook of a few cells, run in JupyterLab or Notebook 7, with the console and the network watched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex

import nbformat
from lab_page import serve
from playwright.sync_api import TimeoutError as PageTimeout


@contextmanager
def serve_cells(cells: Sequence[str], tmp_path_factory, name: str) -> Iterator:
    """A Jupyter server with one notebook of these cells, labs/....ipynb."""
    root = tmp_path_factory.mktemp("root")
    (root / "labs" / "source").mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / name)
    folder = tmp_path_factory.mktemp("server")
    # a notebook that saves itself would be opened by the next test with the counts of the last one in it
    manager = folder / "config/lab/user-settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings"
    manager.parent.mkdir(parents=True)
    manager.write_text('{"autosave": false}')
    with serve(root, folder, notebook=name) as running:
        yield running


@contextmanager
def all_run(page, address: str) -> Iterator[None]:
    """The notebook at this address, all cells asked to run; no complaint, nothing asked outside."""
    complaints, asked = [], []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: asked.append(one.url))
    # a workspace of its own: what an earlier page had open must not come back
    page.goto(address.replace("/lab/tree/", f"/lab/workspaces/{token_hex(4)}/tree/"))
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state="attached")
    complaints.clear()  # what Jupyter itself says while it starts
    run_all(page)
    yield
    local = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    assert not [url for url in asked if not url.startswith(local)], "something left the machine"
    assert not complaints


def run_all(page) -> None:
    """Run > Run All Cells, again if the menu moved under the mouse or the kernel was not there yet."""
    prompts = "[...document.querySelectorAll('.jp-InputPrompt')].map(one => one.textContent).join()"
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            page.wait_for_function(f"/\\d|\\*/.test({prompts})", timeout=20_000)
        except PageTimeout:
            page.keyboard.press("Escape")
            continue
        # asked before the kernel is connected, all stars or all but the first vanish again without a number
        page.wait_for_function(f"!{prompts}.includes('*')", timeout=240_000)
        if not page.evaluate(f"/\\[ \\]/.test({prompts})"):
            return
    raise AssertionError("not every cell was run")

"""Pictures of the lab for the README.

python tests/browser/screens.py lectures/pictures/lab.png --cell "simclr = methods"
"""

import argparse
import tempfile
from contextlib import nullcontext
from pathlib import Path

from lab_page import LabPage, copy_of_the_labs, serve, started_chromium

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "labs/solutions/03_contrastive.ipynb"


def picture(
    target: Path,
    notebook: str = NOTEBOOK,
    cell: str | None = None,
    root: Path = ROOT,
    size: tuple[int, int] = (1280, 860),
    browser=None,
) -> Path:
    """Save a PNG of ``notebook`` (below ``root``, outputs as they are in the file) open in JupyterLab.

    cell: the cell whose source contains this text is scrolled into the middle. size: of the window in pixels;
    the PNG has 1.5 times as many. browser: a running Chromium of playwright, else one is started.
    Raises ValueError if no cell contains the text. Returns ``target``.
    """
    opened = started_chromium() if browser is None else nullcontext(browser)
    with tempfile.TemporaryDirectory() as folder, opened as chromium:
        checkout = copy_of_the_labs(root, Path(folder) / "checkout")
        (Path(folder) / "server").mkdir()
        with serve(checkout, Path(folder) / "server", notebook=notebook) as server:
            context = chromium.new_context(
                viewport={"width": size[0], "height": size[1]}, device_scale_factor=1.5
            )
            lab_page = LabPage(context.new_page(), server, notebook)
            if cell:
                places = [index for index, one in enumerate(lab_page.cells()) if cell in one["source"]]
                if not places:
                    raise ValueError(
                        f"no cell of {notebook} contains {cell!r}; give text that stands in one."
                    )
                lab_page.show(places[0]).wait_for_element_state("stable")
            lab_page.page.screenshot(path=str(target))
            context.close()
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--notebook", default=NOTEBOOK)
    parser.add_argument("--cell", help="text of the cell to show")
    options = parser.parse_args()
    print(picture(options.target, options.notebook, options.cell))

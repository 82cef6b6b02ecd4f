"""The other widgets in JupyterLab: live, drawn anew when used, and what was done arrives in Python."""

import pytest
from jupyter_page import all_run, serve_cells

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/widgets.ipynb"
CELLS = [
    """import torch
from course_lib import viz
from course_lib.methods import MAE
from course_lib.models import VisionTransformer
torch.manual_seed(0)
images = torch.rand(6, 3, 48, 48)
method = MAE(VisionTransformer(48, 8, 16, 1, 2), decoder_width=8, decoder_depth=1, decoder_heads=2)
views = {
    "AugmentationExplorer": viz.AugmentationExplorer(images, draws=2),
    "MaskExplorer": viz.MaskExplorer(method, images),
    "EmbeddingExplorer": viz.EmbeddingExplorer(torch.rand(6, 2), images, k=2),
    "JigsawGame": viz.JigsawGame(images, rounds=2),
    "ContextQuiz": viz.ContextQuiz(images, rounds=2),
    "PairwiseVote": viz.PairwiseVote([{"question": "Which?", "answers": {"A": "a", "B": "b"}}]),
}""",
    'views["AugmentationExplorer"]',
    'views["MaskExplorer"]',
    'views["EmbeddingExplorer"]',
    'views["JigsawGame"]',
    'views["ContextQuiz"]',
    'views["PairwiseVote"]',
]
# what the user does with each, in the order of the cells: a control, and its new value or a click
USED = [
    ("combobox", "Picture", "1"),
    ("combobox", "Picture", "1"),
    ("button", "Whole map", None),
    ("button", "A", None),
    ("button", "7 above left", None),
    ("button", "T: tie", None),
]
LOGS = "print([len(view.log) for view in views.values()])"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_cells([*CELLS, LOGS], tmp_path_factory, NOTEBOOK) as running:
        yield running


def test_each_is_live_and_tells_python_what_was_done(page, server):
    with all_run(page, f"{server.address}/lab/tree/{NOTEBOOK}?token={server.token}"):
        for number, (role, name, value) in enumerate(USED):
            cell = page.locator(f'.jp-Cell[data-windowed-list-index="{number + 1}"]')
            cell.scroll_into_view_if_needed()
            view = cell.locator("[data-drawn]")
            view.wait_for(timeout=120_000)
            drawn = view.get_attribute("data-drawn")
            control = view.get_by_role(role, name=name, exact=True)
            control.select_option(value) if value else control.click()
            again = "([node, drawn]) => node.dataset.drawn !== drawn"
            page.wait_for_function(again, arg=[view.element_handle(), drawn])
        last = page.locator(f'.jp-Cell[data-windowed-list-index="{len(CELLS)}"]')
        last.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        # zooming the map is no answer; a vote is preceded by the pair that was shown
        last.locator(".jp-OutputArea-output", has_text="[1, 1, 0, 1, 1, 2]").wait_for()

"""What a student meets: `course lab` serves a JupyterLab in which the lab runs, cell by cell, in Chromium."""

import nbformat
import pytest
from lab_page import LabPage, copy_of_the_labs, errors, serve, text_of

pytestmark = pytest.mark.browser

STUDENT, SOLUTION = "labs/03_contrastive.ipynb", "labs/solutions/03_contrastive.ipynb"
TINY = "labs/tiny.ipynb"


@pytest.fixture(scope="module")
def tiny_lab(tmp_path_factory):
    """A server with a notebook of five cells: tests of the driver that need no course material."""
    checkout = tmp_path_factory.mktemp("tiny")
    (checkout / "labs" / "source").mkdir(parents=True)
    sources = ["print(6 * 7)", "# exercise 0.1\ndef answer():\n    raise NotImplementedError('write answer')"]
    sources += ["print('the answer is', answer())", "print('never reached')"]
    cells = [nbformat.v4.new_markdown_cell("# Tiny"), *map(nbformat.v4.new_code_cell, sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), checkout / TINY)
    with serve(checkout, tmp_path_factory.mktemp("server"), notebook=TINY) as server:
        yield server


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """`course lab` on a copy of the labs, opened as `make lab` opens it."""
    checkout = copy_of_the_labs(root, tmp_path_factory.mktemp("checkout"))
    with serve(checkout, tmp_path_factory.mktemp("server")) as server:
        yield server


def test_running_all_stops_at_the_first_stub(tiny_lab, page):
    cells = LabPage(page, tiny_lab, TINY).run_all(seconds=60)
    assert [cell["count"] for cell in cells] == [None, 1, 2, 3, None]
    assert text_of(cells[1]["outputs"]).strip() == "42"
    [(index, error)] = errors(cells)
    assert (index, error["ename"], error["evalue"]) == (3, "NotImplementedError", "write answer")


def test_a_typed_answer_is_what_runs_and_what_is_saved(tiny_lab, page):
    lab_page = LabPage(page, tiny_lab, TINY)
    answer = "# exercise 0.1\ndef answer():\n    if True:\n        return [(1, '')]"
    lab_page.write(2, answer)
    lab_page.run(2)
    assert "the answer is [(1, '')]" in text_of(lab_page.run(3))
    assert lab_page.save()["cells"][2]["source"] == answer

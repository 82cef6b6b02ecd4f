"""What a committed lecture shows where no kernel and no widget runs: pictures, each with words."""

import re

import nbformat
import pytest
from nbconvert import HTMLExporter

LECTURE = "lectures/06a_looking_inside.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"
MAKES_A_VIEW = re.compile(r"viz\.\w+(Viewer|Explorer|Game|Quiz)\(")


@pytest.fixture(scope="module")
def notebook(root):
    return nbformat.read(root / LECTURE, as_version=4)


def test_every_widget_left_a_picture_with_words(notebook):
    cells = [one for one in notebook.cells if one.cell_type == "code" and MAKES_A_VIEW.search(one.source)]
    assert len(cells) == 6
    for cell in cells:
        (picture,) = [one for one in cell.outputs if "image/png" in one.get("data", {})]
        assert len(picture.metadata["image/png"]["alt"]) > 40
        assert not any(WIDGET in one.get("data", {}) for one in cell.outputs)


def test_github_finds_no_widget_state_that_it_refuses(notebook):
    assert "widgets" not in notebook.metadata


def test_nbconvert_writes_the_words_into_the_page(notebook):
    html, _ = HTMLExporter().from_notebook_node(notebook)
    pictures = re.findall(r"<img[^>]*>", html)
    inline = [one for one in pictures if "data:image/png" in one]
    assert len(inline) >= 15
    for one in inline:
        words = re.search(r'alt="([^"]*)"', one)
        assert words, one[:80]
        assert len(words.group(1)) > 40
        assert "No description has been provided" not in words.group(1)
    fetched = [one for one in pictures if 'src="http' in one and "colab-badge" not in one]
    assert not fetched, "a picture would have to be fetched"

"""The page that an embedding explorer saves, in a real browser."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import downloaded, saved, status

from course_lib.viz.widgets.embedding_explorer import EmbeddingExplorer

pytestmark = pytest.mark.browser
# a grid of 5 x 4 pictures, row by row from below; each label is a column
GRID = torch.tensor([[x, y] for y in range(4) for x in range(5)], dtype=torch.float32)
NAMES = ["ash", "birch", "cedar", "elm", "fir"]
SPAN = 0.92 * 640  # the map is 640 x 500, its longer side 4 steps wide


@pytest.fixture
def view():
    images = torch.arange(20)[:, None, None, None].expand(-1, 3, 8, 8) / 20
    features = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    return EmbeddingExplorer(GRID, images, list(range(5)) * 4, NAMES, features, k=3)


def place(number):
    """Where a picture lies on the untouched map, in pixels."""
    x, y = GRID[number].tolist()
    step = SPAN / 4
    return 320 + (x - 2) * step, 250 - (y - 1.5) * step


def selected(page):
    """The numbers in the file that the page saves."""
    return [int(line["picture"]) for line in saved(page) if line["selected"] == "1"]


def drag(page, points, modifier=None):
    box = page.locator("canvas[tabindex]").bounding_box()
    (x, y), *others = [(box["x"] + x, box["y"] + y) for x, y in points]
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    if modifier:
        page.keyboard.up(modifier)


def around(*numbers):
    """A closed path around neighbouring pictures of one row or column."""
    points = [place(number) for number in numbers]
    left, right = min(x for x, _ in points) - 40, max(x for x, _ in points) + 40
    top, low = min(y for _, y in points) - 40, max(y for _, y in points) + 40
    return [(left, top), (right, top), (right, low), (left, low), (left, top)]


def test_hover_and_click_show_the_picture_and_its_neighbours(open_page, view):
    page = open_page(view, viewport={"width": 1200, "height": 1000})
    canvas = page.locator("canvas[tabindex]")
    assert page.locator("figcaption").inner_text() == "Point at a picture, or click on it."
    x, y = place(7)
    canvas.hover(position={"x": x + 5, "y": y - 5})
    assert page.locator("figcaption").inner_text() == "picture 8, cedar"
    shade = page.evaluate("""() => [...document.querySelector('figure canvas').getContext('2d')
        .getImageData(5, 5, 1, 1).data]""")
    assert shade == [round(255 * 7 / 20)] * 3 + [255]
    x, y = place(12)
    canvas.click(position={"x": x, "y": y})
    canvas.hover(position={"x": 320, "y": 5})
    assert page.locator("figcaption").inner_text() == "picture 13, cedar"
    for name, near in (("Nearest by features", view.neighbours), ("Nearest on the map", view.on_map)):
        buttons = page.get_by_role("group", name=name).get_by_role("button").all()
        assert [int(one.get_attribute("aria-label").split(",")[0].split()[1]) - 1 for one in buttons] == near[
            12
        ].tolist()
    shared = len(set(view.neighbours[12]) & set(view.on_map[12]))
    assert f"Of its 3 nearest by features {shared} are nearest on the map too" in status(page)
    first = page.get_by_role("group", name="Nearest by features").get_by_role("button").first
    assert f"similarity {view.arrays['similarity'][12, 0]:.2f}" in first.get_attribute("aria-label")
    first.press("Enter")
    assert page.locator("figcaption").inner_text().startswith(f"picture {view.neighbours[12, 0] + 1},")
    canvas.click(position={"x": 320, "y": 5})
    assert status(page) == "No picture is in focus."


def test_a_lasso_selects_and_shift_adds(open_page, view):
    page = open_page(view)
    page.get_by_role("button", name="Lasso").click()
    drag(page, around(6, 7, 8))
    assert "Lasso: 3 of 20 pictures selected: 1 birch, 1 cedar, 1 elm." in status(page)
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert sorted(rows) == [["birch", "1", "4"], ["cedar", "1", "4"], ["elm", "1", "4"]]
    drag(page, around(6, 11), "Shift")
    assert selected(page) == [6, 7, 8, 11]
    # a path that is not convex: a U around three pictures, without the one between its arms
    (left, top), (right, low) = place(15), place(7)
    arms = [(left - 25, top - 25), (left + 25, top - 25), (left + 25, low - 25), (right - 25, low - 25)]
    arms += [(right - 25, top - 25), (right + 25, top - 25), (right + 25, low + 25), (left - 25, low + 25)]
    drag(page, arms)
    assert selected(page) == [5, 6, 7, 10, 12, 15, 17]
    page.get_by_role("button", name="Clear selection").click()
    assert selected(page) == []


def test_labels_select_and_let_go(open_page, view):
    page = open_page(view)
    button = page.get_by_role("button", name="select elm, 4 pictures")
    button.press("Enter")
    assert selected(page) == [3, 8, 13, 18]
    assert button.get_attribute("aria-pressed") == "true"
    button.press("Enter")
    assert selected(page) == []
    assert button.get_attribute("aria-pressed") == "false"


def test_keyboard_alone_moves_zooms_and_selects(open_page, view):
    page = open_page(view)
    canvas = page.locator("canvas[tabindex]")
    canvas.focus()
    for _ in range(2):
        page.keyboard.press(
            "ArrowRight"
        )  # 64 pixels each: the middle is nearest to a picture of the fourth column
    assert "In focus: picture 9, elm" in status(page) or "In focus: picture 14, elm" in status(page)
    number = 8 if "picture 9," in status(page) else 13
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")  # 32 pixels each: past the next column
    assert selected(page) == [number - 1, number]
    canvas.focus()
    page.keyboard.press("Enter")  # the one in focus goes
    assert selected(page) == [number - 1]
    canvas.focus()
    page.keyboard.press("Delete")
    assert selected(page) == []
    canvas.focus()
    for _ in range(6):
        page.keyboard.press("+")
    assert "Zoom 11.4, 1 of 20 pictures in view." in status(page)
    page.keyboard.press("Home")
    assert "Zoom 1.0, 20 of 20 pictures in view." in status(page)
    assert canvas.get_attribute("aria-label").endswith("0 selected")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")


def test_wheel_and_drag_move_the_map_once_it_has_been_clicked(open_page, view):
    page = open_page(view, viewport={"width": 1200, "height": 500})
    canvas = page.locator("canvas[tabindex]")
    x, y = place(7)
    canvas.hover(position={"x": x, "y": y})
    page.mouse.wheel(0, 120)
    page.wait_for_function("() => window.scrollY > 0")  # the page scrolls
    page.evaluate("window.scrollTo(0, 0)")
    canvas.click(position={"x": x, "y": y})
    page.mouse.wheel(0, -120)
    page.wait_for_function("() => document.querySelector('[role=status]').textContent.startsWith('Zoom 1.2')")
    assert page.evaluate("window.scrollY") == 0
    # what lay below the pointer still does
    page.mouse.move(5, 5)
    canvas.hover(position={"x": x, "y": y})
    assert page.locator("figcaption").inner_text() == "picture 8, cedar"
    page.get_by_role("button", name="Whole map").click()
    drag(page, [(100, 100), (200, 150)])
    canvas.hover(position={"x": x + 100, "y": y + 50})
    assert page.locator("figcaption").inner_text() == "picture 8, cedar"


def test_pictures_take_the_place_of_marks(open_page, view):
    page = open_page(view)
    sample = """([x, y]) => [...document.querySelector('canvas[aria-hidden][width="640"]').getContext('2d')
        .getImageData(x, y, 1, 1).data].slice(0, 3)"""
    x, y = place(17)
    assert page.evaluate(sample, [x, y]) == [round(255 * 17 / 20)] * 3  # few in view: pictures
    page.get_by_role("combobox", name="Pictures").select_option("none")
    assert page.evaluate(sample, [x, y]) == [0, 158, 115]  # the third colour
    page.get_by_role("combobox", name="Pictures").select_option("some")
    assert page.evaluate(sample, [x, y]) == [round(255 * 17 / 20)] * 3
    assert downloaded(page, "Save picture")[:8] == b"\x89PNG\r\n\x1a\n"


def test_what_python_chose_is_shown(open_page, view):
    view.choose(selection=[2, 3], focus=4)
    page = open_page(view)
    assert page.locator("figcaption").inner_text() == "picture 5, fir"
    assert selected(page) == [2, 3]


def test_five_thousand_points_without_delay(open_page):
    generator = torch.Generator().manual_seed(0)
    count = 5000
    many = EmbeddingExplorer(
        torch.randn(count, 2, generator=generator), torch.rand(count, 3, 4, 4), np.arange(count) % 12
    )
    page = open_page(many)
    times = page.evaluate("""() => {
      const canvas = document.querySelector('canvas[tabindex]'), found = {};
      canvas.focus();
      const median = act => {
        const times = [];
        for (let i = 0; i < 21; i++) {
          const start = performance.now();
          act(i);
          times.push(performance.now() - start);
        }
        return times.sort((a, b) => a - b)[10];
      };
      const key = (key, shiftKey) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey }));
      found.pan = median(i => key(i % 2 ? 'ArrowLeft' : 'ArrowRight'));
      found.rectangle = median(() => key('ArrowUp', true));
      return found;
    }""")
    assert "of 5000 pictures selected" in status(page)
    assert max(times.values()) < 60, times  # 15 ms on a free machine


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_unlabelled_or_pale(open_page, view, scheme):
    page = open_page(
        view, color_scheme=scheme, reduced_motion="reduce", viewport={"width": 700, "height": 900}
    )
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="select elm").click()
    page.locator("canvas[tabindex]").press("ArrowUp")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_map_without_labels_and_features(open_page):
    page = open_page(EmbeddingExplorer(GRID, torch.rand(20, 3, 8, 8), k=3))
    page.locator("canvas[tabindex]").press("ArrowUp")
    assert status(page).startswith("In focus: picture")
    assert "label" not in status(page)
    assert page.get_by_role("group", name="Nearest by features").count() == 0


def test_the_page_names_no_address(view, tmp_path):
    text = view.save_html(tmp_path / "page.html").read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "")

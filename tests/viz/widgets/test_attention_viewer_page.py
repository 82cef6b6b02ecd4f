"""The page that a viewer saves, in a real browser: what is drawn follows mouse and keys, and is right."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import after, downloaded, saved, status

from course_lib import viz

pytestmark = pytest.mark.browser
PIXEL = """([x, y]) => {
  const context = document.querySelector('canvas[tabindex]').getContext('2d');
  return [...context.getImageData(x, y, 1, 1).data];
}"""


def pixels(page, number: int = 0) -> str:
    """All pixels of one canvas, as text that can be compared."""
    return page.evaluate("n => document.querySelectorAll('canvas[tabindex]')[n].toDataURL()", number)


def test_mouse_and_keys_move_the_query_and_the_picture_follows(open_page, parts):
    page = open_page(viz.AttentionViewer(*parts))
    canvas = page.locator("canvas[tabindex]").first
    seen = [pixels(page)]
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.3})  # row 1, column 3 of 4 x 6
    assert "query patch in row 1, column 3" in status(page)
    seen.append(pixels(page))
    for key, words in [
        ("ArrowRight", "row 1, column 4"),
        ("ArrowDown", "row 2, column 4"),
        ("ArrowLeft", "row 2, column 3"),
        ("ArrowUp", "row 1, column 3"),
    ]:
        page.keyboard.press(key)
        assert f"query patch in {words}" in status(page)
        seen.append(pixels(page))
    page.keyboard.press("Home")
    assert "query CLS" in status(page)
    page.keyboard.press("PageDown")
    assert "layer 0" in status(page)
    seen.append(pixels(page))
    page.keyboard.press("1")
    assert "head 1" in status(page)
    seen.append(pixels(page))
    page.keyboard.press("m")
    assert "mean of all heads" in status(page)
    seen.append(pixels(page))
    assert len(set(seen)) == len(seen) - 1, "each move draws another picture, but for the way back up"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")


def test_what_is_said_equals_pythons_numbers(open_page, parts):
    """Attention, removed mass, mask and Jaccard are computed twice, in two languages."""
    viewer = viz.AttentionViewer(*parts, state={"image": 1, "layer": 0, "head": 1, "query": 9, "mass": 0.4})
    page = open_page(viewer)
    rows, scores = viewer.rows(), viewer.jaccard()
    for number, name in enumerate(rows):
        maps, removed = rows[name]
        caption = page.locator("figcaption").nth(number).inner_text()
        assert f"most {100 * float(maps[1].max()):.1f} %" in caption
        assert f"to CLS and registers: {100 * float(removed[1]):.1f} %" in caption
        head, best = scores[name]
        assert f"this head {100 * head:.1f} %, best head for each object {100 * best:.1f} %" in caption
    lines = saved(page)
    expected = viewer.table()
    assert len(lines) == len(expected) == 2 * 24 + 4 * 6
    assert np.allclose([float(line["attention"]) for line in lines], expected["attention"], atol=1e-5)
    assert [line["in_mask"] == "1" for line in lines] == expected["mask"].tolist()
    assert lines[0]["query"] == "patch in row 1, column 1"
    assert downloaded(page, "Save picture")[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_heat_has_the_colours_of_the_map(open_page, parts):
    """At full opacity the strongest patch is viridis' yellow and the weakest its violet."""
    models, images, _ = parts
    viewer = viz.AttentionViewer(models["large patches"], images, state={"opacity": 1.0, "head": 2})
    page = open_page(viewer)
    page.get_by_label("mask outline").uncheck()
    maps = viewer.rows()["VisionTransformer"][0][2].flatten()
    size = page.evaluate("(c => [c.height, c.width])(document.querySelector('canvas[tabindex]'))")
    for place, color in [(int(maps.argmax()), (253, 231, 37)), (int(maps.argmin()), (68, 1, 84))]:
        row, column = divmod(place, 3)
        at = [round((column + 0.5) / 3 * size[1]), round((row + 0.5) / 2 * size[0])]
        assert np.abs(np.array(page.evaluate(PIXEL, at)[:3]) - color).max() <= 2


def test_the_outline_surrounds_the_mask_and_nothing_else(open_page, parts):
    """A mask of one patch: the corner of the picture that lies far from it has no line."""
    models, images, _ = parts
    viewer = viz.AttentionViewer(
        models["large patches"], images, state={"opacity": 1.0, "mass": 0.05, "head": 1}
    )
    maps = viewer.rows()["VisionTransformer"][0][1].flatten()
    page = open_page(viewer)
    size = page.evaluate("(c => [c.height, c.width])(document.querySelector('canvas[tabindex]'))")
    row, column = divmod(int(maps.argmax()), 3)
    orange = np.array([255, 159, 28])
    for r in range(2):
        for c in range(3):
            x = 1 if c == 0 else round(c / 3 * size[1])  # the left border of the patch, at half its height
            found = np.array(page.evaluate(PIXEL, [x, round((r + 0.5) / 2 * size[0])])[:3])
            on_border = r == row and c in (column, column + 1)
            assert (np.abs(found - orange).max() < 60) == on_border, (r, c, found)


def test_other_images_are_in_the_page(open_page, parts):
    page = open_page(viz.AttentionViewer(*parts))
    before = pixels(page)
    after(page, lambda: page.get_by_role("combobox", name="Image").select_option("2"))
    assert "Image 2" in status(page)
    assert pixels(page) != before


def test_an_image_chosen_from_python_comes_with_its_own_attention(open_page, parts):
    viewer = viz.AttentionViewer(*parts)
    viewer.choose(image=1)
    page = open_page(viewer)
    page.wait_for_function("() => document.querySelector('[role=status]').textContent.startsWith('Image 1')")
    most = 100 * float(viewer.rows()["small patches"][0][0].max())
    assert f"most {most:.1f} %" in page.locator("figcaption").first.inner_text()


def test_controls_work_from_the_keyboard_alone(open_page, parts):
    page = open_page(viz.AttentionViewer(*parts))
    before = status(page)
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].textContent").startswith("Head")
    page.keyboard.press("ArrowDown")
    assert status(page) != before
    page.get_by_role("button", name="Table").press("Enter")
    assert page.locator("table").count() == 2
    assert page.locator("table tbody tr").count() == 4 + 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_unlabelled_or_too_pale(open_page, parts, scheme):
    page = open_page(viz.AttentionViewer(*parts), color_scheme=scheme)
    page.get_by_role("button", name="Table").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_two_views_of_one_picture_do_not_share_anything(open_page, parts):
    first, second = open_page(viz.AttentionViewer(*parts)), open_page(viz.AttentionViewer(*parts))
    before = pixels(second)
    first.locator("canvas[tabindex]").first.press("ArrowRight")
    assert pixels(second) == before

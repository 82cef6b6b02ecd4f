"""The jigsaw game in Chromium: by mouse, by keys, what it says, what it draws, what it saves."""

import base64
import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import PIXELS, saved, status

from course_lib.viz.widgets.jigsaw_game import JigsawGame
from course_lib.viz.widgets.quiz import wilson
from course_lib.viz.widgets.view import source

pytestmark = pytest.mark.browser


def game(model="half", **options):
    images = torch.rand(6, 3, 18, 18, generator=torch.Generator().manual_seed(1))
    if model == "half":  # right in the first round, wrong after it
        made = JigsawGame(images, lambda puzzle, orders: torch.zeros(orders.shape[:2]), 3, **options)
        for number, record in enumerate(made.config["rounds"]):
            record["model"] = record["truth"] if number == 0 else (record["truth"] + 1) % 4
        return made
    return JigsawGame(images, model, 3, **options)


def test_wilson_in_the_browser_is_scipys(browser):
    text = base64.b64encode((source(("quiz.js",)) + "\nexport { course };").encode()).decode()
    pairs = [(right, of) for of in (1, 2, 3, 7, 10, 72, 300) for right in range(of + 1)]
    page = browser.new_page()
    found = page.evaluate(
        """async ([text, pairs]) => {
            const { course } = await import(`data:text/javascript;charset=utf-8;base64,${text}`);
            return pairs.map(([right, of]) => course.quiz.wilson(right, of));
        }""",
        [text, pairs],
    )
    page.close()
    assert np.allclose(found, [wilson(*pair) for pair in pairs], atol=1e-12)


def test_a_round_by_mouse_and_one_by_keys(open_page):
    view = game()
    first, second, third = view.config["rounds"]
    page = open_page(view)
    choices = page.get_by_role("group", name="orders to choose from").get_by_role("button")
    assert page.get_by_role("button", name="Next round").count() == 0
    wrong = (first["truth"] + 1) % 4
    choices.nth(wrong).click()
    letters = "ABCD"[wrong], "ABCD"[first["truth"]]
    assert f"Wrong: you chose {letters[0]}, the right order is {letters[1]}." in status(page)
    assert f"The model chose {letters[1]}: right." in status(page)
    assert "you 0 of 1 (0.0 %, 95 % interval 0.0 to 79.3 %)" in status(page)
    assert (
        choices.nth(first["truth"]).get_attribute("aria-label")
        == f"{letters[1]}, ✓ right, the model's answer"
    )
    choices.nth(first["truth"]).click(force=True)  # too late: the first answer stands
    assert "you 0 of 1" in status(page)

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next round").press("Enter")
    assert "Round 2 of 3" in page.locator("strong").first.inner_text()
    for _ in range(second["truth"]):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert "Right:" in status(page)
    assert "you 1 of 2 (50.0 %" in status(page)
    page.keyboard.press("Enter")
    page.keyboard.press("ABCD"[third["truth"]].lower())
    assert "That was the last round." in status(page)
    rows = page.locator("tbody tr").all_inner_texts()
    low, high = (100 * end for end in wilson(2, 3))
    assert rows[0].split("\t")[:5] == ["you", "2", "3", "66.7 %", f"{low:.1f} to {high:.1f} %"]
    assert rows[1].split("\t")[:3] == ["model", "1", "3"]
    assert rows[2].split("\t")[3] == "25.0 %"
    log = saved(page)
    assert [row["right"] for row in log] == ["0", "1", "1"]
    assert [row["model_right"] for row in log] == ["1", "0", "0"]
    assert [row["truth"] for row in log] == ["ABCD"[one["truth"]] for one in (first, second, third)]
    assert all(int(row["milliseconds"]) >= 0 and row["mode"] == "choose" for row in log)


def test_the_picture_of_the_right_choice_is_the_image(open_page):
    images = torch.rand(3, 3, 18, 18, generator=torch.Generator().manual_seed(1))
    view = JigsawGame(images, rounds=3, standardise=False, tile=6)
    record = view.config["rounds"][0]
    page = open_page(view)
    canvas = page.get_by_role("group", name="orders to choose from").locator("canvas").nth(record["truth"])
    drawn = np.array(canvas.evaluate(PIXELS)).reshape(20, 20, 3)
    lines = [n for n in range(20) if n not in (6, 13)]
    assert (drawn[lines][:, lines].transpose(2, 0, 1) == view.arrays["images"][0]).all()


def test_arranging_by_mouse_and_keys(open_page):
    view = game()
    order = view.config["rounds"][0]["order"]
    page = open_page(view)
    page.get_by_label("Question").select_option("arrange")
    tiles = page.get_by_role("group", name="tiles").get_by_role("button")
    placed = list(range(9))

    def fetch(place):  # the tile that belongs there
        return placed.index(order.index(place))

    def swap(one, other):
        placed[one], placed[other] = placed[other], placed[one]

    for place in range(4):  # by mouse
        if (here := fetch(place)) != place:
            tiles.nth(here).click()
            assert "picked up" in tiles.nth(here).inner_text()
            tiles.nth(place).click()
            swap(here, place)
            assert "have changed places" in status(page)
    tiles.nth(0).focus()
    at = 0
    for place in range(4, 9):  # by keys
        here = fetch(place)
        if here == place:
            continue
        for goal, key in ((here, "Enter"), (place, "Space")):
            while at // 3 < goal // 3:
                page.keyboard.press("ArrowDown")
                at += 3
            while at // 3 > goal // 3:
                page.keyboard.press("ArrowUp")
                at -= 3
            while at < goal:
                page.keyboard.press("ArrowRight")
                at += 1
            while at > goal:
                page.keyboard.press("ArrowLeft")
                at -= 1
            page.keyboard.press(key)
        swap(here, place)
    assert [tiles.nth(n).get_attribute("aria-label") for n in range(9)] == [
        f"row {n // 3 + 1}, column {n % 3 + 1}: tile {order.index(n) + 1}" for n in range(9)
    ]
    tiles.nth(2).click()
    page.keyboard.press("Escape")
    assert status(page) == "Put back; nothing has moved."
    page.get_by_role("button", name="Submit this order").click()
    assert "9 of 9 tiles are in the right place." in status(page)
    assert "choosing among 64 orders" in status(page)
    assert "✓ right" in tiles.nth(0).inner_text()
    assert page.get_by_role("img", name="the tiles in the right order").count() == 1
    log = saved(page)[0]
    assert (log["mode"], log["right"], log["of"], log["switched"]) == ("arrange", "9", "9", "true")
    assert log["answer"] == log["truth"] == " ".join(str(cell + 1) for cell in order)


def test_an_untouched_puzzle_counts_the_tiles_that_lie_right_by_chance(open_page):
    view = game(mode="arrange", seed=2)
    page = open_page(view)
    page.get_by_role("button", name="Submit this order").click()
    order = view.config["rounds"][0]["order"]
    lucky = sum(cell == place for place, cell in enumerate(order))
    assert f"{lucky} of 9 tiles" in status(page)
    marks = page.get_by_role("group", name="tiles").get_by_role("button").all_inner_texts()
    assert [mark.strip() == "✓ right" for mark in marks] == [cell == n for n, cell in enumerate(order)]
    assert all(
        f"row {order[n] // 3 + 1}, col {order[n] % 3 + 1}" in m for n, m in enumerate(marks) if "✗" in m
    )


def test_colours_are_a_switch_that_is_logged(open_page):
    page = open_page(game())
    puzzle = page.get_by_role("img", name=re.compile("the puzzle"))
    before = puzzle.evaluate(PIXELS)
    page.get_by_label("colours of the image").check()
    assert puzzle.evaluate(PIXELS) != before
    page.get_by_label("colours of the image").press("b")
    assert saved(page)[0]["colors"] == "true"
    assert saved(page)[0]["answer"] == "B"


def test_without_a_model_only_chance_stands_beside_you(open_page):
    page = open_page(game(None))
    page.get_by_role("group", name="orders to choose from").get_by_role("button").first.click()
    assert "model" not in status(page)
    assert [text.split("\t")[0] for text in page.locator("tbody tr").all_inner_texts()] == ["you", "chance"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["choose", "arrange"])
def test_everyone_can_use_it(open_page, scheme, mode):
    page = open_page(game(mode=mode), color_scheme=scheme, reduced_motion="reduce")
    assert Axe().run(page).violations_count == 0
    name = "orders to choose from" if mode == "choose" else "tiles"
    group = page.get_by_role("group", name=name)
    group.get_by_role("button").first.click()
    if mode == "arrange":
        page.get_by_role("button", name="Submit this order").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.activeElement.textContent") == "Next round"


def test_local_moves_are_quick(open_page):
    page = open_page(game(mode="arrange"))
    took = page.evaluate(
        """() => {
            const tiles = [...document.querySelectorAll('[aria-label=tiles] button')];
            const times = [...Array(20).keys()].map(i => {
                const start = performance.now();
                tiles[i % 9].click();
                return performance.now() - start;
            });
            return times.sort((a, b) => a - b)[10];
        }"""
    )
    assert took <= 15

"""Votes in Chromium: by mouse and keys, names only when they may be seen, answers as text."""

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from pages import saved, status

from course_lib.viz.widgets.pairwise_vote import PairwiseVote

pytestmark = pytest.mark.browser
NASTY = "<img src=x onerror='window.hurt = 1'></script><script>window.hurt = 1</script> <b>fat</b>"


def votes(count=4, **options):
    image = torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(1))
    items = [
        {
            "id": f"q{n}",
            "question": f"What is number {n}?",
            "image": image if n % 2 else None,
            "answers": {"Zebra": f"one\n{n}", "Yak, 3B": f"two {n}"},
        }
        for n in range(count)
    ]
    return PairwiseVote(items, **{"seed": 4} | options)


def body(page):
    return page.locator("main").inner_text()


def test_votes_by_mouse_and_by_keys(open_page):
    view = votes()
    page = open_page(view)
    assert "Zebra" not in body(page)
    page.get_by_role("button", name="Left is better").click()
    page.get_by_text(f"Left · {view.battles[0][1]}").wait_for()
    assert (
        status(page)
        == f"Vote 1 of 4: left is better. Left is {view.battles[0][1]}, right is {view.battles[0][2]}."
    )
    page.keyboard.press("ArrowRight")  # this one is decided: nothing happens
    page.keyboard.press("Enter")
    assert "Zebra" not in page.get_by_role("group", name="question and both answers").inner_text()
    for key, last in (("ArrowRight", False), ("t", False), ("B", True)):
        page.keyboard.press(key)
        page.get_by_text(", right is ").wait_for()
        page.get_by_role("button", name="Finish" if last else "Next question").press("Enter")
    assert "All 4 votes are in" in body(page)
    rows = saved(page)
    assert [row["winner"] for row in rows] == ["model_a", "model_b", "tie", "tie (bothbad)"]
    assert [(row["model_a"], row["model_b"]) for row in rows] == [battle[1:] for battle in view.battles]
    assert [row["question_id"] for row in rows] == [f"q{battle[0]}" for battle in view.battles]
    assert all(row["anony"] == "true" and int(row["milliseconds"]) >= 0 for row in rows)
    assert view.votes(rows)["winner"].tolist() == [row["winner"] for row in rows]
    wins = {line.split("\t")[0]: line.split("\t")[1:] for line in page.locator("tbody tr").all_inner_texts()}
    expected = {name: [0, 0, 1, 1] for name in ("Zebra", "Yak, 3B")}
    for battle, place in ((0, 1), (1, 2)):  # left won the first, right the second
        expected[view.battles[battle][place]][0] += 1
        expected[view.battles[battle][3 - place]][1] += 1
    assert wins == {name: [str(count) for count in counts] for name, counts in expected.items()}


def test_undo_takes_the_last_vote_back_and_remembers_that_names_were_seen(open_page):
    page = open_page(votes())
    assert page.get_by_role("button", name="undo").is_disabled()
    page.get_by_role("button", name="T: tie").click()
    page.get_by_text(", right is ").wait_for()
    page.get_by_role("button", name="undo").click()
    assert "not anonymous" in status(page)
    assert "Question 1 of 4" in body(page)
    page.keyboard.press("ArrowLeft")
    page.get_by_text(", right is ").wait_for()
    rows = saved(page)
    assert [(row["winner"], row["anony"]) for row in rows] == [("model_a", "false")]


def test_at_the_end_names_come_when_they_are_asked_for(open_page):
    view = votes(2, reveal="end")
    page = open_page(view)
    page.get_by_role("group", name="question and both answers").focus()
    page.keyboard.press("b")
    assert status(page) == "Vote 1 of 2: both bad. Next question."
    page.keyboard.press("u")
    assert status(page) == "Vote 1 is taken back."
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert "Zebra" not in body(page)
    assert saved(page)[0]["model_a"] == ""
    page.get_by_role("button", name="Show the names").press("Enter")
    page.get_by_text("Votes so far, by model").wait_for()
    assert "Zebra" in body(page)
    assert [row["model_a"] for row in saved(page)] == [battle[1] for battle in view.battles]
    assert [row["anony"] for row in saved(page)] == ["true", "true"]


def test_names_that_stay_secret_stay_secret(open_page):
    view = votes(2, reveal="never")
    page = open_page(view)
    page.get_by_role("button", name="Left is better").click()
    page.get_by_role("button", name="Right is better").click()
    assert "All 2 votes are in" in body(page)
    assert page.get_by_role("button", name="Show the names").count() == 0
    assert "Zebra" not in page.content()
    assert view.votes(saved(page))["model_a"].tolist() == [battle[1] for battle in view.battles]


def test_answers_are_text_and_never_markup(open_page):
    view = PairwiseVote(
        [{"question": NASTY, "answers": {NASTY: NASTY, "B": "<svg onload='window.hurt = 1'>"}}]
    )
    page = open_page(view)
    page.get_by_role("button", name="Left is better").click()
    page.get_by_text(", right is ").wait_for()
    assert page.locator("section img, section b, section svg, section script").count() == 0
    assert page.evaluate("window.hurt") is None
    assert body(page).count("<b>fat</b>") >= 3  # question, answer, name: shown letter by letter
    assert "<svg onload" in body(page)


def test_the_picture_belongs_to_the_question(open_page):
    view = votes(2, shuffle=False, reveal="never")
    page = open_page(view)
    image = page.get_by_role("img", name="the image that the question is about")
    assert image.count() == 0
    page.get_by_role("button", name="T: tie").click()
    assert image.count() == 1
    pixels = image.evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, 2, 1).data]")
    assert pixels[:3] == view.arrays["image1"][:, 0, 0].tolist()
    assert pixels[4:7] == view.arrays["image1"][:, 0, 1].tolist()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(open_page, scheme):
    page = open_page(
        votes(), color_scheme=scheme, reduced_motion="reduce", viewport={"width": 700, "height": 900}
    )
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="T: tie").click()
    page.get_by_text(", right is ").wait_for()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    left, right = (
        page.get_by_role("group", name=f"{side} answer").bounding_box() for side in ("Left", "Right")
    )
    assert left["x"] + left["width"] <= right["x"]  # "left" is on the left on a narrow page as well
    assert left["y"] == right["y"]

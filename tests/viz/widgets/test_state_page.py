"""The state and the log in Chromium, of every widget: the user, Python, or both at once change them."""

import pytest
import torch
from pages import drawn, status

from course_lib import viz
from course_lib.methods import MAE
from course_lib.models import VisionTransformer
from course_lib.viz.widgets import page as pages_of_views
from course_lib.viz.widgets.augmentation_explorer import AugmentationExplorer
from course_lib.viz.widgets.context_quiz import ContextQuiz
from course_lib.viz.widgets.embedding_explorer import EmbeddingExplorer
from course_lib.viz.widgets.jigsaw_game import JigsawGame
from course_lib.viz.widgets.mask_explorer import MaskExplorer
from course_lib.viz.widgets.pairwise_vote import PairwiseVote

pytestmark = pytest.mark.browser
# what a page keeps to itself: the model, what is called when the view goes away, how often Python was told.
# As Jupyter sees no change inside of an object that it has, none may be made.
EXPOSED = """{{ render: given => {{
  window.model = given.model;
  window.told = 0;
  const set = model.set;
  model.set = (key, value) => set(key, Object.freeze(value));
  model.save_changes = () => {{ window.told++; }};
  window.leave = widget.render(given);
}} }}"""
# Python's answers wait until `release()`
HOLD = """() => {
  const send = model.send;
  window.held = [];
  model.send = message => held.push(message);
  window.release = () => { for (const message of held.splice(0)) send(message); };
}"""
PYTHON = "change => model.set('state', { ...model.get('state'), ...change })"
TWO = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def masks():
    torch.manual_seed(0)
    method = MAE(VisionTransformer(16, 4, 12, 1, 2), decoder_width=8, decoder_depth=1, decoder_heads=2)
    return MaskExplorer(method, TWO[..., :16, :24], ratios=(0.5, 0.75), patterns=("random", "grid"))


def augmentations():
    return AugmentationExplorer(TWO[..., :12, :12], operations=["cutout", "flip", "Sobel"], draws=2)


def attention():
    torch.manual_seed(0)
    return viz.AttentionViewer(VisionTransformer(48, 8, 16, 2, 2), TWO)


def embeddings():
    grid = torch.tensor([[x, y] for y in range(4) for x in range(5)], dtype=torch.float32)
    return EmbeddingExplorer(grid, torch.rand(20, 3, 8, 8), k=3)


def votes():
    return PairwiseVote(
        [{"question": f"{n}?", "answers": {"A": "a", "B": "b"}} for n in range(3)], reveal="end"
    )


@pytest.fixture
def exposed(monkeypatch, open_page):
    """A page whose model a test can reach: what stands for Python's side is played by the test."""
    text = pages_of_views.PAGE.replace("standalone(widget,", f"standalone({EXPOSED},")
    monkeypatch.setattr(pages_of_views, "PAGE", text)
    return open_page


CLS = ("button", "CLS")
# a view, what Python changes, what is said then, what the user presses
WIDGETS = {
    "attention": (attention, {"query": 9}, "Image 0, layer 1, head 0, query patch", ("button", "CLS")),
    "attention, image too": (attention, {"image": 1, "query": 9}, "Image 1, layer 1, head 0", CLS),
    "augment": (augmentations, {"image": 1, "first": "Sobel"}, "Picture 2, Sobel", ("combobox", "Operation")),
    "context": (lambda: ContextQuiz(TWO, rounds=2), {"round": 1}, "Round 2 of 2", ("checkbox", "colours")),
    "embeddings": (embeddings, {"focus": 3}, "In focus: picture 4", ("button", "Whole map")),
    "jigsaw": (lambda: JigsawGame(TWO, rounds=2), {"round": 1}, "Round 2 of 2", ("combobox", "Question")),
    "masks": (masks, {"image": 1, "pattern": "grid"}, "Picture 2, grid pattern", ("slider", "Hidden")),
}  # fmt: skip


def use(page, role, name):
    """The control's other value, or a click."""
    control = page.get_by_role(role, name=name)
    if role == "combobox":
        control.select_option(index=1)
    elif role == "slider":
        control.fill("0")
    else:
        control.click()


def says(page, words):
    """Wait until the status begins with these words."""
    begins = "words => document.querySelector('[role=status]').textContent.startsWith(words)"
    page.wait_for_function(begins, arg=words)


def log(page):
    return page.evaluate("model.get('log')")


@pytest.mark.parametrize("name", WIDGETS)
def test_python_moves_the_view_and_is_not_told_of_it(exposed, name):
    make, change, words, control = WIDGETS[name]
    page = exposed(make())
    begin = page.evaluate("model.get('state')")
    page.evaluate(PYTHON, change)
    says(page, words)
    assert (log(page), page.evaluate("told")) == ([], 0)
    number = drawn(page)
    page.evaluate(PYTHON, {})  # what Python says again changes nothing
    assert drawn(page) == number
    use(page, *control)
    page.wait_for_function("() => told > 0")
    page.evaluate("leave()")
    number, said = drawn(page), status(page)
    page.evaluate(PYTHON, begin)
    assert (drawn(page), status(page)) == (number, said), "it has gone and still listens"


@pytest.mark.parametrize("name", WIDGETS)
def test_the_users_own_change_is_drawn_once(exposed, name):
    make, *_, control = WIDGETS[name]
    page = exposed(make())
    number = drawn(page)
    for times in (1, 2):
        told = page.evaluate("told")
        use(page, *control)
        page.wait_for_function("told => window.told > told", arg=told)
        assert drawn(page) == number + times


@pytest.mark.parametrize(
    ("make", "button"),
    [
        (lambda: ContextQuiz(TWO, rounds=2), "7 above left"),
        (lambda: JigsawGame(TWO, rounds=2), "A"),
        (votes, "T: tie"),
    ],
)
def test_an_answer_is_drawn_once_and_python_can_take_it_back(exposed, make, button):
    page = exposed(make())
    number, said = drawn(page), status(page)
    page.get_by_role("button", name=button, exact=True).click()
    assert (drawn(page), len(log(page))) == (number + 1, 1)
    page.evaluate("model.set('log', [])")
    assert (drawn(page), status(page)) == (number + 2, said)
    page.evaluate("leave()")
    page.evaluate("model.set('log', [])")
    assert drawn(page) == number + 2


def test_of_many_wishes_only_the_last_is_asked_for(exposed):
    page = exposed(augmentations())
    page.evaluate(HOLD)
    for name, value in [("Picture", "1"), ("Operation", "flip"), ("Operation", "Sobel")]:
        page.get_by_role("combobox", name=name).select_option(value)
    asked = page.evaluate("held.map(one => one.request)")
    assert [(one["image"], one["first"]) for one in asked] == [(1, "cutout")], "one question at a time"
    page.evaluate("release()")
    says(page, "Picture 2, cutout")
    asked = page.evaluate("held.map(one => one.request)")
    assert [(one["image"], one["first"]) for one in asked] == [(1, "Sobel")]
    page.evaluate("release()")
    says(page, "Picture 2, Sobel")
    assert [(one["did"], one["image"], one["first"]) for one in log(page)] == [
        ("look", 1, "cutout"),
        ("look", 1, "Sobel"),
    ]
    assert page.evaluate("model.get('state').first") == "Sobel"
    assert page.evaluate("held.length") == 0


def test_a_wish_that_fails_does_not_take_the_next_along(exposed):
    page = exposed(augmentations())
    page.evaluate(HOLD)
    page.get_by_role("combobox", name="then").select_option("flip")  # two operations: not in the page
    page.get_by_role("combobox", name="then").select_option("")
    page.evaluate("release()")
    page.wait_for_function("() => model.get('log').length === 1")
    says(page, "Picture 1, cutout")
    assert page.get_by_role("combobox", name="then").input_value() == ""


def test_what_python_chooses_meanwhile_counts_and_is_not_logged(exposed):
    page = exposed(augmentations())
    page.evaluate(HOLD)
    page.get_by_role("combobox", name="Picture").select_option("1")
    page.evaluate(PYTHON, {"first": "flip"})
    page.evaluate("release()")
    says(page, "Picture 2, cutout")
    page.evaluate("release()")
    says(page, "Picture 1, flip")
    assert [(one["image"], one["first"]) for one in log(page)] == [(1, "cutout")]


def test_chosen_patches_are_masked_at_once_and_painted_once(exposed, monkeypatch):
    view = masks()
    first = view.kept().tolist()
    kept = [sorted(set(first) ^ set(range(count))) for count in (1, 2, 3)]
    monkeypatch.setattr(view, "every_request", lambda: [{"image": 0, "kept": one} for one in kept])
    page = exposed(view)
    page.evaluate(HOLD)
    canvas, hidden = page.locator("canvas[tabindex]"), "masked picture, {} of 24 patches hidden"
    canvas.focus()
    for one in kept:
        page.keyboard.press("Space")
        assert canvas.get_attribute("aria-label").startswith(hidden.format(24 - len(one)))
        page.keyboard.press("ArrowRight")
    page.evaluate("release()")
    page.wait_for_function("() => held.length === 1")
    assert canvas.get_attribute("aria-label").startswith(hidden.format(24 - len(kept[2]))), (
        "an older mask came back"
    )
    page.evaluate("release()")
    page.wait_for_function("() => model.get('log').length === 2")
    assert [one["kept"] for one in log(page)] == [kept[0], kept[2]]
    assert canvas.get_attribute("aria-label").startswith(hidden.format(24 - len(kept[2])))
    page.keyboard.press("Space")  # not in the page: as it was
    page.evaluate("release()")
    page.get_by_text("This page holds no answer").wait_for()
    assert canvas.get_attribute("aria-label").startswith(hidden.format(24 - len(kept[2])))


def test_who_has_gone_asks_and_draws_nothing_more(exposed):
    page = exposed(augmentations())
    page.clock.install()
    page.evaluate(HOLD)
    page.get_by_role("combobox", name="Picture").select_option("1")
    page.get_by_role("combobox", name="Operation").select_option("Sobel")
    number = drawn(page)
    page.evaluate("leave()")
    page.evaluate("release()")
    page.clock.run_for(21_000)  # the question is given up: the wish behind it stays one
    assert (drawn(page), page.evaluate("held.length"), log(page)) == (number, 0, [])


@pytest.mark.parametrize("make", [ContextQuiz, JigsawGame])
def test_python_cannot_choose_a_round_that_is_not_there(exposed, make):
    page = exposed(make(TWO, rounds=2))
    for number, words in ((9, "Round 2 of 2"), (-1, "Round 1 of 2")):
        page.evaluate(PYTHON, {"round": number})
        assert status(page).startswith(words)


def test_arrows_stop_at_the_border(exposed):
    page = exposed(masks())  # 4 x 6 patches
    page.locator("canvas[tabindex]").focus()
    for key, words in [
        ("ArrowLeft", "row 1, column 1"),
        ("ArrowUp", "row 1, column 1"),
        ("ArrowRight", "row 1, column 6"),
        ("ArrowDown", "row 4, column 6"),
    ]:
        for _ in range(7):
            page.keyboard.press(key)
        assert status(page).startswith(words)


@pytest.mark.parametrize(("make", "button"), [(ContextQuiz, "7 above left"), (JigsawGame, "A")])
def test_enter_held_down_answers_one_round(exposed, make, button):
    page = exposed(make(TWO, rounds=2))
    page.get_by_role("button", name=button, exact=True).focus()
    for _ in range(4):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert len(log(page)) == 1
    assert page.locator("strong").first.inner_text() == "Round 1 of 2"

"""The arena's pages in Chromium, served by a real process: mouse, keys, restarts, nothing from elsewhere."""

import re
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from course_lib.arena.playing.votes import battles_table, vote_rows

TESTS = Path(__file__).resolve().parents[2]
sys.path += [str(TESTS / "browser"), str(TESTS / "arena")]  # the browser, and a server to look at

from arenas import Browser, server  # noqa: E402
from chromium import chromium  # noqa: E402

pytestmark = pytest.mark.browser
browser = pytest.fixture(scope="module")(chromium)
SIDES = {"left": "ArrowLeft", "right": "ArrowRight", "tie": "t", "both bad": "B"}
FAST = ("--questions", "12", "--per-minute", "100000")
NAMES = ("Heron", "Otter", "Newt", "Finch", "Mole", "Dice")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(database, address) of a server that lives as long as this module."""
    database = tmp_path_factory.mktemp("arena") / "votes.db"
    with server(database, *FAST) as (_, address):
        yield database, address


@pytest.fixture
def open_page(browser):
    """open_page(address, **options of the context): no error may be logged, no other host be asked."""
    contexts, complaints = [], []

    def opened(address, allow=(), **options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        host = re.match(r"http://[^/]+", address)[0]
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type in ("error", "warning") and not any(word in said.text for word in allow)
                else None
            ),
        )
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(host + "/") else complaints.append(asked.url),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def shown(page, before=""):
    """Wait for a pair that can be voted on, another than `before`; its id."""
    body = page.locator(f"body[data-battle]:not([data-battle='{before}'])")
    body.wait_for()  # wait_for_function would evaluate text, which the page's policy forbids
    return body.get_attribute("data-battle")


def said(page):
    return page.get_by_role("status").inner_text()


def winners(database, battles):
    rows = {row["id"]: row for row in vote_rows(database)}
    return [rows[battle]["winner"] for battle in battles]


def test_votes_by_mouse_and_by_keys(served, open_page):
    database, address = served
    page, battles = open_page(address), []
    for number, (side, key) in enumerate(SIDES.items()):
        battles.append(shown(page, battles[-1] if battles else ""))
        assert not any(name in page.locator("body").inner_text() for name in NAMES)
        if number % 2:
            page.keyboard.press(key)
        else:
            page.locator(f"[data-winner='{side}']").click()
        page.get_by_role("button", name="Next pair").wait_for()
        row = {r["id"]: r for r in vote_rows(database)}[battles[-1]]
        assert f"Left is {row['model_a']}, right is {row['model_b']}." in said(page)
        assert page.locator("#left-name").inner_text() == f"· {row['model_a']}"
        assert page.locator("#left").inner_text() == row["answer_a"]
        assert page.locator("#right").inner_text() == row["answer_b"]
        assert page.locator("#question").inner_text() == row["text"]
        page.keyboard.press("ArrowLeft")  # this one is decided: nothing happens
        page.keyboard.press("Enter")  # the focus is on "Next pair"
    shown(page, battles[-1])
    assert winners(database, battles) == ["model_a", "model_b", "tie", "tie (bothbad)"]


def test_a_page_that_is_loaded_again_shows_the_same_pair(served, open_page):
    page = open_page(served[1])
    first = shown(page)
    page.reload()
    assert shown(page) == first


def test_a_double_click_is_one_vote(served, open_page):
    database, address = served
    page = open_page(address)
    battle = shown(page)
    page.locator("[data-winner='tie']").dblclick()
    page.get_by_role("button", name="Next pair").wait_for()
    assert [row["winner"] for row in vote_rows(database) if row["id"] == battle] == ["tie"]
    assert "Your vote: tie." in said(page)


def test_the_picture_has_its_words(served, open_page):
    page = open_page(served[1])
    shown(page)
    picture = page.get_by_role("img")
    assert re.search(r"picture of (one|\d) object", picture.get_attribute("alt"))
    assert page.evaluate("image.decode().then(() => image.naturalWidth)") == 96


def test_answers_are_text(served, open_page):
    page = open_page(served[1])
    shown(page)
    nasty = "<img src=x onerror='window.hurt = 1'><b>fat</b>"
    page.route(
        "**/api/next", lambda route: route.fulfill(json=route.fetch().json() | {"left": nasty, "battle": "n"})
    )
    page.reload()
    shown(page)
    assert page.locator("#left").inner_text() == nasty
    assert page.locator("#left *").count() == 0
    assert page.evaluate("window.hurt") is None


def test_an_answer_that_got_lost_is_asked_for_again_and_counts_once(served, open_page):
    database, address = served
    page = open_page(address, allow=("Failed to load resource",))
    battle, before, lost = shown(page), len(battles_table(database)), []

    def drop_every_answer(route):
        lost.append(route.fetch().json())  # the server counts, the page does not hear of it
        route.abort()

    page.route("**/api/vote", drop_every_answer)
    page.keyboard.press("ArrowRight")
    page.get_by_text(re.compile(r"The arena does not answer; trying again in \d+ s")).wait_for()
    page.unroute("**/api/vote")
    page.get_by_role("button", name="Next pair").wait_for()
    assert "Your vote: right is better." in said(page)
    assert lost[0]["counted"]
    assert winners(database, [battle]) == ["model_b"]
    assert len(battles_table(database)) == before + 1


def test_a_refusal_is_said_and_the_next_pair_follows(tmp_path, open_page):
    with server(tmp_path / "votes.db", "--questions", "12", "--expires", "0.02") as (_, address):
        page = open_page(address, allow=("410", "ERR_CONNECTION"))
        first = shown(page)
        page.wait_for_timeout(1300)  # the pair is good for 1.2 s
        page.keyboard.press("t")
        page.get_by_text("take the next. It was not counted.").wait_for()
        page.get_by_role("button", name="Next pair").click()
        second = shown(page, first)
        page.keyboard.press("t")
        page.get_by_text("Your vote: tie.").wait_for()
        assert [row["id"] for row in vote_rows(tmp_path / "votes.db")] == [second]


def test_a_restart_in_the_middle_loses_nothing(tmp_path, open_page):
    database = tmp_path / "votes.db"
    with server(database, *FAST) as (_, address):
        page = open_page(address, allow=("Failed to load resource",))
        battle = shown(page)
    page.keyboard.press("ArrowLeft")
    page.get_by_text("The arena does not answer").wait_for()
    with server(database, *FAST, port=int(address.rsplit(":", 1)[1])):
        page.get_by_text("Your vote: left is better.").wait_for()
        assert winners(database, [battle]) == ["model_a"]
        page.get_by_role("button", name="Next pair").click()
        shown(page, battle)


def test_standings_follow_the_votes(tmp_path, open_page):
    database = tmp_path / "votes.db"
    with server(database, *FAST) as (_, address):
        page = open_page(f"{address}/standings")
        page.get_by_text("0 votes of 0 voters.").wait_for()
        voter = Browser(address)
        voter.ask("/")
        for number in range(60):
            battle = voter.ask("/api/next", {})[1]["battle"]
            side = list(SIDES)[number % 4]
            assert voter.ask("/api/vote", {"battle": battle, "winner": side, "key": str(number)})[0] == 200
        page.get_by_text("60 votes of 1 voter.").wait_for()
        lines = [row.split("\t") for row in page.locator("#ratings tbody tr").all_inner_texts()]
        assert len(lines) == 8
        assert [float(line[2]) for line in lines] == sorted((float(line[2]) for line in lines), reverse=True)
        assert sum(int(line[5]) for line in lines) == 120
        counts = page.locator("#counts tbody tr").all_inner_texts()
        assert sum(int(x) for row in counts for x in row.split("\t")[1:] if x.isdigit()) == 120
        colours = page.locator("#counts tbody td").evaluate_all("cells => cells.map(c => c.style.background)")
        assert len(set(colours)) > 1
        families = dict(row.split("\t")[:2] for row in page.locator("#families tbody tr").all_inner_texts())
        table = battles_table(database)
        assert int(families["text and chart"]) == (table["category"] == "ocr_chart").sum()
        assert int(families["general"]) == (table["category"] == "general").sum()
        button = page.get_by_role("button", name="Pause updates")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        page.close()  # before the server ends: a question on its way would be an error in the console


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 420])
def test_everyone_can_use_the_pages(served, open_page, scheme, width):
    page = open_page(served[1], color_scheme=scheme, viewport={"width": width, "height": 900})
    battle = shown(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    left, right = (page.locator(f"section:has(#{side})").bounding_box() for side in ("left", "right"))
    assert left["x"] + left["width"] <= right["x"]  # "left" is on the left on a narrow page as well
    assert left["y"] == right["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("b")
    page.get_by_role("button", name="Next pair").wait_for()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.goto(f"{served[1]}/standings")
    page.locator("#ratings tbody tr").first.wait_for()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert battle

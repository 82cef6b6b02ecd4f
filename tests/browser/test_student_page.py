"""The grader's pages in Chromium: nothing of a submission runs, nothing is asked for, all can read them."""

import http.server
import threading
from functools import partial
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe

from course_lib.grading.reporting import report

pytestmark = pytest.mark.browser

OUTSIDE = "http://course-test.invalid"
PAYLOADS = [
    "<script>document.title = 'ran'; fetch('OUTSIDE/a')</script>",
    "<img src='OUTSIDE/b.png' onerror=\"document.title='ran'\">",
    "<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='ran'\"><use href='OUTSIDE/c#x'/></svg>",
    "</code></pre></section></main></body><script>document.title='ran'</script>",
    "\"><script>document.title='ran'</script><a href=\"javascript:document.title='ran'\">x</a>",
    "' autofocus onfocus='document.title=`ran`' x='",
    "</title></style><style>@import 'OUTSIDE/d.css'; * { background: url(OUTSIDE/e.png) }</style>",
    "--><meta http-equiv=refresh content='0; url=OUTSIDE/f'><base href='OUTSIDE/'>",
    "![x](OUTSIDE/g.png) [x](javascript:alert(1)) $\\href{javascript:alert(1)}{x}$ {{ 7 * 7 }} {% raw %}",
    "<iframe src='OUTSIDE/h'></iframe><object data='OUTSIDE/i'></object><embed src='OUTSIDE/j'>",
    "<link rel=stylesheet href='OUTSIDE/k.css'><link rel=prefetch href='OUTSIDE/l'><form action='OUTSIDE/m'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"document.title='ran'\">",
    "\u202e</bdi><details open ontoggle=\"document.title='ran'\">\u2066\u0000<scr\u0000ipt>",
]  # fmt: skip
EVIL = "\n".join(PAYLOADS).replace("OUTSIDE", OUTSIDE)


def hostile_row(exercise, payload):
    payload = payload.replace("OUTSIDE", OUTSIDE)
    name, file = EVIL[:900], EVIL[-900:]
    about = {"student": name, "file": file, "sha": "s", "exercise": exercise, "mistake": payload}
    about |= {"points": 0, "max": 10, "status": "wrong", "retry": False, "isolation": payload}
    return {**about, "reason": payload, "flags": [f"needs_review {payload}", payload]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A grading folder in which every text that a student decides is hostile, and one honest student."""
    out = tmp_path_factory.mktemp("out")
    rows = [hostile_row(str(n), payload) for n, payload in enumerate(PAYLOADS)]
    honest = {
        "student": "ada",
        "file": "ada.ipynb",
        "sha": "a",
        "flags": ["uses statistics.mean, off limits here"],
    }
    for n in range(len(PAYLOADS)):
        status = ("right", "wrong", "blank", "timeout")[n % 4]
        row = {**honest, "exercise": str(n), "points": 10 * (status == "right"), "max": 10, "status": status}
        rows.append(
            {**row, "reason": "Look at the axis." * (status == "wrong"), "mistake": "", "retry": False}
        )
    answers = {str(n): EVIL for n in range(len(PAYLOADS))}
    entries = {
        str(n): {"points": 10, "wrong": [{"name": payload, "hint": payload}]}
        for n, payload in enumerate(PAYLOADS)
    }
    known = SimpleNamespace(
        name=EVIL, bundle={"exercises": entries}, student=SimpleNamespace(cells=[]), digest=""
    )
    attempts = [
        {"sha": "s", "answers": answers},
        {"sha": "a", "answers": dict.fromkeys(answers, "def f(x):\n    return x")},
    ]
    report.write_all(known, out, rows, report.people(rows, {}), attempts)
    return out


@pytest.fixture(scope="module")
def server(folder):
    """The grading folder behind HTTP; `asked` collects the paths that are asked for."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            self.server.asked.append(self.path)
            super().do_GET()

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    ) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def pages(folder):
    return [folder / "class.html", *sorted((folder / "feedback").iterdir())]


def opened(page, address):
    """Go there; return (requests beyond the page itself, what was logged, windows that were opened)."""
    asked, said, windows = [], [], []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("dialog", lambda one: (windows.append(one.message), one.dismiss()))
    page.on("popup", lambda one: windows.append(one.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.mouse.move(200, 300)
    page.mouse.click(200, 300)
    page.keyboard.press("Tab")
    return [url for url in asked if url != address and not url.startswith("data:image/png")], said, windows


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_nothing_runs_and_nothing_is_asked_for(page, folder, server, number, scheme):
    path = pages(folder)[number]
    place = path.relative_to(folder).as_posix()
    address = path.as_uri() if scheme == "file" else f"http://127.0.0.1:{server.server_port}/{place}"
    server.asked.clear()
    asked, said, windows = opened(page, address)
    assert (asked, said, windows) == ([], [], [])
    assert page.url == address
    assert server.asked in ([], [f"/{place}"])
    assert page.title() != "ran"
    tags = page.evaluate("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]")
    assert not {"script", "iframe", "object", "embed", "svg", "math", "form", "base", "link", "details"} & {
        *tags
    }
    links = page.evaluate(
        "[...document.querySelectorAll('[href], [src]')].map(e => e.getAttribute('href') ?? e.src)"
    )
    assert all(link.startswith(("feedback/", "data:image/png;base64,")) for link in links)
    names = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in names if name.startswith("on")]


def test_the_payloads_are_there_as_text(page, folder):
    path = next(one for one in pages(folder)[1:] if "ada" not in one.name[:4])
    page.goto(path.as_uri())
    text = page.locator("main").inner_text()
    assert "<script>document.title = 'ran'" in text
    assert "{{ 7 * 7 }}" in text
    assert "\\u{202e}" in text


def test_the_policy_alone_would_stop_a_script_and_a_request(page, folder, tmp_path):
    """Were a text ever let through, the page's policy still runs nothing and asks for nothing."""
    path = next(one for one in pages(folder)[1:] if "ada" in one.name[:4])
    leaky = tmp_path / "leaky.html"
    extra = f"<script>document.title = 'ran'</script><img src='{OUTSIDE}/x.png'><b onclick='1'>b</b>"
    leaky.write_text(path.read_text().replace("</main>", f"{extra}</main>"))
    failed = []
    page.on("requestfailed", lambda one: failed.append(one.failure))
    page.on("requestfinished", lambda one: failed.append(one.url) if OUTSIDE in one.url else None)
    page.goto(leaky.as_uri())
    page.wait_for_load_state("networkidle")
    assert page.title() != "ran"
    assert set(failed) <= {"csp"}


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_everyone_can_read_them(browser, folder, number, media):
    # the checker needs scripts of its own, which the policy forbids to everybody else
    context = browser.new_context(bypass_csp=True, viewport={"width": 900, "height": 900})
    page = context.new_page()
    page.emulate_media(media=media)
    page.goto(pages(folder)[number].as_uri())
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()


@pytest.mark.parametrize("width", [320, 900])
def test_a_students_page_fits_a_phone(page, folder, width):
    page.set_viewport_size({"width": width, "height": 700})
    for path in pages(folder)[1:]:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_page_prints_on_paper(page, folder):
    page.goto(next(one for one in pages(folder)[1:] if "ada" in one.name[:4]).as_uri())
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")

"""What a student meets: `course lab` serves a JupyterLab in which the lab runs, cell by cell, in Chromium."""

import ast

import nbformat
import numpy as np
import pytest
from lab_page import LabPage, copy_of_the_labs, errors, serve, text_of
from PIL import Image
from screens import picture

from course_lib.grading.authoring.answers import read_attempts
from course_lib.grading.authoring.source import read_lab

pytestmark = pytest.mark.browser

STUDENT, SOLUTION = "labs/03_contrastive.ipynb", "labs/solutions/03_contrastive.ipynb"
TYPED = "labs/03_typed.ipynb"  # another copy: the kernel and the autosave of the first live on
TINY = "labs/tiny.ipynb"


@pytest.fixture(scope="module")
def tiny_checkout(tmp_path_factory):
    """A checkout with one notebook of five cells: tests of the driver that need no course material."""
    checkout = tmp_path_factory.mktemp("tiny")
    (checkout / "labs" / "source").mkdir(parents=True)
    sources = ["print(6 * 7)", "# exercise 0.1\ndef answer():\n    raise NotImplementedError('write answer')"]
    sources += ["print('the answer is', answer())", "print('never reached')"]
    cells = [nbformat.v4.new_markdown_cell("# Tiny"), *map(nbformat.v4.new_code_cell, sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), checkout / TINY)
    return checkout


@pytest.fixture(scope="module")
def tiny_lab(tiny_checkout, tmp_path_factory):
    """A server on the tiny checkout."""
    with serve(tiny_checkout, tmp_path_factory.mktemp("server"), notebook=TINY) as server:
        yield server


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """`course lab` on a copy of the labs, opened as `make lab` opens it."""
    checkout = copy_of_the_labs(root, tmp_path_factory.mktemp("checkout"))
    (checkout / TYPED).write_bytes((checkout / STUDENT).read_bytes())
    with serve(checkout, tmp_path_factory.mktemp("server")) as server:
        yield server


def test_running_all_stops_at_the_first_stub(tiny_lab, page):
    cells = LabPage(page, tiny_lab, TINY).run_all(seconds=60)
    assert [cell["count"] for cell in cells[:4]] == [None, 1, 2, 3]
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


def test_pictures_for_the_readme(tiny_checkout, browser, tmp_path):
    target = picture(tmp_path / "lab.png", TINY, "exercise 0.1", tiny_checkout, (900, 600), browser)
    with Image.open(target) as image:
        assert image.size == (1350, 900)
        assert len(np.unique(np.asarray(image.convert("L")))) > 50, "an empty page"
    with pytest.raises(ValueError, match="contains 'not there'"):
        picture(tmp_path / "no.png", TINY, "not there", tiny_checkout, (900, 600), browser)


def code_of(cells):
    """Cells that a kernel runs."""
    return [cell for cell in cells if cell["type"] == "code" and cell["source"].strip()]


def counts_of(cells):
    return [cell["count"] for cell in code_of(cells)]


def place_of(cells, start):
    """Index of the first cell that begins with ``start``."""
    return next(index for index, cell in enumerate(cells) if cell["source"].startswith(start))


def test_the_student_copy_runs_up_to_the_first_stub(lab, page):
    cells = LabPage(page, lab, STUDENT).run_all(seconds=360)
    first = place_of(cells, "# exercise")
    failed, error = errors(cells)[0]
    assert failed > first, "the stub itself only defines; what uses it stops"
    assert error["ename"] == "NotImplementedError"
    assert error["evalue"], "the student reads a sentence"
    assert error["evalue"] in cells[first]["source"]
    assert counts_of(cells[: failed + 1]) == list(range(1, len(code_of(cells[: failed + 1])) + 1))
    check = place_of(cells, "check(")
    assert first < check < failed
    assert text_of(cells[check]["outputs"]).startswith("not started yet")


def test_the_solution_runs_to_the_end(lab, page):
    lab_page = LabPage(page, lab, SOLUTION)
    cells = lab_page.run_all(seconds=360)
    assert errors(cells) == []
    assert counts_of(cells) == list(range(1, len(code_of(cells)) + 1))
    checks = [cell for cell in cells if cell["source"].startswith("check(")]
    assert len(checks) >= 6
    for cell in checks:
        assert text_of(cell["outputs"]).startswith("right"), cell["source"]
    saved = lab_page.save()["cells"]
    assert [cell.get("outputs", []) != [] for cell in saved] == [cell["outputs"] != [] for cell in cells]


def answers(root, folder, exercise):
    """(name, hint, source to type) of each answer to an exercise in labs/wrong or labs/right."""
    lab = read_lab(root / "labs" / "source" / "03_contrastive.py")
    for attempts in read_attempts(root / "labs" / folder / "03_contrastive.py", lab, folder == "wrong"):
        if attempts.exercise == exercise:
            for name, hint in attempts.hints.items():
                used = lab.exercises[exercise].answer
                source = f"# exercise {exercise}\n{attempts.header}\n\n{attempts.source}\n\n{used} = {name}"
                ast.parse(source)
                yield name, hint, source


def test_typed_answers_get_the_sentence_of_the_check(lab, page, root):
    lab_page = LabPage(page, lab, TYPED)
    cells = lab_page.cells()
    first, check, start = (
        place_of(cells, text) for text in ("# exercise", "check(", "# Run this cell first")
    )
    exercise = cells[first]["source"].split()[2]
    assert f'check("{exercise}"' in cells[check]["source"]
    lab_page.run(start, seconds=300)
    assert text_of(lab_page.run(first)) == ""
    assert text_of(lab_page.run(check)).startswith("not started yet")

    _, hint, wrong = next(answers(root, "wrong", exercise))
    lab_page.write(first, wrong)
    lab_page.run(first)
    said = text_of(lab_page.run(check))
    assert said.startswith("not yet")
    assert " ".join(hint.split()) in " ".join(said.split()), "the student reads which mistake it is"

    *_, right = next(answers(root, "right", exercise))
    lab_page.write(first, right)
    lab_page.run(first)
    assert text_of(lab_page.run(check)).startswith("right")
    assert lab_page.save()["cells"][first]["source"] == right

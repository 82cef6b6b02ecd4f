"""Labs of nbgrader and Otter become labs of this course: what is kept, what is left, what never leaks."""

import nbformat
import pytest

from course_lib.grading.authoring import build
from course_lib.grading.authoring.regions import solved, stubbed, without_hidden
from course_lib.grading.authoring.source import parse, read_lab
from course_lib.grading.migrate import migrate
from course_lib.grading.migrate.assemble import scaled
from course_lib.grading.migrate.blocks import Question
from course_lib.grading.migrate.otter_lines import regions


def code(source, outputs=(), **nbgrader):
    metadata = {"nbgrader": {"schema_version": 3, "task": False, **nbgrader}} if nbgrader else {}
    return nbformat.v4.new_code_cell(source, metadata=metadata, outputs=list(outputs))


def prose(source, **nbgrader):
    metadata = {"nbgrader": {"schema_version": 3, **nbgrader}} if nbgrader else {}
    return nbformat.v4.new_markdown_cell(source, metadata=metadata)


def shown(text):
    return nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)


raw = nbformat.v4.new_raw_cell
ANSWER = {"solution": True, "grade": False, "locked": False}
TESTS = {"solution": False, "grade": True, "locked": True}
BY_HAND = {"solution": True, "grade": True, "locked": False}
SQUARES = '''def squares(n):
    """The squares of 1 to n."""
    # BEGIN SOLUTION
    if n < 1:
        raise ValueError("n is at least 1")
    return [i ** 2 for i in range(1, n + 1)]
    # END SOLUTION'''
OF_NBGRADER = [
    prose("# Squares\nA lab about squares."),
    code("import math\nimport numpy as np"),
    prose("## Write squares"),
    code(SQUARES, grade_id="squares", **ANSWER),
    code("print(squares(3))"),
    code(
        "assert squares(2) == [1, 4]\nassert np.allclose(squares(3), np.array([1, 4, 9]))\n"
        "### BEGIN HIDDEN TESTS\nassert squares(11)[-1] == 121  # a hidden one\n### END HIDDEN TESTS",
        grade_id="test_squares", points=2, **TESTS,
    ),
    code("assert squares(1) == [1]", grade_id="test_one", points=1, **TESTS),
    prose(
        "Why?\n\n### BEGIN SOLUTION\nBecause the model says so.\n### END SOLUTION",
        grade_id="why", points=3, **BY_HAND,
    ),
    code("root = math.sqrt(9)  # all of it is the answer", grade_id="root", **ANSWER),
    code("assert root == 3", grade_id="test_root", points=1, **TESTS),
]  # fmt: skip
OF_OTTER = [
    raw("# ASSIGNMENT CONFIG\ninit_cell: true\n"),
    code("import otter\nimport numpy as np\ngrader = otter.Notebook()"),
    prose("# Doubles"),
    raw("# BEGIN QUESTION\nname: q1\npoints: 4\n"),
    prose("Write `double` and use it."),
    raw("# BEGIN SOLUTION"),
    code(
        "def double(x):\n    y = x + x  # SOLUTION NO PROMPT\n    return y  # SOLUTION\n\n"
        "six = double(3)  # SOLUTION"
    ),
    raw("# END SOLUTION"),
    raw("# BEGIN TESTS"),
    code("double(2) == 4", [shown("True")]),
    code("# HIDDEN\ndouble(21)", [shown("42")]),
    raw("# END TESTS"),
    raw("# END QUESTION"),
    raw("# BEGIN QUESTION\nname: q2\nmanual: true\npoints: 2\n"),
    raw("# BEGIN PROMPT"),
    prose("Say why."),
    raw("# END PROMPT"),
    raw("# BEGIN SOLUTION"),
    prose("Because two is even."),
    raw("# END SOLUTION"),
    raw("# END QUESTION"),
    raw("# BEGIN QUESTION\nname: q3\n"),
    raw("# BEGIN PROMPT"),
    code("def halve(x):\n    ..."),
    raw("# END PROMPT"),
    raw("# BEGIN SOLUTION"),
    code("def halve(x):\n    return x / 2  # SOLUTION"),
    raw("# END SOLUTION"),
    raw("# BEGIN TESTS"),
    code('""" # BEGIN TEST CONFIG\npoints: 2\nhidden: true\n""" # END TEST CONFIG\ndef test_halve(halve):\n'
         "    assert halve(9) == 4.5\n\ntest_halve(halve)  # IGNORE"),
    raw("# END TESTS"),
    raw("# END QUESTION"),
    code("print(six)\ngrader.check_all()"),
]  # fmt: skip


@pytest.fixture
def migrated(tmp_path):
    """migrated(cells): (the parsed lab, its text, the notes)."""

    def run(cells, kind="auto", name="My Lab 1.ipynb"):
        path = tmp_path / name
        nbformat.write(nbformat.v4.new_notebook(cells=[c.copy() for c in cells]), path)
        text, notes = migrate(path, kind)
        source = tmp_path / "my_lab_1.py"
        source.write_text(text)
        return read_lab(source), text, notes

    return run


def cell(lab, role, exercise):
    return next(c for c in lab.cells if (c.role, c.exercise) == (role, exercise)).source


def run_probe(lab, exercise):
    """The values of the reference, as the probe gives them."""
    space = {"math": __import__("math"), "np": __import__("numpy")}
    exec(solved(cell(lab, "answer", exercise)), space)
    exec(lab.exercises[exercise].probe, own := {})
    return own["probe"](space[lab.exercises[exercise].answer], 0)


def test_nbgraders_answers_stubs_points_and_prose_are_carried_over(migrated):
    lab, text, notes = migrated(OF_NBGRADER)
    assert list(lab.exercises) == ["squares", "root"]
    assert lab.exercises["squares"].answer == "squares"
    assert [e.settings["points"] for e in lab.exercises.values()] == [75, 25]  # 3 and 1 of 4
    assert any("squares 3 -> 75, root 1 -> 25" in note for note in notes)
    stub = stubbed(cell(lab, "answer", "squares"), "squares")
    assert stub.startswith("# exercise squares\ndef squares(n):")
    assert "raise NotImplementedError" in stub
    assert "range(1" not in stub
    assert "A lab about squares." in text
    assert cell(lab, "setup", None).startswith("import math\nimport numpy as np")
    assert (
        next(c for c in lab.cells if "print(squares(3))" in c.source).role == "use"
    )  # the grader leaves it out


def test_tests_become_the_beginning_of_a_probe_and_carry_no_points(migrated):
    lab, _, notes = migrated(OF_NBGRADER)
    assert run_probe(lab, "squares") == {"squares(2)": [1, 4], "squares(3)": [1, 4, 9], "squares(1)": [1]}
    assert "TODO: make more inputs from seed" in lab.exercises["squares"].probe
    check = cell(lab, "check", "squares")
    assert check.startswith('check("squares", squares)\nassert squares(2) == [1, 4]')
    assert "squares(11)" in check
    assert "squares(11)" not in without_hidden(check)
    assert any(
        "3 values from the tests; draw inputs from seed, and bring out what 1 hidden" in n for n in notes
    )


def test_a_variable_as_answer_becomes_a_function(migrated):
    lab, _, notes = migrated(OF_NBGRADER)
    assert lab.exercises["root"].answer == "answer_root"
    assert run_probe(lab, "root") == {"root": 3}
    assert "math.sqrt" not in stubbed(cell(lab, "answer", "root"), "root")
    assert next(c for c in lab.cells if c.source == "root = answer_root()").role == "use"
    assert any("the answer was root, now the function answer_root" in note for note in notes)


def test_nothing_hidden_and_no_model_answer_reaches_what_students_get(migrated):
    for cells, secrets in (
        (OF_NBGRADER, ("squares(11)", "a hidden one", "the model says", "math.sqrt(9)", "i ** 2")),
        (OF_OTTER, ("double(21)", "42", "two is even", "x + x", "x / 2", "4.5")),
    ):
        lab, _, notes = migrated(cells)
        for one in lab.cells:
            text = one.source
            if one.role == "answer":
                text = stubbed(text, str(one.exercise))
            if one.role == "check":
                text = without_hidden(text)
            assert not [secret for secret in secrets if secret in text], one
        assert any("Its model answer was: Because" in note for note in notes)


def test_otters_answers_stubs_points_and_tests_are_carried_over(migrated):
    lab, text, notes = migrated(OF_OTTER)
    assert list(lab.exercises) == ["q1", "q3"]
    assert [e.settings["points"] for e in lab.exercises.values()] == [67, 33]  # 4 and 2 of 6
    stub = stubbed(cell(lab, "answer", "q1"), "q1")
    assert parse(stub)
    assert "    ...\n" in stub
    assert "six = ..." in stub
    assert run_probe(lab, "q1") == {"double(2)": 4}
    check = cell(lab, "check", "q1")
    assert "assert double(2) == 4" in check
    assert "assert repr(double(21)) == '42'" in check
    assert stubbed(cell(lab, "answer", "q3"), "q3").count("raise NotImplementedError") == 1
    assert "halve(9) == 4.5" in cell(lab, "check", "q3")
    assert "test_halve(halve)" in cell(lab, "check", "q3")
    assert "# IGNORE" not in text
    assert "otter" not in text
    assert "grader." not in text
    assert "Say why." in text
    assert any("q3: the probe has 0 values from the tests; write it" in note for note in notes)
    assert next(c for c in lab.cells if c.source == "print(six)").role == "use"


@pytest.mark.parametrize(
    ("line", "stub"),
    [
        ("x = 3  # SOLUTION", "x = ..."),
        ("x, y = 3, 4 # SOLUTION", "x, y = ..."),
        ("x = 1\n# BEGIN SOLUTION\ny = 2\nz = 3\n# END SOLUTION", "x = 1\n..."),
        ('""" # BEGIN SOLUTION\ny = 2\n""" # END SOLUTION', "..."),
        ("y = 2  # SOLUTION NO PROMPT", ""),
        ("y = 2  # SEED", ""),
        (
            '# BEGIN SOLUTION NO PROMPT\ny = 2\n# END SOLUTION\n""" # BEGIN PROMPT\ny = 0\n"""; # END PROMPT',
            "y = 0",
        ),
        ("def f(r):\n    # BEGIN SOLUTION\n    return r\n    # END SOLUTION", "def f(r):\n    ..."),
        ("for i in range(3):  # SOLUTION\n    print(i)  # SOLUTION\nprint(1)", "...\nprint(1)"),
    ],
)  # fmt: skip
def test_otters_marks_become_regions(line, stub):
    source = regions(line)
    shown_to_students = stubbed(source, "1")
    assert parse(shown_to_students)
    kept = [one for one in shown_to_students.splitlines() if "NotImplementedError" not in one]
    assert "\n".join(kept) == stub
    ran = "\n".join(one for one in solved(source).splitlines() if not one.strip().startswith("###"))
    assert "SOLUTION" not in ran
    assert parse(ran)


def test_an_answer_without_marks_is_all_solution_but_its_head(migrated):
    cells = [
        code('def f(x):\n    """Doc."""\n    y = x\n    return y', grade_id="f", **ANSWER),
        code("assert f(1) == 1", grade_id="t", points=1, **TESTS),
    ]
    lab, _, notes = migrated(cells)
    stub = stubbed(cell(lab, "answer", "f"), "f")
    assert '"""Doc."""' in stub
    assert "return y" not in stub
    assert any("no solution was marked" in note for note in notes)


def test_a_test_that_no_call_can_be_taken_from_is_a_todo_with_its_text(migrated):
    cells = [
        code(SQUARES, grade_id="squares", **ANSWER),
        code("n = 3\nassert squares(n)[0] == 1", grade_id="t", points=1, **TESTS),
    ]
    lab, text, notes = migrated(cells)
    assert "# TODO: no call of the answer with known arguments" in text
    assert "#   assert squares(n)[0] == 1" in text
    assert (
        'raise NotImplementedError("write the probe of exercise squares")' in lab.exercises["squares"].probe
    )
    assert any("0 values from the tests; write it" in note for note in notes)


def test_points_keep_their_proportions_and_add_up():
    for old in ([1, 1, 1], [2.5, 0, 7], [0, 0], [1] * 60, [1000, 1], [40, 60]):
        notes = []
        new = scaled([Question(str(n), "", points=p) for n, p in enumerate(old)], notes)
        assert sum(new.values()) == 100
        assert all(isinstance(value, int) and value > 0 for value in new.values())
        assert bool(notes) == (list(new.values()) != old)


@pytest.mark.parametrize(
    ("cells", "kind", "sentence"),
    [
        (None, "auto", "is no notebook that can be read"),
        ([code("1")], "auto", "neither nbgrader's nor"),
        ([prose("a", **TESTS)], "auto", "no exercise"),
        ([], "okpy", "There is no kind 'okpy'"),
        ([prose("```\nBEGIN QUESTION\nname: q1\n```")], "auto", "Otter's own converter"),
    ],
)
def test_what_cannot_be_migrated_is_a_sentence(tmp_path, cells, kind, sentence):
    path = tmp_path / "x.ipynb"
    path.write_text("hello") if cells is None else nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(ValueError, match=sentence):
        migrate(path, kind)


@pytest.mark.slow
def test_a_migrated_lab_builds_as_it_is(migrated, tmp_path):
    """Where every test had calls with known arguments, `course build` has nothing to complain about."""
    _, text, _ = migrated(OF_NBGRADER)
    source = tmp_path / "root" / "labs" / "source" / "91_squares.py"
    source.parent.mkdir(parents=True)
    source.write_text(text)
    assert build.build(tmp_path / "root") == []
    student = (tmp_path / "root" / "labs" / "91_squares.ipynb").read_text()
    assert "squares(11)" not in student
    assert "i ** 2" not in student

"""Every lab without the build tool: answers, probes, wrong and right answers, read from the files and run."""

import ast
import itertools
import re
import shlex

import pytest
from every_lab import BENCHMARKING, CONTRASTIVE
from lab_files import HIDDEN, PUBLIC
from lab_files import LABS as FOLDER

from course_lib.grading.authoring import notebooks

LABS = [CONTRASTIVE, BENCHMARKING]
FEWEST_WRONG_AND_RIGHT = {CONTRASTIVE: (5, 2), BENCHMARKING: (6, 3)}
MINUTES = {CONTRASTIVE: 120, BENCHMARKING: 135}

every_lab = pytest.mark.parametrize("lab", LABS, ids=str)
every_exercise = pytest.mark.parametrize(
    ("lab", "exercise"), [(lab, exercise) for lab in LABS for exercise in lab.exercises], ids=str
)


@every_lab
def test_there_are_eight_exercises_and_100_points(lab):
    assert sorted({cell.value("exercise") for cell in lab.source if cell.value("exercise")}) == lab.exercises
    assert sum(int(lab.of(exercise, "answer")[0].value("points")) for exercise in lab.exercises) == 100


@every_exercise
def test_each_exercise_is_complete(lab, exercise):
    answer, probe, check = (lab.of(exercise, role) for role in ("answer", "probe", "check"))
    assert len(answer) == len(probe) == len(check) == 1
    assert answer[0].source.startswith(f"# exercise {exercise}\n")
    assert answer[0].source.count("### BEGIN SOLUTION") == answer[0].source.count("### END SOLUTION") == 1
    function = next(node for node in ast.parse(answer[0].source).body if isinstance(node, ast.FunctionDef))
    assert function.name == lab.answer_name(exercise)
    assert len(lab.of(exercise, "hint")) == 3
    wrong, right = FEWEST_WRONG_AND_RIGHT[lab]
    assert len(lab.wrong[exercise]) >= wrong
    assert len(lab.right[exercise]) >= right


@every_exercise
def test_nothing_a_student_reads_holds_a_line_of_the_solution(lab, exercise):
    answer = lab.of(exercise, "answer")[0].source
    solution = answer.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
    lines = [line.split("  #")[0].strip() for line in solution.splitlines()]
    expressions = [line.split(" = ", 1)[-1].removeprefix("return ") for line in lines]
    expressions = [part for part in expressions if len(part) >= 20 and not part.startswith("with ")]
    shown = [cell.source for cell in lab.source if not cell.value("points") and '"probe"' not in cell.marker]
    shown += [answer.replace(solution, ""), *(function.__doc__ for function in lab.wrong[exercise].values())]
    assert not [part for part in expressions if any(part in text for text in shown)]


@every_exercise
@pytest.mark.parametrize("seed", PUBLIC + HIDDEN)
def test_right_answers_agree_with_the_reference(lab, exercise, seed):
    expected = lab.run(exercise, lab.answer(exercise), seed)
    assert "error" not in expected
    again = lab.run(exercise, lab.answer(exercise), seed)
    assert lab.same(expected, again, exercise), "the probe is not repeatable"
    for name, answer in lab.right[exercise].items():
        assert lab.same(expected, lab.run(exercise, answer, seed), exercise), name


@every_exercise
@pytest.mark.parametrize("seed", PUBLIC + HIDDEN[:1])
def test_wrong_answers_stand_clear_of_the_reference_and_of_each_other(lab, exercise, seed):
    values = {name: lab.run(exercise, answer, seed) for name, answer in lab.wrong[exercise].items()}
    values["the reference"] = lab.run(exercise, lab.answer(exercise), seed)
    for first, second in itertools.combinations(values, 2):
        assert lab.apart(values[first], values[second], exercise), f"{first} looks like {second}"


@every_exercise
def test_each_wrong_answer_is_repeatable_and_speaks_to_the_student(lab, exercise):
    for name, answer in lab.wrong[exercise].items():
        assert lab.same(lab.run(exercise, answer, 0), lab.run(exercise, answer, 0), exercise), name
        assert 40 < len(answer.__doc__) < 330, name
        assert answer.__doc__.rstrip()[-1] in ".?)", name


@every_lab
def test_markers_are_well_formed(lab):
    allowed = {"setup", "probe", "hint", "check", "train", "use", "figure", "nbval-ignore-output"}
    for cell in lab.source:
        tags = cell.value("tags")
        assert tags is None or set(ast.literal_eval(tags)) <= allowed
        assert shlex.split(cell.marker) is not None


@every_lab
def test_every_figure_has_alt_text(lab):
    for cell in lab.source:
        if "plt.subplots" in cell.source:
            assert re.search(r"viz\.alt\(\s*figure,", cell.source)
            assert "jet" not in re.findall(r"cmap=\"(\w+)\"", cell.source)


@every_lab
def test_the_minutes_and_points_in_the_table_add_up(lab):
    introduction = next(cell for cell in lab.source if "| minutes |" in cell.source)
    row = r"^# \|\s*(\d*)\s*\| ([^|]+) \|\s*(\d*)\s*\| (\d+) \|$"
    rows = re.findall(row, introduction.source, re.MULTILINE)
    *parts, total = [(int(points or 0), int(minutes)) for _, _, points, minutes in rows]
    assert tuple(map(sum, zip(*parts, strict=True))) == total == (100, MINUTES[lab])


@every_lab
def test_the_setup_cell_installs_from_the_published_address(lab):
    settings = (FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    repository, branch = (
        re.search(rf'^{key} = "(.+)"$', settings, re.MULTILINE)[1] for key in ("repository", "branch")
    )
    setup = next(cell for cell in lab.source if '"setup"' in cell.marker).source
    built = notebooks.published(setup, {"name": repository, "branch": branch})
    assert f"git+https://github.com/{repository}@{branch}" in built
    elsewhere = notebooks.published(setup, {"name": "x/y", "branch": "z"})
    assert re.findall(r"git\+[^\"]+", elsewhere) == ["git+https://github.com/x/y@z"]
    assert "torch" not in re.findall(r'"install".*', built)[0]

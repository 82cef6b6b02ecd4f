"""Every case of abuse and accident in one batch with honest submissions, whose points must not change."""

import json
import os
import shutil
from pathlib import Path

import pytest

from course_lib import grading
from course_lib.grading.authoring import build
from course_lib.grading.running import isolation
from course_lib.grading.walls import sandbox

from ...conftest import ANSWERS, FIXTURES, LAB, edit, save, student
from .cases import CASES, VARIANTS
from .traces import gone_soon

pytestmark = pytest.mark.slow
HONEST = [f"honest_{number}" for number in range(4)]


@pytest.fixture(scope="module")
def swift(tmp_path_factory):
    """The tiny course, with little patience."""
    root = tmp_path_factory.mktemp("swift") / "root"
    shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("__pycache__"))
    edit(root / "labs" / "source" / f"{LAB}.py", "timeout_s=5", "timeout_s=4")
    assert build.build(root) == []
    return root


@pytest.fixture(scope="module")
def batch(swift, tmp_path_factory):
    if isolation.best()[1] == "none":
        pytest.skip("no walls can be put up on this machine")
    base = tmp_path_factory.mktemp("abuse")
    secret = base / "grades.txt"
    secret.write_text("alice 100")
    for name in HONEST:
        mark = "\nHONEST = 'HONEST-MARK'"
        save(student(swift, x90_1=ANSWERS["90.1"] + mark), base / "submissions" / f"{name}.ipynb")
    targets = [str(secret), str(base / "submissions" / "honest_0.ipynb"), str(Path(grading.__file__))]
    paths = f"PATHS = {targets}\n"
    for name, case in CASES.items():
        head = "" if case.source.startswith("%%") else "# exercise 90.1\n"
        head += paths if "PATHS" in case.source else ""
        save(student(swift, x90_1=head + case.source), base / "submissions" / f"{name}.ipynb")
    said: list[str] = []
    summary = grading.grade(
        LAB, base / "submissions", base / "out", root=swift, workers=2, say=said.append,
        provisioner=sandbox.NAME,
    )  # fmt: skip
    rows: dict = {}
    for row in summary.rows:
        rows.setdefault(row["student"], {})[row["exercise"]] = row
    return summary, rows, secret


@pytest.mark.parametrize("name", CASES)
def test_a_case_ends_as_stated(batch, name):
    case, (first, second) = CASES[name], batch[1][name].values()
    for row, status in ((first, case.first), (second, case.second)):
        # on a busy machine the time of a cell may be over before its memory or output is too much
        stated = {status, "timeout"} if status in ("memory_limit", "output_limit") else {status}
        assert not status or row["status"] in stated, row
    said = first["reason"] + "; ".join(first["flags"])
    assert (first["status"] == "timeout" != case.first) or case.said in said


def test_honest_points_do_not_change(batch):
    for name in HONEST:
        assert [row["points"] for row in batch[1][name].values()] == [40, 60], batch[1][name]


def test_no_wrong_value_got_points(batch):
    for name, case in CASES.items():
        first, second = batch[1][name].values()
        assert first["points"] == (40 if first["status"] == "right" else 0)
        assert second["points"] == (60 if second["status"] == "right" else 0)
        if "return 0.0" in case.source or case.first not in ("right", ""):
            assert first["points"] == 0, name


def test_nobody_is_missing(batch):
    summary, rows, _ = batch
    assert summary.complete
    assert set(rows) == {*CASES, *HONEST}


def test_nothing_was_read_written_or_left(batch):
    summary, _, secret = batch
    assert secret.read_text() == "alice 100"
    for page in (summary.out / "feedback").glob("*.html"):
        assert "alice 100" not in page.read_text()
        assert "LEAK" not in page.read_text().replace("print(&#39;LEAK&#39;", "").replace("print('LEAK'", "")
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob("course-probe-*"))


def test_no_process_is_left(batch):
    assert gone_soon()


def test_each_attempt_says_how_well_it_was_walled_in(batch):
    summary, _, _ = batch
    found = {
        json.loads(path.read_text()).get("isolation") for path in (summary.out / "attempts").glob("*.json")
    }
    assert found == {isolation.best()[1]}


def test_the_table_of_the_study_is_covered():
    numbers = {case.number for case in CASES.values()} - {None}
    # 6 (many slow cells) is in tests/grading/running/test_run.py, where the deadline is short
    assert numbers == {
        1,
        2,
        3,
        4,
        7,
        9,
        11,
        12,
        14,
        15,
        16,
        18,
        20,
        22,
        23,
        24,
        26,
        27,
        28,
        49,
        50,
        51,
        56,
        58,
    }
    assert len(VARIANTS) >= 10

"""`course verify` on the real course: nbval over every notebook, every answer against every check."""

import pytest

from course_lib.grading.verify import verify


@pytest.mark.notebooks
def test_every_notebook_runs_and_every_answer_gets_its_points(root):
    report = verify(root)
    assert report.ok, str(report)

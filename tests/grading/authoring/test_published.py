"""Where the course is published: the badge and the set-up cell of a lab say the same address."""

import pytest

from course_lib.grading.authoring import build, notebooks

from ..conftest import LAB, edit

SETUP = 'source = os.environ.get("COURSE_SOURCE", "git+https://github.com/{}")'


@pytest.mark.parametrize("written", ["a/b@main", "some.one/x-y_z@v1.2/next", "someone/tiny-course@main"])
def test_the_address_is_put_in_and_nothing_else_changes(written):
    where = {"name": "someone/tiny-course", "branch": "main"}
    assert notebooks.published(SETUP.format(written), where) == SETUP.format("someone/tiny-course@main")
    assert notebooks.published(SETUP.format(written), None) == SETUP.format(written)


def test_publishing_is_one_line_of_pyproject(sources):
    edit(sources / f"labs/source/{LAB}.py", "import numpy as np\n\nfrom", f"# {SETUP.format('a/b@c')}\nfrom")
    edit(sources / f"labs/source/{LAB}.py", "HELPER = 1e-12", "import numpy as np\nHELPER = 1e-12")
    edit(sources / "pyproject.toml", "someone/tiny-course", "other/place")
    build.build(sources, execute=False)
    for name in (f"labs/{LAB}.ipynb", f"labs/solutions/{LAB}.ipynb"):
        text = (sources / name).read_text()
        assert "git+https://github.com/other/place@main" in text
        assert "github/other/place/blob/main/labs/90_tiny.ipynb" in text
        assert "a/b@c" not in text


def test_a_lecture_has_no_badge_as_it_does_not_install_the_library(built):
    assert "colab" not in (built / "lectures/90_talk.ipynb").read_text().lower()

"""README: its numbers are those of the result files, its pictures and links exist."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import readme_table  # noqa: E402


def test_the_table_is_what_the_result_files_say():
    text = (ROOT / "README.md").read_text()
    assert readme_table.page(text) == text, "run: python benchmarks/readme_table.py"
    assert len(readme_table.rows()) >= 3


def test_every_picture_and_file_that_the_readme_names_is_there():
    text = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    assert pictures
    for alt, path in pictures:
        assert alt, f"{path} has no alt text"
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"`((?:labs|lectures)/[\w/]+)`", text):
        assert (ROOT / path).exists() or (ROOT / f"{path}.ipynb").is_file(), path


def test_the_readme_names_every_method_of_course_train():
    from course_lib.training.recipe import METHODS

    table = (ROOT / "README.md").read_text().split("| family | names |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(METHODS)

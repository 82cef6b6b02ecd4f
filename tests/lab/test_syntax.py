"""What a cell of a notebook defines, whatever stands in it beside Python."""

import ast
import time

import pytest

from course_lib.lab import syntax


def same(source, python):
    """Whether a cell is read as a piece of Python."""
    found = syntax.tree(source)
    return found is not None and ast.dump(found) == ast.dump(ast.parse(python))


@pytest.mark.parametrize(
    "source",
    [
        "seven = (17\n   % 10)",
        'text = """\n!not a command\n%nor a magic\nnor help?\n"""',
        "text = 'one\u2028two\x85three'",
        "\x0cdef f():\n    return 1",
        "x = 17 \\\n% 10",
    ],
)
def test_python_stays_as_it_is(source):
    assert same(source, source)


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("%matplotlib inline\n!ls\nx = 1", "pass\npass\nx = 1"),
        ("def f(n):\n    %time s = sum(n)\n    return s", "def f(n):\n    s = sum(n)\n    return s"),
        ("if 1:\n    !ls \\\n  -l\n    x = 1", "if 1:\n    pass\n    x = 1"),
        ("files = !ls | grep 'it\nx, y = %env HOME\n", "files = 0\nx, y = 0\n"),
        ("x = 1\nx?\nmax??\n?x\na.b?", "x = 1\npass\npass\npass\npass"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("%time\nseven = (17\n   % 10)", "pass\nseven = (17\n   % 10)"),
        (
            "%time\ntext = '''\n%no (magic\n'''\nx = 17 \\\n% 10",
            "pass\ntext = '''\n%no (magic\n'''\nx = 17 % 10",
        ),
        ("!echo ( ' [\r\nx = 1  # it's (\r\n!ls\r\n", "pass\nx = 1\npass\n"),
        ("!ls\ntext = 'one\u2028two\x85three\x0c'", "pass\ntext = 'one\u2028two\x85three\x0c'"),
        ("!ls\nx = 3 != 4\nx %= 2", "pass\nx = 3 != 4\nx %= 2"),
    ],
)
def test_what_only_ipython_knows_is_left_out(source, python):
    assert same(source, python)


@pytest.mark.parametrize("source", ["this is no Python", "!ls\ndef f(:", "x = (1\n!ls", "\0", "(" * 5_000])
def test_no_python_has_no_tree(source):
    assert syntax.tree(source) is None


PARTS = ['"', '"""\\', "'''", "\\", "(", "%x\n", "x = !a\n", "a.b", "x, ", "a = ", " "]


@pytest.mark.parametrize("part", PARTS)
def test_the_time_grows_with_the_length(part):
    started = time.monotonic()
    syntax.tree("?\na" + part * (200_000 // len(part)))
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("source", "elsewhere"),
    [
        ("%%script false\nx = 1", True),
        ("\n  %%writefile a.py\nx = 1", True),
        ("%%!\nls", True),
        ("%%time\nx = 1", False),
        ("x = 1\n%%bash", False),
    ],
)
def test_a_cell_that_another_program_runs(source, elsewhere):
    assert syntax.run_elsewhere(source) is elsewhere

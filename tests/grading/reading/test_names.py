"""What a cell defines is read from its syntax, and from its lines where it is no Python."""

import pytest

from course_lib.grading.reading.names import LONGEST, defines, switched_off


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x",
        "async def f(x): return x",
        "@decorated\nclass f: pass",
        "f = g = 3",
        "g, (f, *h) = 1, (2, 3)",
        "f: int = 3",
        "from statistics import fmean as f",
        "import f.g",
        "if 1:\n    def f(x): return x",
        "try:\n    from a import f\nexcept ImportError:\n    pass",
        "%matplotlib inline\ndef f(x): return x",
        "%%time\ndef f(x): return x",
        "f = !ls",
        "def f(x:\n    no Python",
        "f = 3\n" + "#" * LONGEST,
    ],
)
def test_defined(source):
    assert defines(source, "f")


@pytest.mark.parametrize(
    "source",
    [
        "'''\ndef f(x): return x\n'''",
        "# def f(x): return x",
        "%%script false\ndef f(x): return x",
        "%%writefile f.py\nf = 3",
        "def g():\n    f = 3",
        "f == 3",
        "f: int",
        "g.f = 3\ng[f] = 4\nprint(f)",
        "[f for f in range(3)]",
        "if 0:\n    def f(x): return x",
        "from f import g",
        "ff = 3",
    ],
)
def test_not_defined(source):
    assert not defines(source, "f")


@pytest.mark.parametrize(
    ("kind", "source", "off"),
    [
        ("code", "x = 1", False),
        ("code", "this is no Python", False),
        ("code", '"""Words."""\nx', False),
        ("code", '"""Words."""\n# x', True),
        ("code", "%%bash\nls", True),
        ("raw", "x = 1", True),
    ],
)
def test_switched_off(kind, source, off):
    assert switched_off(kind, source) is off

"""Names that an exercise forbids, in every spelling that the syntax shows."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.lab.offlimits import off_limits_used

BAD = ["course_lib.losses"]


@pytest.mark.parametrize(
    "source",
    [
        "from course_lib.losses import nt_xent\nf = nt_xent",
        "from course_lib.losses import nt_xent as mine\ndef f(): return mine(1)",
        "from course_lib import losses\nf = losses.nt_xent",
        "import course_lib.losses as helper\nf = helper.nt_xent",
        "import course_lib\ndef f(x):\n    return course_lib.losses.nt_xent(x)",
        "from course_lib.losses import *\nf = nt_xent",
        "def f(x):\n    from course_lib.losses.nt_xent import nt_xent\n    return nt_xent(x)",
        "import course_lib as c\nl = c.losses\nf = l.moco",
        "import importlib\nm = importlib.import_module('course_lib.losses')",
        "m = __import__('course_lib.losses', fromlist=['x'])",
        "%time\nfrom course_lib import losses",
    ],
)
def test_used(source):
    assert off_limits_used(source, BAD)


@pytest.mark.parametrize(
    "source",
    [
        "from course_lib import data\nf = data.losses",
        "import course_lib\nx = course_lib.losses_of_mine",
        "losses = [1]\nx = losses[0]",
        '"""Not like course_lib.losses does it."""',
        "this is no Python",
        "",
    ],
)
def test_not_used(source):
    assert off_limits_used(source, BAD) == []


def test_an_import_in_an_earlier_cell_gives_the_name_its_meaning():
    source = "def f(x):\n    return losses.nt_xent(x)"
    assert off_limits_used(source, BAD) == []
    assert off_limits_used(source, BAD, "from course_lib import losses") == ["course_lib.losses.nt_xent"]


SET_UP = "from course_lib import data, losses\nimport numpy as np"


@pytest.mark.parametrize(
    "source",
    [
        "def f(data):\n    return data.shape",
        "def f(x, *data, **losses):\n    return data.a, losses.b",
        "def f(x):\n    data = np.zeros(3)\n    def g():\n        return data.shape\n    return g",
        "def f(x):\n    for data, losses in x:\n        data.a + losses.b",
        "f = lambda data: data.shape",
        "f = [data.shape for data in range(3) if losses_of(data.x)]",
        "data = np.zeros(3)\ndef f(x):\n    return data.shape",
        "class data:\n    pass\nx = data.shape",
        "def f(x):\n    with x as data:\n        d = data\n        return d.shape",
        "def f(x, data=None):\n    d = data\n    return d.load",
        "def f(x):\n    return [x for losses in x for x in losses.a]",
    ],
)
def test_a_name_that_the_answer_binds_itself_is_not_that_of_the_set_up(source):
    assert off_limits_used(source, ["course_lib.data", "course_lib.losses"], SET_UP) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return data.load(x)",
        "d = data\nd.load(3)",
        "d = data.load\nx = d(3)",
        "def f(x, d=data.load):\n    return d(x)",
        "def f(data):\n    return data.shape\ndef g(x):\n    return data.load(x)",
        "x = data.load(3)\ndata = 3",
        "data = data.load(3)",
        "def f(x):\n    global data\n    data = data.load(x)",
        "class A:\n    data = 3\n    def f(self):\n        return data.load(3)",
        "f = [data.load(data) for x in data.load for y in data.load]",
        "@data.load\ndef f(data):\n    return data",
        "def f(data):\n    from course_lib import data\n    return data.load",
        "def f(data: data.load):\n    return data",
    ],
)
def test_what_the_set_up_imported_is_found_where_it_is_meant(source):
    assert "course_lib.data.load" in off_limits_used(source, ["course_lib.data"], SET_UP)


def test_a_renaming_of_what_the_set_up_imported_is_followed():
    assert off_limits_used("l = losses\nl.moco(3)", ["course_lib.losses.moco"], SET_UP)


@given(st.sets(st.lists(st.sampled_from(["a", "b", "a-"]), min_size=1, max_size=3).map(".".join)))
def test_only_the_longest_names_are_told(names):
    found = {f"bad.{name}" for name in names}
    source = "\n".join(f"x = {name!r}" for name in sorted(found))
    longest = [name for name in found if not any(other.startswith(name + ".") for other in found)]
    assert off_limits_used(source, ["bad"]) == sorted(longest)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("bad.a.b.c", ["bad.a.b.c"]),
        ("bad.a(bad.b.c).d[bad.a.e].f", ["bad.a.e", "bad.b.c"]),  # bad.a begins another
        ("bad\nbad.a", ["bad.a"]),
        ("bad.a.b\n'bad.a.b.c'", ["bad.a.b.c"]),
        ("import bad as x\nx.a + x.b.c", ["bad.a", "bad.b.c"]),
        ("import bad\ny = bad.a\ny.b.c", ["bad.a.b.c"]),
    ],
)
def test_of_a_chain_its_whole_is_told(source, names):
    assert off_limits_used(source, ["bad"]) == names


CHAINS = "\n".join(f"bad.{'.'.join([f'a{number}'] + ['a'] * 2_000)}" for number in range(5))
RENAMED = "import bad as a0\n" + "\n".join(f"a{number + 1} = a{number}.b" for number in range(3_000))
IMPORTED = (
    f"import bad{'.a' * 600} as s\nfrom bad{'.a' * 600} import {', '.join(f'b{n}' for n in range(3_000))}\n"
)
NESTED = "\n".join(
    f"def f{n}(bad):\n    return [bad.a for x in bad if (lambda: x.y)()]" for n in range(1_000)
)
DEEP = "x = " + "(lambda bad: " * 80 + "bad.a" + ")" * 80 + "\nbad.b"
IMPORTED += "\n".join(f"s.c{number}" for number in range(3_000))


@pytest.mark.parametrize(
    "source",
    [CHAINS, RENAMED, IMPORTED, NESTED, DEEP],
    ids=["chains", "renamed", "imported", "nested", "deep"],
)
def test_long_names_in_many_places_take_memory_by_their_length(source):
    tracemalloc.start()
    try:
        used = off_limits_used(source, ["bad"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used
    assert peak < 600 * len(source)  # a syntax tree takes 200 to 300 bytes for each character

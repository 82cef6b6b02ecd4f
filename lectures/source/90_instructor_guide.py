# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: slideshow,tags
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # A lab from the first line to the last grade
# **For instructors.** This page makes a small lab, hands it to a class of twelve, grades what comes back (two of the twelve
# try to cheat, one loops for ever, one kills its kernel), mends a mistake of the instructor, grades again, and exports the
# points. Everything happens in a folder that is thrown away. Each step names the command that does the same for your lab.
#
# | part | step | command |
# |---|---|---|
# | 1 | write an exercise, its probe and its hints | an editor |
# | 2 | write the wrong answers | an editor |
# | 3 | build the student copy | `course build` |
# | 4 | verify that checks tell right from wrong | `course verify` |
# | 5 | grade a class | `course grade` |
# | 6 | what students and instructors see | |
# | 7 | mend a check, grade again, set points by hand | `course regrade`, `course override` |
# | 8 | send the points away | `course export` |
# | 9 | come from nbgrader or Otter | `course migrate` |

# %% slideshow={"slide_type": "skip"}
import html
import json
import re
import tempfile
import time
from pathlib import Path

import nbformat
import pandas as pd
from IPython.display import Markdown, display

from course_lib.grading import grade, migrate, regrade, results, verify
from course_lib.grading.authoring import build, notebooks
from course_lib.grading.reporting import exports
from course_lib.grading.running import isolation

started = time.perf_counter()
folder = tempfile.TemporaryDirectory(prefix="guide-")
root = Path(folder.name) / "course"


def say(text):
    display(Markdown(text))


def code(text):
    display(Markdown(f"```python\n{text.strip()}\n```"))


def write(name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.strip() + "\n", encoding="utf-8")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · One file is the lab
# `labs/source/NN_topic.py` is a Jupytext file: what stands behind `# %%` is a cell. Seven kinds of cells make an exercise; the last three are optional.
#
# | cell | what is in it | who sees it |
# |---|---|---|
# | answer | the stub and, between `### BEGIN SOLUTION` and `### END SOLUTION`, the solution | students: the stub |
# | probe | a function `probe(answer, seed)` that makes inputs, calls the answer and returns *values* | nobody reads it; `check` and the grader run it |
# | hint | one step further each time `hint("...")` is called | students, when they ask |
# | check | `check("...", name)` | students |
# | use, figure, train | a cell in which the student's function does something visible | students |
#
# The anchor, `# exercise 91.1` in the first line of an answer, finds the answer again when Colab has dropped all metadata.

# %% slideshow={"slide_type": "-"}
LAB = '''
# %% [markdown]
# # Lab 91: alike or not
# Two exercises about the cosine of two vectors.

# %% tags=["setup"]
# ruff: noqa: F811
import numpy as np

from course_lib.lab import check

# %% [markdown]
# ## Exercise 91.1: rows of length one (40 points)


# %% exercise="91.1" points=40 timeout_s=5
# exercise 91.1
def unit_rows(matrix):
    """matrix: (N, D). Returns (N, D): every row divided by its Euclidean length."""
    ### BEGIN SOLUTION
    squared_lengths = (matrix**2).sum(axis=1, keepdims=True)
    return matrix / np.sqrt(squared_lengths)
    ### END SOLUTION


# %% tags=["probe"] exercise="91.1"
def probe(answer, seed):
    import numpy as np

    draw = np.random.default_rng(seed)
    return {"rows": answer(draw.normal(size=(4, 3 + seed % 5)))}


# %% [markdown] tags=["hint"] exercise="91.1"
# The length of a vector is the root of the sum of its squares.

# %% [markdown] tags=["hint"] exercise="91.1"
# `sum(axis=1, keepdims=True)` keeps a column, (N, 1), and a column divides every row.

# %% tags=["check"] exercise="91.1"
check("91.1", unit_rows)

# %% tags=["use"]
unit_rows(np.array([[3.0, 4.0], [0.0, 2.0]]))

# %% [markdown]
# ## Exercise 91.2: the mean cosine (60 points)


# %% exercise="91.2" points=60 rtol=1e-9 atol=1e-12 timeout_s=5
# exercise 91.2
def mean_cosine(first, second):
    """first, second: (N, D). Returns the mean over the N pairs of rows of their cosine, a number."""
    ### BEGIN SOLUTION
    pairwise_products = (unit_rows(first) * unit_rows(second)).sum(axis=1)
    return pairwise_products.mean()
    ### END SOLUTION


# %% tags=["probe"] exercise="91.2"
def probe(answer, seed):
    import numpy as np

    draw = np.random.default_rng(seed)
    first, second = draw.normal(size=(2, 5, 4)).astype(np.float32)
    return {"mean": answer(first, second)}


# %% [markdown] tags=["hint"] exercise="91.2"
# The cosine of two vectors of length one is their product.

# %% tags=["check"] exercise="91.2"
check("91.2", mean_cosine)

# %% tags=["figure"]
mean_cosine(np.eye(3), np.ones((3, 3))).round(3)
'''
write("labs/source/91_alike.py", LAB)
say(f"`labs/source/91_alike.py`, {len(LAB.splitlines())} lines. The first exercise in it:")
code(LAB[LAB.index('# %% exercise="91.1"') : LAB.index("# %% [markdown]\n# ## Exercise 91.2")])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The mistakes that students make
# `labs/wrong/91_alike.py` holds wrong answers, each a function called `<answer>__<mistake>`. The docstring is what a tutor would
# say. A mistake is recognised by the **values** it produces, so it does not matter how a student has written it.
# `labs/right/91_alike.py` holds other right answers: a check must not refuse them.

# %% slideshow={"slide_type": "-"}
WRONG = '''
# %%
import numpy as np


# %% exercise="91.1"
def unit_rows__columns(matrix):
    """Your columns have length one, not your rows. Along which axis do you add?"""
    return matrix / np.sqrt((matrix**2).sum(axis=0, keepdims=True))


def unit_rows__no_root(matrix):
    """You divide by the squared length. What turns it into the length?"""
    return matrix / (matrix**2).sum(axis=1, keepdims=True)


# %% exercise="91.2"
def mean_cosine__not_normalised(first, second):
    """These are products of vectors as they came. A cosine does not change when a vector gets longer."""
    return (first * second).sum(axis=1).mean()
'''
RIGHT = """
# %%
import numpy as np


# %% exercise="91.1"
def unit_rows__linalg(matrix):
    return matrix / np.linalg.norm(matrix, axis=1)[:, None]
"""
write("labs/wrong/91_alike.py", WRONG)
write("labs/right/91_alike.py", RIGHT)
write("pyproject.toml", '[tool.course]\nrepository = "your-organisation/your-course"\nbranch = "main"')
code(WRONG[WRONG.index("def unit_rows__columns") : WRONG.index('# %% exercise="91.2"')])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Build: `course build 91_alike`
# One source becomes three files. Generated files are never edited by hand; `course build --check` says when they are old.

# %% slideshow={"slide_type": "-"}
differences = build.build(root)
student_copy = notebooks.read(root / "labs" / "91_alike.ipynb")
stub = next(cell for cell in student_copy.cells if cell.id == "answer-91-1")
say(
    "\n".join(
        f"- `{path.relative_to(root)}`, {path.stat().st_size / 1000:.1f} kB"
        for path in sorted(
            [*root.glob("labs/*.ipynb"), *root.glob("labs/solutions/*"), *root.rglob("bundles/*")]
        )
        if path.is_file()
    )
)
say("What a student finds in the cell of exercise 91.1:")
code(stub.source)

# %% [markdown] slideshow={"slide_type": "-"}
# Each build looks for every line of the solution in all that a student gets. A hint that gives the line away stops the build:

# %% slideshow={"slide_type": "-"}
leaky = LAB.replace(
    "# The cosine of two vectors of length one is their product.",
    "# Write `pairwise_products = (unit_rows(first) * unit_rows(second)).sum(axis=1)`.",
)
write("labs/source/91_alike.py", leaky)
say(f"> {build.build(root)[0]}")
write("labs/source/91_alike.py", LAB)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Verify: `course verify 91_alike`
# nbval runs the notebooks. Then every wrong answer has to be refused *with its own sentence*, every right one accepted, the solution
# has to get all points and the blank copy none.

# %% slideshow={"slide_type": "-"}
report = verify.verify(root)
say("All well." if report.ok else "> " + " ".join(report.problems))

# %% [markdown] slideshow={"slide_type": "-"}
# A check is only as good as its probe. Here is a weak one: it looks at the sum of the signs of all entries, which a wrong answer has as well.

# %% slideshow={"slide_type": "-"}
weak = LAB.replace(
    'return {"rows": answer(draw.normal(size=(4, 3 + seed % 5)))}',
    'return {"signs": np.sign(answer(draw.normal(size=(4, 3 + seed % 5)))).sum()}',
)
write("labs/source/91_alike.py", weak)
complaints = build.build(root) or verify.verify(root).problems
say("\n".join(f"> {complaint}\n" for complaint in complaints[:3]))
write("labs/source/91_alike.py", LAB)
_ = build.build(root)
# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Grade: `course grade 91_alike handed_in --out results`
# Twelve students hand in. Some are right, one in a way that nobody thought of; others show what a grader meets in a real class.

# %% slideshow={"slide_type": "-"}
FIRST = "def unit_rows(matrix):\n    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)"
SECOND = "def mean_cosine(first, second):\n    return (unit_rows(first) * unit_rows(second)).sum(1).mean()"
CLASS = {
    "ada": (FIRST, SECOND),
    "ben": (FIRST.replace("axis=1", "axis=0"), SECOND),
    "chi": (FIRST, "def mean_cosine(first, second):\n    return (first * second).sum(1).mean()"),
    "dov": ("def unit_rows(matrix):\n    return matrix / (matrix**2).sum(1, keepdims=True)", SECOND),
    "eli": (
        FIRST,
        "def mean_cosine(first, second):\n    angles = [np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)) for a, b in zip(first, second)]\n"
        "    return sum(angles) / len(angles)",
    ),
    "fay": (None, None),
    "gus": (
        "def unit_rows(matrix):\n    while True:\n        pass",
        "def mean_cosine(first, second):\n    return 0.5",
    ),
    "hua": (
        "import os\n\ndef unit_rows(matrix):\n    os._exit(1)",
        "def mean_cosine(first, second):\n    return 0.5",
    ),
    "ivo": (
        "class Same:\n    __eq__ = lambda *_: True\n    __array__ = lambda *_: np.ones((4, 3))\n\n"
        "def unit_rows(matrix):\n    return Same()",
        SECOND,
    ),
    "jun": (
        "import glob\n\ndef unit_rows(matrix):\n    found = [one for top in ('home', 'root', 'tmp', 'course/l*')\n"
        "             for one in glob.glob(f'/{top}/**/*.ipynb', recursive=True)]\n"
        "    raise RuntimeError(f'{len(found)} notebooks of others found')",
        SECOND,
    ),
    "kim": (FIRST, SECOND),
    "lea": (FIRST, SECOND),
}
handed_in = root.parent / "handed_in"
handed_in.mkdir()
for name, answers in CLASS.items():
    notebook = json.loads((root / "labs" / "91_alike.ipynb").read_text(encoding="utf-8"))
    for exercise, source in zip(("91.1", "91.2"), answers, strict=True):
        cell = next(c for c in notebook["cells"] if c["id"] == f"answer-{exercise.replace('.', '-')}")
        cell["source"] = f"# exercise {exercise}\n{source}" if source else cell["source"]
    if name == "kim":  # Colab: no metadata, no ids
        for cell in notebook["cells"]:
            cell["metadata"] = {}
            cell.pop("id")
    text = json.dumps(notebook)
    (handed_in / f"{name}.ipynb").write_text(
        text[: len(text) // 2] if name == "lea" else text, encoding="utf-8"
    )
say(f"{len(CLASS)} files in `handed_in`; Kim's went through Colab, Lea's broke off while it was uploaded.")

# %% [markdown] slideshow={"slide_type": "-"}
# Before anything runs, the grader tries its own walls. On less than `full` it refuses, unless `--allow-unsandboxed` is given:

# %% slideshow={"slide_type": "-"}
provisioner, level, sentence = isolation.best()
say(f"> isolation: {sentence}")

# %% slideshow={"slide_type": "-"}
out = root.parent / "results"
summary = grade("91_alike", handed_in, out, root=root, allow_unsandboxed=True)
say("```\n" + str(summary).replace(str(root.parent), "...") + "\n```")


def show_table(folder):
    table = pd.read_csv(folder / "results.csv", dtype={"exercise": str}).fillna("")
    table = table[["student", "exercise", "points", "status", "reason"]]
    shown = {"text/html": table.to_html(index=False, border=0), "text/plain": table.to_string(index=False)}
    display(shown, raw=True)


show_table(out)

# %% [markdown] slideshow={"slide_type": "-"}
# Read it line by line:
#
# - **Gus** and **Hua** lose the exercise that loops or kills, not the one after it: the grader starts a new kernel and goes on.
# - **Ivo**'s object says that it equals everything. Nobody asks it: values leave the kernel as JSON and are compared elsewhere.
# - **Jun** searched the disk. Behind the walls there is no notebook but Jun's own cells, and no other student.
# - **Kim**'s answers were found by their anchors. **Lea**'s file has its two rows too: nothing that was handed in gets lost.
# - **Ben** loses 91.2 because it calls his 91.1. Where you do not want that, let an exercise stand alone.
# - **Eli**'s 91.2 is right, and was refused. That one is *our* mistake; part 7 mends it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · What the class looks like
# `results/class.html` is the instructor's page, `results/feedback/` has one page a student: points, the sentence that fits the
# mistake, their own code. No page has a script, and none shows what the hidden inputs were. Two pictures from the class page:

# %% slideshow={"slide_type": "-"}
page = (out / "class.html").read_text(encoding="utf-8")
found = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)">', page)
for data, words in found[:2]:
    display(
        {
            "image/png": data,
            "text/plain": words,
            "text/html": f'<img src="data:image/png;base64,{data}" alt="{words}">',
        },
        raw=True,
        metadata={"image/png": {"alt": html.unescape(words)}},
    )
sizes = [path.stat().st_size / 1000 for path in (out / "feedback").glob("*.html")]
say(
    f"{len(sizes)} pages in `feedback`, {min(sizes):.0f} to {max(sizes):.0f} kB each; the class page has {len(page) / 1000:.0f} kB."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Our own mistake: `course regrade`, `course override`
# Eli adds up in another order. On float32 numbers that moves the result by less than one part in a million of the largest
# product, and our exercise asked for `rtol=1e-9`. A tolerance has to leave room for the number format: `rtol=1e-4 atol=1e-6`.
# Before that, Ben came to the office hour and got 30 points by hand.

# %% slideshow={"slide_type": "-"}
said = results.set_by_hand(out, "ben", "91.2", "30", "right idea, fails only through 91.1", "B. Bauer", root)
say(f"> {said}")
write("labs/source/91_alike.py", LAB.replace("rtol=1e-9 atol=1e-12", "rtol=1e-4 atol=1e-6"))
_ = build.build(root)
again = regrade.regrade("91_alike", out, root=root, allow_unsandboxed=True)
say("```\n" + regrade.in_words(again.changes, maxima=again.maxima) + "\n```")
attempts = len(list((out / "attempts").glob("*.json")))
say(
    f"Nothing was overwritten: {attempts} attempts are kept, those from before the change among them. "
    "What runs out of time is tried once more, alone, and both tries are kept. Ben's 30 points stay."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 · Send the points away: `course export`
# Canvas takes back only its own gradebook. The grader fills one column of the file that you exported, and leaves the rest as it is.

# %% slideshow={"slide_type": "-"}
GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,91 alike (501)
    Points Possible,,,,,100
"Lovelace, Ada",11,,ada,A,
"Bright, Ben",12,,ben,A,
"Sommer, Eli",13,,eli,B,
"Nobody, Nora",14,,nora,B,
"""
(root.parent / "exported.csv").write_text(GRADEBOOK, encoding="utf-8")
notes = []
filled = exports.export(
    out, "canvas", root.parent / "upload.csv", root.parent / "exported.csv", say=notes.append
)
say("```\n" + filled.read_text(encoding="utf-8") + "```")
say("\n".join(f"- {note}" for note in notes))

# %% [markdown] slideshow={"slide_type": "-"}
# The other forms: `long`, `wide`, `moodle`, `nbgrader`, `gradescope`. A name that begins like a formula stays text in each of them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 9 · From nbgrader or Otter: `course migrate`
# Prose, code, solutions, points and hidden tests are carried over. A check of this course compares values, so the asserts of the old
# lab become the beginning of a probe, and a list says what is left to write.

# %% slideshow={"slide_type": "-"}
OLD = nbformat.v4.new_notebook(
    cells=[
        nbformat.v4.new_markdown_cell("# Old lab\nAdd two numbers."),
        nbformat.v4.new_code_cell(
            "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION",
            metadata={
                "nbgrader": {
                    "grade": False,
                    "grade_id": "add",
                    "locked": False,
                    "schema_version": 3,
                    "solution": True,
                    "task": False,
                }
            },
        ),
        nbformat.v4.new_code_cell(
            "assert add(1, 2) == 3\n### BEGIN HIDDEN TESTS\nassert add(-1, 1) == 0\n### END HIDDEN TESTS",
            metadata={
                "nbgrader": {
                    "grade": True,
                    "grade_id": "test_add",
                    "locked": True,
                    "points": 5,
                    "schema_version": 3,
                    "solution": False,
                    "task": False,
                }
            },
        ),
    ]
)
nbformat.write(OLD, root.parent / "old.ipynb")
text, notes = migrate.migrate(root.parent / "old.ipynb")
code(text[text.index("# %% exercise=") :])
say("\n".join(f"- {note}" for note in notes))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What the grader does not promise
# | it does | it does not |
# |---|---|
# | decide points by values, outside the student's process | judge style, prose or plots |
# | keep students' code from network, files, other students | replace a machine of its own where the stakes are high: a kernel of Linux is shared |
# | tell equal files, equal code (names and layout aside) and equal wrong values | say who copied from whom, or take off points for it |
# | give the sentence of a known mistake | know mistakes that nobody has written down: read the column `reason` once a term |
#
# On macOS and in Colab there are no walls, and the grader says `none`; in most containers too. Students can check
# themselves there; grade on Linux.

# %% slideshow={"slide_type": "-"}
folder.cleanup()
say(f"The page took {time.perf_counter() - started:.0f} s.")

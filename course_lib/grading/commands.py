"""The grading commands of `course`: grade, regrade, override, export, migrate.

Errors of grading are sentences for the terminal; exit status 0 means that everything is done, 1 that some
runs broke off and will be tried again by the next `course grade`.
"""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLES = {
    "grade": """\
example:
  course grade 03_contrastive handed_in --out results --workers 2

handed_in holds one notebook (or zip archive) per student, alice.ipynb, or one folder per student,
alice/anything.ipynb. results gets results.csv, summary.csv, class.html and a page per student in
feedback/. Give the same command again at any time: what was graded is kept, new files are added, and what
was interrupted goes on. `course override` changes points by hand, `course regrade` grades again after a
change of the lab.
""",
    "regrade": """\
example:
  course regrade 03_contrastive results

Grades what results holds once more with the lab as it was last built, and says whose points changed, also in
results/changes-1.csv. Older attempts and points that were set by hand stay. Without a change of the lab
nothing is graded.
""",
    "override": """\
example:
  course override results alice 3.4 10 --reason "right idea, a slip in the last line" --by "B. Bauer"

The reason is shown to the student. Takes back an override:
  course override results alice 3.4 automatic --reason "the check was mended" --by "B. Bauer"
""",
    "export": """\
example:
  course export results --to canvas --gradebook exported.csv --into upload.csv
""",
    "migrate": """\
example:
  course migrate old_lab.ipynb --into labs/source/04_topic.py

The notebook is nbgrader's source version or Otter's master notebook. What is left to write is listed.
""",
}
KINDS = ("long", "wide", "canvas", "moodle", "nbgrader", "gradescope")
Root = Callable[[Path | None], Path]


def add_to(add: Callable[..., argparse.ArgumentParser], root: Root) -> None:
    """Add the grading commands to the `course` command. add: its `add`; root: finds the checkout."""

    def command(name: str, function: Callable[[argparse.Namespace, Root], int]) -> argparse.ArgumentParser:
        def run(arguments: argparse.Namespace) -> int:
            return _in_sentences(function, arguments, root)

        run.__doc__ = function.__doc__
        parser = add(name, run)
        parser.epilog = EXAMPLES[name]
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    grade = command("grade", grade_command)
    grade.add_argument("lab", help="for example 03_contrastive; a wrong name lists all")
    grade.add_argument("submissions", type=Path, help="a folder of student notebooks")
    grade.add_argument("--out", type=Path, required=True, help="where results and feedback go")
    _how_to_run(grade)
    regrade = command("regrade", regrade_command)
    regrade.add_argument("lab", help="the lab that was graded; run `course build` on its new source first")
    regrade.add_argument("out", type=Path, help="the --out folder of `course grade`")
    _how_to_run(regrade)
    override = command("override", override_command)
    override.add_argument("out", type=Path, help="the --out folder of `course grade`")
    override.add_argument("student", help="as in summary.csv")
    override.add_argument("exercise", help="for example 3.4")
    override.add_argument("points", help='a number, or "automatic" to take an override back')
    override.add_argument("--reason", required=True, help="why; the student can read it")
    override.add_argument("--by", required=True, help="who decided")
    export = command("export", export_command)
    export.add_argument("out", type=Path, help="the --out folder of `course grade`")
    export.add_argument("--to", choices=KINDS, required=True, help="for which system")
    export.add_argument(
        "--gradebook",
        type=Path,
        help="the gradebook that your system exported (needed for canvas, possible for moodle)",
    )
    export.add_argument("--column", help="title of the gradebook's column (default: the one like the lab)")
    export.add_argument(
        "--into", type=Path, required=True, help="the file to write, new or an earlier export"
    )
    migrate = command("migrate", migrate_command)
    migrate.add_argument("notebook", type=Path, help="the instructor's notebook of nbgrader or Otter")
    migrate.add_argument("--kind", choices=("auto", "nbgrader", "otter"), default="auto")
    migrate.add_argument(
        "--into", type=Path, required=True, help="the source to write, labs/source/NN_topic.py"
    )


def _how_to_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="submissions graded side by side; each takes one core and up to 4 GB of memory (default 1)",
    )
    parser.add_argument(
        "--deadline",
        type=float,
        default=600.0,
        help="seconds for one submission (default 600); with another value every file is graded again",
    )
    parser.add_argument(
        "--executor", metavar="dask://HOST:PORT", help="grade on an existing Dask cluster instead of here"
    )
    parser.add_argument(
        "--allow-unsandboxed",
        action="store_true",
        help="grade also where students' code is not walled off and can do what you can do (`course doctor`)",
    )


def _in_sentences(function: Callable[..., int], arguments: argparse.Namespace, root: Root) -> int:
    # jsonschema, which nbformat loads, builds a grammar of web addresses with it: a second, for nothing
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from course_lib.grading.keeping.ledger import GraderError

    try:
        return function(arguments, root)
    except GraderError as error:
        raise ValueError("\n".join(map(_printable, str(error).split("\n")))) from error


def _options(arguments: argparse.Namespace, root: Root) -> dict[str, Any]:
    if arguments.workers < 1 or not 0 < arguments.deadline < math.inf:
        raise ValueError(
            "--workers and --deadline must be larger than 0 (and not infinite); "
            f"{arguments.workers} and {arguments.deadline:g} were given."
        )
    return {
        "root": root(arguments.root),
        "workers": arguments.workers,
        "deadline": arguments.deadline,
        "executor": arguments.executor,
        "allow_unsandboxed": arguments.allow_unsandboxed,
        "say": _say,
    }


def _printable(sentence: str) -> str:
    """Names come from students and may hold signs that would steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in sentence)


def _say(sentence: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"  # which may lack signs that a name has
    print(_printable(sentence).encode(encoding, "replace").decode(encoding), flush=True)


def grade_command(arguments: argparse.Namespace, root: Root) -> int:
    """Grade a folder of student notebooks."""
    from course_lib.grading import batch

    summary = batch.grade(arguments.lab, arguments.submissions, arguments.out, **_options(arguments, root))
    for line in summary.text.splitlines():
        _say(line)
    return 0 if summary.complete and not summary.pending else 1


def regrade_command(arguments: argparse.Namespace, root: Root) -> int:
    """Grade again after the lab was changed, and say whose points changed."""
    from course_lib.grading import regrade

    summary = regrade.regrade(arguments.lab, arguments.out, **_options(arguments, root))
    changed = regrade.in_words(summary.changes, maxima=summary.maxima)
    for line in [*summary.text.splitlines(), *changed.splitlines()]:
        _say(line)
    return 0 if summary.complete and not summary.pending else 1


def override_command(arguments: argparse.Namespace, root: Root) -> int:
    """Set the points of one student in one exercise by hand."""
    from course_lib.grading import results

    sentence = results.set_by_hand(
        arguments.out,
        arguments.student,
        arguments.exercise,
        arguments.points,
        arguments.reason,
        arguments.by,
        root(arguments.root),
    )
    _say(sentence)
    return 0


def export_command(arguments: argparse.Namespace, root: Root) -> int:
    """Write the results for a learning platform."""
    from course_lib.grading.keeping import ledger
    from course_lib.grading.reporting import exports

    ledger.lab_of(arguments.out)
    written = exports.export(
        arguments.out,
        arguments.to,
        arguments.into,
        arguments.gradebook,
        column=arguments.column,
        say=_say,
    )
    _say(f"Written: {written}")
    return 0


def migrate_command(arguments: argparse.Namespace, root: Root) -> int:
    """Begin a lab of this course from one of nbgrader or Otter."""
    from course_lib.files import write_whole
    from course_lib.grading.migrate import migrate

    if arguments.into.exists():
        raise ValueError(f"{arguments.into} is there already; name another file, nothing is overwritten.")
    text, notes = migrate(arguments.notebook, arguments.kind)
    write_whole(arguments.into, text)
    for note in notes:
        _say(f"- {note}")
    _say(f"Written: {arguments.into}")
    return 0

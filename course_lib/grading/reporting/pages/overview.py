"""The class page, for the instructor: scores, exercises, mistakes, flags, and what to look at first."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from course_lib.grading.reporting import statuses
from course_lib.grading.reporting.pages import count, figures, number, percent, picture, template, visible
from course_lib.grading.reporting.similarity import SIGNS, Signal
from course_lib.grading.reporting.statistics import Item, Statistics

ENOUGH = 20  # students; correlations of fewer say little
MOST_NAMES = 30  # of a list of students
MOST_SIGNALS = 40


def render(
    known: Any,
    rows: list[dict],
    people: list[dict],
    found: Statistics,
    shared: list[Signal],
    by_sha: Mapping[str, Mapping],
    page_name: Callable[[str], str],
) -> str:
    """The HTML of the class page.

    known: the lab. found: of `statistics.of_class`. shared: of `similarity.signals`. by_sha: {sha: attempt}.
    page_name: from a student's name to the file of the student's page.
    """
    counting = {id(row) for person in people for row in person["rows"]}
    counted = [row for row in rows if id(row) in counting]
    pictures = [figures.scores(found), figures.outcomes(found.items), figures.difficulty(found.items)]
    return template("class.html").render(
        lab=known.name,
        submissions=len({(row["student"], row["file"], row.get("sha", "")) for row in rows}),
        students=len(people),
        found=found,
        quarters=[found.quantile(share) for share in (0, 0.25, 0.5, 0.75, 1)],
        isolation=_isolation(rows, by_sha),
        first=_first(found, rows, counted, shared, _review(people, by_sha)),
        pictures=[picture(png, visible(alt, 3000)) for png, alt in pictures],
        mistakes=_mistakes(known, found),
        flags=_flags(people, page_name),
        not_graded=_not_graded(rows),
        signals=[_signal(one, page_name) for one in shared[:MOST_SIGNALS]],
        more_signals=max(0, len(shared) - MOST_SIGNALS),
        in_words=statuses.in_words,
    )


def _isolation(rows: list[dict], by_sha: Mapping[str, Mapping]) -> list[tuple[str, int]]:
    """(level, files) of how the students' code was walled in, as the rows or attempts say."""
    levels = {}
    for row in rows:
        attempt = by_sha.get(row.get("sha", ""), {})
        levels[row["student"], row["file"], row.get("sha")] = row.get("isolation") or attempt.get("isolation")
    return Counter(str(level) for level in levels.values() if level).most_common()


def _first(
    found: Statistics,
    rows: list[dict],
    counted: list[dict],
    shared: list[Signal],
    review: int,
) -> list[str]:
    """Sentences about what deserves a look, the most urgent ones first."""
    files = {(row["student"], row["file"]) for row in rows if statuses.pending(row)}
    sentences = []
    if files:
        sentences.append(f"Not graded to the end: {count(len(files), 'file')}; run the grader again.")
    # a student's own error may begin with the same word, but then it has another status
    defects = {
        row["student"]
        for row in counted
        if row["status"] == "not_run" and str(row["reason"]).startswith("grader:")
    }
    if defects:
        sentences.append(
            f"The grader itself failed for {count(len(defects), 'student')}; see the reasons in results.csv."
        )
    for status, advice in (
        ("unreadable", "ask these students for their notebook"),
        ("wrong_lab", "ask these students for the right notebook"),
    ):
        names = {row["student"] for row in counted if row["status"] == status}
        if names:
            what = statuses.in_words(status)
            sentences.append(f"{count(len(names), 'student')} without a graded file ({what}): {advice}.")
    if review:
        sentences.append(f"Answers to review: those of {count(review, 'student')}; see the flags below.")
    limits = Counter(
        row["status"] for row in counted if row["status"] in ("kernel_died", "memory_limit", "timeout")
    )
    if sum(limits.values()) > max(2, 0.05 * len(counted)):
        said = ", ".join(f"{n} x {statuses.in_words(status)}" for status, n in limits.most_common())
        sentences.append(f"Unusually many answers hit a limit ({said}); are the limits of the lab too tight?")
    sentences += _about(found.items)
    telling = sum(one.telling for one in shared)
    if telling:
        sentences.append(
            f"Something rare is shared in {count(telling, 'group')} of students; see the signals below."
        )
    return sentences


def _about(items: list[Item]) -> list[str]:
    """Sentences about exercises whose numbers stand out, the worst exercise first."""

    def listed(those: list[Item], words: Callable[[Item], str]) -> str:
        return ", ".join(f"{visible(item.exercise, 60)} ({words(item)})" for item in those)

    sentences = []
    unknown = [item for item in items if item.other > max(2, 0.1 * item.students)]
    if unknown:
        unknown.sort(key=lambda item: -item.other / item.students)
        shares = listed(unknown, lambda item: f"{item.other} of {item.students}")
        sentences.append(
            f"Wrong values that match no known mistake are frequent in {shares}; "
            f"a new wrong answer with its hint would help these students."
        )
    enough = [item for item in items if item.students >= ENOUGH]
    hard = [
        (item.difficulty, item) for item in enough if item.difficulty is not None and item.difficulty < 0.3
    ]
    if hard:
        hard.sort(key=lambda pair: pair[0])
        shares = listed([item for _, item in hard], lambda item: f"{percent(item.difficulty)} right")
        sentences.append(f"Hard: {shares}.")
    odd = [
        (item.discrimination, item)
        for item in enough
        if item.discrimination is not None and item.discrimination < 0.1
    ]
    if odd:
        odd.sort(key=lambda pair: pair[0])
        values = listed([item for _, item in odd], lambda item: f"correlation {number(item.discrimination)}")
        sentences.append(
            f"Does not go along with the other exercises: {values}; is a check too strict, or a text unclear?"
        )
    return sentences


def _review(people: list[dict], by_sha: Mapping[str, Mapping]) -> int:
    """How many students have a flag, of an answer or a file, or an attempt that asks a person to look."""

    def asks(person: dict) -> bool:
        attempts = (by_sha.get(row.get("sha", ""), {}) for row in person["rows"])
        return any(map(statuses.needs_review, person["flags"])) or any(
            attempt.get("status") == "needs_review" for attempt in attempts
        )

    return sum(map(asks, people))


def _mistakes(known: Any, found: Statistics) -> list[dict]:
    hints = {
        (name, wrong["name"]): wrong["hint"]
        for name, entry in known.bundle["exercises"].items()
        for wrong in entry.get("wrong", ())
    }
    return [
        {
            "exercise": item.exercise,
            "name": name,
            "count": many,
            "share": many / item.students,
            "hint": hint,
        }
        for item in found.items
        for name, many in item.mistakes.items()
        for hint in [hints.get((item.exercise, name), "")]
    ]


def _flags(people: list[dict], page_name: Callable[[str], str]) -> list[dict]:
    """Each flag with its students, those that need review first, then the rare ones."""
    groups: dict[str, list[str]] = defaultdict(list)
    for person in people:
        for flag in person["flags"]:
            groups[str(flag)].append(person["student"])
    order = sorted(groups, key=lambda flag: (not statuses.needs_review(flag), len(groups[flag]), flag))
    return [{"flag": flag, **_names(groups[flag], page_name)} for flag in order[:200]]


def _names(students: list[str] | tuple[str, ...], page_name: Callable[[str], str]) -> dict:
    listed = [(name, f"feedback/{page_name(name)}") for name in students[:MOST_NAMES]]
    return {"count": len(students), "students": listed, "more": max(0, len(students) - MOST_NAMES)}


def _not_graded(rows: list[dict]) -> list[dict]:
    files: dict[tuple, dict] = {}
    for row in rows:
        if row["status"] in statuses.NO_NOTEBOOK or statuses.pending(row):
            files.setdefault((row["student"], row["file"], row.get("sha")), row)
    return [files[key] for key in sorted(files, key=str)][:200]


def _signal(one: Signal, page_name: Callable[[str], str]) -> dict:
    return {"sign": SIGNS[one.kind], "signal": one, **_names(one.students, page_name)}

"""Take a cell apart that holds the answers to several exercises, where its anchor comments say so."""

import re
from itertools import pairwise

from course_lib.grading.reading.names import defines, switched_off
from course_lib.lab.syntax import tree

_ANCHOR = re.compile(r"^# ?exercise (\S+)[ \t]*$", re.M)
MOST = 100  # anchors of a cell that are looked at


def split_at_anchors(cells: list[dict], exercises: list[dict]) -> tuple[list[dict], list[str]]:
    """(cells, flags) where a cell with the answers to several of the exercises has become one for each.

    exercises: of a `merge.outline`. A comment that only looks like an anchor, or names an exercise in words
    or in a docstring, leaves the cell whole.
    """
    answers = {one["exercise"]: one["answer"] for one in exercises}
    found, flags = [], []
    for cell in cells:
        cuts = _cuts(cell["source"], answers)
        if not cuts:
            found.append(cell)
            continue
        flags.append("one cell held several answers (taken apart)")
        for start, end in pairwise([0, *cuts, len(cell["source"])]):
            # the ids belong to one of the parts at most; its anchor says which exercise a part is for
            found.append({**cell, "id": "", "grade_id": "", "source": cell["source"][start:end].rstrip()})
    return found, flags


def _cuts(source: str, answers: dict[str, str]) -> list[int]:
    """Where the parts begin, the first one left out; from below, as a part ends where the next one begins."""
    marks = [mark for mark in _ANCHOR.finditer(source) if mark[1] in answers]
    if len({mark[1] for mark in marks}) < 2:
        return []
    broken = tree(source) is None  # then apart it can only become better
    cuts: list[int] = []
    for mark in reversed(marks[1 : MOST + 1]):
        above, below = source[: mark.start()], source[mark.start() : (cuts or [len(source)])[0]]
        parts = (above, below)
        if (
            defines(below, answers[mark[1]])
            and not switched_off("code", above)
            and (broken or all(tree(part) is not None for part in parts))
        ):
            cuts.insert(0, mark.start())
    return cuts

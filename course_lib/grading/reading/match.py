"""Find the answer to each exercise among the cells of a submission.

The surest way counts: grade id, then cell id, then anchor comment. An answer that has none of them is looked
for by the name that it defines, by its place between cells of the lab, and by likeness to the stub; what is
found so is graded and marked "needs_review".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from course_lib.grading.reading.names import defines, switched_off

KEYS = ("grade id", "cell id", "anchor")
LIKE = 0.6  # SequenceMatcher's ratio from which a cell counts as a changed stub
AHEAD = 0.1  # and by which it must be ahead of every other
REVIEW = "needs_review"


@dataclass(frozen=True)
class Answer:
    """What was found for one exercise. source None: nothing. found_by: one of KEYS, name, place or likeness.

    cells: numbers of the cells that it was taken from.
    """

    source: str | None
    found_by: str = ""
    blank: bool = False
    flags: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()


def find_all(exercises: list[dict], cells: list[dict], trusted: list[str]) -> dict[str, Answer]:
    """{exercise: Answer} for `exercises` of a `merge.outline` among `cells` (see `parse.read`).

    trusted: the source of every cell of the student copy, in order.
    """
    keyed = {one["exercise"]: _by_key(one, cells) for one in exercises}
    known = {_squeezed(text) for text in trusted}
    claimed = {number for found in keyed.values() for number, _ in found}
    free = [
        number
        for number, cell in enumerate(cells)
        if number not in claimed and cell["source"].strip() and _squeezed(cell["source"]) not in known
    ]
    place = {_squeezed(cell["source"]): number for number, cell in enumerate(cells) if cell["source"].strip()}
    kin = bool(claimed) or any(len(text) > 20 and text in place for text in known)
    kin = kin or all(any(defines(cell["source"], one["answer"]) for cell in cells) for one in exercises)
    answers = {}
    for one in exercises:
        answer = _keyed_answer(one, keyed[one["exercise"]], cells, free)
        if kin and (answer.source is None or answer.blank):
            rest = [number for number in free if cells[number]["kind"] == "code"]
            answer = _without_key(one, answer, cells, rest, place, trusted)
        free = [number for number in free if number not in answer.cells]
        answers[one["exercise"]] = answer
    return answers


def same_code(one: str, other: str) -> bool:
    """Equal up to spaces at line ends and empty lines."""
    lines = ([line.rstrip() for line in text.splitlines() if line.strip()] for text in (one, other))
    return next(lines) == next(lines)


def _by_key(one: dict, cells: list[dict]) -> list[tuple[int, str]]:
    """(number of the cell, which of KEYS it has) for all cells with a key of this exercise."""
    # a heading "## Exercise 3.1" is no anchor, and 3.1 is not 3.10
    anchor = re.compile(rf"\s*# ?exercise {re.escape(one['exercise'])}[ \t]*(\n|$)")
    found = []
    for number, cell in enumerate(cells):
        if cell["grade_id"] == one["grade_id"]:
            found.append((number, "grade id"))
        elif cell["id"] == one["id"]:
            found.append((number, "cell id"))
        elif anchor.match(cell["source"]):
            found.append((number, "anchor"))
    return found


def _keyed_answer(one: dict, found: list[tuple[int, str]], cells: list[dict], free: list[int]) -> Answer:
    """Of the cells with a key: not the stub, no switched-off one, then the surest key, then the last.

    Parts of one are joined.
    """
    if not found:
        return Answer(None, flags=("not found",))
    written, off = _written(one, found, cells)
    if not written:
        return Answer(cells[found[0][0]]["source"], found[0][1], blank=True, cells=(found[0][0],))
    how = min((how for _, how in written), key=KEYS.index)
    best = [number for number, key in written if key == how]
    whole = [number for number in best if defines(cells[number]["source"], one["answer"])]
    chosen: tuple[int, ...] = ((whole or best)[-1],)
    flags: list[str] = []
    others = sum(not same_code(cells[number]["source"], cells[chosen[0]]["source"]) for number in whole)
    if len(best) > 1 and _parts(one, best, cells):
        chosen, flags = tuple(best), [f"{len(best)} cells with one answer, joined"]
    elif len(written) > 1:
        flags.append(f"{len(written)} cells with an answer, {_which(chosen[0], written)} is taken")
        flags += [f"{REVIEW}: {others + 1} cells define {one['answer']} and differ"] if others else []
    flags += ["a cell for it that is switched off does not count"] if off else []
    below = _below(one, chosen, cells, free)
    if below:
        chosen, flags = (*chosen, *below), [*flags, f"{REVIEW}: joined with the cell below it"]
    flags += _rivals(one, chosen, how, written, cells, free)
    flags = ([f"found by {how}"] if how != "grade id" else []) + flags
    kind = cells[chosen[0]]["kind"]
    flags += [f"its cell was turned into {kind[:20]}"] if kind != "code" else []
    source = "\n\n".join(cells[number]["source"] for number in chosen)
    return Answer(source, how, blank=not source.strip(), flags=tuple(flags), cells=chosen)


def _written(
    one: dict, found: list[tuple[int, str]], cells: list[dict]
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """(those of the cells with a key that may be the answer, switched-off ones that may not).

    An old try that was kept as text, in quotes or below %%script does nothing in the notebook: it counts only
    where nothing else was written, beside the stub only if it has the whole answer.
    """
    written = [pair for pair in found if not same_code(cells[pair[0]]["source"], one["stub"])]
    live = [n for n, _ in written if not switched_off(cells[n]["kind"], cells[n]["source"])]
    if not live and len(written) == len(found):
        return written, []
    kept = live or [n for n, _ in written if defines(cells[n]["source"], one["answer"])]
    return [pair for pair in written if pair[0] in kept], [pair for pair in written if pair[0] not in kept]


def _which(number: int, written: list[tuple[int, str]]) -> str:
    """Which of the cells with an answer one is, in words."""
    place, count = [one for one, _ in written].index(number) + 1, len(written)
    return "the last" if place == count else "the first" if place == 1 else f"number {place}"


def _rivals(
    one: dict,
    chosen: tuple[int, ...],
    how: str,
    written: list[tuple[int, str]],
    cells: list[dict],
    free: list[int],
) -> list[str]:
    """Flags about cells that do not count, while in the notebook itself they may have had the last word.

    Those of the same key are told before: of them the last counts, as in the notebook.
    """
    text = "\n\n".join(cells[number]["source"] for number in chosen)
    later = [
        key
        for number, key in written
        if key != how and number > chosen[-1] and not same_code(cells[number]["source"], text)
    ]
    flags = []
    if later:
        other = f"another cell for this exercise (by its {later[-1]}) stands below it and differs"
        flags.append(f"{REVIEW}: the lab's own cell counts (by its {how}); {other}")
    others = [
        number
        for number in free
        if number not in chosen
        and cells[number]["kind"] == "code"
        and defines(cells[number]["source"], one["answer"])
    ]
    if others:
        where = "below" if others[-1] > chosen[-1] else "above"
        flags.append(f"a cell {where} it also defines {one['answer']}; that cell is not run")
    return flags


def _parts(one: dict, numbers: list[int], cells: list[dict]) -> bool:
    """True for neighbours of which exactly one defines the answer: a cell that was split."""
    neighbours = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return neighbours and sum(defines(cells[number]["source"], one["answer"]) for number in numbers) == 1


def _below(one: dict, chosen: tuple[int, ...], cells: list[dict], free: list[int]) -> list[int]:
    """The cells right below an answer that does not define its name, up to the one that does."""
    if any(defines(cells[number]["source"], one["answer"]) for number in chosen):
        return []
    found, number = [], chosen[-1] + 1
    while number in free and cells[number]["kind"] == "code":
        found.append(number)
        if defines(cells[number]["source"], one["answer"]):
            return found
        number += 1
    return []


def _without_key(
    one: dict, answer: Answer, cells: list[dict], free: list[int], place: dict[str, int], trusted: list[str]
) -> Answer:
    """An answer by name, place or likeness, where exactly one cell fits; otherwise `answer` as it is."""
    named = [number for number in free if defines(cells[number]["source"], one["answer"])]
    if not named and answer.source is None:  # written into the cell of another exercise
        named = [n for n, cell in enumerate(cells) if defines(cell["source"], one["answer"])]
        named = [n for n in named if not same_code(cells[n]["source"], one["stub"])][-1:]
    if named:
        several = (f"{len(named)} cells define {one['answer']}, the last is taken",) if len(named) > 1 else ()
        return _review("name", named[-1], cells, several)
    if answer.source is not None:  # the stub is there untouched: then it is blank, whatever else there is
        return answer
    here = [number for number in _between(one, place, trusted) if number in free]
    if len(here) == 1:
        return _review("place", here[0], cells)
    alike = _most_like(one["stub"], free, cells)
    if alike and alike[0][0] >= LIKE and (len(alike) == 1 or alike[1][0] + AHEAD <= alike[0][0]):
        return _review("likeness", alike[0][1], cells)
    return answer


def _review(how: str, number: int, cells: list[dict], flags: tuple[str, ...] = ()) -> Answer:
    source = cells[number]["source"]
    return Answer(source, how, flags=(f"{REVIEW}: found by {how}", *flags), cells=(number,))


def _between(one: dict, place: dict[str, int], trusted: list[str]) -> Iterable[int]:
    """Where the answer must stand by the cells of the lab around it, those of them that are left."""
    position = one["position"]
    before = place.get(_squeezed(trusted[position - 1])) if position > 0 else None
    after = place.get(_squeezed(trusted[position + 1])) if position + 1 < len(trusted) else None
    if before is not None and after is not None:
        return range(before + 1, after)
    if before is not None:
        return (before + 1,)
    return (after - 1,) if after is not None else ()


def _most_like(stub: str, numbers: list[int], cells: list[dict]) -> list[tuple[float, int]]:
    """(likeness to the stub, number) of the cells that are like it at all, the most alike first."""
    matcher = SequenceMatcher(None, "", stub[:4000], autojunk=False)
    found = []
    for number in numbers:
        matcher.set_seq1(cells[number]["source"][:4000])
        # the first two are bounds that cost little
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= LIKE - AHEAD:
            found.append((matcher.ratio(), number))
    return sorted(found, reverse=True)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)

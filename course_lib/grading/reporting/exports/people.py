"""Which line of a gradebook is whose? Student names of the grader against the keys of a learning platform."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# the names of the files that Canvas and Moodle give out when an instructor downloads all submissions
_CANVAS_FILE = re.compile(r"^(?P<name>.+?)(?:_late)?_(?P<id>\d+)_\d+_.+$", re.I)
_MOODLE_FILE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_file", re.I)


def match(
    students: Iterable[str], lines: dict[int, list[str]], names: dict[int, str]
) -> tuple[dict[str, int], dict[str, str]]:
    """({student: line}, {student: why there is none}).

    lines: {line: its keys, the strongest first (login, number, ...)}. names: {line: full name}. The first key
    that fits decides; a key that fits several lines, or several students that fit one line, fit none.
    """
    found: dict[str, int] = {}
    failed: dict[str, str] = {}
    waiting = list(dict.fromkeys(students))
    depth = max((len(keys) for keys in lines.values()), default=0)
    for level in range(depth + 2):
        index: dict[str, set[int]] = defaultdict(set)
        for line, keys in lines.items():
            for key in _keys(level, depth, keys, names.get(line, "")):
                index[key].add(line)
        hits = {
            one: set().union(*(index.get(key, set()) for key in _own(one, level, depth))) for one in waiting
        }
        wanted = defaultdict(list)
        for student, places in hits.items():
            if len(places) > 1:
                failed[student] = "several lines of the gradebook fit"
            elif places:
                wanted[next(iter(places))].append(student)
        for line, group in wanted.items():
            if len(group) > 1 or line in found.values():
                failed |= dict.fromkeys(group, "another student fits the same line of the gradebook")
            else:
                found[group[0]] = line
        waiting = [one for one in waiting if one not in found and one not in failed]
    return found, failed | dict.fromkeys(waiting, "no line of the gradebook fits")


def _keys(level: int, depth: int, keys: list[str], name: str) -> set[str]:
    """What a line is known by at a level: one of its keys, then what stands before an @, then its name."""
    if level < depth:
        return {_plain(keys[level])} - {""} if level < len(keys) else set()
    if level == depth:
        return {_plain(key).partition("@")[0] for key in keys if not key.strip().isdigit()} - {""}
    return {_joined(_words(name)), _sorted(name)} - {""}


def _own(student: str, level: int, depth: int) -> set[str]:
    """What a student's name can stand for at a level."""
    name, number = student, ""
    for pattern in (_MOODLE_FILE, _CANVAS_FILE):
        if parts := pattern.match(student):
            name, number = parts["name"], parts["id"]
            break
    if level < depth:
        return {_plain(one) for one in (student, number, f"participant {number}") if one.strip()}
    if level == depth:
        return {_plain(student).partition("@")[0]} - {""}
    return {_joined(_words(name)), _sorted(name)} - {""}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", _plain(name))


def _joined(words: list[str]) -> str:
    return "".join(words)


def _sorted(name: str) -> str:
    """First and last name in any order."""
    return " ".join(sorted(_words(name)))
